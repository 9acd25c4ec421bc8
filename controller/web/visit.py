"""One request for a page by someone who is logged in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from controller.deps import ClockDep, LoggedInDep, ServicesDep, SessionDep
from controller.people.access import Actor, Permission
from controller.services import Services
from controller.web.reader import Reader
from controller.web.rendering import reader_of, render
from schedules.zones import to_instant


@dataclass(frozen=True, slots=True)
class Visit:
    """What every page needs. `now` is the same for all that one page says."""

    request: Request
    svc: Services
    session: Session
    actor: Actor
    csrf_token: str
    now: datetime
    reader: Reader

    @property
    def today(self) -> date:
        """The day on the wall."""
        return self.reader.local(self.now).date()

    def midnight(self, day: date) -> datetime:
        """Return when a local day begins."""
        return to_instant(datetime.combine(day, datetime.min.time()), self.reader.zone)

    def day_of(self, at: datetime) -> date:
        """Return the local day of an instant."""
        return self.reader.local(at).date()

    def next_midnight(self, day: date) -> datetime:
        """Return when the local day after begins."""
        return self.midnight(day + timedelta(days=1))

    def may(self, permission: str) -> bool:
        """Whether the person's role allows something."""
        return self.actor.may(Permission(permission))

    def render(self, template: str, *, here: str = "", **values: Any) -> HTMLResponse:
        """Return a page or a part of one.

        Args:
            template: Its file.
            here: Which entry of the navigation this is.
            values: For the template.
        """
        return render(
            self.request,
            template,
            reader=self.reader,
            actor=self.actor,
            may=self.may,
            csrf_token=self.csrf_token,
            now=self.now,
            here=here,
            **values,
        )


def visit(
    request: Request, svc: ServicesDep, session: SessionDep, found: LoggedInDep, clock: ClockDep
) -> Visit:
    """Collect what a page needs.

    Raises:
        NotLoggedIn: The page's handler sends the person to the log-in.
        NotAllowed: The role does not read.
    """
    actor, opened = found
    actor.require(Permission.READ)
    return Visit(request, svc, session, actor, opened.csrf_token, clock.now(), reader_of(request))


VisitDep = Annotated[Visit, Depends(visit, scope="function")]
