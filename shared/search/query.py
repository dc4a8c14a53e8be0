"""What is looked for: words, "phrases", beginnings*, and -what must not be there; all of it in one segment."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from shared.errors import InvalidRequestError
from shared.search.terms import Term, quoted, spans, tenant_term, terms

_PARTS: Final = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_LEAST_PREFIX: Final = 2  # letters before a `*`: one letter begins a tenth of all words


@dataclass(frozen=True, slots=True)
class _Piece:
    """A term of a phrase, and how many positions after the one before it it stands."""

    text: str
    prefix: bool
    after: int

    def matches(self, term: Term) -> bool:
        return term.text.startswith(self.text) if self.prefix else term.text == self.text


Phrase = tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that can be asked: phrases that must be there, and phrases that must not."""

    wanted: tuple[Phrase, ...]
    unwanted: tuple[Phrase, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed; InvalidRequestError where it asks for nothing that could be found."""
        wanted: list[Phrase] = []
        unwanted: list[Phrase] = []
        for minus, quoted_text, bare in _PARTS.findall(text):
            phrase = _phrase(quoted_text or bare)
            if phrase:
                (unwanted if minus else wanted).append(phrase)
        if not wanted:
            raise InvalidRequestError("`q` has no word that could be looked for.", field="q")
        return cls(tuple(wanted), tuple(unwanted))

    def as_tsquery(self, tenant_id: str) -> str:
        """The query as Postgres writes a tsquery, of this tenant's text alone."""
        unwanted = [f"!{_written(phrase)}" for phrase in self.unwanted]
        return " & ".join([quoted(tenant_term(tenant_id)), self.wanted_as_tsquery(), *unwanted])

    def wanted_as_tsquery(self) -> str:
        """What a hit is ranked by: the tenant's term, which has no place in the text, would spoil it."""
        return " & ".join(map(_written, self.wanted))

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where in a text what is wanted stands: characters from and to, in order, none overlapping."""
        there = list(terms(text))
        return spans(span for phrase in self.wanted for span in _find(phrase, there))


def _phrase(text: str) -> Phrase:
    """The terms of a text in the distances in which they have to stand."""
    ends_in_star = text.endswith("*")
    pieces: list[_Piece] = []
    last = 0
    of_text = [term for term in terms(text) if not term.extra]
    for n, term in enumerate(of_text):
        begins = term.gram and len(term.text) == 1
        star = ends_in_star and n == len(of_text) - 1 and len(term.text) >= _LEAST_PREFIX
        pieces.append(_Piece(term.text, begins or star, term.position - last if last else 0))
        last = term.position
    return tuple(pieces)


def _written(phrase: Phrase) -> str:
    written = ""
    for piece in phrase:
        written += f" <{piece.after}> " if written else ""
        written += quoted(piece.text) + (":*" if piece.prefix else "")
    return f"({written})"


def _find(phrase: Phrase, there: Sequence[Term]) -> Iterator[tuple[int, int]]:
    at = {term.position: term for term in there}
    for first in there:
        position, last = first.position, first
        for n, piece in enumerate(phrase):
            position += piece.after if n else 0
            term = at.get(position)
            if term is None or not piece.matches(term):
                break
            last = term
        else:
            end = last.end
            if len(phrase[-1].text) == 1 and len(last.text) > 1 and phrase[-1].prefix:
                end = last.start + 1  # the one character that was asked for, not the pair that it begins
            yield first.start, end
