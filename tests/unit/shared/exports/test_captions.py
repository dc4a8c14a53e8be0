"""Captions: read back by real readers, within their bounds, whatever the transcript."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.exports import FORMATS, ExportOptions
from shared.exports.captions import Cue, cues
from shared.exports.lines import balance, pieces, wrap
from shared.segments import segment
from shared.transcript import Role, Segment, Speaker, Transcript, Word, display_width

WORDS = st.lists(
    st.builds(
        Word,
        text=st.sampled_from(
            ["so", "well,", "right.", "想", "說「好」。", "x" * 90, "漢" * 50, "-->", "<i>", "👍"]
        ),
        start_ms=st.integers(0, 60_000),
        end_ms=st.integers(0, 60_000),
        speaker=st.none() | st.integers(1, 3),
        joined=st.booleans(),
    ),
    max_size=40,
)
OPTIONS = st.builds(
    ExportOptions,
    max_line_chars=st.integers(10, 60),
    max_lines=st.integers(1, 4),
    min_cue_ms=st.integers(1, 2_000),
    min_gap_ms=st.integers(0, 300),
)
SPEAKERS = (Speaker(1, "Anna", Role.COACH), Speaker(2, "Ben <b> & Co --> x"))


def transcript(*segments: Segment, duration_ms: int = 0) -> Transcript:
    return Transcript("t", "en", duration_ms, segments, SPEAKERS)


def from_words(words: list[Word]) -> Transcript:
    return transcript(*segment(sorted(words, key=lambda w: w.start_ms)), duration_ms=60_000)


def shown(made: list[Cue]) -> str:
    return "".join("".join(cue.lines) for cue in made).replace(" ", "")


@given(WORDS, OPTIONS, st.booleans())
def test_cues_stay_within_their_bounds(words: list[Word], options: ExportOptions, names: bool) -> None:
    made = cues(from_words(words), options, name_changes=names)
    assert all(cue.start_ms < cue.end_ms for cue in made)
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(made))
    for left, right in pairwise(made):
        gap = right.start_ms - left.end_ms
        assert gap >= options.min_gap_ms or left.end_ms - left.start_ms <= options.min_cue_ms
    for cue in made:
        assert all(line and display_width(line) <= options.max_line_chars for line in cue.lines)


@given(WORDS, OPTIONS)
def test_every_word_is_shown_once_and_few_lines_at_a_time(words: list[Word], options: ExportOptions) -> None:
    made = cues(from_words(words), options, name_changes=False)
    said = [w for s in from_words(words).segments for w in s.words]
    assert shown(made) == "".join(w.text for w in said)
    assert all(len(cue.lines) <= options.max_lines for cue in made)


@given(WORDS, st.booleans())
@settings(max_examples=40)
def test_real_readers_read_what_we_write(words: list[Word], edited: bool) -> None:
    """F29, F30: times, text and names come back from pysubs2 and webvtt-py as they went in."""
    source = from_words(words)
    if edited:
        source = replace(source, segments=tuple(replace(s, words=()) for s in source.segments))
    options = ExportOptions()
    srt = pysubs2.SSAFile.from_string(FORMATS["srt"].render(source, options).decode(), format_="srt")
    expected = cues(source, options, name_changes=True)
    assert [(e.start, e.end) for e in srt.events] == [(c.start_ms, c.end_ms) for c in expected]
    vtt = webvtt.from_string(FORMATS["vtt"].render(source, options).decode()).captions
    expected = cues(source, options, name_changes=False)
    assert [caption.start_in_seconds for caption in vtt] == [c.start_ms // 1_000 for c in expected]
    assert [unescape(caption.text) for caption in vtt] == ["\n".join(c.lines) for c in expected]
    assert [unescape(caption.voice or "") or None for caption in vtt] == [c.voice for c in expected]


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_a_name_cannot_end_its_tag_or_its_cue() -> None:
    """F30: markup in a name stays a name."""
    vtt = FORMATS["vtt"].render(transcript(Segment(0, 0, 2_000, "a </v> b", 2)), ExportOptions()).decode()
    assert vtt == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n<v Ben &lt;b&gt; &amp; Co --&gt; x>a &lt;/v&gt; b\n"
    )


def test_srt_names_a_speaker_where_the_speaker_changes() -> None:
    """F24: also where the next speaker is unknown, or the reader takes the words for the last one's."""
    made = transcript(
        Segment(0, 0, 2_000, "One.", 1),
        Segment(1, 2_000, 4_000, "Two.", 1),
        Segment(2, 4_000, 6_000, "Three.", None),
        Segment(3, 6_000, 8_000, "Four.", 3),
    )
    lines = [cue.lines[0] for cue in cues(made, ExportOptions(), name_changes=True)]
    assert lines == ["Anna: One.", "Two.", "Unknown speaker: Three.", "Speaker 3: Four."]


