"""The bill: one row a file and operation, so that a test can tell what its run would have cost."""

from dataclasses import dataclass
from typing import Any

from tests.fakes.google.audio import Audio
from tests.fakes.google.state import State


@dataclass(frozen=True, slots=True)
class Charge:
    """What one file of one operation costs and why."""

    operation: str
    uri: str
    output: str  # the output prefix, which tells the job and its attempt
    model: str
    strategy: str  # STANDARD or DYNAMIC_BATCHING
    audio: Audio
    billed_ms: int
    outcome: str  # succeeded, file_error, failed, cancelled


class Ledger:
    """Every charge there was; a reset of the state is all that removes one."""

    def __init__(self, state: State) -> None:
        self._state = state

    def book(self, charge: Charge) -> None:
        """Write a charge; a second one for the same file and operation is a bug of ours and raises."""
        self._state.execute(
            "INSERT INTO ledger VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            charge.operation,
            charge.uri,
            charge.output,
            charge.model,
            charge.strategy,
            charge.audio.ms,
            charge.audio.channels,
            charge.billed_ms,
            charge.outcome,
            self._state.now_ms(),
        )

    def document(self) -> dict[str, Any]:
        """The rows in order, and the total in milliseconds."""
        rows = [dict(row) for row in self._state.rows("SELECT * FROM ledger ORDER BY id")]
        return {"rows": rows, "billed_ms": sum(row["billed_ms"] for row in rows)}


def billed_ms(audio: Audio, heard_ms: int | None = None) -> int:
    """Billed time: each channel's length, rounded up to the second; `heard_ms` where it was stopped early."""
    heard = audio.ms if heard_ms is None else heard_ms
    return -(-heard // 1_000) * 1_000 * audio.channels
