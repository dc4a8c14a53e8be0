"""The catalogues: the same keys and places in every language, and every key that a page names."""

import re
from pathlib import Path

import pytest

from api_service.console.languages import NAMES, language

CONSOLE = Path(__file__).parents[4] / "api_service" / "console"
PLACE = re.compile(r"\{(\w*)\}")
SAID_BY_THE_API = ("error.", "error_more.", "warning.", "part.", "finding.", "finding_fix.")
"""Sections that the English catalogue does not have; test_told.py looks at them."""


@pytest.mark.parametrize("tag", NAMES)
def test_every_language_says_the_same_things(tag: str) -> None:
    english = language("en").texts
    ours = {k: text for k, text in language(tag).texts.items() if not k.startswith(SAID_BY_THE_API)}
    assert ours.keys() == english.keys()
    assert {k: set(PLACE.findall(text)) for k, text in ours.items()} == {
        k: set(PLACE.findall(text)) for k, text in english.items()
    }
    assert all(text.strip() for text in ours.values())


def test_every_text_that_a_page_names_is_in_the_catalogue() -> None:
    known = language("en").texts
    missing = [
        (template.name, key)
        for template in (CONSOLE / "templates").rglob("*.html")
        for key in re.findall(r"\bt\('([\w.]+)'\s*[,)]", template.read_text())
        if key not in known
    ]
    assert not missing


def test_no_catalogue_has_been_forgotten() -> None:
    assert {path.stem for path in (CONSOLE / "catalogues").iterdir()} == set(NAMES)
