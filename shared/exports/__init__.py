"""A transcript as a file: one module a format, each a pure function `(Transcript, ExportOptions) -> bytes`.

A format that needs a library (docx, xlsx, pdf) imports it inside its `render`, so that this package stays
importable without it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.exports import csv_table, json_document, markdown, plain_text, subrip, webvtt
from shared.exports.options import ExportOptions, Format

__all__ = ["FORMATS", "ExportOptions", "Format"]

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "json": Format("application/json", "json", json_document.render),
        "txt": Format("text/plain; charset=utf-8", "txt", plain_text.render),
        "md": Format("text/markdown; charset=utf-8", "md", markdown.render),
        "srt": Format("application/x-subrip; charset=utf-8", "srt", subrip.render),
        "vtt": Format("text/vtt; charset=utf-8", "vtt", webvtt.render),
        "csv": Format("text/csv; charset=utf-8", "csv", csv_table.render),
    }
)
