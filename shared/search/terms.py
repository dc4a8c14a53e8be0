"""Text as the terms that are searched: words where spaces part them, pairs of characters where none do.

The same terms are made of what is stored and of what is asked, so that both always agree, whatever locale the
database has. A run of Chinese 工作了 gives the pairs 工作 and 作了, and 了 by itself: two characters or more are
found as a row of pairs, one alone as the beginning of a pair.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

_MAX_TERM: Final = 60  # characters of a word that count
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")
_GRAMS: Final = (  # scripts that put no space between words, and Hangul, whose words take endings
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul jamo
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x312F),  # kana, bopomofo
    (0x3130, 0x318F),
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SIGNS: Final = re.compile(r"[\u0591-\u05c7\u064b-\u065f\u0900-\u0dff]")  # letters in all but category
_ACCENTS: Final = re.compile(r"[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its folded text, its position among the terms, and the characters of the text that it is."""

    text: str
    position: int
    start: int
    end: int
    gram: bool = False  # of a run without spaces: a pair, or a character by itself
    extra: bool = False  # the last character of a run of pairs, which a query leaves out


def terms(text: str) -> Iterator[Term]:
    """The terms of a text in order; letter case, accents and full or half width do not count."""
    if text.isascii():  # the usual case, twenty times as fast
        for position, match in enumerate(_ASCII_WORD.finditer(text.lower()), start=1):
            yield Term(match[0][:_MAX_TERM], position, match.start(), match.end())
        return
    position = 0
    for run, is_grams in _runs(text):
        if is_grams:
            yield from _pairs(run, position)
            position += len(run)
        else:
            position += 1
            word = "".join(character for character, _, _ in run)[:_MAX_TERM]
            yield Term(word, position, run[0][1], run[-1][2])


_Run = list[tuple[str, int, int]]


def _pairs(run: _Run, position: int) -> Iterator[Term]:
    for n, ((character, start, _), (following, _, end)) in enumerate(pairwise(run), start=1):
        yield Term(character + following, position + n, start, end, gram=True)
    character, start, end = run[-1]
    yield Term(character, position + len(run), start, end, gram=True, extra=len(run) > 1)


def _runs(text: str) -> Iterator[tuple[_Run, bool]]:
    """Runs of folded characters with where they stand, and whether they are of a script without spaces."""
    run: _Run = []
    grams = False
    for index, character in enumerate(text):
        if _ACCENTS.match(character):
            continue  # written apart from its letter: the letter is what counts
        for folded in _fold(character):
            is_gram = _is_gram(folded)
            is_term = is_gram or folded.isalnum() or bool(_SIGNS.match(folded))
            if run and (not is_term or is_gram != grams):
                yield run, grams
                run = []
            if is_term:
                run.append((folded, index, index + 1))
                grams = is_gram
    if run:
        yield run, grams


@lru_cache(maxsize=20_000)
def _fold(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).casefold()
    if folded.isascii() or _is_gram(folded[:1] or " "):
        return folded
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", folded)))


def _is_gram(character: str) -> bool:
    code = ord(character)
    return code >= _GRAMS[0][0] and any(first <= code <= last for first, last in _GRAMS)


def vector(text: str, tenant_id: str) -> str:
    """The terms as Postgres writes a tsvector; the tenant is a term too, so that the index finds both at once."""
    places: dict[str, list[int]] = {}
    for term in terms(text):
        places.setdefault(term.text, []).append(term.position)
    written = (f"{quoted(term)}:{','.join(map(str, found))}" for term, found in places.items())
    return " ".join([quoted(tenant_term(tenant_id)), *written])


def tenant_term(tenant_id: str) -> str:
    """The term that says whose text it is; its space keeps it apart from all that a text can hold."""
    return "of " + hashlib.blake2b(tenant_id.encode(), digest_size=8).hexdigest()


def quoted(term: str) -> str:
    """A term in the quotes of tsvector and tsquery."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"


def spans(found: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches of text in order, those that touch or overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
