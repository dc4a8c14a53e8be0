"""Recordings whose words the fake knows, so that a transcript of them can be read."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.fakes.google.audio import measure
from tests.fakes.google.state import State


def learn(state: State, folder: Path) -> None:
    """Set a script for each recording of `folder` that has its turns and words beside it; safe to repeat.

    `name.flac`, `name.turns.json` ([start s, end s, speaker] each) and `name.txt` (a turn's words a line) belong
    together. A recording is known again by its length, since what is uploaded was decoded and encoded anew.
    """
    for turns in sorted(folder.glob("*.turns.json")):
        stem = turns.name.removesuffix(".turns.json")
        lines = (folder / f"{stem}.txt").read_text().splitlines()
        words = list(spoken(json.loads(turns.read_text()), lines))
        document = json.dumps({"audio_ms": measure(folder / f"{stem}.flac").ms, "words": words})
        if not state.row("SELECT 1 FROM scripts WHERE document = ?", document):
            state.execute("INSERT INTO scripts VALUES (NULL, ?)", document)


def spoken(turns: Sequence[Sequence[Any]], lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The words of each turn, spread over its time by their length."""
    speakers = list(dict.fromkeys(speaker for _, _, speaker in turns))
    for (start_s, end_s, speaker), line in zip(turns, lines, strict=True):
        texts = line.split()
        ms_a_letter = (end_s - start_s) * 1_000 / sum(len(text) + 1 for text in texts)
        at = start_s * 1_000
        for text in texts:
            ends = at + len(text) * ms_a_letter
            yield {
                "text": text,
                "start_ms": round(at),
                "end_ms": round(ends),
                "speaker": speakers.index(speaker) + 1,
            }
            at = ends + ms_a_letter
