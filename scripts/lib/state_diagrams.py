"""Draws docs/states/*.md from the tables that the code runs on.

Usage: python scripts/lib/state_diagrams.py [--check]
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from controller.broadcasts import delivery  # noqa: E402 - the packages are not installed, only here
from device_agent import entries  # noqa: E402

_AWAITED = sorted(delivery.OPEN - {delivery.DeliveryState.PLANNED})
_NOTE = "<!-- Drawn by scripts/lib/state_diagrams.py; scripts/check fails when it is stale. -->"


def diagram(
    table: Mapping[StrEnum, Mapping[StrEnum, StrEnum]], first: StrEnum, also: tuple[str, ...] = ()
) -> list[str]:
    """Return a Mermaid state diagram and the list of ends.

    What leads from one state to the same other shares an arrow, and ends share one state, or every state
    would have an arrow to each of them.

    Args:
        table: State to what happens to the state after it.
        first: Where everything begins.
        also: Arrows that no entry of the table stands for.
    """
    ends = sorted({after for steps in table.values() for after in steps.values() if not table.get(after)})
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {first.value}"]
    for before, steps in table.items():
        arrows: dict[str, list[str]] = {}
        for trigger, after in steps.items():
            ended = after in ends and len(ends) > 1
            arrows.setdefault("ended" if ended else after.value, []).append(trigger.value)
        for after, by in arrows.items():
            said = "its last report" if after == "ended" else ", ".join(by)
            lines.append(f"  {before.value} --> {after}: {said}")
    lines += [f"  {arrow}" for arrow in also]
    if len(ends) == 1:
        return [*lines, f"  {ends[0].value} --> [*]", "```"]
    named = ", ".join(f"`{end.value}`" for end in ends)
    return [*lines, "  ended --> [*]", "```", "", f"`ended` is exactly one of {named}."]


def pages() -> dict[Path, str]:
    """Return every page by its path."""
    delivery_page = [
        "# The states of a delivery",
        "",
        _NOTE,
        "",
        "One broadcast on its way to one gateway, as the controller sees it; the table is `AFTER` in",
        "`controller/broadcasts/delivery.py`. Arrows are reports of the gateway, but for those in brackets.",
        "`unknown` is not an end: the deadline has passed without a word, and the gateway may still tell.",
        "",
        *diagram(
            delivery.AFTER,
            delivery.DeliveryState.PLANNED,
            (
                "planned --> sent: (handed to the broker)",
                "planned --> ended: (withdrawn, or never sent in time)",
                *(f"{state.value} --> unknown: (deadline)" for state in _AWAITED),
            ),
        ),
        "",
    ]
    playback_page = [
        "# The stages of an item on a gateway",
        "",
        _NOTE,
        "",
        "One item of a plan or an order, as the gateway holds it; the table is `TRANSITIONS` in",
        "`device_agent/entries.py`. No stage leads back to a second start once a sample was handed over.",
        "",
        *diagram(entries.TRANSITIONS, entries.Stage.WAITING),
        "",
    ]
    home = ROOT / "docs" / "states"
    return {
        home / "delivery.md": "\n".join(delivery_page),
        home / "playback.md": "\n".join(playback_page),
    }


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` say which are stale."""
    stale = [
        path
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" not in arguments:
        for path, text in pages().items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    for path in stale:
        sys.stderr.write(f"stale: {path.relative_to(ROOT)}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
