"""The edit that an import is: captions become words, words become segments, names become speakers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.editing.content import Content
from shared.editing.edits import EditKind
from shared.errors import InvalidRequestError
from shared.exports.lines import pieces
from shared.exports.wording import UNKNOWN_SPEAKER
from shared.imports.cues import MOST_CUES, Spoken
from shared.segments import segment
from shared.transcript import Segment, Speaker, Word

MOST_SPEAKERS: Final = 99
_NUMBERED: Final = re.compile(r"speaker (\d{1,2})", re.IGNORECASE)
_LONGEST_NAME: Final = 100
_UNBROKEN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Import:
    """Captions in place of everything that is there.

    Voices whose names are those of speakers keep their number and role; other names are new speakers whose
    role nobody knows (F24, F30). `prefixes` says that names may stand before a colon, as in SubRip.
    """

    spoken: tuple[Spoken, ...]
    prefixes: bool = False
    kind: EditKind = EditKind.IMPORT

    def touches(self, content: Content) -> Sequence[Segment]:
        """Everything."""
        return content.segments

    def apply(self, content: Content) -> Content:
        """The content of the captions; InvalidRequestError where they say nothing."""
        if not self.spoken:
            raise InvalidRequestError("The file holds no cue with text. Nothing was changed.")
        if len(self.spoken) > MOST_CUES:
            raise InvalidRequestError(f"The file holds more than {MOST_CUES} cues. Nothing was changed.")
        spoken = sorted(self.spoken, key=lambda part: part.start_ms)
        if self.prefixes:
            spoken = list(_attributed(spoken, {_key(s.name) for s in content.speakers}))
        speakers = _speakers(spoken, content.speakers)
        words = [word for part in spoken for word in _words(part, speakers)]
        used = {speaker.number: speaker for speaker in speakers.values()}
        return Content(
            segment(words, flicker=False), tuple(used[number] for number in sorted(used)), job_id=None
        )


def _words(part: Spoken, speakers: Mapping[str, Speaker]) -> Iterator[Word]:
    number = speakers[_key(part.voice)].number if part.voice else None
    for n, word in enumerate(pieces(Segment(0, part.start_ms, part.end_ms, part.text), _UNBROKEN)):
        yield replace(word, speaker=number, joined=word.joined and n > 0)


def _attributed(spoken: Sequence[Spoken], known: set[str]) -> Iterator[Spoken]:
    """The parts with the names before their colons as voices; who was named goes on until another is."""
    voice: str | None = None
    for part in spoken:
        name, colon, rest = part.text.partition(":")
        key = _key(name)
        if colon and (key in known or key == _key(UNKNOWN_SPEAKER) or _NUMBERED.fullmatch(key)):
            voice = None if key == _key(UNKNOWN_SPEAKER) else name.strip()
            part = replace(part, text=rest.strip())  # noqa: PLW2901 - the same part without its name
        if part.text:
            yield replace(part, voice=voice)


def _speakers(spoken: Sequence[Spoken], known: Sequence[Speaker]) -> dict[str, Speaker]:
    """Who speaks, by the key of the name: those who are known, then new ones in order of their first word."""
    by_name = {_key(speaker.name): speaker for speaker in known}
    made: dict[str, Speaker] = {}
    names: dict[str, str] = {}
    for part in spoken:
        if part.voice:
            names.setdefault(_key(part.voice), part.voice)
    taken = {by_name[key].number for key in names if key in by_name}
    for key, name in names.items():
        if key in by_name:
            made[key] = by_name[key]
            continue
        numbered = _NUMBERED.fullmatch(key)
        wanted = int(numbered[1]) if numbered else 0
        number = wanted if wanted > 0 and wanted not in taken else _free(taken, names)
        taken.add(number)
        made[key] = Speaker(number, name[:_LONGEST_NAME])
    if len(made) > MOST_SPEAKERS:
        raise InvalidRequestError(
            f"The file names {len(made)} speakers; at most {MOST_SPEAKERS} are taken. Nothing was changed."
        )
    return made


def _free(taken: set[int], names: Mapping[str, str]) -> int:
    """The lowest number that nobody has, nor claims by a name such as `Speaker 2`."""
    claimed = {int(match[1]) for key in names if (match := _NUMBERED.fullmatch(key))}
    return next(number for number in range(1, len(names) + len(taken) + len(claimed) + 2)
                if number not in taken | claimed)  # fmt: skip


def _key(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()
