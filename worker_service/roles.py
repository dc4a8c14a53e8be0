"""Tells coach from client by what they do: who asks, and who talks; pure, standard library only.

A coach asks most of the questions and talks less. The three explanations "this one is the coach" (for each
speaker) and "nobody is" are weighed against each other; where none clearly wins, every role stays unknown.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from shared.transcript import Role, Segment, Speaker

DECIDED: Final = 0.8  # the least probability at which a role is given
MIN_QUESTIONS: Final = 3  # fewer are chance, however they are spread
_MIN_TALK_MS: Final = 3_000  # who says less is a voice in the background, or a mistake of the diarizer
_COACH_ASKS: Final = 0.85  # the share of a session's questions that its coach asks
_CLIENT_TALKS: Final = 0.6  # of what is not the coach's talk: below, a group has no single client
_CEILING: Final = 0.99  # questions of one conversation are not independent: certainty is never claimed

_MARKS: Final = re.compile(r"[?？؟]+")  # noqa: RUF001 - the wide form is meant
_ENDS: Final = re.compile(r"[.!?。！？؟।]")  # noqa: RUF001
# A statement's full stop after a particle that asks: correct Japanese, and what recognisers write in Chinese.
_PARTICLES: Final[Mapping[str, re.Pattern[str]]] = {
    "ja": re.compile(r"か(?=[。\s]|$)"),
    "zh": re.compile(r"[吗嗎](?=[。，,\s]|$)"),  # noqa: RUF001
}
# For recognisers that do not punctuate: what a question begins with, or the words that make it one.
_OPENERS: Final[Mapping[str, re.Pattern[str]]] = {
    language: re.compile(pattern, re.IGNORECASE)
    for language, pattern in {
        "en": r"\b(?:what|how|why|when|where|who|which)(?:'s| is| are| was| do| does| did| would| could| will"
        r"| can| might| makes| made| else| if| happens| happened)\b"
        r"|\b(?:do|did|can|could|would|will|are|were|have) you\b",
        "de": r"\b(?:was|wie|warum|wieso|wann|wo|wer|welche[rsnm]?|woran|wof[uü]r|womit)"
        r" (?:ist|sind|war|w[aä]re|macht|machst|kann|kannst|k[oö]nnte|w[uü]rde|w[uü]rdest|hast|hat|hei[sß]t|willst)"
        r"\b|\b(?:hast|bist|kannst|willst|w[uü]rdest|haben|k[oö]nnen|m[oö]chten) (?:du|sie)\b",
        "es": r"\b(?:qué|cómo|cuándo|dónde|quién|cuál|cuáles|cuánto|por qué|para qué)\b",
        "fr": r"\best-ce que?\b|\b(?:pourquoi|comment|quand|où|qui|quel(?:le)?s?|qu')\s?(?:est|sont|pourr|fer|av)"
        r"|\b(?:pensez|voulez|avez|pouvez|êtes|allez)-vous\b|\b(?:penses|veux|as|peux|es|vas)-tu\b",
        "ja": r"(?:ですか|ますか|でしょうか|ましたか|んですか)|(?:なぜ|どうして|どうやって|どのように)",
        "zh": r"什[么麼]|怎[么麼]|[为為]什[么麼]|多少|哪[里裡个個些]|[吗嗎]|是不是|有[没沒]有",
    }.items()
}


def assign_roles(segments: Sequence[Segment], language: str | None) -> tuple[Speaker, ...]:
    """One Speaker for each speaker number in `segments`, in order, with a role where the evidence decides.

    `language` is BCP 47 or None. `evidence` holds `questions`, `questions_per_minute`, `question_share` and
    `talk_share`. At most one coach and one client are named; the confidence is the probability given the
    evidence, and 0.0 for an unknown role (F24).
    """
    numbers = sorted({s.speaker for s in segments if s.speaker is not None})
    talk = {n: sum(s.end_ms - s.start_ms for s in segments if s.speaker == n) for n in numbers}
    asked = _questions_by_speaker(segments, language)
    roles = _decide(talk, {n: asked.get(n, 0) for n in numbers})
    return tuple(
        Speaker(
            number=n,
            name=f"Speaker {n}",
            role=roles.get(n, (Role.UNKNOWN, 0.0))[0],
            role_confidence=roles.get(n, (Role.UNKNOWN, 0.0))[1],
            evidence=_evidence(n, talk, asked),
        )
        for n in numbers
    )


def _decide(talk: Mapping[int, int], asked: Mapping[int, int]) -> dict[int, tuple[Role, float]]:
    """The roles that the evidence decides, each with its probability."""
    heard = [n for n in talk if talk[n] >= _MIN_TALK_MS]
    if len(heard) < 2:
        return {}
    total = sum(talk[n] for n in heard)
    shares = {n: talk[n] / total for n in heard}
    chances = _chances(shares, {n: asked[n] for n in heard})
    coach = max(heard, key=lambda n: chances[n])
    if asked[coach] < MIN_QUESTIONS or chances[coach] < DECIDED:
        return {}
    roles = {coach: (Role.COACH, chances[coach])}
    others = [n for n in heard if n != coach]
    client = max(others, key=lambda n: shares[n])
    of_others = shares[client] / (1 - shares[coach])
    if of_others >= _CLIENT_TALKS:
        roles[client] = (Role.CLIENT, round(chances[coach] * of_others, 3))
    return roles


def _chances(shares: Mapping[int, float], asked: Mapping[int, int]) -> dict[int, float]:
    """For each speaker the probability of being the coach, next to "nobody is, and who talks also asks"."""
    others = len(shares) - 1
    nobody = sum(asked[n] * math.log(shares[n]) for n in shares)
    logs = {}
    for n, share in shares.items():
        rest = sum(asked.values()) - asked[n]
        questions = asked[n] * math.log(_COACH_ASKS) + rest * math.log((1 - _COACH_ASKS) / others)
        logs[n] = questions + math.log(max(1e-9, (1 - share) * (others + 1) / others))
    top = max(nobody, *logs.values())
    weights = {n: math.exp(value - top) for n, value in logs.items()}
    whole = sum(weights.values()) + math.exp(nobody - top)
    return {n: round(min(_CEILING, weight / whole), 3) for n, weight in weights.items()}


def _evidence(number: int, talk: Mapping[int, int], asked: Mapping[int, int]) -> dict[str, float]:
    count, minutes = asked.get(number, 0), talk[number] / 60_000
    return {
        "questions": float(count),
        "questions_per_minute": round(count / minutes, 2) if minutes else 0.0,
        "question_share": round(count / (sum(asked.values()) or 1), 3),
        "talk_share": round(talk[number] / (sum(talk.values()) or 1), 3),
    }


def _questions_by_speaker(segments: Sequence[Segment], language: str | None) -> dict[int, int]:
    tongue = (language or "").replace("_", "-").split("-")[0].lower()
    tongue = {"cmn": "zh", "yue": "zh"}.get(tongue, tongue)
    punctuated = any(_ENDS.search(s.text) for s in segments)
    asked: dict[int, int] = {}
    for segment in segments:
        if segment.speaker is not None:
            found = _questions(segment.text, tongue, punctuated)
            asked[segment.speaker] = asked.get(segment.speaker, 0) + found
    return asked


def _questions(text: str, tongue: str, punctuated: bool) -> int:
    """How many questions are in `text`; without punctuation, as many as have words that ask."""
    if not punctuated:
        openers = _OPENERS.get(tongue)
        return len(openers.findall(text)) if openers else 0
    particles = _PARTICLES.get(tongue)
    return len(_MARKS.findall(text)) + (len(particles.findall(text)) if particles else 0)
