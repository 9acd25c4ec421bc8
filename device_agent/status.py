"""What a gateway's journal says, for a person at a terminal. Pure but for the journal that it reads."""

from collections.abc import Iterator
from datetime import tzinfo

from device_agent.journal.contract import Journal

SHOWN_ITEMS = 10
SHOWN_REPORTS = 10


def describe(journal: Journal, zone: tzinfo | None) -> Iterator[str]:
    """Yield lines: the plan, what comes next, what waits for a receipt.

    Args:
        journal: Read only.
        zone: In which instants are shown; None is the machine's own.
    """
    held = journal.load()
    yield f"journal   {held.journal_id}"
    if held.plan is None:
        yield "plan      none yet"
    else:
        yield f"plan      version {held.plan.version}, epoch {held.plan.epoch}"
    yield f"volume    {held.volume_percent} %"
    entries = sorted(held.entries.values(), key=lambda entry: entry.due_at)
    yield f"items     {len(entries)} held, {len(held.settled)} ended and remembered"
    for entry in entries[:SHOWN_ITEMS]:
        start = entry.due_at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
        seconds = entry.item.duration_ms / 1000
        yield f"  {start}  {entry.stage:8}  {entry.item.priority:9}  {seconds:7.1f} s  {entry.broadcast_id}"
    yield f"reports   {journal.waiting()} waiting for a receipt"
    for report in journal.reports(0, SHOWN_REPORTS):
        at = report.at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
        about = ", ".join(report.broadcast_ids) or report.detail or ""
        yield f"  {report.n:6}  {at}  {report.event}  {report.reason or ''}  {about}".rstrip()