def test_srt_cannot_forge_a_cue() -> None:
    text = "1\n\n00:00:00,000 --> 00:00:01,000\n\nboo"
    srt = FORMATS["srt"].render(transcript(Segment(0, 0, 2_000, text, None)), ExportOptions()).decode()
    assert srt == "1\n00:00:00,000 --> 00:00:02,000\n1 00:00:00,000 -> 00:00:01,000 boo\n"


def timed(*segments: Segment, duration_ms: int = 0, **options: Any) -> list[tuple[int, int]]:
    made = cues(transcript(*segments, duration_ms=duration_ms), ExportOptions(**options), name_changes=False)
    return [(cue.start_ms, cue.end_ms) for cue in made]


def test_a_short_cue_stays_for_its_minimum_where_there_is_room() -> None:
    short = Segment(0, 1_000, 1_100, "Hm.")
    assert timed(short, Segment(1, 5_000, 7_000, "Later.")) == [(1_000, 2_000), (5_000, 7_000)]
    assert timed(short, duration_ms=1_400) == [(1_000, 1_400)]  # not beyond the recording


def test_a_short_cue_borrows_from_the_next_what_it_can_spare() -> None:
    short = Segment(0, 1_000, 1_100, "Hm.")
    assert timed(short, Segment(1, 1_200, 9_000 - 3_000, "So.")) == [(1_000, 2_000), (2_000, 6_000)]
    assert timed(short, Segment(1, 1_200, 2_500, "So.")) == [(1_000, 1_500), (1_500, 2_500)]
    assert timed(short, Segment(1, 1_200, 1_900, "So."))[0] == (1_000, 1_200)  # nothing to spare


def test_a_cue_stays_as_long_as_it_takes_to_read() -> None:
    text = "word " * 16  # 79 columns: 3,950 ms at 20 a second, over two lines
    (times,) = timed(Segment(0, 0, 2_000, text.strip()), duration_ms=60_000)
    assert times == (0, 3_900)  # the break between the lines is not read


def test_long_speech_is_cut_by_the_times_of_its_words() -> None:
    """F22: words that were heard late are shown late."""
    words = [Word(f"word{i}", t, t + 400, None, 1) for i, t in enumerate([0, 500, 1_000, 9_000, 9_500])]
    made = transcript(Segment(0, 0, 9_900, "word0 word1 word2 word3 word4", 1, None, tuple(words)))
    assert [(c.start_ms, c.lines) for c in cues(made, ExportOptions(), name_changes=False)] == [
        (0, ("word0 word1 word2",)),
        (9_000, ("word3 word4",)),
    ]


def test_edited_text_shares_the_time_of_its_segment() -> None:
    words = (Word("old", 0, 100, None, 1),)
    made = transcript(Segment(0, 0, 10_000, "aaaa bbbb", 1, None, words, 2))
    assert [(c.start_ms, c.lines) for c in cues(made, ExportOptions(), name_changes=False)] == [
        (0, ("aaaa",)),
        (5_000, ("bbbb",)),
    ]


def test_one_word_never_stays_for_minutes() -> None:
    assert timed(Segment(0, 0, 300_000, "Well.")) == [(0, 7_000)]


def texts(text: str, max_chars: int) -> list[str]:
    return [piece.text for piece in pieces(Segment(0, 0, 1_000, text), max_chars)]


def test_chinese_breaks_anywhere_but_before_a_mark() -> None:
    assert texts("他說「好。」ok", 20) == ["他", "說", "「好。」", "ok"]
    assert texts("supercalifragilistic", 10) == ["supercalif", "ragilistic"]


def test_lines_are_counted_in_columns() -> None:
    words = pieces(Segment(0, 0, 1_000, "今天我想談談工作"), 10)
    assert wrap(words, 10) == ["今天我想談", "談工作"]
    assert balance(words, 10) == ["今天我想", "談談工作"]


@pytest.mark.parametrize(("limit", "lines"), [(42, 2), (84, 1)])
def test_the_line_length_is_the_callers_choice(limit: int, lines: int) -> None:
    made = cues(
        transcript(Segment(0, 0, 5_000, "twelve words are what it takes to fill more than just one line")),
        ExportOptions(max_line_chars=limit),
        name_changes=False,
    )
    assert [len(cue.lines) for cue in made] == [lines]


@pytest.mark.parametrize("name", ["Dr. Maximiliana Konstantinopolskaya of Somewhere Else", "王" * 30])
def test_a_long_name_leaves_room_for_what_is_said(name: str) -> None:
    said = Transcript("t", "en", 9_000, (Segment(0, 0, 3_000, "Well then.", 1),), (Speaker(1, name),))
    (cue,) = cues(said, ExportOptions(max_line_chars=42, max_lines=2), name_changes=True)
    assert len(cue.lines) <= 2
    assert all(display_width(line) <= 42 for line in cue.lines)
    assert shown([cue]).startswith(name.replace(" ", "")[:15])
    assert shown([cue]).endswith("…:Wellthen.")
