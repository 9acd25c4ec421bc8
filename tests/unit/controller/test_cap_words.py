"""What is said of an alert: every language that is asked for, the principal one first, and not for ever."""

from controller.cap.alert import Info, Severity
from controller.cap.words import LONGEST_TEXT, Said, said_in_order, shortened, title_of


def info(language: str, event: str, headline: str = "", description: str = "", instruction: str = "") -> Info:
    return Info(event, Severity.SEVERE, language, headline, description, instruction)


VIETNAMESE = info("vi-VN", "Bão", "Bão số 9 vào gần bờ", "Gió giật cấp 12.", "Chằng chống nhà cửa")
KHMER = info("km", "ព្យុះ", "ព្យុះខ្លាំង")
ENGLISH = info("en-US", "Storm", "Storm 9 nears the coast")


def test_languages_are_said_in_the_feeds_order() -> None:
    said = said_in_order([ENGLISH, KHMER, VIETNAMESE], ("vi", "km"))
    assert [each.language for each in said] == ["vi", "km"]
    assert said[0].text == "Bão số 9 vào gần bờ. Gió giật cấp 12. Chằng chống nhà cửa."


def test_the_event_is_said_first_where_the_headline_does_not_name_it() -> None:
    unnamed = info("vi", "Triều cường", "Nước lên cao chiều nay", "Nước lên cao chiều nay")
    assert said_in_order([unnamed], ("vi",)) == (Said("vi", "Triều cường. Nước lên cao chiều nay."),)


def test_an_alert_in_no_language_of_the_feed_is_said_in_its_own() -> None:
    assert [each.language for each in said_in_order([ENGLISH], ("vi", "km"))] == ["en"]


def test_two_infos_of_one_language_are_both_said() -> None:
    rain = info("vi", "Mưa lớn")
    assert said_in_order([VIETNAMESE, rain], ("vi",))[0].text.endswith("Chằng chống nhà cửa. Mưa lớn.")


def test_a_text_is_shortened_by_whole_sentences() -> None:
    assert shortened("Một. Hai. Ba.", 10) == "Một. Hai."
    assert shortened("Một hai ba bốn", 9) == "Một hai"
    assert shortened("Một. Hai.", 100) == "Một. Hai."
    endless = info("vi", "Bão", description="Gió mạnh lên. " * 1000)
    assert len(said_in_order([endless], ("vi",))[0].text) <= LONGEST_TEXT


def test_its_title_is_the_headline_in_the_first_language() -> None:
    assert title_of([ENGLISH, VIETNAMESE], ("vi", "km")) == "Bão số 9 vào gần bờ"
    assert title_of([info("vi", "Bão")], ("vi",)) == "Bão"
