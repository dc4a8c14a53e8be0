"""Excel (.xlsx): one row a segment, coloured by role, with a header that stays and a filter."""

import io
import math
from datetime import UTC, datetime
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format as CellFormat
from xlsxwriter.workbook import Workbook

from shared.exports.options import ExportOptions
from shared.exports.palette import TINT
from shared.exports.turns import role_of
from shared.exports.wording import one_line, speaker_label
from shared.transcript import Role, Segment, Transcript, display_width

_COLUMNS: Final = (("Time", 10), ("Speaker", 18), ("Role", 10), ("Content", 90))
_LETTER: Final = 0.9  # of a digit's width
_DAY_MS: Final = 86_400_000
_CELL_CHARS: Final = 32_767  # what Excel puts into a cell; a longer segment goes on in the next row
_MADE: Final = datetime(
    2000, 1, 1, tzinfo=UTC
)  # a fixed time, so that the same transcript gives the same bytes


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """A workbook of one sheet; times are numbers (parts of a day), so that they sort and add up.

    Cells are written as text and never as formulas, so nothing that was said can run.
    """
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    workbook.set_properties({"title": one_line(transcript.title), "created": _MADE})
    _fill(workbook, transcript)
    workbook.close()
    return target.getvalue()


def _fill(workbook: Workbook, transcript: Transcript) -> None:
    sheet = workbook.add_worksheet("Transcript")
    head = workbook.add_format({"bold": True, "bottom": 1, "valign": "vcenter"})
    for column, (name, width) in enumerate(_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, head)
    times = {role: _cell(workbook, role, num_format="[hh]:mm:ss", align="left") for role in Role}
    texts = {role: _cell(workbook, role, text_wrap=True) for role in Role}
    row = 0
    for segment in transcript.segments:
        role, who = role_of(transcript, segment), speaker_label(transcript, segment.speaker) or ""
        for part in _parts(segment):
            row += 1
            sheet.write_number(row, 0, segment.start_ms / _DAY_MS, times[role])
            sheet.write_string(row, 1, who, texts[role])
            sheet.write_string(row, 2, role.value, texts[role])
            sheet.write_string(row, 3, part, texts[role])
            sheet.set_row(row, max(_height(part, 3), _height(who, 1)))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, row), len(_COLUMNS) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _cell(workbook: Workbook, role: Role, **look: object) -> CellFormat:
    return workbook.add_format({"bg_color": f"#{TINT[role]}", "valign": "top", **look})


def _height(text: str, column: int) -> float:
    """The row's height in points: programs that are not Excel do not fit it to wrapped text by themselves.

    A column's width counts digits; letters are narrower than those on the average, and CJK characters two of them wide.
    """
    wide = display_width(text) - len(text)
    units = 2 * wide + _LETTER * (len(text) - wide)
    lines = math.ceil(units / (_COLUMNS[column][1] * 0.95))  # words end before the line does
    return min(409.0, 15.0 * max(1, lines))  # 409: what Excel allows


def _parts(segment: Segment) -> list[str]:
    text = one_line(segment.text)
    return [text[start : start + _CELL_CHARS] for start in range(0, max(1, len(text)), _CELL_CHARS)]
