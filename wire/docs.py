"""The tables of ``docs/protocol.md``, drawn from the code that they describe.

The prose of that page is written by hand; what stands between ``<!-- begin: NAME -->`` and
``<!-- end: NAME -->`` is written here, and a check compares the two.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import fields

from wire import envelope, messages, topics, types
from wire.schema import examples

_MARKED = re.compile(
    r"(?P<begin><!-- begin: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)

_CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "plan": "QoS 1, retained | `plan`",
        "order": "QoS 1 | `play`, `stop`, `cancel`, `volume`, `config`, `receipt`, `resync`",
        "emergency": "QoS 1 | as `order`, signed with the emergency key",
        "beat": "QoS 0 | `beat`",
        "state": "QoS 1, retained | `state`: birth, and last will",
        "health": "QoS 0 | `health`",
        "report": "QoS 1 | `reports`",
    }
)

_LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "min_length": "length ≥", "max_length": "length ≤"}


@dataclass(frozen=True, slots=True)
class _Described:
    """What the source says about one class: its docstring, and the string under each of its names."""

    summary: str
    names: Mapping[str, str]
    annotations: Mapping[str, str]


class UnknownSection(ValueError):
    """A page has a marker that nothing is generated for."""


def render(page: str) -> str:
    """Return a page with every marked section drawn anew.

    Raises:
        UnknownSection: Nothing is generated under a name that the page marks.
    """
    drawn = {name: "\n".join(lines) for name, lines in _sections().items()}

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in drawn:
            raise UnknownSection(name)
        return f"{match['begin']}\n{drawn[name]}\n\n{match['end']}"

    return _MARKED.sub(replaced, page)


def _sections() -> dict[str, Iterator[str]]:
    shown = examples()
    down = [type(each) for each in shown.values() if isinstance(each, messages.Down)]
    up = (messages.State, messages.Health, messages.Reports, messages.Report, messages.ControllerState)
    return {
        "topics": _topics(),
        "envelope": _struct(envelope.Envelope),
        "down": _structs(
            messages.Down,
            messages.Order,
            *down,
            messages.DailySpan,
            messages.VolumeCap,
            messages.Item,
            messages.ClipRef,
        ),
        "up": _structs(*up),
        "words": _enums(
            types.Priority,
            types.Mode,
            types.LatenessPolicy,
            types.AfterPreemption,
            types.Event,
            types.Rejection,
        ),
    }


def _topics() -> Iterator[str]:
    yield "| topic | direction | how | what |"
    yield "|---|---|---|---|"
    example = "g"
    for channel in topics.DOWN_CHANNELS:
        yield f"| `{_pattern(topics.down(example, channel))}` | controller → gateway | {_CHANNELS[channel]} |"
    for channel in topics.UP_CHANNELS:
        yield f"| `{_pattern(topics.up(example, channel))}` | gateway → controller | {_CHANNELS[channel]} |"
    how = "QoS 0, the first second retained"
    yield f"| `{topics.LIVE}/{{session}}` | controller → gateways | {how} | packets of `wire.live` |"
    yield f"| `{topics.CONTROLLER_STATE}` | controller → all | QoS 1, retained | `controller_state` |"


def _pattern(topic: str) -> str:
    return topic.replace("/g/g/", "/g/{gateway}/")


def _structs(*structs: type[Struct]) -> Iterator[str]:
    for number, struct in enumerate(structs):
        if number:
            yield ""
        yield from _struct(struct)


def _struct(struct: type[Struct]) -> Iterator[str]:
    described = _described(struct)
    kind = struct.__struct_config__.tag
    yield f"#### {struct.__name__}" + (f" (`kind: {kind}`)" if kind in examples() else "")
    yield ""
    yield described.summary
    own = [field for field in fields(struct) if field.name in described.annotations]
    if not own:
        return
    yield ""
    yield "| field | type | |"
    yield "|---|---|---|"
    for field in own:
        needed = "" if field.required else " *(optional)*"
        said = described.names.get(field.name, "")
        yield f"| `{field.encode_name}` | {described.annotations[field.name]}{needed} | {said} |"


def _enums(*enums: type[StrEnum]) -> Iterator[str]:
    for number, enum in enumerate(enums):
        if number:
            yield ""
        described = _described(enum)
        yield f"#### {enum.__name__}"
        yield ""
        yield described.summary
        yield ""
        for member in enum:
            said = described.names.get(member.name, "")
            yield f"- `{member.value}`" + (f": {said}" if said else "")


def _described(thing: type) -> _Described:
    """Read a class's own body; what it inherits is described at its base."""
    (tree,) = ast.parse(inspect.getsource(thing)).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - the source of a class
    names: dict[str, str] = {}
    annotations: dict[str, str] = {}
    last: str | None = None
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(name), annotation=annotation):
                last, annotations[name] = name, _type(annotation)
            case ast.Assign(targets=[ast.Name(name)]):
                last = name
            case ast.Expr(value=ast.Constant(value=str(text))) if last is not None:
                names[last] = _one_line(text)
            case _:
                last = None
    return _Described(_one_line(ast.get_docstring(tree) or ""), names, annotations)


def _type(annotation: ast.expr) -> str:
    match annotation:
        case ast.BinOp(left=left, right=ast.Constant(value=None)):
            return f"{_type(left)} or null"
        case ast.Subscript(
            value=ast.Name("Annotated"), slice=ast.Tuple(elts=[base, ast.Call(keywords=limits)])
        ):
            said = ", ".join(f"{_LIMITS[limit.arg or '']} {ast.unparse(limit.value)}" for limit in limits)
            return f"{_type(base)}, {said}"
        case ast.Subscript(value=ast.Name("tuple"), slice=ast.Tuple(elts=[element, *_])):
            return f"list of {_type(element)}"
    return f"`{ast.unparse(annotation)}`"


def _one_line(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split()).replace("|", "\\|")
