"""Pages that people read say what is there."""

import re
from pathlib import Path

import pytest

from controller.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_every_setting_is_explained() -> None:
    told = set(
        re.findall(r"`LOACAST_([A-Z_]+)`", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    )
    assert {name.upper() for name in Settings.model_fields} <= told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
