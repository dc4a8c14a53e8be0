"""What the worker asks of the computing process, and what it answers, as JSON; standard library only."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from shared.transcript import Notice, Word


@dataclass(frozen=True, slots=True)
class Order:
    """One recording to be transcribed."""

    audio: str
    duration_ms: int
    model: str
    models_dir: str
    threads: int
    language: str | None
    speakers: int
    diarization: bool
    phrases: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON's types only."""
        return {**asdict(self), "phrases": list(self.phrases)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The order that `as_json` wrote."""
        return cls(**{**data, "phrases": tuple(data["phrases"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was heard; `language` is None where there was nothing to hear it from."""

    words: tuple[Word, ...]
    language: str | None
    model: str
    warnings: tuple[Notice, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON's types only; a word is a list, since there are tens of thousands of them."""
        return {
            "words": [[w.text, w.start_ms, w.end_ms, w.confidence, w.speaker, w.joined] for w in self.words],
            "language": self.language,
            "model": self.model,
            "warnings": [[notice.code, notice.detail] for notice in self.warnings],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The outcome that `as_json` wrote."""
        return cls(
            words=tuple(Word(*word) for word in data["words"]),
            language=data["language"],
            model=data["model"],
            warnings=tuple(Notice(*notice) for notice in data["warnings"]),
        )
