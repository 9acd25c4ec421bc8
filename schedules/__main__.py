"""`python -m schedules expand`: what a recurrence rule means, one instant a line."""

from datetime import datetime, time
from itertools import islice, takewhile
from typing import Annotated

import typer

from schedules.errors import UnsupportedRule
from schedules.moments import parse_moment
from schedules.rules import occurrences, parse
from schedules.zones import DEFAULT_ZONE, to_instant, zone_named

DEFAULT_LINES = 10
"""Printed of an endless rule when nothing else bounds it."""

EXIT_REFUSED = 2

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """When things are played."""


@app.command()
def expand(
    *,
    dtstart: Annotated[
        str,
        typer.Option(help="First local date and time, 2026-11-24T05:00:00 or 20261124T050000."),
    ],
    rrule: Annotated[
        str | None,
        typer.Option(help="RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=MO,WE. Without one: dtstart alone."),
    ] = None,
    exdate: Annotated[
        list[str] | None,
        typer.Option(help="Not then: a date-time in either form, or a whole day. Repeat it, or use commas."),
    ] = None,
    rdate: Annotated[
        list[str] | None,
        typer.Option(help="Also then: a date-time in either form. Repeat it, or use commas."),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--time", help="Time of day, HH:MM, in the place of dtstart's. Repeat it, or use commas."
        ),
    ] = None,
    first_date: Annotated[str | None, typer.Option(help="Nothing before this local day.")] = None,
    last_date: Annotated[str | None, typer.Option(help="Nothing after this local day.")] = None,
    zone: Annotated[str, typer.Option(help="IANA time zone of all local times.")] = DEFAULT_ZONE,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Print at most so many. An endless rule with neither --count nor --until prints "
            f"{DEFAULT_LINES}.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Print up to then, inclusive: local, or with Z or an offset; a date for the whole day."
        ),
    ] = None,
) -> None:
    """Print the occurrences of a rule: one ISO 8601 instant with its offset a line.

    Exits with 2 and the reason on standard error for a rule that is not supported, or that never occurs.
    """
    try:
        recurrence = parse(
            dtstart=dtstart,
            rrule=rrule,
            rdates=_items(rdate),
            exdates=_items(exdate),
            times=_items(at),
            first_date=first_date,
            last_date=last_date,
            zone=zone,
        )
        end = None if until is None else _end(until, zone)
    except UnsupportedRule as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(EXIT_REFUSED) from refused
    if count is None and end is None and recurrence.is_endless:
        count = DEFAULT_LINES
    found = takewhile(lambda instant: end is None or instant <= end, occurrences(recurrence))
    for instant in islice(found, count):
        typer.echo(instant.astimezone(zone_named(zone)).isoformat())


def _items(values: list[str] | None) -> list[str]:
    return [item.strip() for value in values or () for item in value.split(",")]


def _end(text: str, zone: str) -> datetime:
    moment = parse_moment(text, part="until")
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.max)
    return moment if moment.tzinfo is not None else to_instant(moment, zone_named(zone))


if __name__ == "__main__":
    app()
