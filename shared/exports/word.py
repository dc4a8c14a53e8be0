"""Word (.docx): a title, the facts, then one paragraph a segment under the name of who speaks."""

import io
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph as DocxParagraph

from shared.exports.archive import rewritten
from shared.exports.options import ExportOptions
from shared.exports.palette import INK, QUIET
from shared.exports.turns import Paragraph, facts, paragraphs
from shared.exports.wording import one_line
from shared.transcript import Role, Transcript

_FONT: Final = "Calibri"
_EAST_ASIAN: Final = (  # the fonts that Word itself has; other programs put their own in place
    (("ja",), "Yu Gothic"),
    (("ko",), "Malgun Gothic"),
    (("zh-cn", "zh-sg", "zh-hans", "cmn-hans", "zh"), "Microsoft YaHei"),
)
_TRADITIONAL: Final = "Microsoft JhengHei"
_TIME_COLUMN: Final = Cm(2.0)
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC)


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """An A4 document; its times are fixed, so that the same transcript gives the same bytes."""
    document = docx.Document()
    _page(document)
    _fonts(document, transcript.language)
    document.add_heading(one_line(transcript.title), level=0)
    for fact in facts(transcript):
        line = document.add_paragraph()
        line.paragraph_format.space_after = Pt(0)
        _run(line, fact, colour=QUIET, size=9.5)
    writer = _Writer(document)
    for paragraph in paragraphs(transcript):
        writer.write(paragraph)
    _number_pages(document)
    core = document.core_properties
    core.title = one_line(transcript.title)
    core.author = core.comments = ""
    core.created = core.modified = _MADE
    target = io.BytesIO()
    document.save(target)
    return rewritten(target.getvalue())


def _page(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin = section.bottom_margin = Cm(2.0)


def _fonts(document: Document, language: str | None) -> None:
    tag = (language or "").replace("_", "-").lower()
    east = next(
        (font for tags, font in _EAST_ASIAN if any(tag == t or tag.startswith(f"{t}-") for t in tags)),
        _TRADITIONAL,
    )
    if "hant" in tag or tag in {"zh-tw", "zh-hk", "zh-mo"}:
        east = _TRADITIONAL
    for name in ("Normal", "Title", "Heading 3"):
        style = document.styles[name]
        style.font.name = _FONT
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):
            if "Theme" in attribute:
                del fonts.attrib[attribute]  # a theme's font wins over one that is named
        for script in ("w:ascii", "w:hAnsi", "w:cs"):
            fonts.set(qn(script), _FONT)
        fonts.set(qn("w:eastAsia"), east)
    if language:
        spoken: Any = OxmlElement("w:lang")  # so that Word does not mark every word as misspelt
        spoken.set(qn("w:val"), language)
        spoken.set(qn("w:eastAsia"), language)
        document.styles["Normal"].element.get_or_add_rPr().append(spoken)
    document.styles["Normal"].font.size = Pt(11)
    document.styles["Title"].font.size = Pt(22)


class _Writer:
    """Writes paragraphs as copies of one that python-docx has made, whose own way takes time by their square."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._headings = {role: self._heading(role) for role in INK}
        self._body = self._taken_out(self._paragraph())
        self._end: Any = document.element.body.sectPr  # everything stands before it

    def write(self, paragraph: Paragraph) -> None:
        """Add a paragraph at the end, with its heading if it has one."""
        if paragraph.heading:
            self._add(self._headings[paragraph.role], paragraph.heading)
        self._add(self._body, paragraph.time, f"\t{paragraph.text}")

    def _add(self, template: Any, *texts: str) -> None:
        copy = deepcopy(template)
        for run, text in zip(copy.r_lst, texts, strict=True):
            run.text = text
        self._end.addprevious(copy)

    def _heading(self, role: Role) -> Any:
        heading = self._document.add_heading(level=3)
        heading.paragraph_format.space_before, heading.paragraph_format.space_after = Pt(12), Pt(2)
        _run(heading, "", colour=INK[role])
        return self._taken_out(heading)

    def _paragraph(self) -> DocxParagraph:
        body = self._document.add_paragraph()
        body.paragraph_format.left_indent = _TIME_COLUMN
        body.paragraph_format.first_line_indent = -_TIME_COLUMN
        body.paragraph_format.tab_stops.add_tab_stop(_TIME_COLUMN)
        body.paragraph_format.space_after = Pt(4)
        _run(body, "", colour=QUIET, size=9)
        _run(body, "")
        return body

    @staticmethod
    def _taken_out(paragraph: DocxParagraph) -> Any:
        element: Any = paragraph._p
        element.getparent().remove(element)
        return element


def _run(
    paragraph: DocxParagraph, text: str, *, colour: str | None = None, size: float | None = None
) -> None:
    run = paragraph.add_run(text)
    if colour:
        run.font.color.rgb = RGBColor.from_string(colour)
    if size:
        run.font.size = Pt(size)


def _number_pages(document: Document) -> None:
    """The page's number in the footer: a field, which python-docx has no call for."""
    footer = document.sections[0].footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field: Any = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    footer._p.append(field)
