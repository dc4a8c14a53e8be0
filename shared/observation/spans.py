"""What tracing is to the rest: spans of calls, of attempts and of their phases. `tracing` beside it does it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

Value = str | int | float | bool


class Enter(Protocol):
    """Called when an attempt enters a phase, in the task that works on it."""

    def __call__(self, phase: str, /) -> None:
        """End the span of the phase before and begin this one's."""


class Tracing(Protocol):
    """What is done when traces are on."""

    def span(self, name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[object]:
        """A call to another system, under the span that is current."""

    def attempt(
        self, job_id: UUID, number: int, traceparent: str | None, attributes: Mapping[str, Value]
    ) -> AbstractContextManager[Enter]:
        """An attempt of a job."""

    def continued(
        self, name: str, traceparent: str, attributes: Mapping[str, Value]
    ) -> AbstractContextManager[object]:
        """A call to another system, in the trace that a header names."""

    def annotate(self, attributes: Mapping[str, Value]) -> None:
        """Add to the span that is current."""

    def traceparent(self) -> str | None:
        """The span that is current, as W3C's header."""

    def ids(self) -> tuple[str, str] | None:
        """The trace and the span that is current, in hex."""

    def statement_ended(self, record: object) -> None:
        """What asyncpg tells of a statement."""

    def close(self) -> None:
        """Send what is left."""
