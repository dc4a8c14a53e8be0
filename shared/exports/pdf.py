"""PDF (.pdf): A4 pages that look the same everywhere, since the glyphs they use are embedded."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fpdf import FPDF

from shared.exports.fonts import REPLACEMENT, Face, cut, preferred, share
from shared.exports.lines import atoms, fill
from shared.exports.options import ExportOptions
from shared.exports.palette import INK, QUIET
from shared.exports.turns import Paragraph, facts, paragraphs
from shared.exports.wording import one_line
from shared.transcript import Transcript

_MARGIN: Final = 22.0  # all lengths are millimetres, all sizes points
_TIME_COLUMN: Final = 19.0
_LINE: Final = 0.53  # of a line's height to its size: 1.5 lines of 0.353 mm a point
_BODY: Final = 10.5
_SMALL: Final = 8.0
_WIDEST: Final = 40  # columns of a word that is not broken: any line here holds them
_OURS: Final = "0123456789: " + REPLACEMENT
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC)  # fixed, so that the same transcript gives the same bytes


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """The transcript as pages; a character that no font has is shown as a box, and a note says so.

    Raises SetupError where the fonts are not installed.
    """
    title, head, body = one_line(transcript.title), list(facts(transcript)), list(paragraphs(transcript))
    used = set(_OURS).union(title, *head, *(p.text for p in body), *(p.heading or "" for p in body))
    note = "Note: this file cannot show {} of the characters, which are boxes here; docx, txt and json have them."
    shares = share(used | set(note), preferred(transcript.language))
    missing = {c for c in used.difference(*shares.values()) if c.isprintable()}
    with tempfile.TemporaryDirectory(prefix="transcripts-fonts-") as folder:
        pages = _Pages(shares, Path(folder))
        pages.write(title, size=18)
        pages.gap(2)
        for fact in head:
            pages.write(fact, size=9, colour=QUIET)
        for paragraph in body:
            pages.paragraph(paragraph)
        if missing:
            pages.gap(4)
            pages.write(note.format(len(missing)), size=9, colour=QUIET)
        return pages.finished(title, transcript.language)


class _Pages(FPDF):
    """Pages that grow by lines of text, with a number at the foot of each."""

    def __init__(self, shares: dict[Face, str], folder: Path) -> None:
        super().__init__(format="A4")
        self.set_creation_date(_MADE)
        self.set_producer("Coaching Transcripts")
        self.set_margin(_MARGIN)
        self.c_margin = 0.0
        self.alias_nb_pages("")  # nothing that was said stands for the number of pages
        self.set_auto_page_break(auto=True, margin=_MARGIN)
        self._first, *others = self._add(shares, folder)
        self.set_fallback_fonts(others, exact_match=False)
        self._drawn = set().union(*shares.values())
        self._widths: dict[tuple[str, float], float] = {}
        self.add_page()

    def footer(self) -> None:
        """The page's number; FPDF calls this at the end of each page."""
        self.set_y(-14)
        self._look(_SMALL, QUIET)
        self.cell(0, 4, str(self.page_no()), align="C")

    def gap(self, height: float) -> None:
        """Leave some room."""
        self.set_y(self.get_y() + height)

    def write(self, text: str, *, size: float, colour: str = "000000", indent: float = 0.0) -> None:  # type: ignore[override]
        """Write lines that are as long as the page is wide, broken where the text's script allows."""
        height = size * _LINE
        for line in self._lines(self._shown(text), size, self.epw - indent):
            if self.will_page_break(height):
                self.add_page()
            self._look(size, colour)
            self.set_x(_MARGIN + indent)
            self.cell(0, height, line, new_x="LMARGIN", new_y="NEXT")

    def paragraph(self, paragraph: Paragraph) -> None:
        """A segment: perhaps a name, then the time in the margin and the text beside it."""
        height = _BODY * _LINE
        if paragraph.heading:
            self.gap(3)
            if self.will_page_break(11 * _LINE + height + 1):
                self.add_page()  # a name does not stand alone at the foot of a page
            self.write(paragraph.heading, size=11, colour=INK[paragraph.role])
        self.gap(0.8)
        if self.will_page_break(height):
            self.add_page()
        top = self.get_y()
        self._look(_SMALL, QUIET)
        self.cell(_TIME_COLUMN, height, paragraph.time)
        self.set_y(top)
        self.write(paragraph.text, size=_BODY, indent=_TIME_COLUMN)

    def finished(self, title: str, language: str | None) -> bytes:
        """The file."""
        self.set_title(title)
        if language:
            self.set_lang(language)
        return bytes(self.output())

    def _add(self, shares: dict[Face, str], folder: Path) -> Sequence[str]:
        for face, characters in shares.items():
            file = folder / f"{face.name}.ttf"
            cut(face, characters, file)
            self.add_font(face.name, fname=file)
        return [face.name for face in shares]

    def _look(self, size: float, colour: str) -> None:
        self.set_font(self._first, size=size)
        self.set_text_color(f"#{colour}")

    def _shown(self, text: str) -> str:
        """The text with a box for each character that no font has; what has no width is left out."""
        absent = set(text) - self._drawn
        return text.translate({ord(c): REPLACEMENT if c.isprintable() else "" for c in absent})

    def _lines(self, text: str, size: float, width: float) -> list[str]:
        self.set_font(self._first, size=size)

        def measured(part: str) -> float:
            key = (part, size)
            if key not in self._widths:
                self._widths[key] = float(self.get_string_width(part))
            return self._widths[key]

        return fill(atoms(text, _WIDEST), width, measured)
