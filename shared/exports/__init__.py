"""A transcript as a file: one module a format, each a pure function `(Transcript, ExportOptions) -> bytes`.

A format that needs a library (docx, xlsx, pdf) is imported with its first file, so that this package stays
importable without it, and a process that writes none does not hold it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.exports import csv_table, json_document, markdown, plain_text, subrip, webvtt
from shared.exports.options import ExportOptions, Format
from shared.transcript import Transcript

__all__ = ["FORMATS", "ExportOptions", "Format"]

_OOXML: Final = "application/vnd.openxmlformats-officedocument"


def _docx(transcript: Transcript, options: ExportOptions) -> bytes:
    from shared.exports import word  # noqa: PLC0415

    return word.render(transcript, options)


def _xlsx(transcript: Transcript, options: ExportOptions) -> bytes:
    from shared.exports import spreadsheet  # noqa: PLC0415

    return spreadsheet.render(transcript, options)


def _pdf(transcript: Transcript, options: ExportOptions) -> bytes:
    from shared.exports import pdf  # noqa: PLC0415

    return pdf.render(transcript, options)


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "json": Format("application/json", "json", json_document.render),
        "txt": Format("text/plain; charset=utf-8", "txt", plain_text.render),
        "md": Format("text/markdown; charset=utf-8", "md", markdown.render),
        "srt": Format("application/x-subrip; charset=utf-8", "srt", subrip.render),
        "vtt": Format("text/vtt; charset=utf-8", "vtt", webvtt.render),
        "csv": Format("text/csv; charset=utf-8", "csv", csv_table.render),
        "docx": Format(f"{_OOXML}.wordprocessingml.document", "docx", _docx),
        "xlsx": Format(f"{_OOXML}.spreadsheetml.sheet", "xlsx", _xlsx),
        "pdf": Format("application/pdf", "pdf", _pdf),
    }
)
