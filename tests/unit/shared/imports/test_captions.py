"""Captions that come in: what is read of them, and what becomes of names (F30)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.editing.content import Content
from shared.errors import InvalidRequestError
from shared.exports import FORMATS, ExportOptions
from shared.imports import subrip, webvtt
from shared.imports.cues import Spoken
from shared.imports.edit import Import
from shared.segments import segment
from shared.transcript import Role, Speaker, Transcript, Word

ANNA, BEN = Speaker(1, "Anna", Role.COACH, 0.9), Speaker(2, "Ben", Role.CLIENT, 0.8)
EMPTY = Content((), (ANNA, BEN))


def vtt(text: str) -> list[tuple[int, int, str, str | None]]:
    return [(s.start_ms, s.end_ms, s.text, s.voice) for s in webvtt.read(f"WEBVTT\n\n{text}".encode())]


def srt(text: str) -> list[tuple[int, int, str]]:
    return [(s.start_ms, s.end_ms, s.text) for s in subrip.read(text.encode())]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<v Anna>How are you?</v>", [("How are you?", "Anna")]),
        ("<v Anna>How are you?", [("How are you?", "Anna")]),
        ("<v.loud.first Anna B.>Hi</v>", [("Hi", "Anna B.")]),
        ("<v Anna>Hi</v> <v Ben>Yo</v>", [("Hi", "Anna"), ("Yo", "Ben")]),
        ("<v Anna>Hi</v> and so on", [("Hi", "Anna"), ("and so on", None)]),
        ("<v>Hi</v>", [("Hi", None)]),
        ("plain <i>and</i> <b.x>bold</b> <00:00:01.500>late <c.red>c</c>", [("plain and bold late c", None)]),
        ("1 &lt; 2 &amp; 3&nbsp;&gt;", [("1 < 2 & 3 >", None)]),
        ("<v Ben &lt;b&gt; &amp; Co>a &lt;/v&gt; b", [("a </v> b", "Ben <b> & Co")]),
        ("two\nlines", [("two lines", None)]),
        ("<i></i>", []),
    ],
)
def test_voices_are_read_and_tags_go(payload: str, expected: list[tuple[str, str | None]]) -> None:
    """F30: no `</v>` is left, and a name is a name."""
    assert [(t, v) for _, _, t, v in vtt(f"00:01.000 --> 00:02.000\n{payload}\n")] == expected


def test_webvtt_is_read_around_what_is_no_cue() -> None:
    """F29: times are whole milliseconds."""
    text = (
        "\ufeffWEBVTT - title\r\nKind: captions\r\n\r\nNOTE\r\nby --hand\r\n\r\nSTYLE\r\n::cue { }\r\n\r\n"
        "intro\r\n00:59.999 --> 01:00:00.000 align:start position:0%\r\nHi\r\n\r\n"
        "NOTE 1 --> 2 is no time\r\n"
    )
    with pytest.raises(InvalidRequestError, match="Line 14"):
        webvtt.read(text.encode())
    text = text.replace("1 --> 2 is no time", "the end")
    assert webvtt.read(text.encode()) == [Spoken(59_999, 3_600_000, "Hi", None)]


def test_subrip_is_read_with_and_without_numbers() -> None:
    first = "1\r\n00:00:01,5 --> 00:00:02,50\r\n<i>Hi</i> {\\an8}there\r\n\r\n"
    assert srt(f"{first}00:00:03.000 --> 00:00:04.000\nYo") == [
        (1_500, 2_500, "Hi there"),
        (3_000, 4_000, "Yo"),
    ]


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (webvtt.read, b"1\n00:00:01,000 --> 00:00:02,000\nHi", "does not begin with WEBVTT"),
        (webvtt.read, b"WEBVTTX\n\n", "does not begin with WEBVTT"),
        (webvtt.read, b"WEBVTT\n\n00:01.000 --> soon\nHi", "Line 3 has no times"),
        (webvtt.read, b"WEBVTT\n\n00:02.000 --> 00:01.000\nHi", "On line 3 the end is before the start"),
        (webvtt.read, "WEBVTT".encode("utf-16"), "not UTF-8"),
        (subrip.read, b"hello\n\nworld", "Line 1 begins no cue"),
        (subrip.read, b"\xff\xd8\xff", "not UTF-8"),
    ],
)
def test_what_is_no_captions_is_refused_with_the_place(
    read: Callable[[bytes], list[Spoken]], data: bytes, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        read(data)


def imported(*spoken: Spoken, into: Content = EMPTY, prefixes: bool = False) -> Content:
    return Import(spoken, prefixes).apply(into)


def test_known_names_keep_number_and_role_and_others_are_new() -> None:
    """F24, F30: an unknown name is a new speaker of unknown role, not speaker 1."""
    made = imported(
        Spoken(0, 900, "Hi.", "Zoe"), Spoken(1_000, 1_900, "Yo.", " BEN "), Spoken(2_000, 2_900, "So.", None)
    )
    assert made.speakers == (Speaker(1, "Zoe", Role.UNKNOWN, 0.0), BEN)
    assert [(s.speaker, s.text) for s in made.segments] == [(1, "Hi."), (2, "Yo."), (None, "So.")]
    assert made.job_id is None


def test_a_numbered_name_gets_its_number() -> None:
    made = imported(
        Spoken(0, 900, "A.", "Zoe"), Spoken(1_000, 1_900, "B.", "Speaker 1"), Spoken(2_000, 2_900, "C.", "Max"),
        into=Content(()),
    )  # fmt: skip
    assert [(s.number, s.name) for s in made.speakers] == [(1, "Speaker 1"), (2, "Zoe"), (3, "Max")]


def test_subrip_s_names_are_those_that_are_known() -> None:
    """F24: "Note: ..." is no speaker, and nobody is guessed."""
    made = imported(
        Spoken(0, 900, "Note: well.", None), Spoken(1_000, 1_900, "Anna: How are", None),
        Spoken(2_000, 2_900, "you?", None), Spoken(3_000, 3_900, "Unknown speaker: Hm.", None),
        Spoken(4_000, 4_900, "speaker 3: Yes.", None), prefixes=True,
    )  # fmt: skip
    assert [(s.speaker, s.text) for s in made.segments] == [
        (None, "Note: well."), (1, "How are you?"), (None, "Hm."), (3, "Yes."),
    ]  # fmt: skip


def test_cues_become_segments_whose_words_keep_the_cues_times() -> None:
    made = imported(
        Spoken(4_000, 5_000, "to decide?", "Anna"), Spoken(1_000, 3_000, "What would you like", "Anna")
    )
    (one,) = made.segments
    assert (one.start_ms, one.end_ms, one.text) == (1_000, 5_000, "What would you like to decide?")
    assert [w.start_ms for w in one.words if w.text in {"What", "to"}] == [1_000, 4_000]


def test_one_word_of_another_stays_another_s() -> None:
    """What a diarizer does by mistake, a person does on purpose."""
    said = [("I think that we", "Anna"), ("yes", "Ben"), ("should go there", "Anna"), ("Right.", "Ben")]
    made = imported(*(Spoken(n * 1_000, n * 1_000 + 990, t, v) for n, (t, v) in enumerate(said)))
    assert [s.text for s in made.segments] == [t for t, _ in said]


def test_nothing_said_and_too_many_names_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no cue with text"):
        imported()
    with pytest.raises(InvalidRequestError, match="names 100 speakers"):
        imported(*(Spoken(n, n + 1, "x", f"name {n}") for n in range(100)))


WORDS = st.lists(
    st.builds(
        Word,
        text=st.sampled_from(
            ["so", "well,", "right.", "想", "說「好」。", "-->", "<3", "&amp;", "👍", "x:y"]
        ),
        start_ms=st.integers(0, 60_000),
        end_ms=st.integers(0, 60_000),
        speaker=st.none() | st.integers(1, 2),
    ),
    min_size=1,
    max_size=30,
)


@given(WORDS, st.sampled_from(["vtt", "srt"]))
@settings(max_examples=60)
def test_what_we_export_comes_back(words: list[Word], kind: str) -> None:
    """F30: every word, in order, by the same speaker; and importing what was exported again changes nothing."""
    segments = segment(sorted(words, key=lambda w: w.start_ms))
    source = Transcript("t", "en", 61_000, segments, (ANNA, BEN))
    reader, prefixes = {"vtt": (webvtt.read, False), "srt": (subrip.read, True)}[kind]
    data = FORMATS[kind].render(source, ExportOptions())
    edit = Import(tuple(reader(data)), prefixes)
    made = edit.apply(EMPTY)

    def spoken(content: Content | Transcript) -> list[tuple[str, int | None]]:
        text = [(c, s.speaker) for s in content.segments for c in s.text.replace("-->", "->") if c != " "]
        return text if any(number for _, number in text) else [(c, None) for c, _ in text]

    assert spoken(made) == spoken(source)
    assert edit.apply(made) == made
