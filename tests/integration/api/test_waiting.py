"""Clients that wait: long polls and event streams, all fed by one reader."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from api_service.waiting.queue_line import QueueLine
from api_service.waiting.watcher import JobWatcher
from shared.database import open_pool
from shared.errors import NoAudioError
from shared.ids import new_id
from tests.fixtures.rows import stored_job
from tests.integration.api.conftest import Api, StartApi, eventually


class Events:
    """An open event stream, as a browser's EventSource reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.kind = response.headers.get("content-type", "")
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, str] | None:
        """The fields of the next event, or None at the end of the stream."""
        fields: dict[str, str] = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if not line and "data" in fields:
                return fields
            if name:
                fields[name] = value
        return None

    async def job(self) -> dict[str, Any]:
        event = await self.next()
        assert event is not None
        assert event["event"] == "job"
        job: dict[str, Any] = json.loads(event["data"])
        return job | {"event_id": event["id"]}


@asynccontextmanager
async def follow(api: Api, job_id: UUID | str, last: str | None = None) -> AsyncIterator[Events]:
    headers = {"Last-Event-ID": last} if last else {}
    async with api.http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
        yield Events(response)


async def hold(api: Api, job_id: UUID | str, *, tag: str | None = None, wait: int = 60) -> httpx.Response:
    headers = {"Prefer": f"respond-async, wait={wait}"} | ({} if tag is None else {"If-None-Match": tag})
    return await api.http.get(f"/v1/jobs/{job_id}", headers=headers, timeout=300)


async def held(api: Api, count: int = 1) -> None:
    """Wait until so many jobs are watched."""

    async def check() -> bool:
        return len(api.server.services.watcher._topics) == count

    await eventually(check)


async def test_a_long_poll_answers_when_the_job_changes(api: Api) -> None:
    """F42."""
    sent = await api.send()
    tag = (await api.get(f"/v1/jobs/{sent['job']['id']}")).headers["ETag"]
    waiting = asyncio.create_task(hold(api, sent["job"]["id"], tag=tag))
    await held(api)
    assert not waiting.done()
    await api.claimed(sent)
    answer = await waiting
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert answer.headers["Preference-Applied"] == "wait=60"
    assert answer.headers["ETag"] != tag


async def test_a_long_poll_without_a_tag_answers_when_the_job_has_ended(api: Api) -> None:
    sent = await api.send()
    waiting = asyncio.create_task(hold(api, sent["job"]["id"]))
    await held(api)
    job = await api.claimed(sent)
    tag = (await api.get(f"/v1/jobs/{job.id}")).headers["ETag"]
    assert (await hold(api, job.id, tag='"older"')).headers["ETag"] == tag  # a reader since told of the claim
    assert not waiting.done()
    await api.succeed(job)
    assert (await waiting).json()["status"] == "succeeded"


async def test_a_long_poll_with_an_old_tag_answers_at_once(api: Api) -> None:
    sent = await api.send()
    for tag in ("", '"old"'):
        assert (await hold(api, sent["job"]["id"], tag=tag)).status_code == 200


async def test_a_long_poll_in_vain_is_a_304(api: Api) -> None:
    sent = await api.send()
    tag = (await api.get(f"/v1/jobs/{sent['job']['id']}")).headers["ETag"]
    answer = await hold(api, sent["job"]["id"], tag=tag, wait=1)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (304, "wait=1")
    assert "Retry-After" in answer.headers


async def test_a_wait_is_cut_to_a_minute_and_an_ended_job_is_not_waited_for(api: Api) -> None:
    job = await api.claimed(await api.send())
    await api.succeed(job)
    answer = await hold(api, job.id, wait=100_000)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=60")


async def test_a_long_poll_of_a_job_that_is_deleted_is_a_404(api: Api) -> None:
    sent = await api.send()
    waiting = asyncio.create_task(hold(api, sent["job"]["id"]))
    await held(api)
    await api.pool.execute("DELETE FROM session")
    assert (await waiting).status_code == 404


