"""Every trap of Google's results that is known, as a test (F22)."""

import json
from itertools import count
from typing import Any

import pytest

from shared.segments import segment
from shared.transcript import Word
from worker_service.engines.google.results import Heard, milliseconds, read


def result(*words: Any, end: str | None = None, language: str = "en-US", **more: Any) -> dict[str, Any]:
    """A result as Google writes it; a word is (text, start, end[, speaker]), times "" where they are left out."""
    infos = []
    for text, start, stop, *speaker in words:
        info = {"word": text, "startOffset": start, "endOffset": stop}
        info |= {"speakerLabel": speaker[0]} if speaker else {}
        infos.append({name: value for name, value in info.items() if value})
    said = " ".join(word[0] for word in words)
    document = {
        "alternatives": [{"transcript": said, "confidence": 0.9, "words": infos}],
        "languageCode": language,
    }
    return document | ({"resultEndOffset": end} if end else {}) | more


def heard(
    *results: dict[str, Any], duration_ms: int = 10_000, diarization: bool = False, **more: Any
) -> Heard:
    return read(json.dumps({"results": results, **more}), duration_ms=duration_ms, diarization=diarization)


def codes(found: Heard) -> list[str]:
    return [notice.code for notice in found.notices]


def test_a_start_of_zero_is_left_out_and_the_first_word_stays() -> None:
    """F22."""
    found = heard(result(("Hello", "", "0.400s"), ("there.", "0.400s", "1.200s")))
    assert found.words == (Word("Hello", 0, 400), Word("there.", 400, 1_200))
    assert codes(found) == []


def test_times_are_the_words_own_and_not_the_result_s() -> None:
    """F22: segments do not all stand at 0-5 s."""
    found = heard(
        result(("One.", "1s", "2s"), end="5s"),
        result(("Two.", "61.040s", "61.500s"), end="62s"),
        duration_ms=62_000,
    )
    assert [(s.start_ms, s.end_ms) for s in segment(found.words)] == [(1_000, 2_000), (61_040, 61_500)]


def test_only_the_first_alternative_counts() -> None:
    """F22: every alternative became a segment once."""
    first = result(("Right.", "1s", "2s"))
    first["alternatives"].append({"transcript": "Write.", "words": [{"word": "Write.", "endOffset": "2s"}]})
    assert [word.text for word in heard(first).words] == ["Right."]


@pytest.mark.parametrize(
    "empty", [{}, {"alternatives": []}, {"alternatives": [{}]}, {"alternatives": [{"words": []}]}]
)
def test_a_result_without_an_alternative_is_a_stretch_of_silence(empty: dict[str, Any]) -> None:
    found = heard(result(("So.", "1s", "2s"), end="2s"), empty | {"resultEndOffset": "9s"})
    assert [word.text for word in found.words] == ["So."]


def test_words_that_diarization_repeats_are_read_once_with_their_speakers() -> None:
    """F22: the last result says everything again."""
    words = [("So", "", "0.300s"), ("what?", "0.400s", "0.900s"), ("Yes.", "1s", "1.300s")]
    again = [(*word, label) for word, label in zip(words, "221", strict=True)]
    found = heard(result(*words[:2], end="1s"), result(words[2], end="2s"), result(*again), diarization=True)
    assert [(word.text, word.speaker) for word in found.words] == [("So", 1), ("what?", 1), ("Yes.", 2)]
    assert codes(found) == []


def test_a_repetition_without_times_takes_those_of_the_first_saying() -> None:
    """F22: above 20 minutes: text first, then every word with its speaker and without a time."""
    found = heard(
        {"alternatives": [{"transcript": "So what?"}], "resultEndOffset": "2s"},
        {"resultEndOffset": "4s"},
        {"alternatives": [{"transcript": "Yes."}], "resultEndOffset": "5s"},
        result(("So", "", "", "1"), ("what?", "", "", "1"), ("Yes.", "", "", "2"), end="10s"),
        diarization=True,
    )
    assert [(w.text, w.start_ms, w.end_ms, w.speaker) for w in found.words] == [
        ("So", 0, 666, 1), ("what?", 666, 2_000, 1), ("Yes.", 4_000, 5_000, 2)
    ]  # fmt: skip
    assert codes(found) == ["word_times_estimated"]


def test_a_repetition_that_is_cut_otherwise_is_spread() -> None:
    found = heard(
        {"alternatives": [{"transcript": "今天想談"}], "resultEndOffset": "4s"},
        result(("今天", "", "", "1"), ("想談", "", "", "2")),
        duration_ms=4_000,
        diarization=True,
    )
    assert [(w.text, w.start_ms, w.speaker) for w in found.words] == [("今天", 0, 1), ("想談", 2_000, 2)]


