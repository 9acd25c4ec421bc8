"""From the infos of an alert to what is said, one text for each language. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controller.cap.alert import Info, Recording

LONGEST_MS = 120_000
"""So long each language speaks at the most, as in the Canadian system (NPAS Common Look and Feel 2.1)."""
LONGEST_TEXT = 3_500
"""More than anyone says in two minutes."""

_SENTENCE = re.compile(r"(?<=[.!?។])\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """What is said in one language."""

    language: str
    """Primary tag of BCP 47: ``vi``, ``km``."""
    text: str
    recordings: tuple[tuple[Recording, ...], ...] = ()
    """For each info of which this is made the recordings that it brings; empty if none brings any."""


def said_in_order(infos: Sequence[Info], languages: Sequence[str]) -> tuple[Said, ...]:
    """Return what is said: all languages that are asked for, in that order.

    Where an alert has none of them, it is said in the language that it has first: silence would be worse.

    Args:
        infos: For the same people, at least one.
        languages: Primary tags of BCP 47, the principal one first.
    """
    by_language: dict[str, list[Info]] = {}
    for info in infos:
        by_language.setdefault(primary(info.language), []).append(info)
    chosen = [each for each in dict.fromkeys(languages) if each in by_language] or [next(iter(by_language))]
    return tuple(
        Said(language, _spoken(by_language[language]), _recorded(by_language[language]))
        for language in chosen
    )


def primary(language: str) -> str:
    """Return the primary tag: ``vi`` of ``vi-VN``."""
    return language.replace("_", "-").split("-")[0].lower()


def shortened(text: str, longest: int) -> str:
    """Return a text without its last sentences, so that it has no more than `longest` characters."""
    if len(text) <= longest:
        return text
    kept = ""
    for sentence in _SENTENCE.split(text):
        if len(kept) + len(sentence) + 1 > longest:
            break
        kept = f"{kept} {sentence}".strip()
    return kept or text[:longest].rsplit(" ", 1)[0]


def title_of(infos: Sequence[Info], languages: Sequence[str], longest: int = 160) -> str:
    """Return how people find it in lists: the headline, else the event, in the first language said."""
    first = said_in_order(infos, languages)[0].language
    info = next(each for each in infos if primary(each.language) == first)
    return (info.headline or info.event)[:longest]


def _recorded(infos: Iterable[Info]) -> tuple[tuple[Recording, ...], ...]:
    found = tuple(dict.fromkeys(info.recordings for info in infos))
    return found if any(found) else ()


def _spoken(infos: Iterable[Info]) -> str:
    sentences: list[str] = []
    for info in infos:
        headline = info.headline if info.event.lower() not in info.headline.lower() else ""
        first = info.event if headline or not info.headline else info.headline
        for part in (first, headline, info.description, info.instruction):
            sentence = part if not part or part[-1] in ".!?។" else f"{part}."
            if sentence and sentence not in sentences:
                sentences.append(sentence)
    return shortened(" ".join(sentences), LONGEST_TEXT)
