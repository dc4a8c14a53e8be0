"""What is taken out of a transcript as it leaves."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.exports import FORMATS, ExportOptions
from shared.redaction.redact import redact
from shared.redaction.rules import Redaction, looks_like_a_name
from shared.segments import segment
from shared.transcript import Role, Segment, Speaker, Transcript, Word, join_words

ALL = frozenset(Redaction)
SPEAKERS = (Speaker(1, "Anna Smith", Role.COACH, 1.0), Speaker(2, "王小明", Role.CLIENT, 1.0))


def page(*texts: str, speakers: tuple[Speaker, ...] = SPEAKERS, phrases: tuple[str, ...] = ()) -> Transcript:
    """Segments whose words are those of their texts."""
    segments = tuple(
        Segment(n, n * 9_000, n * 9_000 + 8_000, text, n % 2 + 1, 0.9,
                tuple(Word(w, n * 9_000 + i * 100, n * 9_000 + i * 100 + 90, 0.9, n % 2 + 1)
                      for i, w in enumerate(text.split())))
        for n, text in enumerate(texts)
    )  # fmt: skip
    return Transcript("Anna Smith and Bo", "en", 60_000, segments, speakers, phrases=phrases)


def shown(*texts: str, phrases: tuple[str, ...] = (), kinds: frozenset[Redaction] = ALL) -> list[str]:
    return [s.text for s in redact(page(*texts, phrases=phrases), kinds).segments]


def test_speakers_are_taken_out_wherever_they_are_named() -> None:
    made = redact(page("Hi, Anna Smith.", "Anna's right, 小明 said.", "王小明, Smith & ANNA."), ALL)
    assert [s.text for s in made.segments] == [
        "Hi, [NAME 1].", "[NAME 1]'s right, [NAME 2] said.", "[NAME 2], [NAME 1] & ANNA.",
    ]  # fmt: skip
    assert [(s.name, s.role) for s in made.speakers] == [
        ("Speaker 1", Role.COACH),
        ("Speaker 2", Role.CLIENT),
    ]
    assert made.title == "[NAME 1] and Bo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Zoe Quinn. Zoe likes it.", "My name is [NAME 1]. [NAME 1] likes it."),
        ("Dr. Brown saw Brown's cat, a brown one.", "Dr. [NAME 1] saw [NAME 1]'s cat, a brown one."),
        ("你好,我叫陳大文,大文很好。", "你好,我叫[NAME 1],[NAME 1]很好。"),
        ("林教練說,林老師也說。", "[NAME 1]說,[NAME 2]也說。"),
        ("This is Monday, call me later.", "This is Monday, call me later."),
        ("I am fine, Manning is not Ann.", "I am fine, Manning is not Ann."),
    ],
)
def test_names_that_are_introduced_are_taken_out(text: str, expected: str) -> None:
    assert shown(text) == [expected]


def test_phrases_that_are_names_are_taken_out_and_terms_are_not() -> None:
    said = "Kubernetes, Quinn, OKR, growth mindset and 張三."
    assert shown(said, phrases=("Quinn", "OKR", "growth mindset", "張三", "工作")) == [
        "Kubernetes, [NAME 1], OKR, growth mindset and [NAME 2]."
    ]
    assert [p for p in ("Ann Lee", "OKR", "iPhone", "李四", "教練", "") if looks_like_a_name(p)] == [
        "Ann Lee",
        "李四",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna.s+x@mail.example.com, please.", "Write to [EMAIL 1], please."),
        ("It is bob dot s at example dot com now.", "It is [EMAIL 1] now."),
        ("A@b.tw or a@B.tw", "[EMAIL 1] or [EMAIL 1]"),
        ("Look at the dot.", "Look at the dot."),
        ("我的信箱是anna@b.tw。", "我的信箱是[EMAIL 1]。"),
        ("Call +1 (415) 555-0134 or 0912-345-678.", "Call [NUMBER 1] or [NUMBER 2]."),
        ("4111 1111 1111 1111 expires", "[NUMBER 1] expires"),
        ("nine one two, three four five six seven!", "[NUMBER 1]!"),
        ("我的電話是零九一二三四五六七八。", "我的電話是[NUMBER 1]。"),
        ("On 2026-11-24, 1,000,000 people, 3.14 and 12 to 15, from 1990-2020.",) * 2,
        ("one two three", "one two three"),
        ("order A1234567890", "order A1234567890"),
    ],
)
def test_addresses_and_numbers_are_taken_out(text: str, expected: str) -> None:
    assert shown(text) == [expected]


def test_only_what_is_asked_for_is_taken_out() -> None:
    text = "Anna, a@b.tw, 0912-345-678"
    assert shown(text, kinds=frozenset({Redaction.NAMES})) == ["[NAME 1], a@b.tw, 0912-345-678"]
    assert shown(text, kinds=frozenset({Redaction.EMAILS})) == ["Anna, [EMAIL 1], 0912-345-678"]
    assert redact(page(text), frozenset()) == page(text)


def test_words_lose_what_the_text_loses() -> None:
    made = redact(page("Call Anna Smith's mobile: +1 415 555 0134, now"), ALL).segments[0]
    assert made.text == "Call [NAME 1]'s mobile: [NUMBER 1], now"
    assert [(w.text, w.confidence) for w in made.words] == [
        ("Call", 0.9), ("[NAME 1]", None), ("'s", None), ("mobile:", 0.9), ("[NUMBER 1]", None), (",", None),
        ("now", 0.9),
    ]  # fmt: skip
    assert join_words(made.words) == made.text
    assert made.words[1].start_ms == 100


def test_words_that_are_not_the_text_s_are_left_out() -> None:
    """A person took the name out of the text by hand; the words must not bring it back."""
    source = page("Hi Anna, a@b.tw")
    source = replace(source, segments=(replace(source.segments[0], text="Hi you, a@b.tw"),))
    assert redact(source, ALL).segments[0].words == ()


SAID = st.lists(
    st.sampled_from(["Anna", "Smith,", "小明", "王小明", "a@b.tw", "0912-345-678", "so", "well.", "4111", "(Anna)",
                     "好", "Anna's"]),
    min_size=1, max_size=25,
)  # fmt: skip


@given(SAID, st.booleans())
@settings(max_examples=60)
def test_nothing_that_was_taken_out_leaves_in_any_text_format(parts: list[str], gaps: bool) -> None:
    step = 3_000 if gaps else 300
    words = [Word(p, i * step, i * step + 250, 0.9, 1 + i // 5 % 2) for i, p in enumerate(parts)]
    source = Transcript("t", "en", 99_000, segment(words), SPEAKERS)
    made = redact(source, ALL)
    assert made == redact(source, ALL)
    for name in ("json", "txt", "md", "srt", "vtt", "csv"):
        text = FORMATS[name].render(made, ExportOptions(max_line_chars=200)).decode()
        for secret in ("Anna", "Smith", "小明", "a@b.tw", "0912-345-678"):
            assert secret not in text
