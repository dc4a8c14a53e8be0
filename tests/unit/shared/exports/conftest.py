"""Transcripts to export: an English session with everything awkward in it, and a Chinese one."""

import pytest

from shared.segments import segment
from shared.transcript import Notice, Role, Segment, Speaker, Transcript, Word


def speak(text: str, start: int, speaker: int | None, each: int = 280, gap: int = 20) -> list[Word]:
    step = each + gap
    return [
        Word(t, start + i * step, start + i * step + each, 0.9, speaker) for i, t in enumerate(text.split())
    ]


@pytest.fixture
def english() -> Transcript:
    words = [
        *speak("Good morning, Ben. What would you like to have at the end of this hour?", 0, 1),
        *speak(
            "Honestly? A decision. I have two offers & no idea which <one> I want --> that's it.", 6_000, 2
        ),
        *speak(
            "So there are two offers, and what I hear is that the deciding itself is the hard part; "
            "if the first offer were the only one on the table, what would you notice in yourself right now, "
            "and what would change if it were the second one instead?",
            12_000,
            1,
        ),
        *speak("Relief.", 27_000, 2),
        *speak("=1+1 is two", 40_000, None),
    ]
    segments = list(segment(words))
    last = segments[-1]
    segments.append(Segment(last.n + 1, 59_000, 59_999, "- edited by *hand*,\nwithout words", 2, None, (), 2))
    return Transcript(
        title="Ben: two offers / part 1",
        language="en-US",
        duration_ms=61_000,
        segments=tuple(segments),
        speakers=(
            Speaker(1, "Anna", Role.COACH, 0.92, {"questions": 0.8}),
            Speaker(2, "Ben <b> & Co", Role.CLIENT, 0.92, {"questions": 0.1}),
        ),
        warnings=(Notice("music", "The first minute is mostly music."),),
    )


@pytest.fixture
def chinese() -> Transcript:
    said = [
        ("早安,最近工作上有什麼讓你想談的事情嗎?我們今天有一個小時的時間,可以慢慢來。", 0, 1),
        ("我最近一直在想要不要換 Google 的工作。", 9_000, 2),
        ("嗯。", 14_000, 3),
    ]
    words = [
        Word(c, start + i * 200, start + i * 200 + 200, 0.8, speaker)
        for text, start, speaker in said
        for i, c in enumerate(text.replace("Google ", "").replace(" ", ""))
    ]
    return Transcript(
        title="王小明的教練談話 第一次",
        language="cmn-Hant-TW",
        duration_ms=15_000,
        segments=segment(words),
        speakers=(Speaker(1, "林教練", Role.COACH, 0.7), Speaker(2, "小明", Role.UNKNOWN)),
    )
