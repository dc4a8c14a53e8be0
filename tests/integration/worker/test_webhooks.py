"""Webhooks from the transaction that ends a job to a receiver that verifies them, and what happens in between."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.redis import Redis
from shared.database import Pool, open_pool, transaction
from shared.errors import CancelledByUserError, NoAudioError
from shared.ids import new_id
from shared.jobs.repository import JobRepository
from shared.pepper import Pepper
from shared.queue.client import connect
from shared.queue.names import webhooks_key
from shared.queue.webhook_bell import WebhookBell
from shared.records import JobRecord
from shared.sessions import SessionRepository
from shared.sources.addresses import networks_of
from shared.sources.egress import PublicTransport
from shared.storage import open_store
from shared.webhooks.deliveries import DeliveryRepository
from shared.webhooks.endpoints import EndpointRepository
from shared.webhooks.events import SUBSCRIBABLE
from shared.webhooks.records import Attempt, DeliveryRecord, EndpointRecord
from shared.webhooks.signing import new_secret
from tests.fixtures.audio import tone_wav
from tests.fixtures.keys import PEPPER
from tests.fixtures.receiver import Receiver, a_receiver, says
from tests.fixtures.rows import a_session, put_bytes, stored_job
from tests.fixtures.worker_process import a_worker
from worker_service.webhooks import RETRIES_S, WebhookSender

BOX = Pepper([PEPPER])
TENANT = "default"
LOOPBACK = networks_of("127.0.0.0/8")


@dataclass
class Site:
    """A database, a receiver, and what a worker and the API do with them."""

    pool: Pool
    receiver: Receiver
    endpoints: EndpointRepository
    deliveries: DeliveryRepository
    secrets: dict[UUID, str]

    async def endpoint(self, tenant: str = TENANT, url: str = "", **changes: Any) -> EndpointRecord:
        now, secret = datetime.now(UTC), new_secret()
        values: dict[str, Any] = {
            "id": new_id(), "tenant_id": tenant, "url": url or f"{self.receiver.url}/hook", "description": "",
            "events": [str(event) for event in SUBSCRIBABLE], "secret": BOX.seal(secret.encode()),
            "old_secret": None, "old_secret_until": None, "disabled_at": None, "disabled_reason": None,
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        endpoint = EndpointRecord(**values | changes)
        await self.endpoints.add(endpoint)
        self.secrets[endpoint.id] = secret
        return endpoint

    async def running(self, tenant: str = TENANT) -> JobRecord:
        job = await stored_job(self.pool, session=a_session(tenant_id=tenant))
        claimed = await JobRepository(self.pool).claim(job.id, "w1")
        assert claimed is not None
        return claimed

    async def failed(self, tenant: str = TENANT) -> JobRecord:
        job = await self.running(tenant)
        assert await JobRepository(self.pool).fail(job.id, job.attempt, NoAudioError())
        return job

    async def queued(self) -> list[tuple[str, UUID]]:
        rows = await self.pool.fetch("SELECT event, endpoint_id FROM webhook_delivery ORDER BY id")
        return [(row["event"], row["endpoint_id"]) for row in rows]

    async def only(self) -> DeliveryRecord:
        row = await self.pool.fetchrow("SELECT * FROM webhook_delivery")
        assert row is not None
        return DeliveryRecord.from_row(row)

    async def attempts(self) -> list[Attempt]:
        delivery = await self.only()
        return (await self.deliveries.attempts([delivery.id]))[delivery.id]

    @asynccontextmanager
    async def sending(self, **changes: Any) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        """A sender; what it yields has it deliver what is due, and returns how much that was."""
        options: dict[str, Any] = {
            "transport": PublicTransport(LOOPBACK), "poll_s": 0.02, "timeout_s": 5.0, "retries_s": (0, 0),
        }  # fmt: skip
        sender = WebhookSender(self.pool, BOX, **options | changes)

        async def once() -> int:
            count = await sender.claim(http)
            await sender.settled()
            return count

        async with httpx.AsyncClient(transport=(options | changes)["transport"], timeout=300) as http:
            yield once


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with await open_pool(database_url, size=8, name="test") as pool, a_receiver() as receiver:
        yield Site(pool, receiver, EndpointRepository(pool), DeliveryRepository(pool), {})


# What is queued ------------------------------------------------------------------------------------------


async def test_the_end_of_a_job_is_told_to_those_who_want_it(site: Site) -> None:
    """F42."""
    everything = await site.endpoint()
    failures = await site.endpoint(events=["job.failed"])
    await site.endpoint(events=[])
    await site.endpoint(tenant="other")
    off = await site.endpoint()
    assert await site.deliveries.disable(off.id, "Tired.")
    jobs = JobRepository(site.pool)
    failed = await site.failed()
    assert sorted(await site.queued()) == sorted([("job.failed", everything.id), ("job.failed", failures.id)])
    await site.pool.execute("DELETE FROM webhook_delivery")
    assert not await jobs.fail(failed.id, failed.attempt, NoAudioError())  # it has ended already
    cancelled = await site.running()
    await jobs.cancel(cancelled.id, TENANT, CancelledByUserError())
    await jobs.cancel(cancelled.id, TENANT, CancelledByUserError())
    succeeded = await site.running()
    async with transaction(site.pool) as connection:
        assert await jobs.succeed(connection, succeeded, warnings=[], model="m", language="en")
    assert await site.queued() == [("job.cancelled", everything.id), ("job.succeeded", everything.id)]


async def test_what_is_not_committed_is_not_told(site: Site) -> None:
    await site.endpoint()
    job = await site.running()
    async with site.pool.acquire() as connection:
        begun = connection.transaction()
        await begun.start()
        assert await JobRepository(site.pool).succeed(connection, job, warnings=[], model="m", language="en")
        assert await connection.fetchval("SELECT count(*) FROM webhook_delivery") == 1
        await begun.rollback()
    assert await site.queued() == []


async def test_what_is_not_an_end_is_not_told(site: Site) -> None:
    await site.endpoint()
    job = await site.running()
    jobs = JobRepository(site.pool)
    await jobs.retry_later(job.id, job.attempt, NoAudioError(), timedelta())
    again = await jobs.claim(job.id, "w2")
    assert again is not None
    await jobs.hand_over(again.id, again.attempt)
    assert await site.queued() == []


async def test_an_erased_session_is_told_and_its_deliveries_outlive_it(site: Site) -> None:
    await site.endpoint()
    job = await site.failed()
    assert await SessionRepository(site.pool).delete(job.session_id, TENANT)
    assert not await SessionRepository(site.pool).delete(job.session_id, TENANT)
    async with site.sending() as deliver:
        assert await deliver() == 2
    told = sorted(message.payload["type"] for message in site.receiver.got)
    assert told == ["job.failed", "session.deleted"]


async def test_a_session_s_own_address_is_told_of_what_becomes_of_it(site: Site) -> None:
    endpoint = await site.endpoint(events=[])
    subscribed = await site.endpoint(url=f"{site.receiver.url}/all", events=["job.failed"])
    url = f"{site.receiver.url}/hook?order=17"
    session = a_session(webhook_id=endpoint.id, webhook_url=url)
    job = await stored_job(site.pool, session=session)
    claimed = await JobRepository(site.pool).claim(job.id, "w1")
    assert claimed is not None
    await JobRepository(site.pool).fail(claimed.id, claimed.attempt, NoAudioError())
    await SessionRepository(site.pool).delete(session.id, TENANT)
    await site.failed()  # another session's
    async with site.sending() as deliver:
        while await deliver():
            pass
    own = [message for message in site.receiver.got if message.path == "/hook?order=17"]
    assert sorted(m.verified(site.secrets[endpoint.id])["type"] for m in own) == [
        "job.failed",
        "session.deleted",
    ]
    others = [message for message in site.receiver.got if message not in own]
    assert [message.path for message in others] == ["/all", "/all"]
    for message in others:
        message.verified(site.secrets[subscribed.id])


# What arrives --------------------------------------------------------------------------------------------


async def test_what_arrives_verifies_with_the_official_library_and_says_what_happened(site: Site) -> None:
    endpoint = await site.endpoint(url=f"{site.receiver.url}/hook?tenant=a")
    job = await site.failed()
    async with site.sending() as deliver:
        assert await deliver() == 1
        assert await deliver() == 0
    (message,) = site.receiver.got
    payload = message.verified(site.secrets[endpoint.id])
    assert message.path == "/hook?tenant=a"
    assert payload["type"] == "job.failed"
    moment = datetime.fromisoformat(payload["timestamp"])
    assert timedelta(0) < datetime.now(UTC) - moment < timedelta(minutes=1)
    data = payload["data"]
    assert datetime.fromisoformat(data.pop("finished_at")) <= datetime.now(UTC)
    assert data == {
        "job_id": str(job.id), "session_id": str(job.session_id), "status": "failed", "language": "en",
        "duration_ms": None, "retry_of": None,
        "error": {"code": "media_no_audio", "detail": NoAudioError().detail},
    }  # fmt: skip
    delivery = await site.only()
    assert (delivery.status, delivery.attempts) == ("delivered", 1)
    assert delivery.id.version == 7
    assert message.headers["webhook-id"] == delivery.message_id
    (attempt,) = await site.attempts()
    assert (attempt.http_status, attempt.error) == (204, None)


async def test_the_trace_of_the_request_that_made_the_job_goes_on(site: Site) -> None:
    await site.endpoint()
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    for traceparent in (trace, None):
        job = await stored_job(site.pool, traceparent=traceparent)
        await JobRepository(site.pool).cancel(job.id, job.tenant_id, CancelledByUserError())
    async with site.sending() as deliver:
        assert await deliver() == 2
    first, second = site.receiver.got
    assert {first.headers.get("traceparent"), second.headers.get("traceparent")} == {trace, None}


async def test_while_a_secret_is_replaced_either_verifies(site: Site) -> None:
    endpoint = await site.endpoint()
    old, new = site.secrets[endpoint.id], new_secret()
    until = datetime.now(UTC) + timedelta(hours=1)
    await site.endpoints.replace_secret(endpoint.id, TENANT, BOX.seal(new.encode()), until)
    async with site.sending() as deliver:
        await site.failed()
        await deliver()
        (message,) = site.receiver.got
        assert message.verified(new) == message.verified(old)
        await site.pool.execute("UPDATE webhook_endpoint SET old_secret_until = now()")
        await site.failed()
        await deliver()
    later = site.receiver.got[1]
    later.verified(new)
    with pytest.raises(Exception, match="No matching signature"):
        later.verified(old)


# What goes wrong -----------------------------------------------------------------------------------------


async def test_what_is_not_taken_is_sent_again_with_the_same_id_and_every_attempt_is_noted(
    site: Site,
) -> None:
    """F42: also what a receiver says, as far as it helps."""
    endpoint = await site.endpoint()
    answers = iter(
        [says(500, b"database \x00 is down" + b"!" * 5000), says(302, Location="http://127.0.0.1/x")]
    )
    site.receiver.answer = lambda _message: next(answers, says(200, b"ok"))
    await site.failed()
    async with site.sending() as deliver:
        for _ in range(3):
            assert await deliver() == 1
        assert await deliver() == 0
    assert len({message.headers["webhook-id"] for message in site.receiver.got}) == 1
    assert len({message.body for message in site.receiver.got}) == 1
    for message in site.receiver.got:
        message.verified(site.secrets[endpoint.id])
    failed, redirected, taken = await site.attempts()
    assert (failed.http_status, len(failed.response)) == (500, 1000)
    assert failed.response.startswith("database  is down")
    assert (redirected.http_status, redirected.error) == (
        302, "It redirected: redirects are not followed. Register the address that it leads to.",
    )  # fmt: skip
    assert (taken.http_status, taken.response) == (200, "ok")
    assert (await site.only()).status == "delivered"


async def test_waits_grow_over_days_and_a_receiver_may_ask_for_more(site: Site) -> None:
    await site.endpoint()
    await site.failed()
    site.receiver.answer = lambda _message: says(503)
    waits = []
    async with site.sending(retries_s=RETRIES_S) as deliver:
        for _ in RETRIES_S:
            assert await deliver() == 1
            assert await deliver() == 0  # not due
            waits.append(
                ((await site.only()).next_attempt_at - (await site.attempts())[-1].at).total_seconds()
            )
            await site.pool.execute("UPDATE webhook_delivery SET next_attempt_at = now()")
        for wait, wanted in zip(waits, RETRIES_S, strict=True):
            assert 0.9 * wanted <= wait < 1.1 * wanted + 60, waits  # a minute for the machine
        assert 3 * 86_400 < sum(RETRIES_S) < 4 * 86_400
        await site.pool.execute("DELETE FROM webhook_delivery")
        site.receiver.answer = lambda _message: says(429, Retry_After="7200")
        await site.failed()
        assert await deliver() == 1
        (attempt,) = await site.attempts()
        assert (await site.only()).next_attempt_at - attempt.at >= timedelta(hours=2)


async def test_in_the_end_it_is_given_up_and_a_receiver_that_took_nothing_is_switched_off(site: Site) -> None:
    endpoint = await site.endpoint()
    site.receiver.answer = lambda _message: says(500)
    await site.failed()
    async with site.sending() as deliver:
        for _ in range(3):
            assert await deliver() == 1
        assert await deliver() == 0
        assert (await site.only()).status == "failed"
        off = await site.endpoints.get(endpoint.id, TENANT)
        assert off.disabled_reason == "It has taken nothing for three days."
        await site.failed()
        assert len(await site.queued()) == 1


async def test_a_receiver_that_took_something_meanwhile_is_not_switched_off(site: Site) -> None:
    endpoint = await site.endpoint()
    first = await site.failed()
    site.receiver.answer = lambda message: says(500 if str(first.id).encode() in message.body else 204)
    async with site.sending() as deliver:
        await deliver()
        await site.failed()
        while await deliver():
            pass
    assert (await site.endpoints.get(endpoint.id, TENANT)).disabled_at is None


async def test_a_receiver_that_is_gone_is_switched_off_at_once(site: Site) -> None:
    endpoint = await site.endpoint()
    site.receiver.answer = lambda _message: says(410)
    await site.failed()
    waiting = await site.failed()
    await site.pool.execute(
        "UPDATE webhook_delivery SET next_attempt_at = now() + interval '1 hour' WHERE data ->> 'job_id' = $1",
        str(waiting.id),
    )
    async with site.sending() as deliver:
        assert await deliver() == 1
    off = await site.endpoints.get(endpoint.id, TENANT)
    assert (off.disabled_at is not None, off.disabled_reason) == (True, "It answered 410 Gone.")
    assert await site.pool.fetch("SELECT 1 FROM webhook_delivery WHERE status = 'pending'") == []


async def test_silence_is_given_up_after_the_time_that_is_set(site: Site) -> None:
    """F37."""
    await site.endpoint()
    site.receiver.answer = lambda _message: None
    await site.failed()
    async with site.sending(timeout_s=0.2) as deliver:
        assert await deliver() == 1
    (attempt,) = await site.attempts()
    assert (attempt.http_status, attempt.error) == (None, "No answer within 0.2 s.")
    assert (await site.only()).status == "pending"


async def test_an_answer_without_end_is_not_read(site: Site) -> None:
    await site.endpoint()
    site.receiver.answer = lambda _message: (
        b"HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000
    )
    await site.failed()
    async with site.sending() as deliver:
        assert await deliver() == 1
    (attempt,) = await site.attempts()
    assert (attempt.http_status, attempt.response, attempt.error) == (200, "x" * 1000, None)


async def test_an_answer_that_is_packed_is_not_unpacked(site: Site) -> None:
    await site.endpoint()
    packed = gzip.compress(bytes(50_000_000))
    site.receiver.answer = lambda _message: says(200, packed, Content_Encoding="gzip")
    await site.failed()
    async with site.sending() as deliver:
        assert await deliver() == 1
    (attempt,) = await site.attempts()
    assert attempt.http_status == 200
    assert "\0" not in attempt.response
    assert site.receiver.got[0].headers["accept-encoding"] == "identity"


async def test_nobody_there_is_told_and_tried_again(site: Site) -> None:
    await site.endpoint(url="http://127.0.0.1:1/")
    await site.failed()
    async with site.sending() as deliver:
        assert await deliver() == 1
    (attempt,) = await site.attempts()
    assert attempt.http_status is None
    assert "ConnectError" in (attempt.error or "")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_private_addresses_are_refused_at_delivery(site: Site, name: str) -> None:
    port = httpx.URL(site.receiver.url).port
    await site.endpoint(url=f"https://{name}:{port}/hook")
    await site.failed()
    async with site.sending(transport=PublicTransport()) as deliver:
        assert await deliver() == 1
    (attempt,) = await site.attempts()
    assert "public address" in (attempt.error or "")
    assert site.receiver.got == []


async def test_a_secret_that_cannot_be_opened_is_told_and_tried_again(site: Site) -> None:
    await site.endpoint(secret=Pepper(["another pepper of thirty-two letters"]).seal(new_secret().encode()))
    await site.failed()
    async with site.sending() as deliver:
        assert await deliver() == 1
    (attempt,) = await site.attempts()
    assert "TRANSCRIPTS_PEPPER" in (attempt.error or "")
    assert site.receiver.got == []


# Who delivers --------------------------------------------------------------------------------------------


async def test_one_worker_delivers_and_what_a_dead_one_had_claimed_comes_round(site: Site) -> None:
    """F42: deliveries outlive their workers."""
    await site.endpoint()
    await site.failed()
    (claimed,) = await site.deliveries.claim(most=9, of_one_endpoint=9, lease_s=60)
    async with site.sending() as deliver:
        assert await deliver() == 0
        await site.pool.execute("UPDATE webhook_delivery SET next_attempt_at = now()")  # the lease is over
        assert await deliver() == 1
    late = Attempt(datetime.now(UTC), 5, 500, None)
    await site.deliveries.again(claimed.delivery, late, 60)  # the dead one was only slow
    assert ((await site.only()).status, (await site.only()).attempts) == ("delivered", 2)


@pytest.mark.parametrize("replayed", [False, True])
async def test_a_worker_that_was_overtaken_settles_nothing(site: Site, replayed: bool) -> None:
    """F5: neither while another tries, nor after a replay, when attempts are counted from the beginning again."""
    endpoint = await site.endpoint()
    await site.failed()

    async def claim() -> DeliveryRecord:
        await site.pool.execute("UPDATE webhook_delivery SET next_attempt_at = now() - interval '1 second'")
        (claimed,) = await site.deliveries.claim(most=9, of_one_endpoint=9, lease_s=60)
        return claimed.delivery

    slow, quick = await claim(), await claim()
    if replayed:
        await site.deliveries.failed(quick, Attempt(datetime.now(UTC), 5, 500, None))
        assert await site.deliveries.replay(endpoint.id, endpoint.tenant_id, [slow.id], None)
        assert (await claim()).attempts == slow.attempts
    await site.deliveries.delivered(slow, Attempt(datetime.now(UTC), 5, 204, None))
    await site.deliveries.give_back([slow])
    assert (await site.only()).status == "pending"
    assert (await site.only()).next_attempt_at > datetime.now(UTC), "whoever overtook it still has it"


async def test_a_worker_that_stops_gives_back_what_it_has_under_way(site: Site) -> None:
    await site.endpoint()
    await site.failed()
    site.receiver.answer = lambda _message: None
    sender = WebhookSender(site.pool, BOX, transport=PublicTransport(LOOPBACK), poll_s=0.02, timeout_s=60)
    running = asyncio.create_task(sender.run())
    await site.receiver.first(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    left = await site.only()
    assert (left.status, left.attempts) == ("pending", 0)
    assert left.next_attempt_at <= datetime.now(UTC)


async def test_a_receiver_that_hangs_holds_up_itself_alone(site: Site) -> None:
    """Forty deliveries wait for it, and another one's arrive all the same."""
    await site.endpoint(url=f"{site.receiver.url}/slow")
    for _ in range(40):
        await site.failed()
    await site.endpoint(url=f"{site.receiver.url}/quick")
    site.receiver.answer = lambda message: None if message.path == "/slow" else says(204)
    await site.failed()
    sender = WebhookSender(site.pool, BOX, transport=PublicTransport(LOOPBACK), poll_s=0.02, timeout_s=60)
    running = asyncio.create_task(sender.run())
    while not any(message.path == "/quick" for message in site.receiver.got):
        await asyncio.sleep(0.01)
    assert len([message for message in site.receiver.got if message.path == "/slow"]) <= 4
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_ring_sends_what_was_committed(site: Site, redis_url: str) -> None:
    """Commit, then wake: the poll, an hour away, has no part in it."""
    await site.endpoint()
    redis: Any = connect(redis_url)
    bell = WebhookBell(redis)
    transport = PublicTransport(LOOPBACK)
    sender = WebhookSender(site.pool, BOX, transport=transport, poll_s=3_600, timeout_s=60, bell=bell)
    running = asyncio.create_task(sender.run())
    for count in range(1, 6):
        await site.failed()
        bell.poke()
        await site.receiver.first(count)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await redis.aclose(close_connection_pool=True)


