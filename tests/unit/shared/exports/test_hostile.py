"""What people type and say ends up in files that other programs open: in none of them does it become more than text."""

import csv
import io

import docx
import openpyxl
import pypdf
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shared.exports import FORMATS, ExportOptions
from shared.exports.filenames import content_disposition, file_name
from shared.exports.wording import one_line
from shared.transcript import Notice, Role, Segment, Speaker, Transcript, Word

PIECES = [
    '=HYPERLINK("http://evil.example","x")', "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "\uff1d1",
    "<script>alert(1)</script>", "<b onmouseover=x>", "&lt;", "&#x3c;", "]]>", "<!--", "-->", "</v>", "<v Eve>",
    "NOTE x", "\n\n1\n00:00:01,000 --> ", "# H", "* [x](javascript:a)", "![x](http://e)", "`", "```", "|", "\\", "1.",
    "> ", "---", "_x000D_", "{nb}", "%s", "\u202e", "\u2028", "\x0b", "\x00", "\x1b[2J", "\x85", "\ufffe", "\uffff",
    "\ufdd0", "\U0010ffff", "\ufeff", "e\u0301", "漢字", "🧘\u200d♀️", "a", " ", '"', "'", "/../", ";", ",",
]  # fmt: skip
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(codec="utf-8")), max_size=6).map("".join)
few = settings(max_examples=60, deadline=None)


def saying(text: str, name: str = "", title: str = "", notice: str = "") -> Transcript:
    """One segment with these words, by a speaker with this name."""
    segment = Segment(0, 0, 900, text, 1, 0.9, tuple(Word(part, 0, 900, 0.9, 1) for part in text.split()))
    return Transcript(
        title, "en", 1_000, (segment,), (Speaker(1, name, Role.COACH, 0.5),), (Notice("n", notice),)
    )


def rendered(transcript: Transcript, name: str) -> bytes:
    return FORMATS[name].render(transcript, ExportOptions())


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"pdf"}))
@given(text=hostile, other=hostile)
@few
def test_every_text_can_be_written_in_every_format(name: str, text: str, other: str) -> None:
    assert rendered(saying(f"{text}.", name=other, title=other, notice=text), name)


def test_every_text_can_be_printed() -> None:
    text = "".join(PIECES)
    data = rendered(saying(text, name=text, title=text, notice=text), "pdf")
    assert "alert(1)" in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    assert b"/JavaScript" not in data
    assert b"/URI" not in data


@given(text=hostile, other=hostile)
@few
def test_a_workbook_holds_text_alone(text: str, other: str) -> None:
    data = rendered(saying(text, name=other, title=other), "xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet.max_row == 2
    _time, speaker, _role, content = sheet[2]
    for cell, said in ((speaker, one_line(other) or "Speaker 1"), (content, one_line(text))):
        assert cell.data_type in ("s", "n")  # n: empty
        assert cell.hyperlink is None
        assert (cell.value or "") == said


@given(text=hostile, other=hostile)
@few
def test_a_table_in_csv_has_one_row_and_no_formula(text: str, other: str) -> None:
    data = rendered(saying(text, name=other), "csv").decode("utf-8-sig")
    head, row = csv.reader(io.StringIO(data, newline=""))
    assert len(head) == len(row)
    for cell in row:
        assert not cell.lstrip(" \u3000\u00a0").startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))


@given(text=hostile, other=hostile)
@few
def test_a_word_file_has_the_paragraphs_that_it_should(text: str, other: str) -> None:
    document = docx.Document(io.BytesIO(rendered(saying(text, name=other, title=other), "docx")))
    assert document.core_properties.title == one_line(other)
    assert document.paragraphs[-1].text == f"00:00:00\t{one_line(text)}"
    assert not document.part.rels or all(
        "hyperlink" not in rel.reltype for rel in document.part.rels.values()
    )


@given(text=hostile, other=hostile)
@few
def test_markdown_holds_no_mark_up_of_others(text: str, other: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).parse(
        rendered(saying(text, name=other, title=other), "md").decode()
    )
    kinds = [token.type for token in tokens]
    assert kinds.count("heading_open") == 1
    assert not {"html_block", "fence", "code_block", "hr"} & set(kinds)
    inside = {child.type for token in tokens for child in token.children or []}
    assert not {"html_inline", "link_open", "image"} & inside


@pytest.mark.parametrize("name", ["srt", "vtt"])
@given(text=hostile, other=hostile)
@example(text="What now? --", other="<!--")
@example(text="---->", other="---->")
@few
def test_captions_hold_the_cues_that_they_should(name: str, text: str, other: str) -> None:
    """Every arrow is one of ours, and no name ends the tag that it stands in."""
    written = rendered(saying(text, name=other), name).decode()
    blocks = [block for block in written.removeprefix("WEBVTT\n").split("\n\n") if block.strip()]
    assert written.count("-->") == len(blocks)
    if name == "vtt":
        assert written.count("<") == written.count("<v ") == len(blocks)


@given(title=hostile)
@few
def test_a_title_stays_in_its_header_and_its_folder(title: str) -> None:
    name = file_name(title, "docx")
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert not {"/", "\\", "\0", "\n", "\r"} & set(name)
    assert name not in {".docx", "..docx"}