async def test_an_event_stream_tells_each_change_and_ends_with_the_job(api: Api) -> None:
    """F42."""
    sent = await api.send()
    async with follow(api, sent["job"]["id"]) as events:
        assert (events.status, events.kind) == (200, "text/event-stream; charset=utf-8")
        assert (await events.job())["status"] == "queued"
        job = await api.claimed(sent)
        assert (await events.job())["status"] == "running"
        assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
        last = await events.job()
        assert (last["status"], last["error"]["code"]) == ("failed", "media_no_audio")
        assert await events.next() is None
    async with follow(api, job.id, last["event_id"]) as events:  # as an EventSource comes back by itself
        assert events.status == 204


async def test_an_event_stream_goes_on_where_another_replica_left_off(start_api: StartApi) -> None:
    """F42: ids mean the same on every replica and after a restart."""
    async with start_api() as one, start_api() as other:
        sent = await one.send()
        async with follow(one, sent["job"]["id"]) as events:
            seen = await events.job()
        async with follow(other, sent["job"]["id"], seen["event_id"]) as events:
            await held(other)
            await one.claimed(sent)
            assert (await events.job())["status"] == "running"  # and not what was seen already


async def test_an_event_stream_of_a_session_that_is_deleted_says_so(api: Api) -> None:
    sent = await api.send()
    async with follow(api, sent["job"]["id"]) as events:
        await events.job()
        assert (await api.http.delete(f"/v1/sessions/{sent['session']['id']}")).status_code == 204
        while (event := await events.next()) and event["event"] == "job":  # it may be seen cancelled first
            assert json.loads(event["data"])["status"] == "cancelled"
        assert event is None or event["event"] == "gone"


async def test_a_client_that_goes_away_is_not_watched_for(api: Api) -> None:
    sent = await api.send()
    async with follow(api, sent["job"]["id"]) as events:
        await events.job()
        await held(api, 1)
    await held(api, 0)


async def test_a_stop_sends_everyone_home_at_once(start_api: StartApi) -> None:
    """A deploy does not wait for a long poll of a minute, nor for a stream without end."""
    async with start_api() as api:
        sent, other = await api.send(), await api.send()
        waiting = asyncio.create_task(hold(api, sent["job"]["id"]))
        async with follow(api, other["job"]["id"]) as events:
            await events.job()
            await held(api, 2)
            api.server.should_exit = True
            assert (await waiting).json()["status"] == "queued"
            while (
                event := await events.next()
            ) is not None:  # its place in the queue may have changed before
                assert event["event"] == "job"


async def test_however_many_wait_a_tick_is_one_query(database_url: str) -> None:
    """F18: clients cost nothing; the queue's order is one more query, while one of the jobs waits in it."""
    pool = await open_pool(database_url, size=1, name="test")
    asked: list[str] = []
    try:
        async with pool.acquire() as connection:
            connection.add_query_logger(  # asyncpg asks for types of its own accord, once
                lambda query: asked.append(query.query) if "FROM job" in query.query else None
            )
        jobs = [await stored_job(pool) for _ in range(20)]
        for job in jobs:
            await pool.execute("UPDATE job SET status = 'running' WHERE id = $1", job.id)
        watcher = JobWatcher(pool, QueueLine(pool, max_age_s=60), tick_s=60)
        watches = [watcher.watch(job.id) for job in jobs for _ in range(50)]
        seen = [watch.__enter__() for watch in watches]
        asked.clear()
        await watcher.tick()
        assert len(asked) == 1
        assert all([await watch.news(0) for watch in seen])
        await watcher.tick()
        assert len(asked) == 2
        assert not any([await watch.news(0) for watch in seen])
        await pool.execute("UPDATE job SET status = 'queued' WHERE id = $1", jobs[0].id)
        asked.clear()
        await watcher.tick()
        await watcher.tick()
        assert len(asked) == 3
        assert [await watch.news(0) for watch in seen] == [True] * 50 + [False] * 950
        for watch in watches:
            watch.__exit__(None, None, None)
        await watcher.tick()
        with watcher.watch(new_id()) as nobody:
            await watcher.tick()
            assert await nobody.news(0)
            assert nobody.record is None
    finally:
        await pool.close()
