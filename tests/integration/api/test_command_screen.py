"""What a person sees: the command on a pseudo-terminal, its screen read by a terminal emulator."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from shared.lifecycle import Phase
from shared.records import JobRecord
from tests.fixtures.command_line import ROOT
from tests.integration.api.conftest import WAV, Api, eventually

COLUMNS, ROWS = 100, 24


class Screen:
    """A terminal of 100 columns on which one command runs."""

    def __init__(self, folder: Path, url: str, *arguments: object) -> None:
        self._emulator = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._emulator)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.set_blocking(self._ours, False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "client", *map(str, arguments)],
            cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={"PYTHONPATH": str(ROOT), "TRANSCRIPTS_URL": url, "TERM": "xterm-256color", "LANG": "C.UTF-8",
                 "XDG_STATE_HOME": str(folder)},
        )  # fmt: skip
        os.close(theirs)

    @property
    def lines(self) -> list[str]:
        """What stands on it now, empty lines left out."""
        self._read()
        return [line.rstrip() for line in self._emulator.display if line.strip()]

    async def until(self, check: Callable[[list[str]], bool]) -> list[str]:
        """What stands on it once that is so."""

        async def look() -> bool:
            return check(self.lines)

        await eventually(look)
        return self.lines

    async def ended(self) -> int:
        """Its exit code; the screen has everything by then."""

        async def over() -> bool:
            self._read()
            return self.process.poll() is not None

        await eventually(over)
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> None:
        try:
            while chunk := os.read(self._ours, 65536):
                self._stream.feed(chunk)
        except OSError:  # nothing more for now, or for good
            return


Open = Callable[..., Screen]


@pytest.fixture
def on_screen(api: Api, tmp_path: Path) -> Iterator[Open]:
    """Runs the command on a screen."""
    screens: list[Screen] = []

    def opened(*arguments: object) -> Screen:
        screens.append(Screen(tmp_path, api.server.url, *arguments))
        return screens[-1]

    yield opened
    for screen in screens:
        screen.close()


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.wav" for name in ("eins", "zwei", "第三次")]
    for path in paths:
        path.write_bytes(WAV)
    return paths


async def claimed(api: Api) -> JobRecord:
    row = await eventually(
        lambda: api.pool.fetchrow("SELECT id FROM job WHERE status = 'queued' ORDER BY id")
    )
    job = await api.jobs.claim(row["id"], "worker-1")
    assert job is not None
    return job


async def heard(api: Api, job: JobRecord, percent: int) -> None:
    """Progress as a worker writes it."""
    await api.pool.execute(
        "UPDATE processing_status SET phase = $2, progress = $3, audio_ms_done = $4 WHERE job_id = $1",
        job.id, Phase.TRANSCRIBING, percent, percent * 20,
    )  # fmt: skip
    await api.pool.execute("UPDATE session SET duration_ms = 2000 WHERE id = $1", job.session_id)


async def test_one_recording_has_a_bar_for_its_upload_and_one_for_its_job(
    api: Api, on_screen: Open, recordings: list[Path]
) -> None:
    """F15, F45: the ids stand above the bars, and the bar is where the worker is."""
    screen = on_screen("submit", recordings[0])
    job = await claimed(api)
    await heard(api, job, 50)
    lines = await screen.until(lambda lines: any("50%" in line for line in lines))
    assert lines[0] == f"session {job.session_id}, job {job.id}"
    assert lines[1].split()[0::2][:2] == ["Sending", "100%"]
    bar = lines[2]
    assert bar.split()[0] == "Transcribing"
    assert bar.endswith("0:01 of 0:02")
    assert bar.count("━") == 36 - 1  # the half that is done ends in a half block
    await api.succeed(job)
    assert await screen.ended() == 0
    assert screen.lines[2].split()[:3:2] == ["Done", "100%"]
    assert screen.lines[3:] == [
        "The client is hard to hear.",
        f"Read it: transcripts export {job.session_id}",
    ]


async def test_several_recordings_have_a_line_each_and_a_count_above(
    api: Api, on_screen: Open, recordings: list[Path]
) -> None:
    screen = on_screen("submit", *recordings)
    await screen.until(lambda lines: sum("Waiting" in line for line in lines) == 3)
    job = await claimed(api)
    await heard(api, job, 40)
    lines = await screen.until(lambda lines: any("40%" in line for line in lines))
    assert lines[3].split()[:2] == ["All", "Done"]
    assert lines[3].endswith("0 of 3")
    assert {line.split()[0] for line in lines[4:]} == {"eins.wav", "zwei.wav", "第三次.wav"}
    await api.succeed(job)
    lines = await screen.until(lambda lines: any("1 of 3" in line for line in lines))
    assert sum(line.startswith("✓ ") for line in lines) == 1
    screen.process.send_signal(signal.SIGINT)
    assert await screen.ended() == 130
    told = "".join(screen.lines).partition("transcripts watch ")[2]
    assert len(told.split()) == 2
    assert str(job.id) not in told


async def test_a_list_is_a_table_that_fits_the_screen(api: Api, on_screen: Open) -> None:
    sent = await api.send(title="第" * 90)
    job = await api.claimed(await api.send(title="One", language="en"))
    await api.succeed(job)
    screen = on_screen("list")
    assert await screen.ended() == 0
    head, *rows = screen.lines
    assert head.split() == ["id", "status", "language", "age", "title"]
    assert [row.split()[0] for row in rows] == [str(job.session_id), sent["session"]["id"]]
    assert rows[1].endswith("…")


async def test_help_is_framed_on_a_terminal(on_screen: Open) -> None:
    screen = on_screen("keys", "--help")
    assert await screen.ended() == 0
    assert any(line.startswith("╭─ Commands") for line in screen.lines)
