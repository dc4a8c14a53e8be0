"""Transcripts: read, and written as files."""

from typing import Final
from uuid import UUID

from client.calls.reading import query, read
from client.models import Transcript
from client.plans import Plan, Request
from client.retries import answered

_PATH: Final = "/v1/sessions/{session_id}/transcript"


def get(session_id: UUID) -> Plan[Transcript]:
    """The session's transcript; NotReadyError while its job runs."""
    path = _PATH.format(session_id=session_id)
    return read(Transcript, (yield from answered(Request("GET", path, params={"format": "json"}))))


def export(
    session_id: UUID,
    format: str,  # noqa: A002  (the API's own name for it)
    *,
    max_line_chars: int | None = None,
    max_lines: int | None = None,
    words: bool | None = None,
) -> Plan[bytes]:
    """The session's transcript as a file of that format: txt, md, srt, vtt, csv, json and what else there is.

    `max_line_chars` and `max_lines` lay out captions, `words` adds each word to JSON.
    """
    params = query(
        {"format": format, "max_line_chars": max_line_chars, "max_lines": max_lines, "words": words}
    )
    response = yield from answered(Request("GET", _PATH.format(session_id=session_id), params=params))
    return response.content
