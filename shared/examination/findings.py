"""What a check found: how grave it is, in words, and what mends it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from shared.examination.words import WORDS


class Grade(StrEnum):
    """How grave a finding is; only FAIL makes the command's exit code 1."""

    OK = "ok"
    NOTE = "note"  # works, and could be better
    FAIL = "fail"  # does not work, or loses work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; one with a code is of shared.examination.words, and was filled with the values."""

    subject: str
    grade: Grade
    detail: str
    fix: str = ""
    code: str = ""
    values: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def ok(subject: str, detail: str) -> Finding:
    """It works."""
    return Finding(subject, Grade.OK, detail)


def note(subject: str, detail: str, fix: str = "") -> Finding:
    """It works, and here is what to know."""
    return Finding(subject, Grade.NOTE, detail, fix)


def fail(subject: str, detail: str, fix: str) -> Finding:
    """It does not work; `fix` is what to do."""
    return Finding(subject, Grade.FAIL, detail, fix)


def told(grade: Grade, code: str, **values: object) -> Finding:
    """The finding whose words stand under the code; KeyError where they do not, or want another value."""
    words, filled = WORDS[code], {name: str(value) for name, value in values.items()}
    return Finding(
        words.subject.format(**filled),
        grade,
        words.detail.format(**filled),
        words.fix.format(**filled),
        code,
        filled,
    )


def worst(findings: Iterable[Finding]) -> Grade:
    """The gravest grade, OK of none."""
    grades = {finding.grade for finding in findings}
    return next((grade for grade in reversed(Grade) if grade in grades), Grade.OK)
