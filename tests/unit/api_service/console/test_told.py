"""What the API says in English, in every language of the console: a code that is new fails here until it has words."""

import ast
import re
from pathlib import Path

import pytest

from api_service.console.languages import NAMES, language
from api_service.console.told import (
    SPOKEN_BY_THE_API,
    told_error,
    told_finding,
    told_notice,
    usual_detail,
    words_for_scripts,
)
from shared.errors import AttemptsExhaustedError, ForbiddenError, MediaError
from shared.examination.findings import Finding, Grade, told
from shared.examination.words import WORDS
from shared.transcript import NoticeCode

ROOT = Path(__file__).parents[4]
PLACE = re.compile(r"\{(\w+)\}")
OTHERS = [tag for tag in NAMES if tag != SPOKEN_BY_THE_API]
MANDARIN = language("zh-TW")


def trees() -> list[ast.Module]:
    sources = (
        path for name in ("shared", "api_service", "worker_service") for path in (ROOT / name).rglob("*.py")
    )
    return [ast.parse(path.read_text()) for path in sources]


def error_codes() -> set[str]:
    """The codes of all errors that our services know."""
    return {
        str(line.value.value)
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
        for line in node.body
        if isinstance(line, (ast.Assign, ast.AnnAssign)) and isinstance(line.value, ast.Constant)
        if ast.unparse(line.target if isinstance(line, ast.AnnAssign) else line.targets[0]) == "code"
    }


def section(tag: str, name: str) -> dict[str, str]:
    return {
        key.removeprefix(f"{name}."): text
        for key, text in language(tag).texts.items()
        if key.startswith(f"{name}.")
    }


@pytest.mark.parametrize("tag", OTHERS)
def test_every_error_has_words(tag: str) -> None:
    codes = error_codes()
    assert len(codes) > 50
    assert section(tag, "error").keys() == codes
    assert section(tag, "error_more").keys() <= codes


@pytest.mark.parametrize("tag", OTHERS)
def test_every_notice_has_words(tag: str) -> None:
    assert section(tag, "warning").keys() == set(NoticeCode)


def test_no_notice_of_ours_has_a_code_of_its_own() -> None:
    literal = [
        ast.unparse(node)
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"Notice", "notice"}
        if node.args and isinstance(node.args[0], ast.Constant)
    ]
    assert literal == []


@pytest.mark.parametrize("tag", OTHERS)
def test_every_finding_has_words_with_the_same_values(tag: str) -> None:
    def places(texts: dict[str, str]) -> dict[str, set[str]]:
        return {code: set(PLACE.findall(text)) for code, text in texts.items()}

    details = {code: set(PLACE.findall(words.detail)) for code, words in WORDS.items()}
    # A broken part is named in its column in English, and besides in the sentence elsewhere.
    details |= {code: each | {"part"} for code, each in details.items() if WORDS[code].subject == "{part}"}
    assert places(section(tag, "finding")) == details
    assert places(section(tag, "finding_fix")) == {
        code: set(PLACE.findall(words.fix)) for code, words in WORDS.items() if words.fix
    }
    subjects = {words.subject for words in WORDS.values()} - {"{part}"}
    assert section(tag, "part").keys() == subjects


def test_findings_of_the_services_have_codes() -> None:
    free = [
        ast.unparse(node)
        for path in [
            *(ROOT / "shared" / "examination").glob("*.py"),
            *(ROOT / "api_service").rglob("examination.py"),
        ]
        if path.stem != "findings"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"ok", "note", "fail", "Finding"}
    ]
    assert free == []


def test_an_english_page_says_what_the_api_says() -> None:
    english = language("en")
    assert (
        str(told_error(english, "media_unreadable", "It claims 900 channels.")) == "It claims 900 channels."
    )
    assert told_finding(english, told(Grade.FAIL, "redis_evicts", policy="allkeys-lru")).detail.startswith(
        "maxmemory-policy is allkeys-lru"
    )
    assert words_for_scripts(english) == {}


def test_another_language_keeps_what_the_api_says_beyond_the_code() -> None:
    usual = told_error(MANDARIN, "media_unreadable", MediaError().detail)
    assert (usual.words, usual.original) == (MANDARIN.texts["error.media_unreadable"], "")
    more = told_error(MANDARIN, "media_unreadable", "It claims <900> channels.")
    assert more.__html__().endswith('<span class="original" lang="en">It claims &lt;900&gt; channels.</span>')
    notice = told_notice(MANDARIN, "media_gaps", "12 s.")
    assert (notice.words, notice.original) == (MANDARIN.texts["warning.media_gaps"], "12 s.")


def test_values_of_an_error_are_told_where_it_has_them() -> None:
    error = ForbiddenError(scope="ops")
    assert "ops" in told_error(MANDARIN, error.code, error.detail, error.extra).words
    assert "{" not in told_error(MANDARIN, error.code, "Reload the page.", {}).words
    last = AttemptsExhaustedError("The job failed 5 times.", cause="engine_quota")
    assert (
        MANDARIN.texts["error.engine_quota"] in told_error(MANDARIN, last.code, last.detail, last.extra).words
    )


def test_what_has_no_words_is_told_in_the_api_s() -> None:
    """An engine of another package has codes of its own."""
    for unknown in (
        told_error(MANDARIN, "their_code", "Theirs."),
        told_notice(MANDARIN, "their_code", "Theirs."),
    ):
        assert (str(unknown), unknown.__html__()) == (
            "Theirs.",
            '<span class="original" lang="en">Theirs.</span>',
        )
    theirs = Finding("part", Grade.OK, "well")
    assert told_finding(MANDARIN, theirs) == ("part", "well", "")


def test_a_finding_is_told_with_its_values() -> None:
    said = told_finding(MANDARIN, told(Grade.FAIL, "engine_unserved", jobs=2, engine="google"))
    assert "google" in said.detail
    assert "TRANSCRIPTS_ENGINES=google" in said.fix


def test_scripts_know_what_the_api_says_where_it_has_nothing_to_add() -> None:
    words, usual = words_for_scripts(MANDARIN)["overloaded"]
    assert (words, usual) == (MANDARIN.texts["error.overloaded"], usual_detail("overloaded"))
    assert usual.startswith("The queue is full.")
