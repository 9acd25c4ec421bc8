"""What becomes of alerts does not depend on the order in which they come."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clocks import NOON

from controller.cap.alert import Alert, Info, Key, MsgType, Scope, Severity, Status
from controller.cap.deciding import (
    LASTS,
    Known,
    Policy,
    Reason,
    Standing,
    State,
    check_time,
    known,
    level_of,
    standings,
)
from controller.cap.refusal import CapRefused, Refusal

AUTO = Policy(auto_level=4, drills=True)


def key(name: str, minutes: int = 0) -> Key:
    return Key("kttv@example.vn", name, NOON + timedelta(minutes=minutes))


def one(
    name: str,
    minutes: int = 0,
    msg_type: MsgType = MsgType.ALERT,
    *refers_to: Key,
    status: Status = Status.ACTUAL,
    scope: Scope = Scope.PUBLIC,
    lasts: timedelta = timedelta(hours=3),
    starts: timedelta | None = None,
    level: int | None = 4,
    proven: bool = True,
    contested: bool = False,
    let_sound: bool = False,
    policy: Policy = AUTO,
) -> Known:
    own = key(name, minutes)
    return Known(
        own,
        msg_type,
        status,
        scope,
        frozenset(refers_to),
        own.sent_at + lasts,
        None if starts is None else own.sent_at + starts,
        None,
        level,
        proven,
        contested,
        let_sound,
        policy,
    )


ALERT = one("A")
UPDATE = one("U", 1, MsgType.UPDATE, key("A"))
SECOND = one("V", 2, MsgType.UPDATE, key("A"), key("U", 1))
CANCEL = one("C", 3, MsgType.CANCEL, key("A"), key("U", 1), key("V", 2))
LATER = NOON + timedelta(minutes=5)


def states(*alerts: Known, after: timedelta = timedelta(minutes=5)) -> dict[str, State]:
    found = standings(alerts, NOON + after)
    return {each.identifier: standing.state for each, standing in found.items()}


def test_a_strong_alert_of_a_proven_sender_sounds_by_itself() -> None:
    assert standings([ALERT], LATER)[ALERT.key] == Standing(State.IN_FORCE, sounds_at=NOON)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"level": 3}, Reason.BELOW_THRESHOLD),
        ({"level": None}, Reason.BELOW_THRESHOLD),
        ({"policy": Policy()}, Reason.BELOW_THRESHOLD),
        ({"proven": False}, Reason.UNPROVEN),
        ({"contested": True}, Reason.CONTESTED),
        ({"status": Status.TEST}, Reason.BELOW_THRESHOLD),
        ({"status": Status.EXERCISE, "level": 5}, Reason.BELOW_THRESHOLD),
    ],
)
def test_anything_less_waits_for_a_person(changed: dict[str, object], reason: Reason) -> None:
    alert = one("A", **changed)  # type: ignore[arg-type]
    assert standings([alert], LATER)[alert.key] == Standing(State.IN_FORCE, reason)


def test_only_what_is_actual_and_public_may_sound() -> None:
    for status in Status:
        for scope in Scope:
            for drills in (True, False):
                alert = one("A", status=status, scope=scope, policy=Policy(1, drills))
                found = standings([alert], LATER)[alert.key]
                if status is Status.SYSTEM:
                    expected = State.HEARTBEAT
                elif status is Status.DRAFT or scope is not Scope.PUBLIC:
                    expected = State.IGNORED
                elif status is Status.ACTUAL or drills:
                    expected = State.IN_FORCE
                else:
                    expected = State.IGNORED
                assert found.state is expected, (status, scope, drills)
                sounds = status is Status.ACTUAL and scope is Scope.PUBLIC
                assert (found.sounds_at is not None) == sounds, (status, scope, drills)


@pytest.mark.parametrize("msg_type", [MsgType.ACK, MsgType.ERROR])
def test_answers_are_no_warnings(msg_type: MsgType) -> None:
    assert states(one("A", 0, msg_type)) == {"A": State.IGNORED}


def test_every_order_of_alert_updates_and_cancel_ends_in_the_same_state() -> None:
    expected = {"A": State.CANCELLED, "U": State.CANCELLED, "V": State.CANCELLED, "C": State.TOMBSTONE}
    for order in permutations((ALERT, UPDATE, SECOND, CANCEL)):
        assert states(*order) == expected
    without = {"A": State.SUPERSEDED, "U": State.SUPERSEDED, "V": State.IN_FORCE}
    for few in permutations((ALERT, UPDATE, SECOND)):
        assert states(*few) == without


MESSAGES = st.builds(
    lambda name, msg_type, refers, proven, status, level: one(
        name, "ABCDEF".index(name), msg_type, *refers, proven=proven, status=status, level=level
    ),
    st.sampled_from("ABCDEF"),
    st.sampled_from(MsgType),
    st.frozensets(st.sampled_from("ABCDEF").map(lambda name: key(name, "ABCDEF".index(name))), max_size=4),
    st.booleans(),
    st.sampled_from([Status.ACTUAL, Status.ACTUAL, Status.TEST, Status.SYSTEM]),
    st.integers(1, 5),
)


@given(st.data(), st.lists(MESSAGES, max_size=6, unique_by=lambda each: each.key))
def test_no_order_matters(data: st.DataObject, alerts: list[Known]) -> None:
    shuffled = data.draw(st.permutations(alerts))
    assert dict(standings(shuffled, LATER)) == dict(standings(alerts, LATER))


@given(st.lists(MESSAGES, max_size=6, unique_by=lambda each: each.key))
def test_what_a_proven_update_or_cancel_names_is_never_in_force_again(alerts: list[Known]) -> None:
    found = standings(alerts, LATER)
    for each in alerts:
        if each.msg_type in {MsgType.UPDATE, MsgType.CANCEL} and each.proven:
            for named in each.references & found.keys():
                earlier = next(other for other in alerts if other.key == named)
                if earlier.status is each.status is Status.ACTUAL:
                    assert found[named].state is not State.IN_FORCE


def test_a_cancel_or_an_update_that_comes_first_keeps_its_alert_from_ever_sounding() -> None:
    assert states(CANCEL) == {"C": State.TOMBSTONE}
    assert states(CANCEL, ALERT)["A"] is State.CANCELLED
    before = standings([UPDATE], LATER)[UPDATE.key]
    assert before == Standing(State.IN_FORCE, Reason.ORPHAN), "it is not known what it changes: ask someone"
    after = standings([UPDATE, ALERT], LATER)
    assert after[ALERT.key] == Standing(State.SUPERSEDED, by=UPDATE.key)
    assert after[UPDATE.key].sounds_at == UPDATE.key.sent_at


def test_a_message_that_nothing_proves_takes_nothing_back() -> None:
    forged = one("C", 3, MsgType.CANCEL, ALERT.key, proven=False)
    assert states(ALERT, forged)["A"] is State.IN_FORCE
    brought = one("A", proven=False)
    assert states(brought, forged)["A"] is State.CANCELLED


def test_a_test_takes_no_warning_back() -> None:
    assert states(ALERT, one("C", 3, MsgType.CANCEL, ALERT.key, status=Status.TEST))["A"] is State.IN_FORCE


def test_an_update_carries_on_what_someone_let_sound() -> None:
    heard = one("A", level=2, let_sound=True)
    update = one("U", 1, MsgType.UPDATE, heard.key, level=2)
    assert standings([heard, update], LATER)[update.key] == Standing(
        State.IN_FORCE, sounds_at=update.key.sent_at, replaces=frozenset({heard.key})
    )


def test_nothing_is_in_force_at_its_very_end() -> None:
    hour = timedelta(hours=1)
    alert = one("A", lasts=hour)
    assert states(alert, after=hour - timedelta(seconds=1)) == {"A": State.IN_FORCE}
    assert states(alert, after=hour) == {"A": State.EXPIRED}
    update = one("U", 1, MsgType.UPDATE, alert.key, lasts=timedelta(minutes=10))
    assert states(alert, update, after=timedelta(minutes=30)) == {"A": State.SUPERSEDED, "U": State.EXPIRED}


def test_what_begins_later_sounds_then_unless_the_feed_warns_ahead() -> None:
    later = timedelta(hours=2)
    waits, ahead = one("A", starts=later), one("A", starts=later, policy=Policy(4, waits_for_onset=False))
    assert standings([waits], LATER)[waits.key].sounds_at == NOON + later
    assert standings([ahead], LATER)[ahead.key].sounds_at == NOON


def told(*infos: Info) -> Alert:
    return Alert(key("A"), Status.ACTUAL, MsgType.ALERT, Scope.PUBLIC, (), infos)


def test_an_alert_without_an_end_is_over_after_two_hours() -> None:
    assert known(told(Info("Bão", Severity.SEVERE)), policy=AUTO, proven=True).expires_at == NOON + LASTS


def test_the_level_is_what_is_said_else_what_the_severity_means() -> None:
    assert [level_of(None, severity) for severity in Severity] == [5, 4, 3, 2, None]
    assert level_of(1, Severity.EXTREME) == 1
    alert = told(Info("Mưa", Severity.MINOR), Info("Bão", Severity.UNKNOWN, level=5))
    assert known(alert, policy=AUTO, proven=True).level == 5


def test_what_was_sent_long_ago_or_in_the_future_is_not_taken() -> None:
    check_time(told(), NOON + timedelta(days=30))
    check_time(told(), NOON - timedelta(minutes=10))
    for now, expected in (
        (NOON + timedelta(days=31), Refusal.TOO_OLD),
        (NOON - timedelta(minutes=11), Refusal.FROM_THE_FUTURE),
    ):
        with pytest.raises(CapRefused) as caught:
            check_time(told(), now)
        assert caught.value.refusal is expected
