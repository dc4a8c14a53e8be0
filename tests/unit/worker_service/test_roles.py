"""Tests of the roles that are read from a conversation."""

import pytest

from shared.transcript import Role, Segment
from worker_service.roles import DECIDED, assign_roles

Turn = tuple[int | None, int, str]  # speaker, seconds, text


def dialogue(*turns: Turn) -> list[Segment]:
    segments, at = [], 0
    for n, (speaker, seconds, text) in enumerate(turns):
        segments.append(Segment(n, at, at + seconds * 1000, text, speaker))
        at += seconds * 1000
    return segments


COACHING = dialogue(
    (1, 5, "Welcome back. What would you like to work on today?"),
    (2, 25, "I think my calendar. I say yes to everything, and then I am tired."),
    (1, 4, "What happens just before you say yes?"),
    (2, 30, "I imagine their disappointment. It is quicker to agree."),
    (1, 6, "And what would it cost you to wait a day? Who would notice?"),
    (2, 20, "Nobody, honestly. Is that not silly?"),
)


def roles(segments: list[Segment], language: str | None = "en") -> dict[int, Role]:
    return {s.number: s.role for s in assign_roles(segments, language)}


def test_who_asks_and_listens_is_the_coach() -> None:
    coach, client = assign_roles(COACHING, "en-US")
    assert (coach.role, client.role) == (Role.COACH, Role.CLIENT)
    assert DECIDED <= coach.role_confidence < 1
    assert coach.evidence == {
        "questions": 4.0,
        "questions_per_minute": 16.0,
        "question_share": 0.8,
        "talk_share": 0.167,
    }
    assert (coach.name, client.name) == ("Speaker 1", "Speaker 2")


def test_the_coach_need_not_speak_first() -> None:
    """F24: the order of speaking is no evidence."""
    swapped = [Segment(s.n, s.start_ms, s.end_ms, s.text, 3 - (s.speaker or 0)) for s in COACHING]
    assert roles(swapped) == {1: Role.CLIENT, 2: Role.COACH}


@pytest.mark.parametrize(
    "segments",
    [
        dialogue((1, 20, "It rained all day."), (2, 20, "It did. The garden needed it.")),
        dialogue((1, 20, "How are you?"), (2, 20, "Fine. And you?"), (1, 20, "Fine."), (2, 20, "Really?")),
        dialogue((1, 20, "What next? How? Why?"), (2, 20, "Who knows? Where? When? What for?")),
        dialogue((1, 90, "Why? Because. And then? Then nothing. So what? Exactly."), (2, 5, "I see. Right.")),
        dialogue((1, 20, "What now? Why? How? When?")),
        dialogue((None, 20, "What now? Why? How? When?"), (None, 20, "Now.")),
        dialogue((1, 10, "What now?"), (2, 30, "Nothing, I believe.")),
        dialogue((1, 10, "What? Why? How? Who?"), (2, 1, "Me.")),
    ],
    ids=[
        "no questions",
        "small talk",
        "both ask",
        "a lecture",
        "one voice",
        "no diarization",
        "one",
        "a cough",
    ],
)
def test_unknown_stays_unknown(segments: list[Segment]) -> None:
    """F24: where the evidence does not decide, nobody is called coach or client."""
    for speaker in assign_roles(segments, "en"):
        assert (speaker.role, speaker.role_confidence) == (Role.UNKNOWN, 0.0)


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("zh-TW", "你今天想談什麼？", "我想談談工作。"),  # noqa: RUF001
        ("zh", "你觉得怎么样 为什么会这样", "我觉得很累 每天都在加班"),
        ("cmn-Hans-CN", "你准备好了吗。", "准备好了。"),
        ("ja-JP", "今日は何を話したいですか。", "仕事のことを話したいです。"),
        ("ja", "どうしてそう思うんですか", "時間が足りないからです"),
        ("es-ES", "¿Qué te gustaría cambiar?", "Quiero dormir más."),
        ("de", "Was würdest du gern ändern?", "Ich möchte mehr schlafen."),
        ("de", "was würdest du gern ändern", "ich möchte mehr schlafen"),
        ("fr", "Qu'est-ce que vous voulez changer ?", "Je veux dormir."),
        ("fr", "est-ce que vous dormez", "je ne dors pas"),
        ("es", "cómo te sientes", "estoy cansado"),
        ("en", "what would you do differently", "i would sleep more"),
        ("ar", "ماذا تريد؟", "أريد أن أنام."),
    ],
)
def test_questions_are_found_in_many_languages(language: str, question: str, answer: str) -> None:
    segments = dialogue(*[(1, 5, question), (2, 15, answer)] * 4)
    assert roles(segments, language) == {1: Role.COACH, 2: Role.CLIENT}


def test_a_group_has_one_coach_and_a_client_only_if_one_dominates() -> None:
    ask: Turn = (1, 5, "What do you think? And why?")
    group = dialogue(ask, (2, 20, "Yes."), ask, (3, 20, "No."), ask, (2, 20, "Yes."), ask, (3, 20, "No."))
    assert roles(group) == {1: Role.COACH, 2: Role.UNKNOWN, 3: Role.UNKNOWN}
    pair = dialogue(ask, (2, 60, "Yes."), ask, (3, 5, "No."), ask, (2, 60, "Yes."))
    assert roles(pair) == {1: Role.COACH, 2: Role.CLIENT, 3: Role.UNKNOWN}


def test_an_unknown_language_without_punctuation_says_nothing() -> None:
    segments = dialogue(*[(1, 5, "mitä sinä haluat"), (2, 15, "nukkua")] * 4)
    assert roles(segments, "fi") == {1: Role.UNKNOWN, 2: Role.UNKNOWN}


def test_nothing_said_is_nobody() -> None:
    assert assign_roles([], None) == ()
