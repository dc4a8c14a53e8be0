"""Values that pages name by their words, and how places and sizes are written."""

import re
from collections.abc import Iterable

import pytest

from api_service.console.languages import NAMES, clock, language, size
from api_service.console.routes.search import parts_of
from shared.editing.edits import EditKind
from shared.editing.states import EditState
from shared.exports import FORMATS
from shared.jobs import moves as job_moves
from shared.jobs import pieces
from shared.lifecycle import JobStatus, Outcome, Phase
from shared.schemas.search import Snippet, Stretch
from shared.transcript import Role
from shared.transcripts.search import SearchOrder

EVENTS = {
    event
    for module in (job_moves, pieces)
    for statement in vars(module).values()
    if isinstance(statement, str)
    for event in re.findall(r"SELECT (?:j\.)?id, (?:j\.)?attempt, '(\w+)', jsonb", statement)
} | {"queued", *Phase}
"""What happens to a job, as the statements say that note it, and the phases that a worker reports."""

VALUES: dict[str, Iterable[str]] = {
    "status": JobStatus,
    "phase": Phase,
    "event": EVENTS,
    "operation_state": ("starting", "running", *Outcome),
    "role": Role,
    "edit_kind": EditKind,
    "edit_state": EditState,
    "search_order": SearchOrder,
    "format": FORMATS,
    "engine": ("local", "google", "scripted"),
}


@pytest.mark.parametrize("tag", NAMES)
@pytest.mark.parametrize("section", VALUES)
def test_every_value_has_a_word(tag: str, section: str) -> None:
    said = language(tag)
    assert [value for value in VALUES[section] if not said.has(f"{section}.{value}")] == []


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0:00"), (999, "0:00"), (59_999, "0:59"), (754_000, "12:34"), (3_723_000, "1:02:03")],
)
def test_a_place_in_a_recording_is_cut_never_rounded(ms: int, text: str) -> None:
    assert clock(ms) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 kB"),
        (12_400, "12 kB"),
        (3_400_000, "3.4 MB"),
        (2_000_000_000, "2 GB"),
        (2_147_483_648, "2.1 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_a_snippet_is_cut_where_something_was_found() -> None:
    snippet = Snippet(text="two offers, two", matches=[Stretch(start=0, end=3), Stretch(start=12, end=15)])
    assert parts_of(snippet) == [("two", True), (" offers, ", False), ("two", True)]
    assert parts_of(Snippet(text="plain", matches=[])) == [("plain", False)]


def test_the_events_of_a_job_are_found() -> None:
    assert {"claimed", "worker_lost", "fell_back", "pieces_intended", "succeeded"} <= EVENTS
