import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.vietnamese import speakable
from audio.vietnamese_numbers import LARGEST, cardinal, decimal, digits


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "không"),
        (4, "bốn"),
        (10, "mười"),
        (11, "mười một"),
        (14, "mười bốn"),
        (15, "mười lăm"),
        (20, "hai mươi"),
        (21, "hai mươi mốt"),
        (24, "hai mươi tư"),
        (25, "hai mươi lăm"),
        (100, "một trăm"),
        (105, "một trăm linh năm"),
        (111, "một trăm mười một"),
        (1005, "một nghìn không trăm linh năm"),
        (2026, "hai nghìn không trăm hai mươi sáu"),
        (1_500_000, "một triệu năm trăm nghìn"),
        (1_000_001, "một triệu không trăm linh một"),
        (3_000_000_000, "ba tỷ"),
        (12_000_000_000_000, "mười hai nghìn tỷ"),
    ],
)
def test_a_number_is_said_as_a_newsreader_says_it(number: int, words: str) -> None:
    assert cardinal(number) == words


@pytest.mark.parametrize("number", [-1, LARGEST + 1])
def test_a_number_without_words_is_an_error(number: int) -> None:
    with pytest.raises(ValueError, match="no words"):
        cardinal(number)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_no_two_numbers_sound_the_same(one: int, other: int) -> None:
    assert (cardinal(one) == cardinal(other)) == (one == other)


def test_decimals_and_digits() -> None:
    assert decimal(3, "25") == "ba phẩy hai mươi lăm"
    assert decimal(0, "05") == "không phẩy không năm"
    assert decimal(1, "234") == "một phẩy hai ba bốn"
    assert digits("0912") == "không chín một hai"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        # dates
        ("24/11/2026", "ngày hai mươi tư tháng mười một năm hai nghìn không trăm hai mươi sáu"),
        ("ngày 01-04-2026", "ngày một tháng tư năm hai nghìn không trăm hai mươi sáu"),
        ("ngày 24/11", "ngày hai mươi tư tháng mười một"),
        ("sáng 24/11", "sáng ngày hai mươi tư tháng mười một"),
        ("tháng 4/2026", "tháng tư năm hai nghìn không trăm hai mươi sáu"),
        ("thứ 4", "thứ tư"),
        # times
        ("7h30", "bảy giờ ba mươi phút"),
        ("7g15", "bảy giờ mười lăm phút"),
        ("08h05", "tám giờ năm phút"),
        ("19:00", "mười chín giờ"),
        ("7 giờ 30", "bảy giờ ba mươi phút"),
        ("7 giờ 30 phút", "bảy giờ ba mươi phút"),
        ("13h", "mười ba giờ"),
        ("7h30-11h", "bảy giờ ba mươi phút đến mười một giờ"),
        # numbers, money, units
        ("1.500.000 đồng", "một triệu năm trăm nghìn đồng"),
        ("1.500.000đ", "một triệu năm trăm nghìn đồng"),
        ("100.000đ/kg", "một trăm nghìn đồng trên ki lô gam"),
        ("25%", "hai mươi lăm phần trăm"),
        ("độ mặn 4‰", "độ mặn bốn phần nghìn"),
        ("50-100 mm", "năm mươi đến một trăm mi li mét"),
        ("60km/h", "sáu mươi ki lô mét trên giờ"),
        ("35°C", "ba mươi lăm độ xê"),
        ("3,5 ha", "ba phẩy năm héc ta"),
        ("cấp 12", "cấp mười hai"),
        ("QL1A", "quốc lộ một A"),
        ("20 người", "hai mươi người"),
        ("24/24 giờ", "hai mươi tư trên hai mươi tư giờ"),
        # telephone numbers
        ("0912345678", "không chín một hai, ba bốn năm, sáu bảy tám"),
        ("0912 345 678", "không chín một hai, ba bốn năm, sáu bảy tám"),
        ("0292.3812.345", "không hai chín hai, ba tám một hai, ba bốn năm"),
        ("gọi 114", "gọi một một bốn"),
        # abbreviations
        ("UBND xã", "ủy ban nhân dân xã"),
        ("HĐND", "hội đồng nhân dân"),
        ("thẻ BHYT", "thẻ bảo hiểm y tế"),
        ("ATNĐ", "áp thấp nhiệt đới"),
        ("TP. Cần Thơ", "thành phố Cần Thơ"),
        ("TP Cần Thơ", "thành phố Cần Thơ"),
        ("TP.HCM", "thành phố Hồ Chí Minh"),
        ("Q. Ninh Kiều, P.5", "quận Ninh Kiều, phường năm"),
        ("Q.1", "quận một"),
        ("số 15/TB-UBND", "số mười lăm thông báo ủy ban nhân dân"),
        ("49/2024/NĐ-CP", "bốn mươi chín năm hai nghìn không trăm hai mươi tư nghị định chính phủ"),
    ],
)
def test_what_officials_write_is_read_properly(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize("written", ["bà con nhân dân", "H5N1", "SUBND", "v.v.", "ủy ban", "P. giám đốc"])
def test_what_is_not_recognised_is_left_as_it_stands(written: str) -> None:
    assert speakable(written) == written


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("32/13/2026", "ba mươi hai trên mười ba trên hai nghìn không trăm hai mươi sáu"),
        ("ngày 31/13", "ngày ba mươi mốt trên mười ba"),
        ("25h70", "hai mươi lăm h70"),
        ("25:70", "hai mươi lăm:bảy mươi"),
        ("tổ 3/4", "tổ ba trên bốn"),
    ],
)
def test_what_is_no_date_or_time_is_read_as_numbers(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


def test_a_whole_bulletin() -> None:
    assert speakable("UBND xã mời bà con họp lúc 7h30 ngày 24/11/2026, mưa 60 mm, gió 50 km/h.") == (
        "ủy ban nhân dân xã mời bà con họp lúc bảy giờ ba mươi phút ngày hai mươi tư tháng mười một "
        "năm hai nghìn không trăm hai mươi sáu, mưa sáu mươi mi li mét, gió năm mươi ki lô mét trên giờ."
    )


@given(st.text(alphabet="0123456789./,:-–% hgđkmTPQ.ngàytháng+'\n", max_size=60))
def test_no_digit_is_left_for_the_voice_to_guess_at_unless_it_is_part_of_a_word(written: str) -> None:
    spoken = speakable(written)
    assert all(
        not character.isdecimal() or (index > 0 and (spoken[index - 1].isalnum()))
        for index, character in enumerate(spoken)
    )
