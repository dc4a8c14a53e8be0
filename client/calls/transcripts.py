"""Transcripts: read, and written as files."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from client.calls.editing import ANY, Seen
from client.calls.reading import ask, query, read
from client.models import Edited, Transcript
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
    chars_per_second: int | None = None,
    min_cue_ms: int | None = None,
    max_cue_ms: int | None = None,
    min_gap_ms: int | None = None,
    words: bool | None = None,
    redact: Iterable[str] = (),
) -> Plan[bytes]:
    """The session's transcript as a file of that format: txt, md, srt, vtt, csv, json and what else there is.

    `max_line_chars` to `min_gap_ms` lay out captions, `words` is whether JSON lists each word, `redact` takes out
    names, emails or numbers. What is left out is as docs/exports.md says.
    """
    params = query(
        {
            "format": format,
            "max_line_chars": max_line_chars,
            "max_lines": max_lines,
            "chars_per_second": chars_per_second,
            "min_cue_ms": min_cue_ms,
            "max_cue_ms": max_cue_ms,
            "min_gap_ms": min_gap_ms,
            "words": words,
            "redact": ",".join(redact) or None,
        }
    )
    response = yield from answered(Request("GET", _PATH.format(session_id=session_id), params=params))
    return response.content


def replace(session_id: UUID, captions: bytes, media_type: str, *, seen: Seen) -> Plan[Edited]:
    """Put captions (`text/vtt`, `application/x-subrip`) in place of the transcript; it can be undone."""
    headers = {"Content-Type": media_type, "If-Match": "*" if seen == ANY else f'"{seen}"'}
    path = _PATH.format(session_id=session_id)
    return ask(Edited, "PUT", path, headers=headers, body={"content": captions})
