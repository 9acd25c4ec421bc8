"""The built-in warnings, as texts to be spoken."""

import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class PackedWarning:
    """One warning of the pack, in Vietnamese."""

    key: str
    title: str
    text: str


def read_pack() -> tuple[PackedWarning, ...]:
    """Return the built-in warnings in their order."""
    raw = resources.files("controller.warnings").joinpath("pack.toml").read_text(encoding="utf-8")
    return tuple(
        PackedWarning(each["key"], each["title"], each["text"]) for each in tomllib.loads(raw)["warning"]
    )
