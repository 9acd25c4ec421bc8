"""The built-in warnings: hazard by level, with the words that say what to do, and what belongs to all. Pure.

The texts are in ``pack.toml``, in Vietnamese, as a commune's officer would say them. A test compares the
table in ``docs/warnings.md`` with it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from audio.sirens import Siren
from controller.areas.models import AreaKind
from controller.errors import InvalidInput

LONGEST_VALUE = 160
"""Characters in one blank; whoever has more to say types a text."""

ISSUER = "issuer"
"""The blank that is filled when a warning is prepared: who speaks."""

_BLANK = re.compile(r"\{(\w+)\}")
_KIND_OF_AREA = re.compile(
    r"^(Xã|Phường|Đặc khu|Thị trấn|Thị xã|Quận|Huyện|Thành phố|Tỉnh|Ấp|Khóm|Khu vực|Khu phố|Thôn) "
)


@dataclass(frozen=True, slots=True)
class Blank:
    """Something to be filled in when a warning is ordered."""

    name: str
    label: str
    """What to ask for, in Vietnamese, as the words around it are."""


@dataclass(frozen=True, slots=True)
class PackedWarning:
    """One entry of the pack: a warning, or words or a signal with a role."""

    key: str
    title: str
    text: str = ""
    """Vietnamese, without blanks but for the issuer; empty for a signal."""
    filled: str | None = None
    """The same warning with blanks; None: it has none."""
    blanks: tuple[Blank, ...] = field(default=())
    hazard: str | None = None
    level: int | None = None
    siren: str | None = None
    """Key of the siren that fits."""
    signal: Siren | None = None
    """A signal instead of words."""
    times: int = 2
    """How often it is said."""
    formerly: str | None = None
    """Title under which an older version of LoaCast prepared the same warning, without a key."""

    @property
    def is_role(self) -> bool:
        """Whether it belongs to every emergency instead of being a warning that one orders."""
        return self.hazard is None

    def spoken(self, issuer: str) -> str:
        """Return the text of the clip that gateways keep."""
        return self.text.format(issuer=issuer)

    def spoken_with(self, issuer: str, values: Mapping[str, str]) -> str:
        """Return the text with its blanks filled.

        Args:
            issuer: Who speaks, from `issuer_of`.
            values: Text by the name of each blank; what is between two words becomes one blank.

        Raises:
            InvalidInput: A blank is empty, too long or unknown, or the warning has none.
        """
        known = [blank.name for blank in self.blanks]
        unknown = sorted(values.keys() - set(known))
        if self.filled is None or unknown:
            raise InvalidInput(field=unknown[0] if unknown else "values", faults=["no such blank"])
        cleaned = {name: " ".join(values.get(name, "").split()).rstrip(".,;") for name in known}
        for name, value in cleaned.items():
            if not 0 < len(value) <= LONGEST_VALUE:
                raise InvalidInput(field=name, faults=[f"{name}: 1 to {LONGEST_VALUE} characters"])
        return self.filled.format(issuer=issuer, **cleaned)


def issuer_of(kind: AreaKind, name: str) -> str:
    """Return who speaks for an area, as the words of a warning begin: "Ủy ban nhân dân xã Trần Đề"."""
    called = _KIND_OF_AREA.sub(lambda match: match[0].lower(), name)
    if kind is AreaKind.HAMLET:
        return f"Ban nhân dân {called}"
    if kind is AreaKind.STATION:
        return f"Đài truyền thanh {name.removeprefix('Địa bàn đài ')}"
    return f"Ủy ban nhân dân {called}"


@cache
def read_pack() -> tuple[PackedWarning, ...]:
    """Return the built-in warnings, then what has a role, in their order."""
    raw = tomllib.loads(
        resources.files("controller.warnings").joinpath("pack.toml").read_text(encoding="utf-8")
    )
    return (*_warnings(raw["hazard"]), *(_role(each) for each in raw["role"]))


def find_packed(key: str) -> PackedWarning | None:
    """Return the entry of a key, None if the pack has none."""
    return next((each for each in read_pack() if each.key == key), None)


def is_role(key: str) -> bool:
    """Whether a key belongs to every emergency instead of being a warning that one orders."""
    packed = find_packed(key)
    return packed is not None and packed.is_role


def _warnings(hazards: list[dict[str, Any]]) -> Iterator[PackedWarning]:
    for hazard in hazards:
        for each in hazard["warning"]:
            level = each.get("level")
            before = f"{{{ISSUER}}} {each['what']}"
            yield PackedWarning(
                key=f"{hazard['key']}_{level}" if level else hazard["key"],
                title=each["title"],
                text=f"{before} {each['do']}",
                filled=f"{before} {hazard['facts']} {each['do']}",
                blanks=tuple(Blank(name, hazard["blanks"][name]) for name in _BLANK.findall(hazard["facts"])),
                hazard=hazard["key"],
                level=level,
                siren=each.get("siren"),
                formerly=each.get("formerly"),
            )


def _role(each: dict[str, Any]) -> PackedWarning:
    return PackedWarning(
        key=each["key"],
        title=each["title"],
        text=each.get("text", ""),
        signal=Siren[each["signal"]] if "signal" in each else None,
        times=each.get("times", 1),
    )
