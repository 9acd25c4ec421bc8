"""Turn Vietnamese as officials write it into words that any voice reads properly. Pure.

espeak-ng reads "7h30" as "bảy hát ba mươi" and "60 mm" as letters. What is not recognised is left as it
stands; a wrong guess in a storm warning is worse than a letter read aloud. Not handled: Roman numerals,
and day/month without a word such as "ngày" before it, which could as well be a fraction.
"""

import re
from collections.abc import Callable, Mapping

from audio.vietnamese_numbers import LARGEST, cardinal, decimal, digits
from audio.vietnamese_words import ABBREVIATIONS, DOCUMENTS, PER, PLACES, UNITS

_WHOLE_NUMBER = r"\d{1,3}(?:\.\d{3})+(?!\d)|\d+"
_DAY_WORDS = "ngày|từ|đến|sáng|trưa|chiều|tối|đêm|hôm|mùng|mồng|qua|tới"
_EMERGENCY_WORDS = "gọi|số|đài|nóng|thoại"


def speakable(text: str) -> str:
    """Return the text with dates, times, numbers, units and abbreviations written out.

    Args:
        text: Vietnamese in composed form (NFC), as `audio.speech.clean_text` returns it.
    """
    for pattern, write_out in _RULES:
        text = pattern.sub(write_out, text)
    return text


