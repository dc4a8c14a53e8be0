"""Long-running operations: what they will become is planned when they start, and time alone moves them.

Nothing ticks. Whoever looks (a gRPC call, a read of the bucket, the ledger) first calls `advance`, which ends
every operation whose time has come: its results are written, its charges booked, its final state fixed.
"""

import json
import secrets
import sqlite3
from typing import Any, Final

import grpc

from google.cloud.speech_v2.types import cloud_speech
from google.longrunning.operations_pb2 import Operation
from google.rpc import code_pb2, status_pb2
from tests.fakes.google.faults import Refusal
from tests.fakes.google.runs import Request, Runs, is_dynamic
from tests.fakes.google.state import State

PROGRESS_STEPS: Final = (0, 26, 52, 78)
_STUCK: Final = 0.5  # how far an operation gets that never ends
_METADATA: Final = cloud_speech.OperationMetadata.pb()
_REQUEST: Final = cloud_speech.BatchRecognizeRequest.pb()


class Operations:
    """Every operation there was, running and done."""

    def __init__(self, state: State, runs: Runs) -> None:
        self._state = state
        self._runs = runs

    def submit(self, project: str, location: str, request: Request) -> Operation:
        """Start an operation and return it as it is now."""
        name = f"projects/{project}/locations/{location}/operations/{secrets.token_hex(8)}"
        plan = self._runs.plan(request)
        settings, now = self._state.settings, self._state.now_ms()
        longest = max(file["audio"]["ms"] for file in plan["files"].values())
        lasts = longest / settings.speed if settings.operation_ms is None else settings.operation_ms
        if is_dynamic(request):
            lasts += settings.dynamic_delay_ms
        self._state.execute(
            "INSERT INTO operations (name, request, plan, submitted_ms, ends_ms) VALUES (?, ?, ?, ?, ?)",
            name,
            Request.serialize(request),
            json.dumps(plan),
            now,
            None if plan["hangs"] else now + int(lasts),
        )
        return self.get(name)

    def advance(self) -> None:
        """End every operation whose time has come."""
        for row in self._state.rows(
            "SELECT * FROM operations WHERE final IS NULL AND ends_ms <= ? ORDER BY ends_ms",
            self._state.now_ms(),
        ):
            plan = json.loads(row["plan"])
            response = self._runs.finish(row["name"], _request(row), plan)
            operation = _operation(row, 100, self._state.now_ms())
            if response is None:
                operation.error.CopyFrom(status_pb2.Status(**plan["error"]))
            else:
                operation.response.Pack(cloud_speech.BatchRecognizeResponse.pb(response))
            self._fix(operation)

    def get(self, name: str) -> Operation:
        """The operation as it is now; NOT_FOUND where there is none."""
        self.advance()
        return _as_now(self._row(name), self._state.now_ms())

    def page(self, parent: str, filter_: str, size: int, token: str) -> tuple[list[Operation], str]:
        """A page of a location's operations, and the token of the next page ("" on the last).

        Operations of v2 are listed only where the filter asks for them, and no other filter is understood.
        """
        self.advance()
        if filter_.strip() not in ("", "is_v2(name)"):
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid filter: {filter_!r}.")
        settings = self._state.settings
        limit = min(size or settings.default_page_size, settings.max_page_size)
        now = self._state.now_ms()
        beyond, order = (">", "ASC") if settings.oldest_first else ("<", "DESC")
        rows = self._state.rows(
            f"SELECT * FROM operations WHERE name GLOB ? AND NOT deleted AND seq {beyond} ? AND submitted_ms <= ?"
            f" ORDER BY seq {order} LIMIT ?",
            f"{parent}/operations/*",
            int(token or (0 if settings.oldest_first else 2**62)),
            now - settings.listed_after_ms,
            limit + 1 if filter_ else 0,
        )
        following = str(rows[limit - 1]["seq"]) if len(rows) > limit else ""
        return [_as_now(row, now) for row in rows[:limit]], following

    def cancel(self, name: str) -> None:
        """Stop a running operation as far as the settings let it; one that is done stays as it is."""
        self.advance()
        row = self._row(name)
        if row["final"] or self._state.settings.cancel == "ignored":
            return
        now = self._state.now_ms()
        self._runs.stop(name, _request(row), json.loads(row["plan"]), _fraction(row, now))
        operation = _as_now(row, now)
        operation.error.CopyFrom(
            status_pb2.Status(code=code_pb2.CANCELLED, message="The operation was cancelled.")
        )
        self._fix(operation)

    def delete(self, name: str) -> None:
        """Forget an operation; one that is running goes on and is billed."""
        self.advance()
        self._row(name)
        self._state.execute("UPDATE operations SET deleted = 1 WHERE name = ?", name)

    def finish(self, name: str) -> None:
        """End a running operation now, also one that hangs."""
        self._state.execute(
            "UPDATE operations SET ends_ms = ? WHERE name = ? AND final IS NULL", self._state.now_ms(), name
        )
        self.advance()

    def documents(self) -> list[dict[str, Any]]:
        """All operations in the order of their making, for tests to look at."""
        self.advance()
        now = self._state.now_ms()
        return [_document(row, now) for row in self._state.rows("SELECT * FROM operations ORDER BY seq")]

    def _row(self, name: str) -> sqlite3.Row:
        row = self._state.row("SELECT * FROM operations WHERE name = ? AND NOT deleted", name)
        if not row:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Operation {name} not found.")
        return row

    def _fix(self, operation: Operation) -> None:
        operation.done = True
        self._state.execute(
            "UPDATE operations SET final = ? WHERE name = ?", operation.SerializeToString(), operation.name
        )


