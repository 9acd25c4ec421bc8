import pytest

from wire import docs
from wire.__main__ import PAGE
from wire.schema import examples


def test_the_page_in_the_repository_is_what_would_be_drawn_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert docs.render(page) == page


def test_every_kind_of_message_has_its_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = {type(each).__name__ for each in examples().values()} - {
        line.split()[1] for line in page.splitlines() if line.startswith("#### ")
    }
    assert missing == set()


def test_only_what_stands_between_the_marks_is_drawn_anew() -> None:
    page = "before\n<!-- begin: words -->\nstale words\n<!-- end: words -->\nafter\n"
    drawn = docs.render(page)
    assert drawn.startswith("before\n<!-- begin: words -->\n")
    assert drawn.endswith("<!-- end: words -->\nafter\n")
    assert "stale words" not in drawn
    assert "`emergency`: khẩn cấp" in drawn
    assert docs.render(drawn) == drawn


def test_a_mark_for_which_nothing_is_drawn_is_refused() -> None:
    with pytest.raises(docs.UnknownSection, match="rumours"):
        docs.render("<!-- begin: rumours -->\n<!-- end: rumours -->")
