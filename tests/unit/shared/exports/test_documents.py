"""Word, Excel and PDF files, opened by other programs' readers; what these read is kept as golden text."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pypdf
import pypdfium2
import pytest

from shared.errors import SetupError
from shared.exports import FORMATS, ExportOptions, fonts
from shared.transcript import Role, Segment, Speaker, Transcript

GOLDEN = Path(__file__).parent / "golden"


def render(transcript: Transcript, name: str) -> bytes:
    return FORMATS[name].render(transcript, ExportOptions())


def read_docx(data: bytes) -> str:
    """Every paragraph as its style, and its runs with their colours."""
    lines = []
    for paragraph in docx.Document(io.BytesIO(data)).paragraphs:
        runs = [
            f"{run.text!r}{f' #{run.font.color.rgb}' if run.font.color.rgb else ''}" for run in paragraph.runs
        ]
        style = paragraph.style
        lines.append(f"{style.name if style else None}: {', '.join(runs)}")
    return "\n".join(lines) + "\n"


def read_xlsx(data: bytes) -> str:
    """Every cell with the colour of its row, and what keeps the header in sight."""
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    lines = [f"{sheet.title} frozen at {sheet.freeze_panes}, filter on {sheet.auto_filter.ref}"]
    for row in sheet.iter_rows():
        colour = row[0].fill.fgColor.rgb if row[0].fill.fill_type else "none"
        lines.append(f"{colour} " + " | ".join(f"{cell.data_type}:{cell.value}" for cell in row))
    return "\n".join(lines) + "\n"


def read_pdf(data: bytes) -> str:
    """The text of every page."""
    return "\f".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages) + "\n"


READERS: dict[str, Callable[[bytes], str]] = {"docx": read_docx, "xlsx": read_xlsx, "pdf": read_pdf}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("language", ["english", "chinese"])
def test_readers_read_what_was_written(name: str, language: str, request: pytest.FixtureRequest) -> None:
    """F24, F28: names, roles and any script come through; who is unknown stays so."""
    found = READERS[name](render(request.getfixturevalue(language), name))
    golden = GOLDEN / f"{language}.{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READERS)
def test_the_same_transcript_gives_the_same_bytes(name: str, english: Transcript) -> None:
    data = render(english, name)
    assert data == render(english, name)
    if name != "pdf":
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
        assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    else:
        assert pypdf.PdfReader(io.BytesIO(data)).metadata["/CreationDate"] == "D:20000101000000Z"  # type: ignore[index]


@pytest.mark.parametrize("name", READERS)
def test_an_empty_transcript_is_a_document_too(name: str) -> None:
    assert READERS[name](render(Transcript("", None, 0, ()), name))


def test_documents_carry_the_title_and_the_language(chinese: Transcript) -> None:
    word = docx.Document(io.BytesIO(render(chinese, "docx")))
    book = openpyxl.load_workbook(io.BytesIO(render(chinese, "xlsx")))
    page = pypdf.PdfReader(io.BytesIO(render(chinese, "pdf")))
    assert page.metadata is not None
    assert word.core_properties.title == book.properties.title == page.metadata.title == chinese.title
    assert str(page.root_object["/Lang"]) == chinese.language
    assert 'w:eastAsia="Microsoft JhengHei"' in word.styles["Normal"].element.xml


def test_times_in_a_workbook_are_numbers_and_a_formula_is_text(english: Transcript) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(render(english, "xlsx"))).active
    cells = {row[3].value: row for row in sheet.iter_rows(min_row=2)}
    assert cells["=1+1 is two"][3].data_type == "s"
    assert cells["Relief."][0].number_format == "[hh]:mm:ss"
    assert round(cells["Relief."][0].value.total_seconds() * 1000) == 27_000


def test_a_row_is_as_high_as_its_longest_cell(english: Transcript) -> None:
    """A name that wraps is not cut off, and letters, narrower than digits, leave no empty line."""
    name = "Dr. Maximiliana Konstantinopolskaya-Featherstonehaugh"
    said = tuple(Segment(n, n, n + 1, text, 1 + n % 2) for n, text in enumerate(("Yes.", "and so on " * 17)))
    named = replace(english, segments=said, speakers=(Speaker(1, name), Speaker(2, "Ben")))
    sheet = openpyxl.load_workbook(io.BytesIO(render(named, "xlsx"))).active
    assert [sheet.row_dimensions[row].height for row in (2, 3)] == [45, 30]


def test_a_segment_longer_than_a_cell_goes_on_below(english: Transcript) -> None:
    long = replace(english, segments=(Segment(0, 0, 9, "x" * 40_000, 1),))
    sheet = openpyxl.load_workbook(io.BytesIO(render(long, "xlsx"))).active
    assert [len(row[3].value) for row in sheet.iter_rows(min_row=2)] == [32_767, 7_233]


def test_a_pdf_embeds_the_glyphs_that_it_uses_and_no_more(chinese: Transcript) -> None:
    data = render(chinese, "pdf")
    assert len(data) < 60_000
    font_names = set()
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            assert "/FontFile2" in descendant["/FontDescriptor"].get_object()
            font_names.add(font.get_object()["/BaseFont"])
    assert font_names == {"/MPDFAA+NotoSans", "/MPDFAA+NotoSansTCThin"}


def test_a_pdf_s_glyphs_are_painted() -> None:
    """Embedded is not enough: an outline that a browser cannot use leaves the page white."""

    said = "教練談話 教练谈话 コーチ 코치 Coach ğł Тренер"
    page = pypdfium2.PdfDocument(render(Transcript("", None, 0, (Segment(0, 0, 9, said),)), "pdf"))[0]
    image = page.render(scale=2, grayscale=True)
    letters = page.get_textpage()
    begin = letters.get_text_range().index(said)
    for index in range(begin, begin + len(said)):
        left, bottom, right, top = letters.get_charbox(index)
        rows = range(int((page.get_height() - top) * 2), int((page.get_height() - bottom) * 2) + 1)
        columns = range(int(left * 2), int(right * 2) + 1)
        dark = any(image.buffer[y * image.stride + x] < 160 for y in rows for x in columns)
        assert dark == (letters.get_text_range(index, 1) != " "), said[index - begin]


def test_a_pdf_breaks_long_text_and_names_no_speaker_at_the_foot_of_a_page() -> None:
    said = tuple(
        Segment(n, n * 1000, n * 1000 + 900, "今天我想談談工作上的事情。" * 6 + "and so on " * 12, n % 2 + 1)
        for n in range(60)
    )
    speakers = (Speaker(1, "林教練", Role.COACH), Speaker(2, "小明", Role.CLIENT))
    pages = read_pdf(render(Transcript("長", "zh-TW", 60_000, said, speakers), "pdf")).split("\f")
    assert len(pages) > 5
    together = "".join("".join(page.split()[:-1]) for page in pages)  # without the page's number
    assert together.count("今天我想談談工作上的事情。" * 6) == 60
    for number, page in enumerate(pages, start=1):
        *_, last, foot = page.strip().splitlines()
        assert foot.strip() == str(number)
        assert "(coach)" not in last


def test_what_no_font_has_is_a_box_and_a_note(english: Transcript) -> None:
    strange = replace(english, segments=(Segment(0, 0, 9, "ok \U0001f44d \u0e01\u200d", 1),))
    text = read_pdf(render(strange, "pdf"))
    assert f"ok {fonts.REPLACEMENT} {fonts.REPLACEMENT}" in text
    assert "cannot show 2 of the characters" in text
    assert "cannot show" not in read_pdf(render(english, "pdf"))


def test_what_looks_like_the_number_of_pages_is_text() -> None:
    assert "{nb}" in read_pdf(render(Transcript("t", None, 0, (Segment(0, 0, 9, "say {nb}"),)), "pdf"))


@pytest.mark.parametrize(
    ("language", "expected"),
    [("zh-TW", "tc"), ("zh-CN", "sc"), ("cmn-Hans-CN", "sc"), ("ja-JP", "jp"), ("ko", "kr"), (None, "tc")],
)
def test_the_language_decides_whose_forms_are_drawn(language: str | None, expected: str) -> None:
    """One code point, several shapes: 骨 is not drawn alike in Taipei, Beijing and Tokyo."""
    shares = fonts.share("a骨这안", fonts.preferred(language))
    assert {face.name for face, drawn in shares.items() if "骨" in drawn} == {f"noto-{expected}"}
    assert "".join(sorted("".join(shares.values()))) == "a这骨안"


def test_a_font_that_is_another_than_we_know_is_not_opened() -> None:
    for changed, message in [
        (replace(fonts._LATIN, sha256="0" * 64), "is not the font that was looked at"),
        (replace(fonts._LATIN, package="no-such-font"), "need fonts of the package no-such-font"),
    ]:
        with pytest.raises(SetupError, match=message):
            fonts.share("a", [changed])


def test_no_library_is_loaded_before_it_is_needed() -> None:
    """F38: the package can be imported where no such library is installed."""
    check = (
        "import sys, shared.exports;"
        "sys.exit(bool({'docx', 'xlsxwriter', 'fpdf', 'lxml', 'fontTools'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=300).returncode == 0
