"""Compose: the form that makes a broadcast or a schedule. What it sends goes to the REST interface."""

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from audio.espeak import VOICES
from audio.loudness import TARGET_LUFS
from controller.bulletins.categories import Category
from controller.gateways.liveness import contact
from controller.people.access import Permission
from controller.web.places import tree
from controller.web.visit import VisitDep

router = APIRouter(include_in_schema=False)

BULLETIN_LANGUAGES = ("vi", "km")
RATES = ("0.8", "0.9", "1.0", "1.15", "1.3")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
GAPS_S = (1, 3, 5, 10, 30)
REPEATS = range(1, 6)


@router.get("/soan")
def compose(visit: VisitDep) -> HTMLResponse:
    """Show the form.

    Raises:
        NotAllowed: The role does not write.
    """
    visit.actor.require(Permission.COMPOSE)
    roots, states = tree(visit.session, visit.actor.area_path, visit.today)
    settings = visit.svc.settings
    return visit.render(
        "compose.html",
        here="compose",
        roots=roots,
        contacts={gateway_id: contact(state).value for gateway_id, state in states.items()},
        categories=[category.value for category in Category],
        languages_spoken=BULLETIN_LANGUAGES,
        voices=[voice.name for voice in VOICES.values() if voice.language == "vi"],
        rates=RATES,
        weekdays=[(code, visit.reader.weekday(number)) for number, code in enumerate(WEEKDAYS)],
        gaps=GAPS_S,
        repeats=REPEATS,
        quiet_hours=settings.quiet_hours.split("-") if settings.quiet_hours else None,
        target_lufs=round(TARGET_LUFS),
        max_megabytes=settings.upload_max_bytes // 2**20,
        max_minutes=settings.clip_max_minutes,
        person_id=visit.actor.person_id,
        today=visit.today,
        tomorrow=visit.today + timedelta(days=1),
    )
