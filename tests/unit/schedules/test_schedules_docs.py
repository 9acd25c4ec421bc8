"""`docs/schedules.md` lists what the code refuses, and shows what the command prints."""

import re
from pathlib import Path

from typer.testing import CliRunner

import schedules
from schedules.__main__ import app
from schedules.errors import Refusal

PAGE = (Path(schedules.__file__).parents[1] / "docs" / "schedules.md").read_text(encoding="utf-8")


def test_the_table_of_refusals_has_every_code_in_the_order_of_the_code() -> None:
    table = PAGE.split("## What is refused")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [code.value for code in Refusal]


def test_the_example_prints_what_the_page_shows() -> None:
    example = re.search(r"^\$ python -m schedules (\w+) (.+)\n((?:\d.+\n)+)", PAGE, re.MULTILINE)
    assert example is not None
    command, options, printed = example.groups()
    arguments = [part.strip("'") for part in options.split(" ")]
    assert CliRunner().invoke(app, [command, *arguments]).stdout == printed
