"""What the API says in English, told in the reader's language: errors, notices of jobs, findings of the checks.

The English is the API's own, so the English catalogue has none of it; every other one has words for every code (a test
looks). What an error or a notice says beyond its code stays beside these words as the API said it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from markupsafe import Markup

from api_service.console.languages import Language
from shared.errors import TranscriptsError
from shared.examination.findings import Finding
from shared.examination.words import WORDS, Words
from shared.schemas.jobs import JobError

SPOKEN_BY_THE_API: Final = "en"
_CAUSE: Final = "cause"  # of an error: the code of another one


@dataclass(frozen=True, slots=True)
class Told:
    """Words of the page's language, and what the API said in English where that is more."""

    words: str
    original: str = ""

    def __html__(self) -> str:
        """For templates; a screen reader is told where the language changes."""
        words = Markup("{}").format(self.words)
        if not self.original:
            return words
        quoted = Markup('<span class="original" lang="en">{}</span>').format(self.original)
        return words + " " + quoted if self.words else quoted

    def __str__(self) -> str:
        """For attributes, and lines that have no room."""
        return self.words or self.original


def told_error(said: Language, code: str, detail: str, values: Mapping[str, Any] | None = None) -> Told:
    """An error; `values` are its extra members."""
    words = _words(said, "error", code)
    if words is None:
        return _untranslated(said, detail)
    more = _more(said, code, values or {})
    return Told(words + more, "" if detail in {"", usual_detail(code)} else detail)


def told_failure(said: Language, error: JobError) -> Told:
    """Why a job failed, or why its last attempt did."""
    return told_error(said, error.code, error.detail, error.model_extra)


def told_notice(said: Language, code: str, detail: str) -> Told:
    """A notice of a job."""
    words = _words(said, "warning", code)
    return _untranslated(said, detail) if words is None else Told(words, detail)


def told_finding(said: Language, finding: Finding) -> Words:
    """A finding: its part, what was found, and what mends it."""
    if said.tag == SPOKEN_BY_THE_API or finding.code not in WORDS:
        return Words(finding.subject, finding.detail, finding.fix)
    fix = str(said.t(f"finding_fix.{finding.code}", **finding.values)) if finding.fix else ""
    detail = str(said.t(f"finding.{finding.code}", **finding.values))
    return Words(said.word("part", finding.subject), detail, fix)


def words_for_scripts(said: Language) -> dict[str, tuple[str, str]]:
    """By code: an error's words, and what the API says of it where it has nothing to add; for pages that ask /v1."""
    section = "error."
    codes = [key.removeprefix(section) for key in said.texts if key.startswith(section)]
    return {code: (said.texts[section + code], usual_detail(code)) for code in codes}


def usual_detail(code: str) -> str:
    """What an error with this code says where nothing particular is known."""
    return _usual_details().get(code, "")


@cache
def _usual_details() -> dict[str, str]:
    return {each.code: each().detail for each in _errors(TranscriptsError)}


def _errors(above: type[TranscriptsError]) -> Iterator[type[TranscriptsError]]:
    if above.__module__ == TranscriptsError.__module__:
        yield above
        for each in above.__subclasses__():
            yield from _errors(each)


def _words(said: Language, section: str, code: str) -> str | None:
    key = f"{section}.{code}"
    return said.texts[key] if said.tag != SPOKEN_BY_THE_API and said.has(key) else None


def _untranslated(said: Language, detail: str) -> Told:
    return Told(detail) if said.tag == SPOKEN_BY_THE_API else Told("", detail)


def _more(said: Language, code: str, values: Mapping[str, Any]) -> str:
    """What the catalogue says of the values that an error may bring."""
    key = f"error_more.{code}"
    if not said.has(key):
        return ""
    named = {name: value for name, value in values.items() if isinstance(value, (str, int, float))}
    if _CAUSE in named:
        named[_CAUSE] = _words(said, "error", str(named[_CAUSE])) or named[_CAUSE]
    try:
        return said.texts[key].format(**named)
    except KeyError:
        return ""
