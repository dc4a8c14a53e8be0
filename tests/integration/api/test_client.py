"""Our own client against the real API."""

import asyncio
from pathlib import Path

import pytest

from client.aio import AsyncClient
from client.errors import JobFailedError, RefusedError
from client.models import Job, Order
from shared.errors import NoAudioError
from shared.lifecycle import JobStatus
from tests.integration.api.conftest import WAV, Api


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "第一次.wav"
    path.write_bytes(WAV)
    return path


async def test_a_recording_goes_in_and_its_transcript_comes_out(api: Api, recording: Path) -> None:
    """F45: the ids are there before the work is done."""
    async with AsyncClient(api.server.url) as client:
        submission = await client.sessions.submit(recording, Order(language="zh-TW", speakers=3))
        assert submission.session.title == "第一次"
        seen: list[JobStatus] = []
        claimed = asyncio.Event()

        def on_change(job: Job) -> None:
            seen.append(job.status)
            if job.status is JobStatus.RUNNING:
                claimed.set()

        waiting = asyncio.create_task(client.jobs.wait(submission.job.id, on_change))
        job = await api.jobs.claim(submission.job.id, "worker-1")
        assert job is not None
        await claimed.wait()
        await api.succeed(job)
        done = await waiting
        assert done.warnings[0].code == "quiet"
        assert seen[-2:] == [JobStatus.RUNNING, JobStatus.SUCCEEDED]
        transcript = await client.transcripts.get(submission.session.id)
        assert [segment.text for segment in transcript.segments] == ["How are you?", "Well. <b>"]
        assert (await client.transcripts.export(submission.session.id, "srt")).startswith(b"1\n00:00:00,000")


async def test_the_client_tells_why(api: Api, recording: Path) -> None:
    async with AsyncClient(api.server.url) as client:
        with pytest.raises(RefusedError, match="no engine 'ears'") as refused:
            await client.sessions.submit(recording, Order(engine="ears"))
        assert refused.value.problem_code == "unsupported_option"
        submission = await client.sessions.submit(recording, Order())
        with pytest.raises(RefusedError) as early:
            await client.transcripts.get(submission.session.id)
        assert early.value.problem_code == "not_ready"
        job = await api.jobs.claim(submission.job.id, "worker-1")
        assert job is not None
        assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
        with pytest.raises(JobFailedError, match="no audio track"):
            await client.jobs.wait(job.id)
