"""Every format of text against its golden file; UPDATE_GOLDEN=1 writes them anew (then look at the diff)."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from shared.errors import InvalidRequestError
from shared.exports import FORMATS, ExportOptions
from shared.exports.csv_table import as_text
from shared.exports.wording import clock, one_line, timestamp
from shared.transcript import Segment, Transcript

GOLDEN = Path(__file__).parent / "golden"
TEXTS = ["json", "txt", "md", "srt", "vtt", "csv"]


def rendered(transcript: Transcript, name: str, **options: Any) -> str:
    return FORMATS[name].render(transcript, ExportOptions(**options)).decode()


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("language", ["english", "chinese"])
def test_formats_equal_their_golden_files(name: str, language: str, request: pytest.FixtureRequest) -> None:
    data = FORMATS[name].render(request.getfixturevalue(language), ExportOptions())
    golden = GOLDEN / f"{language}.{FORMATS[name].extension}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(data)
    assert data == golden.read_bytes()


@pytest.mark.parametrize("name", TEXTS)
def test_an_empty_transcript_is_a_file_too(name: str) -> None:
    rendered(Transcript("", None, 0, ()), name)


def test_a_media_type_says_the_charset() -> None:
    for format_ in (FORMATS[name] for name in TEXTS):
        assert format_.media_type == "application/json" or format_.media_type.endswith("charset=utf-8")


@pytest.mark.parametrize(
    "field", ["max_line_chars", "max_lines", "chars_per_second", "min_cue_ms", "max_cue_ms", "min_gap_ms"]
)
@pytest.mark.parametrize("value", [-1, 10**9])
def test_options_out_of_bounds_are_refused(field: str, value: int) -> None:
    with pytest.raises(InvalidRequestError, match=field):
        ExportOptions(**{field: value})  # type: ignore[arg-type]


def test_times_are_cut_and_never_rounded_up() -> None:
    """F29: 59.9996 s is 59,999 ms by the time it gets here, and second 60 is never printed."""
    assert timestamp(59_999) == "00:00:59.999"
    assert timestamp(60_000) == "00:01:00.000"
    assert timestamp(3_599_999, ",") == "00:59:59,999"
    assert clock(59_999) == "00:00:59"
    assert clock(100 * 3_600_000 + 61_001) == "100:01:01"


def test_one_line_keeps_scripts_and_drops_controls() -> None:
    assert one_line(" a\x00\n\tb\u2028\x9fc  漢\u200d字 ") == "ab c 漢\u200d字".replace("ab", "a b")
    assert one_line("a\ud800\uffff\ufdd0\U0001fffe\u202eb") == "a\u202eb"


def test_json_is_the_whole_transcript(english: Transcript) -> None:
    document = json.loads(rendered(english, "json"))
    assert set(document) == {
        "title", "language", "duration_ms", "revision", "speakers", "warnings", "segments",
    }  # fmt: skip
    assert document["segments"][0]["words"][0] == {
        "text": "Good", "start_ms": 0, "end_ms": 280, "confidence": 0.9, "speaker": 1, "joined": False,
    }  # fmt: skip
    assert [s["text"] for s in document["segments"]] == [s.text for s in english.segments]
    assert "words" not in json.loads(rendered(english, "json", words=False))["segments"][0]


@pytest.mark.parametrize("name", ["txt", "md", "srt", "vtt", "csv"])
def test_an_unknown_speaker_is_nobody(english: Transcript, name: str) -> None:
    """F24: what nobody could attribute is exported as unknown, not as the client."""
    line = next(line for line in rendered(english, name).splitlines() if "is two" in line)
    assert "Anna" not in line
    assert "Ben" not in line
    assert "client" not in line


@pytest.mark.parametrize("name", ["txt", "md", "srt", "vtt"])
def test_where_nobody_is_told_apart_nobody_is_named(english: Transcript, name: str) -> None:
    """F24, F25: without diarization there are no names, not thirty times `Unknown speaker`."""
    segments = tuple(replace(s, speaker=None) for s in english.segments)
    text = rendered(replace(english, segments=segments, speakers=()), name)
    assert "nknown" not in text
    assert "Anna" not in text


def test_csv_reads_back_and_starts_no_formula(english: Transcript) -> None:
    text = FORMATS["csv"].render(english, ExportOptions()).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [int(row["start_ms"]) for row in rows] == [s.start_ms for s in english.segments]
    assert rows[-2]["text"] == "'=1+1 is two"
    assert rows[-1]["text"] == "'- edited by *hand*,\nwithout words"
    assert rows[-2]["name"] == ""
    assert rows[-2]["role"] == "unknown"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@SUM(A1)", "\tx", " =1", "\uff1d1", "\r=1"])
def test_what_a_spreadsheet_could_run_is_text(cell: str) -> None:
    assert as_text(cell) == f"'{cell}"


def test_other_cells_are_left_alone() -> None:
    assert as_text("a = b") == "a = b"


@pytest.mark.parametrize(
    "text",
    [
        "# no",
        "1. no",
        "12) no",
        "- no",
        "+ no",
        "a *b* _c_ `d`",
        "<script>",
        "[x](y)",
        "a & b &lt;",
        "\\*",
        "===",
    ],
)
def test_markdown_shows_what_was_said(text: str) -> None:
    transcript = Transcript(text, None, 0, (Segment(0, 0, 10, text),))
    tokens = MarkdownIt().parse(rendered(transcript, "md"))
    spoken = tokens[-2]
    assert spoken.type == "inline"
    assert {child.type for child in spoken.children or []} <= {"code_inline", "text", "text_special"}
    assert "".join(c.content for c in spoken.children or []) == f"00:00:00 {text}"
    assert "".join(c.content for c in tokens[1].children or []) == text
