"""The catalogues: complete, alike, used, and the only place where a page gets its words from."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

import controller
from audio.errors import Refusal as AudioRefusal
from audio.errors import VoiceUnavailable
from audio.espeak import VOICES
from controller import errors
from controller.broadcasts.delivery import DeliveryState
from controller.broadcasts.summary import Summary
from controller.bulletins.categories import Category
from controller.cap.deciding import Reason as CapReason
from controller.cap.recordings import Unused
from controller.cap.refusal import Refusal as CapRefusal
from controller.cap.supervising import WORRYING
from controller.drills.models import DrillState
from controller.gateways.liveness import Contact
from controller.gateways.models import GatewayKind
from controller.live.effects import Reason
from controller.people.models import Role
from controller.web.compose import BULLETIN_LANGUAGES, RATES
from controller.web.health import WORDS as HEALTH_WORDS
from controller.web.health import readings
from controller.web.i18n import LANGUAGES, ONE, catalogue, counted
from controller.web.outcome import ORDER, TONE
from schedules.errors import Refusal as RuleRefusal
from schedules.rule_text import Frequency
from wire.lateness import LateReason
from wire.messages import Health
from wire.types import Fault, Mode, Priority, Rejection, SelfTest, Sound

CONTROLLER = Path(controller.__file__).parent
WEB = CONTROLLER / "web"
AGENT = CONTROLLER.parent / "device_agent"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SCRIPTS = sorted((WEB / "static").glob("*.js"))

_USE = re.compile(r"""\b(?:t|count|counted|sentence)\(\s*f?["']([\w.-]+?)(\.?)["']\s*([~,)]?)""")
_IN_SCRIPT = re.compile(
    r"""\bword\(([^)]*)\)|#progress\("(\w+)"|^\s*"(uploading|preparing)",""", re.MULTILINE
)
_LITERAL = re.compile(r'"([\w.]+)"')


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def problems(kind: type[errors.Problem] = errors.Problem) -> Iterator[str]:
    if "code" in vars(kind):
        yield kind.code
    for below in kind.__subclasses__():
        yield from problems(below)


def keys_named_in_sources() -> tuple[set[str], set[str]]:
    """Return whole keys, and beginnings of keys whose end is some value."""
    whole, beginnings = {"js.audience_none"}, set()
    for path in [*TEMPLATES, *WEB.glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for key, dot, _ in _USE.findall(text):
            (beginnings if dot else whole).add(key)
        beginnings.update(re.findall(r"""\b(?:t|has)\(f?["']([\w.]+)\.(?:["'{])""", text))
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        beginnings.update(f"js.{section}" for section in re.findall(r"\bword\(`(\w+)\.\$\{", text))
        for arguments, *named in _IN_SCRIPT.findall(text):
            first = arguments.split("{")[0] if "?" not in arguments else arguments
            found = [*_LITERAL.findall(first), *filter(None, named)]
            whole.update(f"js.{key}" for key in found)
    return whole, beginnings


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_catalogues_have_the_same_keys(language: str) -> None:
    keys = {key for key in catalogue(language) if not key.endswith(ONE)}
    assert keys == {key for key in catalogue("vi") if not key.endswith(ONE)}


def test_a_form_for_one_stands_beside_the_form_for_many() -> None:
    for language in LANGUAGES:
        words = catalogue(language)
        assert all(key.removesuffix(ONE) in words for key in words if key.endswith(ONE))
    assert counted("compose.gateways", "en", 1) != counted("compose.gateways", "en", 2).replace("2", "1")


def test_both_catalogues_have_the_same_placeholders() -> None:
    english = catalogue("en")
    for key, text in catalogue("vi").items():
        assert placeholders(text) == placeholders(english[key]), key


def test_no_sentence_is_there_twice() -> None:
    vietnamese, english = catalogue("vi"), catalogue("en")
    # What differs in one language is two sentences that happen to look alike in the other.
    pairs = [
        (vietnamese[key], english[key])
        for key in vietnamese
        if not re.fullmatch(r"[\W\d{}a-z]*", english[key])
    ]
    assert sorted(pairs) == sorted(set(pairs))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_has_loose_blanks(language: str) -> None:
    for key, text in catalogue(language).items():
        assert text == text.strip(), key
        assert text, key
        assert "  " not in text, key


def test_every_key_that_a_page_or_a_script_names_exists() -> None:
    whole, beginnings = keys_named_in_sources()
    known = catalogue("vi")
    assert whole <= known.keys()
    for beginning in beginnings:
        assert any(key.startswith(f"{beginning}.") for key in known), beginning


def test_every_key_is_used_somewhere() -> None:
    whole, beginnings = keys_named_in_sources()
    used_by_code = {"error"}
    whole.add("live.title")  # names a broadcast, in controller.live.ordering
    for key in catalogue("vi"):
        section = key.rsplit(".", 1)[0]
        assert key in whole or section in beginnings | used_by_code, key


def test_every_problem_has_its_sentence() -> None:
    codes = set(problems())
    codes |= {f"rule_{refusal.value}" for refusal in RuleRefusal if refusal is not RuleRefusal.NO_OCCURRENCE}
    codes |= {f"audio_{refusal.value}" for refusal in AudioRefusal}
    codes |= {f"cap_{refusal.value}" for refusal in CapRefusal}
    codes |= {f"audio_{VoiceUnavailable.code}", "audio_failed", "bad_request", "method_not_allowed"}
    assert {f"error.{code}" for code in codes} == {key for key in catalogue("vi") if key.startswith("error.")}


WORDS: list[tuple[str, Iterable[StrEnum | str]]] = [
    ("state", [*DeliveryState, *(each for each in Summary if each is not Summary.PLANNED), "scheduled"]),
    ("contact", Contact),
    ("role", Role),
    ("category", Category),
    ("priority", Priority),
    ("mode", Mode),
    ("gateway_kind", GatewayKind),
    ("security", Rejection),
    ("sound", Sound),
    ("fault", Fault),
    ("self_test", SelfTest),
    ("cap", [*WORRYING, "contested"]),
    ("cap.unused", Unused),
    ("cap.waits", [CapReason.UNPROVEN, CapReason.ORPHAN]),
    ("frequency", [frequency.value.lower() for frequency in Frequency]),
    ("voice", [voice.name for voice in VOICES.values() if voice.language == "vi"]),
    ("spoken", BULLETIN_LANGUAGES),
    ("rate", [rate.replace(".", "_") for rate in RATES]),
    ("health", [reading.name for reading in readings({})]),
    ("health_unit", [reading.unit for reading in readings({})]),
    ("health_word", HEALTH_WORDS),
    ("live.ended", Reason),
    ("drill.state", DrillState),
]


@pytest.mark.parametrize(("section", "values"), WORDS, ids=[section for section, _ in WORDS])
def test_everything_that_a_page_shows_of_the_domain_has_its_word(
    section: str, values: Iterable[StrEnum | str]
) -> None:
    for language in LANGUAGES:
        assert {f"{section}.{value}" for value in values} <= catalogue(language).keys()


def test_every_reason_that_is_given_has_its_word() -> None:
    given: set[str] = {*LateReason, *Rejection}
    for path in [*AGENT.rglob("*.py"), *(CONTROLLER / "broadcasts").glob("*.py")]:
        given.update(re.findall(r"""reason ?= ?"(\w+)\"""", path.read_text(encoding="utf-8")))
    assert {"stopped", "restarted", "no_word"} <= given, "the search still finds them"
    starting = (AGENT / "starting.py").read_text(encoding="utf-8")
    given.update(re.findall(r'return "(\w+)"', starting))
    assert {f"reason.{reason}" for reason in given} <= catalogue("vi").keys()


def test_every_state_has_a_shape_and_a_colour_of_its_own_kind() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (WEB / "static" / "shapes.svg").read_text()))
    shown = {*DeliveryState, *Summary, *Contact}
    assert {str(state) for state in shown} <= drawn
    assert shown <= TONE.keys()
    assert set(ORDER) == set(DeliveryState), "no state is left out of a summary"


def test_a_health_report_shows_figures_that_gateways_send() -> None:
    sent = set(Health.__struct_fields__)
    source = (WEB / "health.py").read_text()
    assert set(re.findall(r'health\.get\("(\w+)"\)', source)) <= sent


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_words_of_their_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    attributes = re.findall(r"\b(?:aria-label|alt|title|placeholder)=\"([^\"{]*[^\W\d_][^\"]*)\"", text)
    assert attributes == []
    # These two blocks are filled into a tag, not between tags.
    text = re.sub(r"{% block (?:live|body_class) %}.*?{% endblock %}", "", text, flags=re.DOTALL)
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", text, flags=re.DOTALL)
    text = re.sub(r"<script.*?</script>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert re.findall(r"[^\W\d_]{2,}", text.replace("LoaCast", "")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_hold_no_vietnamese(path: Path) -> None:
    code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    assert [letter for letter in code if letter.isalpha() and not letter.isascii()] == []
