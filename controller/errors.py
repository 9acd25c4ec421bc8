"""Errors of the domain: each has an HTTP status, a stable code, and a sentence in every language.

The sentences live in ``controller/web/locales/*.toml`` under ``error.<code>``; a test fails when one is
missing. One handler (`controller.app`) renders them for the API and for pages.
"""


class Problem(Exception):
    """Something the caller can understand and mend.

    Args:
        field: Form field that it is about, if any.
        params: What the sentence's placeholders stand for.
    """

    status: int = 400
    code: str = "problem"

    def __init__(self, *, field: str | None = None, **params: object) -> None:
        super().__init__(self.code, params)
        self.field = field
        self.params = params


class InternalFault(Problem):
    """A fault of ours; the log has the traceback."""

    status, code = 500, "internal_fault"


class NotLoggedIn(Problem):
    """No valid log-in came with the request."""

    status, code = 401, "not_logged_in"


class WrongPassword(Problem):
    """User name and password do not belong together; which of the two is wrong is not said."""

    status, code = 401, "wrong_password"


class TooManyTries(Problem):
    """Wait before the next password."""

    status, code = 429, "too_many_tries"


class NotAllowed(Problem):
    """The person's role does not do this."""

    status, code = 403, "not_allowed"


class ForeignArea(Problem):
    """The area is not within the person's own."""

    status, code = 403, "foreign_area"


class CsrfMismatch(Problem):
    """An unsafe request did not prove that it came from our own pages."""

    status, code = 403, "csrf_mismatch"


class NotFound(Problem):
    """There is no such thing, or not for this person."""

    status, code = 404, "not_found"


class InvalidInput(Problem):
    """A field is missing or malformed; `params` holds the field errors."""

    status, code = 422, "invalid_input"


class UnknownArea(Problem):
    """No such area today."""

    status, code = 422, "unknown_area"


class UnknownGateway(Problem):
    """No such gateway, or not in the person's area."""

    status, code = 422, "unknown_gateway"


class GatewayExists(Problem):
    """The device code is taken."""

    status, code = 409, "gateway_exists"


class NobodyToPlayIt(Problem):
    """The audience holds no gateway; silence must not look like success."""

    status, code = 422, "nobody_to_play_it"


class StartInThePast(Problem):
    """The start has gone by."""

    status, code = 422, "start_in_the_past"


class RuleRefused(Problem):
    """The recurrence is not one that we support. Its code is ``rule_`` and that of `schedules.errors`."""

    status = 422

    def __init__(self, reason: str, *, detail: str) -> None:
        self.code = f"rule_{reason}"
        super().__init__(field="rrule", detail=detail)


class NothingToPlay(Problem):
    """The rule has no occurrence from now on."""

    status, code = 422, "no_occurrence"


class InQuietHours(Problem):
    """The time is within the quiet hours, which only an emergency breaks."""

    status, code = 422, "in_quiet_hours"


class TooLong(Problem):
    """With all its repeats it is longer than gateways may play."""

    status, code = 422, "too_long"


class SoundRefused(Problem):
    """An upload or a text cannot become a clip. Its code is ``audio_`` and that of `audio.errors`."""

    status = 422

    def __init__(self, reason: str) -> None:
        self.code = f"audio_{reason}"
        super().__init__(field="sound")


class UploadTooLarge(Problem):
    """The request body is over the limit."""

    status, code = 413, "upload_too_large"


class AlreadyOver(Problem):
    """The broadcast has ended; there is nothing left to stop or cancel."""

    status, code = 409, "already_over"


class EmergencyNeedsItsOwnWay(Problem):
    """An emergency is not a scheduled item; it is ordered at once."""

    status, code = 422, "emergency_not_scheduled"


class StepUpNeeded(Problem):
    """What is dangerous asks again who one is: five minutes have gone by since."""

    status, code = 403, "step_up_needed"


class WrongCode(Problem):
    """The code or password that confirms is wrong, or was used before."""

    status, code = 403, "wrong_code"


class NothingPrepared(Problem):
    """No clip is prepared for something that must be said; `params` name its key."""

    status, code = 422, "nothing_prepared"


class NotADraft(Problem):
    """Only what waits for an approval can be approved."""

    status, code = 409, "not_a_draft"


class SecondPersonNeeded(Problem):
    """More than one commune is warned by two people, or by one who says why alone; `field` names that."""

    status, code = 422, "second_person_needed"


class OwnDraft(Problem):
    """Whoever proposed an emergency is not the second person."""

    status, code = 409, "own_draft"


class NotOverYet(Problem):
    """A review is written once it is over."""

    status, code = 409, "not_over_yet"


class DrillInThePast(StartInThePast):
    """The start of a drill has gone by; there is no drill at once."""

    code = "drill_in_the_past"


class RealEmergency(Problem):
    """No drill while something real goes on there: neither must be taken for the other."""

    status, code = 409, "real_emergency"


class SomeoneSpeaks(Problem):
    """Another voice is live at one of the gateways; `params` say whose."""

    status, code = 409, "someone_speaks"
