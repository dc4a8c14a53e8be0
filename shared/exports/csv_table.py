"""CSV (.csv): one row a segment, safe to open in a spreadsheet."""

import csv
import io
from typing import Final

from shared.exports.options import ExportOptions
from shared.exports.wording import speaker_label, timestamp
from shared.transcript import Segment, Transcript

COLUMNS: Final = ("n", "start", "end", "start_ms", "end_ms", "speaker", "name", "role", "confidence", "text")
_FORMULA_STARTS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the full-width forms count too


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """RFC 4180 (CRLF, quotes doubled) in UTF-8 with a byte order mark, without which Excel reads Latin-1."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(transcript, segment) for segment in transcript.segments)
    return table.getvalue().encode("utf-8-sig")


def _row(transcript: Transcript, segment: Segment) -> tuple[object, ...]:
    speaker = transcript.speaker(segment.speaker)
    return (
        segment.n,
        timestamp(segment.start_ms),
        timestamp(segment.end_ms),
        segment.start_ms,
        segment.end_ms,
        segment.speaker,
        as_text(speaker_label(transcript, segment.speaker) or ""),
        speaker.role.value if speaker else "unknown",
        segment.confidence,
        as_text(segment.text),
    )


def as_text(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet could take it for a formula.

    A recording can say "=HYPERLINK(...)" as well as a person can type it. The apostrophe is what OWASP
    advises; it changes such a cell for every other reader, and the JSON export is the one that never does.
    """
    return f"'{cell}" if cell.lstrip(" \u3000\u00a0").startswith(_FORMULA_STARTS) else cell