def _request(row: sqlite3.Row) -> Request:
    request: Request = Request.deserialize(row["request"])
    return request


def _fraction(row: sqlite3.Row, now_ms: int) -> float:
    if row["ends_ms"] is None:
        return _STUCK
    lasts: int = row["ends_ms"] - row["submitted_ms"]
    return min(1.0, (now_ms - int(row["submitted_ms"])) / max(1, lasts))


def _as_now(row: sqlite3.Row, now_ms: int) -> Operation:
    if row["final"]:
        return Operation.FromString(row["final"])
    percent = _fraction(row, now_ms) * 100
    return _operation(row, max(step for step in PROGRESS_STEPS if step <= percent), now_ms)


def _operation(row: sqlite3.Row, percent: int, now_ms: int) -> Operation:
    """A running operation with the metadata that Google shows: the request is echoed in it.

    Plain messages instead of their wrappers: a page of a thousand would otherwise take a second.
    """
    metadata = _METADATA(
        method="google.cloud.speech.v2.Speech.BatchRecognize",
        batch_recognize_request=_REQUEST.FromString(row["request"]),
        progress_percent=percent,
    )
    metadata.resource = metadata.batch_recognize_request.recognizer
    for file in metadata.batch_recognize_request.files:
        metadata.batch_recognize_metadata.transcription_metadata[file.uri].progress_percent = percent
    metadata.create_time.FromMilliseconds(row["submitted_ms"])
    metadata.update_time.FromMilliseconds(now_ms)
    operation = Operation(name=row["name"])
    operation.metadata.Pack(metadata)
    return operation


def _document(row: sqlite3.Row, now_ms: int) -> dict[str, Any]:
    now, request = _as_now(row, now_ms), _request(row)
    return {
        "name": row["name"],
        "uris": [file.uri for file in request.files],
        "output": request.recognition_output_config.gcs_output_config.uri,
        "done": now.done,
        "error": {"code": now.error.code, "message": now.error.message} if now.error.code else None,
        "deleted": bool(row["deleted"]),
        "submitted_ms": row["submitted_ms"],
    }