async def test_what_has_no_room_is_sent_when_there_is(site: Site) -> None:
    """Four at once to one receiver; the others follow as these end, at no poll's pace."""
    await site.endpoint()
    for _ in range(20):
        await site.failed()
    sender = WebhookSender(site.pool, BOX, transport=PublicTransport(LOOPBACK), poll_s=3_600, timeout_s=60)
    running = asyncio.create_task(sender.run())
    await site.receiver.first(20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_many_rings_are_one_token_and_none_pile_up(redis_url: str) -> None:
    redis: Any = connect(redis_url)
    bell = WebhookBell(redis)
    for _ in range(200):
        bell.poke()
    while not await redis.llen(webhooks_key("transcripts")):
        await asyncio.sleep(0.01)
    assert await redis.llen(webhooks_key("transcripts")) == 1
    for _ in range(10):
        await bell.ring()
    assert await redis.llen(webhooks_key("transcripts")) == 4
    await redis.aclose(close_connection_pool=True)


async def test_redis_that_is_away_leaves_webhooks_to_the_poll(site: Site) -> None:
    await site.endpoint()
    redis = connect("redis://127.0.0.1:1/0", retries=0)
    bell = WebhookBell(redis)
    bell.poke()
    transport = PublicTransport(LOOPBACK)
    sender = WebhookSender(site.pool, BOX, transport=transport, poll_s=0.02, timeout_s=60, bell=bell)
    running = asyncio.create_task(sender.run())
    await site.failed()
    await site.receiver.first(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await redis.aclose(close_connection_pool=True)


async def test_the_end_of_a_run_rings(site: Site, tmp_path: Path, database_url: str, redis_url: str) -> None:
    """A real worker that polls once a minute delivers long before."""
    settings = {
        "TRANSCRIPTS_PEPPER": PEPPER,
        "TRANSCRIPTS_FETCH_NETWORKS": "127.0.0.0/8",
        "TRANSCRIPTS_WEBHOOK_POLL_SECONDS": "60",
        "TRANSCRIPTS_SWEEP_SECONDS": "0.2",
    }
    await site.endpoint()
    objects = tmp_path / "objects"
    async with a_worker(tmp_path / "log", database_url, redis_url, objects, **settings):
        session = a_session()
        await put_bytes(open_store(objects.as_uri()), session.audio_key, tone_wav(0.5))
        await stored_job(site.pool, session=session)
        (message,) = await site.receiver.first(1)
        assert message.payload["type"] == "job.succeeded"
        while (await site.only()).status == "pending":
            await asyncio.sleep(0.01)
    ended = await site.pool.fetchval("SELECT finished_at FROM job")
    (attempt,) = await site.attempts()
    assert attempt.at - ended < timedelta(seconds=30)


async def test_two_workers_send_each_message_once(site: Site) -> None:
    await site.endpoint()
    for _ in range(30):
        await site.failed()
    async with site.sending() as one, site.sending() as two:

        async def all_of_it(deliver: Callable[[], Awaitable[int]]) -> None:
            while await deliver():
                pass

        await asyncio.gather(all_of_it(one), all_of_it(two))
    ids = [message.headers["webhook-id"] for message in site.receiver.got]
    assert len(ids) == len(set(ids)) == 30


async def test_old_deliveries_are_forgotten(site: Site) -> None:
    await site.endpoint()
    await site.failed()
    await site.pool.execute("UPDATE webhook_delivery SET created_at = now() - interval '31 days'")
    await site.deliveries.forget_old()
    assert len(await site.queued()) == 1  # it is still to be sent
    await site.pool.execute("UPDATE webhook_delivery SET status = 'failed'")
    await site.deliveries.forget_old()
    assert await site.queued() == []


async def test_deliveries_outlive_the_worker_and_redis(
    site: Site, tmp_path: Path, database_url: str, redis_url: str, redis_server: Redis
) -> None:
    """F42, F11: killed in the middle of a delivery, and Redis emptied; the next worker sends it."""
    settings = {
        "TRANSCRIPTS_PEPPER": PEPPER,
        "TRANSCRIPTS_FETCH_NETWORKS": "127.0.0.0/8",
        "TRANSCRIPTS_WEBHOOK_POLL_SECONDS": "0.05",
    }
    endpoint = await site.endpoint()
    site.receiver.answer = lambda _message: None
    objects = tmp_path / "objects"
    await site.failed()  # before there is a worker, which would run the job itself
    async with a_worker(tmp_path / "first.log", database_url, redis_url, objects, **settings) as worker:
        await site.receiver.first(1)
        await worker.kill()
    redis_server.ask("FLUSHALL")
    site.receiver.answer = lambda _message: says(204)
    await site.pool.execute("UPDATE webhook_delivery SET next_attempt_at = now()")  # its lease is over
    async with a_worker(tmp_path / "second.log", database_url, redis_url, objects, **settings) as worker:
        first, second = await site.receiver.first(2)
        while (await site.only()).status == "pending":
            await asyncio.sleep(0.01)
        assert await worker.stop() == 0
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.verified(site.secrets[endpoint.id]) == first.payload
    assert site.secrets[endpoint.id] not in worker.text