def test_a_word_said_twice_is_not_a_repetition() -> None:
    found = heard(result(("Yes.", "1s", "2s")), result(("Yes.", "4s", "5s")))
    assert [(word.text, word.start_ms) for word in found.words] == [("Yes.", 1_000), ("Yes.", 4_000)]


def test_speakers_are_numbered_by_first_speech_whatever_their_labels() -> None:
    found = heard(
        result(
            ("A.", "0.100s", "1s", "7"),
            ("B.", "1s", "2s", "spk_0"),
            ("C.", "2s", "3s", "7"),
            ("D.", "3s", "4s"),
        ),
        diarization=True,
    )
    assert [word.speaker for word in found.words] == [1, 2, 1, None]


def test_diarization_that_was_dropped_is_told() -> None:
    """F21: never silently."""
    assert codes(heard(result(("A.", "1s", "2s")), diarization=True)) == ["diarization_failed"]


def test_an_empty_transcript_is_told() -> None:
    for found in (heard(), heard({"resultEndOffset": "10s"}), read("{}", duration_ms=1, diarization=True)):
        assert (found.words, codes(found)) == ((), ["no_speech"])


def test_words_without_times_are_spread_over_their_stretch() -> None:
    """F22: above 20 minutes chirp_3 gives none; a stretch begins where the one before ended."""
    found = heard(
        result(("Aaa", "", "", "1"), ("bbbbbbb.", "", "", "1"), end="4s"),
        {"resultEndOffset": "6s"},
        result(("Cc.", "", "", "2"), end="10s"),
        diarization=True,
    )
    assert [(w.start_ms, w.end_ms, w.speaker) for w in found.words] == [
        (0, 1_230, 1),
        (1_230, 4_000, 1),
        (6_000, 10_000, 2),
    ]
    assert codes(found) == ["word_times_estimated"]


def test_a_transcript_without_words_is_split_in_words() -> None:
    only_text = {"alternatives": [{"transcript": " How are you? 今天想談OK嗎? "}], "resultEndOffset": "8s"}
    found = heard(only_text)
    assert [word.text for word in found.words] == ["How", "are", "you?", "今", "天", "想", "談", "OK", "嗎?"]
    assert (found.words[0].start_ms, found.words[-1].end_ms) == (0, 8_000)
    assert segment(found.words)[0].text.endswith("今天想談 OK 嗎?")


def test_a_last_result_without_an_end_lasts_until_the_recording_does() -> None:
    found = heard({"alternatives": [{"transcript": "Bye."}]}, duration_ms=7_000)
    assert (found.words[0].start_ms, found.words[0].end_ms) == (0, 7_000)


def test_the_language_is_the_one_of_most_of_the_text() -> None:
    found = heard(
        result(("嗯", "1s", "2s"), language="cmn-Hant-TW"),
        result(("What", "3s", "4s"), ("else?", "4s", "5s"), language="en-US"),
    )
    assert found.language == "en-US"


def test_no_confidence_is_none_and_not_zero() -> None:
    given = result(("A", "1s", "2s"), ("B", "2s", "3s"))
    given["alternatives"][0]["words"][0]["confidence"] = 0.91236
    assert [word.confidence for word in heard(given).words] == [0.9124, None]


def test_the_bill_is_read_where_it_stands() -> None:
    assert heard(metadata={"totalBilledDuration": "31s"}).billed_ms == 31_000
    assert heard().billed_ms is None


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', '{"results": ['])
def test_what_is_no_results_file_is_said(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (JSONDecodeError is one, too)
        read(text, duration_ms=1, diarization=False)


@pytest.mark.parametrize(
    ("offset", "ms"),
    [
        ("0s", 0),
        ("3s", 3_000),
        ("1.200s", 1_200),
        ("0.320000001s", 320),
        ("59.9996s", 59_999),
        ("3600.5s", 3_600_500),
    ],
)
def test_offsets_are_whole_milliseconds(offset: str, ms: int) -> None:
    """F29, F34."""
    assert milliseconds(offset) == ms


def test_eight_hours_are_read() -> None:
    numbers = count()
    results = [
        result(
            *(
                (f"w{n}", f"{n * 0.36:.3f}s", f"{n * 0.36 + 0.3:.3f}s")
                for n, _ in zip(numbers, range(100), strict=False)
            )
        )
        for _ in range(200)
    ]
    found = heard(*results, duration_ms=8 * 3_600_000)
    assert len(found.words) == 20_000
    assert found.words[-1].end_ms > found.words[0].end_ms
