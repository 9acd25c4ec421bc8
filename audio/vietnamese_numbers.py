"""Numbers in Vietnamese words, as a newsreader says them. Pure.

Of the variants in use these are chosen: "nghìn" (not "ngàn"), "linh" (not "lẻ"), "hai mươi tư" (not
"hai mươi bốn").
"""

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_GROUPS = ("", "nghìn", "triệu")
_BILLION = 10**9
LARGEST = _BILLION * _BILLION - 1


def digits(text: str) -> str:
    """Spell the digits of a text one by one and leave out everything else: "0912" → "không chín một hai"."""
    return " ".join(_DIGITS[int(each)] for each in text if each.isdecimal())


def cardinal(number: int) -> str:
    """Spell a number: 1005 → "một nghìn không trăm linh năm".

    Raises:
        ValueError: Below 0 or over `LARGEST`.
    """
    if not 0 <= number <= LARGEST:
        raise ValueError(f"no words for {number}")
    if number == 0:
        return _DIGITS[0]
    billions, rest = divmod(number, _BILLION)
    words = [cardinal(billions), "tỷ"] if billions else []
    for power in (2, 1, 0):
        group = rest // 1000**power % 1000
        if group:
            words += [*_hundreds(group, leading=not words), _GROUPS[power]]
    return " ".join(word for word in words if word)


def decimal(whole: int, fraction: str) -> str:
    """Spell a decimal fraction: (3, "25") → "ba phẩy hai mươi lăm", (0, "05") → "không phẩy không năm"."""
    reads_as_number = len(fraction) <= 2 and not fraction.startswith("0")  # noqa: PLR2004
    return f"{cardinal(whole)} phẩy {cardinal(int(fraction)) if reads_as_number else digits(fraction)}"


def _hundreds(group: int, *, leading: bool) -> list[str]:
    """Spell 1 to 999; one that does not lead names its hundreds even when there are none."""
    hundreds, rest = divmod(group, 100)
    words = [] if leading and not hundreds else [_DIGITS[hundreds], "trăm"]
    tens, ones = divmod(rest, 10)
    if tens == 0:
        if ones:
            words += ["linh", _DIGITS[ones]] if words else [_DIGITS[ones]]
        return words
    words += ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
    match tens, ones:
        case _, 0:
            pass
        case _, 5:
            words.append("lăm")
        case t, 1 if t > 1:
            words.append("mốt")
        case t, 4 if t > 1:
            words.append("tư")
        case _:
            words.append(_DIGITS[ones])
    return words
