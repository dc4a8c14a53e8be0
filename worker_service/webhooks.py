"""Delivers webhooks: claims what is due, sends it signed, and notes what came of it; for days, if need be."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from uuid import UUID

import httpx

from shared.database import AWAY, Pool, outlast
from shared.observation import telemetry
from shared.observation.logs import bind, get_logger
from shared.pepper import Pepper, SealedError
from shared.queue.webhook_bell import WebhookBell
from shared.sources.egress import AddressRefusedError, UnresolvedError
from shared.webhooks.deliveries import Claimed, DeliveryRepository
from shared.webhooks.records import Attempt, DeliveryRecord
from shared.webhooks.signing import signature

log = get_logger(__name__)

RETRIES_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The waits between attempts, as the Standard Webhooks specification proposes: ten attempts in three days."""

_AT_ONCE: Final = 32
_OF_ONE_ENDPOINT: Final = 4
_MARGIN_S: Final = 30.0  # a claim outlasts its request by this much
_KEPT_CHARACTERS: Final = 1_000
_READ_BYTES: Final = 4_096
_CLEAN_UP_S: Final = 600.0
_GONE: Final = "It answered 410 Gone."
_SILENT: Final = "It has taken nothing for three days."


class WebhookSender:
    """The part of a worker that delivers webhooks."""

    def __init__(
        self,
        pool: Pool,
        pepper: Pepper,
        *,
        transport: httpx.AsyncBaseTransport,
        poll_s: float,
        timeout_s: float,
        retries_s: Sequence[float] = RETRIES_S,
        bell: WebhookBell | None = None,
    ) -> None:
        """`poll_s`: how often due deliveries are looked for, rung for or not; `timeout_s`: how long an endpoint may
        take to answer; `bell`: without one it only polls.
        """
        self._deliveries = DeliveryRepository(pool)
        self._pepper = pepper
        self._transport = transport
        self._poll_s = poll_s
        self._timeout_s = timeout_s
        self._retries_s = retries_s
        self._under_way: dict[asyncio.Task[None], DeliveryRecord] = {}
        self._clean_up_at = 0.0
        self._bell = bell
        self._woken = asyncio.Event()  # by a ring, or since a delivery has ended and there is room again

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is given back, to be sent again by another worker."""
        listening = None
        if self._bell is not None:
            listening = asyncio.create_task(self._bell.listen(self._woken, again_s=self._poll_s))
        async with httpx.AsyncClient(transport=self._transport, timeout=self._timeout_s) as http:
            try:
                while True:
                    self._woken.clear()
                    try:
                        await self.claim(http)
                        await self._clean_up()
                    except AWAY as error:
                        log.warning("webhooks put off", reason=repr(error))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_s):
                            await self._woken.wait()
            finally:
                if listening is not None:
                    listening.cancel()
                    await asyncio.wait([listening])
                await self._give_back()

    async def claim(self, http: httpx.AsyncClient) -> int:
        """Begin what is due and has room; returns how many deliveries that were."""
        free = _AT_ONCE - len(self._under_way)
        if free <= 0:
            return 0
        busy = Counter(delivery.endpoint_id for delivery in self._under_way.values())
        claimed = await self._deliveries.claim(
            most=free,
            of_one_endpoint=_OF_ONE_ENDPOINT,
            lease_s=self._timeout_s + _MARGIN_S,
            but_not=[endpoint for endpoint, count in busy.items() if count >= _OF_ONE_ENDPOINT],
        )
        for each in claimed:
            task = asyncio.create_task(self._deliver(http, each))
            self._under_way[task] = each.delivery
            task.add_done_callback(self._ended)
        return len(claimed)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _deliver(self, http: httpx.AsyncClient, claimed: Claimed) -> None:
        delivery = claimed.delivery
        whose = {
            "job_id": delivery.data.get("job_id"),
            "trace_id": telemetry.trace_id_of(claimed.traceparent),
        }
        bind(**{name: value for name, value in whose.items() if value})
        with telemetry.continued(
            "webhook", claimed.traceparent, event=delivery.event, attempt=delivery.attempts
        ):
            attempt = await self._attempt(http, claimed)
            telemetry.annotate(**{"http.response.status_code": attempt.http_status or 0})
        told = {
            "delivery_id": str(delivery.id),
            "http_status": attempt.http_status,
            "attempt": delivery.attempts,
        }
        if attempt.http_status is not None and 200 <= attempt.http_status < 300:
            await outlast(lambda: self._deliveries.delivered(delivery, attempt))
            log.info("webhook delivered", **told)
        elif attempt.http_status == httpx.codes.GONE:
            await outlast(lambda: self._deliveries.failed(delivery, attempt))
            await self._disable(delivery.endpoint_id, _GONE)
        elif delivery.attempts <= len(self._retries_s):
            wait_s = max(_jittered(self._retries_s[delivery.attempts - 1]), attempt.retry_after_s)
            await outlast(lambda: self._deliveries.again(delivery, attempt, wait_s))
            log.info("webhook will be tried again", error=attempt.error, wait_s=round(wait_s), **told)
        else:
            await outlast(lambda: self._deliveries.failed(delivery, attempt))
            log.warning("webhook given up", error=attempt.error, **told)
            if await self._deliveries.silent_since(delivery.endpoint_id, delivery.created_at):
                await self._disable(delivery.endpoint_id, _SILENT)

    async def _attempt(self, http: httpx.AsyncClient, claimed: Claimed) -> Attempt:
        """One request; whatever comes of it is an attempt."""
        at, began = datetime.now(UTC), time.monotonic()
        status, error, response, retry_after_s = None, None, "", 0.0
        try:
            async with asyncio.timeout(self._timeout_s):
                body = _body(claimed.delivery)
                headers = self._headers(claimed, body, int(at.timestamp()))
                async with http.stream("POST", claimed.url, content=body, headers=headers) as answer:
                    status, retry_after_s = answer.status_code, _retry_after_s(answer, at)
                    response = await _beginning(answer)
        except TimeoutError:
            error = f"No answer within {self._timeout_s:g} s."
        except (AddressRefusedError, UnresolvedError, SealedError) as refused:
            error = refused.detail
        except httpx.HTTPError as failed:
            error = f"{type(failed).__name__}: {failed}"[:_KEPT_CHARACTERS]
        if status is not None and 300 <= status < 400:
            error = "It redirected: redirects are not followed. Register the address that it leads to."
        took_ms = round((time.monotonic() - began) * 1000)
        return Attempt(at, took_ms, status, error, response, retry_after_s)

    def _headers(self, claimed: Claimed, body: bytes, timestamp: int) -> dict[str, str]:
        secrets = [self._pepper.open(sealed).decode() for sealed in claimed.secrets]
        message_id = claimed.delivery.message_id
        trace = telemetry.traceparent() or claimed.traceparent
        return {
            **({"traceparent": trace} if trace else {}),
            "Content-Type": "application/json",
            "User-Agent": "coaching-transcripts-webhooks/1",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secrets, message_id, timestamp, body),
        }

    async def _disable(self, endpoint_id: UUID, reason: str) -> None:
        if await self._deliveries.disable(endpoint_id, reason):
            log.warning("webhook switched off", endpoint_id=str(endpoint_id), reason=reason)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        delivery = self._under_way.pop(task)
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not settled: it is due again when its claim has run out.
            log.error("a webhook is left to its lease", delivery_id=str(delivery.id), reason=repr(error))

    async def _give_back(self) -> None:
        left = dict(self._under_way)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
            try:
                await self._deliveries.give_back(list(left.values()))
            except AWAY as error:
                log.warning("webhooks are left to their lease", reason=repr(error))

    async def _clean_up(self) -> None:
        if time.monotonic() >= self._clean_up_at:
            self._clean_up_at = time.monotonic() + _CLEAN_UP_S
            await self._deliveries.forget_old()


def _body(delivery: DeliveryRecord) -> bytes:
    """The payload: the same bytes at every attempt."""
    payload = {
        "type": delivery.event,
        "timestamp": delivery.created_at.isoformat().replace("+00:00", "Z"),
        "data": delivery.data,
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


async def _beginning(answer: httpx.Response) -> str:
    """How the answer's body begins; the rest is not read."""
    read = b""
    async for chunk in answer.aiter_raw():  # not unpacked: a few bytes could become gigabytes
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    text = read[:_READ_BYTES].decode(errors="replace").replace("\0", "")
    return text[:_KEPT_CHARACTERS]


def _retry_after_s(answer: httpx.Response, now: datetime) -> float:
    """How long the endpoint asks to be left alone (RFC 9110, section 10.2.3), at most a day."""
    asked = answer.headers.get("Retry-After", "")
    if asked.isdecimal():
        seconds = float(asked[:9])
    else:
        try:
            seconds = (parsedate_to_datetime(asked) - now).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), 86_400.0)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311  (jitter, not a secret)
