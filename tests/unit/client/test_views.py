"""What the client prints: progress and transcripts, on a terminal and in a pipe."""

import io
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from client.models import Job, Notice, Segment, Speaker, Transcript
from client.progress import progress_board
from client.transcript_view import show
from client.wording import clock
from shared.lifecycle import JobStatus
from shared.transcript import Role


def a_job(status: JobStatus = JobStatus.RUNNING, **members: Any) -> Job:
    return Job(id=uuid4(), session_id=uuid4(), status=status, created_at=datetime.now(UTC), **members)


def printed(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None, _environ={})
    with progress_board(console) as board:
        view = board.row()
        for done in (0, 500_000, 1_000_000):
            view.sent(done, 1_000_000)
        view.job(a_job(JobStatus.QUEUED))
        for percent in (41, 42, 43, 62):
            view.job(a_job(phase="transcribing", progress=percent, audio_ms_done=percent * 880))
        view.job(a_job(phase="polishing", progress=99))
        view.job(a_job(JobStatus.SUCCEEDED, progress=100))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_pipe_gets_a_line_for_each_phase_and_step() -> None:
    assert printed(terminal=False).splitlines() == [
        "Sending 0 %",
        "Sending 50 %",
        "Sending 100 %",
        "Waiting 0 %",
        "Transcribing 41 %",
        "Transcribing 62 %",
        "Polishing 99 %",
        "Done 100 %",
    ]


def test_a_terminal_gets_bars() -> None:
    text = printed(terminal=True)
    assert "1.0 MB" in text
    assert "Done" in text
    assert "100%" in text


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (59_999, "0:59"), (3_600_000, "1:00:00"), (61_000, "1:01")]
)
def test_a_clock_cuts_off(ms: int, text: str) -> None:
    """F29: 59.9996 s was printed as the next minute."""
    assert clock(ms) == text


def test_a_transcript_shows_turns_with_times_names_and_roles() -> None:
    """F24: an unknown role stays unknown."""
    transcript = Transcript(
        title="First [session]",
        language="en",
        duration_ms=125_000,
        speakers=(Speaker(number=1, name="Anna", role=Role.COACH), Speaker(number=2, name="Speaker 2")),
        warnings=(Notice(code="music", detail="Music at the start."),),
        segments=(
            Segment(n=0, start_ms=0, end_ms=1, text="Hello.", speaker=1),
            Segment(n=1, start_ms=900, end_ms=1, text="What brings you [here]?", speaker=1),
            Segment(n=2, start_ms=61_000, end_ms=1, text="Work.", speaker=2),
            Segment(n=3, start_ms=70_000, end_ms=1, text="(noise)", speaker=None),
            Segment(n=4, start_ms=80_000, end_ms=1, text="A third.", speaker=3),
        ),
    )
    console = Console(file=io.StringIO(), width=80, highlight=False)
    show(transcript, console)
    assert isinstance(console.file, io.StringIO)
    assert [" ".join(line.split()) for line in console.file.getvalue().splitlines()] == [
        "First [session] 2:05, en",
        "Note: Music at the start.",
        "0:00 Anna (coach) Hello. What brings you [here]?",
        "1:01 Speaker 2 Work.",
        "1:10 ? (noise)",
        "1:20 Speaker 3 A third.",
    ]
