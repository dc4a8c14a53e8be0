"""Text as short lines: pieces with times of their own, and lines of a width in display columns."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from shared.exports.wording import one_line
from shared.transcript import Segment, Word, display_width, is_unspaced, join_words, spaced


def pieces(segment: Segment, max_chars: int) -> tuple[Word, ...]:
    """The segment's text as pieces that a line may break between, none wider than `max_chars`.

    Times come from the segment's words. Where it has none, or where they no longer are its text because a
    person edited it, the segment's time is shared out in proportion to the width of the text.
    """
    text = one_line(segment.text)
    heard = segment.words if one_line(join_words(segment.words)) == text else ()
    whole = Word(text, segment.start_ms, max(segment.start_ms, segment.end_ms))
    return tuple(piece for word in heard or (whole,) for piece in _break(word, max_chars))


def _break(word: Word, max_chars: int) -> Iterator[Word]:
    parts = [
        (atom, word.joined if chunk_n == 0 and atom_n == 0 else atom_n > 0)
        for chunk_n, chunk in enumerate(word.text.split())
        for atom_n, atom in enumerate(_atoms(chunk, max_chars))
    ]
    total = sum(max(1, display_width(atom)) for atom, _ in parts)
    done, length = 0, word.end_ms - word.start_ms
    for atom, joined in parts:
        start = word.start_ms + length * done // total
        done += max(1, display_width(atom))
        yield Word(one_line(atom), start, word.start_ms + length * done // total, joined=joined)


def _atoms(chunk: str, max_chars: int) -> Iterator[str]:
    """What a line may not break inside: a Latin word, or a CJK character with the marks that cling to it."""
    atom, width = "", 0
    for character in chunk:
        columns = display_width(character)
        if atom and (width + columns > max_chars or _may_break(atom[-1], character)):
            yield atom
            atom, width = "", 0
        atom += character
        width += columns
    if atom:
        yield atom


def _may_break(left: str, right: str) -> bool:
    """Between CJK characters, but not before closing punctuation, nor after an opening bracket."""
    if not (is_unspaced(left) or is_unspaced(right)):
        return False
    opens = unicodedata.category(left) in ("Ps", "Pi")
    clings = unicodedata.category(right) in ("Pe", "Pf", "Po", "Pd", "Lm", "Mn", "Me", "Cf")
    return not (opens or clings)


def atoms(text: str, max_chars: int) -> Iterator[tuple[str, bool]]:
    """What a line of `text` may break between, each with whether a space stands before it in the text."""
    for n, chunk in enumerate(text.split()):
        for atom_n, atom in enumerate(_atoms(chunk, max_chars)):
            yield atom, n > 0 and atom_n == 0


def wrap(words: Iterable[Word], max_chars: int) -> list[str]:
    """The words as lines of at most `max_chars` columns, each line as full as it gets."""
    return fill(_with_spaces(words), max_chars, display_width)


def fill(parts: Iterable[tuple[str, bool]], max_width: float, measure: Callable[[str], float]) -> list[str]:
    """Parts, each with whether a space stands before it, as lines of at most `max_width` as `measure` tells it."""
    space = measure(" ")
    lines: list[str] = []
    line, width = "", 0.0
    for part, spaced_off in parts:
        gap = space if spaced_off else 0.0
        wide = measure(part)
        if line and width + gap + wide > max_width:
            lines.append(line)
            line, width = part, wide
        else:
            line += " " + part if line and spaced_off else part
            width += gap + wide
    return [*lines, line] if line else lines


def _with_spaces(words: Iterable[Word]) -> Iterator[tuple[str, bool]]:
    before = ""
    for word in words:
        yield word.text, spaced(before, word)
        before = word.text or before


def balance(words: tuple[Word, ...], max_chars: int) -> list[str]:
    """As few lines as `wrap` needs, but of even length: nobody likes one word alone on the last line."""
    lines = wrap(words, max_chars)
    total = sum(display_width(line) for line in lines)
    for narrower in range(math.ceil(total / max(1, len(lines))), max_chars):
        even = wrap(words, narrower)
        if len(even) == len(lines):
            return even
    return lines
