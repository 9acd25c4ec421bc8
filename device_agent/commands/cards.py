"""Sound cards as the kernel lists them, whoever has them open."""

from pathlib import Path

SHARED = "device"
"""ALSA's ``default``."""


def playing_cards(root: Path) -> list[tuple[str, str]]:
    """Return name and ``hw:CARD,DEVICE`` of everything that can play, in the kernel's order."""
    found: list[tuple[int, int, str]] = []
    for pcm in (root / "proc/asound").glob("card*/pcm*p"):
        card, device = pcm.parent.name.removeprefix("card"), pcm.name[len("pcm") : -1]
        if card.isdecimal() and device.isdecimal():
            found.append((int(card), int(device), _name(pcm.parent / "id")))
    return [(name, f"hw:{card},{device}") for card, device, name in sorted(found)]


def own_sink(root: Path) -> str:
    """Return the sink of a box that nobody has chosen one for: the first card that is no screen's, alone.

    Alone, because ALSA's ``default`` mixes in software (dmix), and when that runs dry alsa-lib 1.2.8 of
    Debian 12 aborts the whole process (an assertion in ``snd_pcm_plugin_status``); seen within minutes on the
    busy box of tests/booted. An ``/etc/asound.conf`` says that somebody wants ``default``.
    """
    if (root / "etc/asound.conf").exists():
        return SHARED
    cards = [address for name, address in playing_cards(root) if "hdmi" not in name.lower()]
    return f"{SHARED}:{cards[0]}" if cards else SHARED


def with_those_in_use(listed: list[str], root: Path) -> list[str]:
    """Return what PortAudio lists, and the cards that it leaves out because somebody has them open."""
    cards = [
        f"{name} ({address})" for name, address in playing_cards(root) if f"({address})" not in str(listed)
    ]
    return [*listed, *cards]


def _name(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "?"