def _any_of(words: Mapping[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _integer(text: str) -> int:
    return int(text.replace(".", ""))


def _number(whole: str, fraction: str | None = None) -> str:
    value = _integer(whole)
    if value > LARGEST or (whole.startswith("0") and len(whole) > 2):  # noqa: PLR2004 - a code, not a count
        return digits(whole) + (f" phẩy {digits(fraction)}" if fraction else "")
    return decimal(value, fraction) if fraction else cardinal(value)


def _month(month: int) -> str:
    return "tư" if month == 4 else cardinal(month)  # noqa: PLR2004 - April alone has a word of its own


def _full_date(match: re.Match[str]) -> str:
    day, month, year = int(match["day"]), int(match["month"]), int(match["year"])
    if not _is_day(day, month):
        return match[0]
    return f"ngày {cardinal(day)} tháng {_month(month)} năm {cardinal(year)}"


def _short_date(match: re.Match[str]) -> str:
    day, month = int(match["day"]), int(match["month"])
    if not _is_day(day, month):
        return match[0]
    word = match["word"] if match["word"].lower() in {"ngày", "mùng", "mồng"} else f"{match['word']} ngày"
    return f"{word} {cardinal(day)} tháng {_month(month)}"


def _is_day(day: int, month: int) -> bool:
    return 1 <= day <= 31 and 1 <= month <= 12  # noqa: PLR2004


def _month_and_year(match: re.Match[str]) -> str:
    month = int(match["month"])
    if not _is_day(1, month):
        return match[0]
    year = f" năm {cardinal(int(match['year']))}" if match["year"] else ""
    return f"{match['word']} {_month(month)}{year}"


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if hour > 24 or minute > 59:  # noqa: PLR2004
        return match[0]
    return f"{cardinal(hour)} giờ" + (f" {cardinal(minute)} phút" if minute else "")


def _telephone(match: re.Match[str]) -> str:
    groups = [group for group in re.split(r"[ .-]", match[0].lstrip("+")) if group]
    if len(groups) == 1 and len(groups[0]) == 10:  # noqa: PLR2004 - how people say a mobile number
        groups = [groups[0][:4], groups[0][4:7], groups[0][7:]]
    return ", ".join(digits(group) for group in groups)


def _emergency(match: re.Match[str]) -> str:
    return f"{match['word']}{digits(match['number'])}"


def _document(match: re.Match[str]) -> str:
    year = f" năm {cardinal(int(match['year']))}" if match["year"] else ""
    letters = (DOCUMENTS.get(part, part) for part in re.split(r"[-/]", match["letters"]))
    return f"{_number(match['number'])}{year} {' '.join(letters)}"


def _place(match: re.Match[str]) -> str:
    following = match["following"]
    if not (following.isdecimal() or following.isupper()):
        return match[0]
    return f"{PLACES[match['place']]} {following}"


def _quantity(match: re.Match[str]) -> str:
    per = f" trên {PER[match['per']]}" if match["per"] else ""
    return f"{_number(match['whole'], match['fraction'])} {UNITS[match['unit']]}{per}"


def _plain(match: re.Match[str]) -> str:
    return _number(match["whole"], match["fraction"])


_START = r"(?<![^\W_])(?<!\d[.,/:])"  # neither inside a word nor inside a longer number
_COUNT = rf"{_START}(?P<whole>{_WHOLE_NUMBER})(?:,(?P<fraction>\d+))?"

_DATE = (
    rf"(?:\b[Nn]gày +)?{_START}(?P<day>\d{{1,2}})([/.-])(?P<month>\d{{1,2}})\2(?P<year>\d{{4}})"
    r"(?![\d/])"
)

_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), write_out)
    for pattern, write_out in (
        # What holds several numbers comes first, then what holds one, then what is left of any number.
        (_DATE, _full_date),
        (rf"{_START}(?P<number>\d+)(?:/(?P<year>\d{{4}}))?/(?P<letters>[A-ZĐ][A-ZĐg&/-]+)", _document),
        (r"\b(?P<word>[Tt]háng) +(?P<month>\d{1,2})(?:[/-](?P<year>\d{4}))?(?![\d/])", _month_and_year),
        (rf"\b(?P<word>(?i:{_DAY_WORDS})) +(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}})(?![\d/])", _short_date),
        (rf"{_START}\+?(?:84[ .-]?|0)\d{{1,4}}(?:[ .-]\d{{2,4}}){{2,3}}(?!\w)", _telephone),
        (
            rf"{_START}0\d{{2,3}}[ .-]?\d{{6,8}}(?!\w)|{_START}1[89]00[ .]?\d{{4}}(?:\d{{2}})?(?!\w)",
            _telephone,
        ),
        (rf"(?<=\b)(?P<word>(?i:{_EMERGENCY_WORDS}) )(?P<number>11[1-5])(?![\w.,/]\d|\w)", _emergency),
        (r"\b(?P<word>[Tt]hứ) 4\b", r"\g<word> tư"),
        (r"(?<=[\dh%‰']) ?[-–] ?(?=\d)", " đến "),
        (rf"{_START}(?P<hour>\d{{1,2}})(?: ?[hg:]| giờ ) ?(?P<minute>\d\d)(?: phút\b|['’])?(?![\d:])", _time),
        (rf"{_START}(?P<hour>\d{{1,2}}) ?h(?P<minute>)(?![\w/])", _time),
        (rf"{_COUNT} ?(?P<unit>{_any_of(UNITS)})(?:/(?P<per>{_any_of(PER)}))?(?![\w/])", _quantity),
        (
            rf"(?<![\w.])(?P<short>{_any_of(ABBREVIATIONS)})(?!\w)",
            lambda match: ABBREVIATIONS[match["short"]],
        ),
        (
            rf"\b(?P<place>{_any_of(PLACES)})(?:\. ?|(?<=QL)|(?<=ĐT)|(?<=TP) )(?P<following>\d|[^\W\d_])",
            _place,
        ),
        (r"(?<=\d)/(?=\d)", " trên "),
        (rf"{_START}(?P<whole>\d+)\.(?P<fraction>\d\d?)(?![\d.])", r"\g<whole> chấm \g<fraction>"),
        (rf"{_START}\d+(?=[^\W\d_])", r"\g<0> "),
        (_COUNT, _plain),
        (r"(?<![^\W_])(?P<whole>\d+)(?P<fraction>)", _plain),  # what came after a colon or a stray point
    )
)
