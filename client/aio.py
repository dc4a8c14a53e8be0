"""The asynchronous client: `async with AsyncClient(url) as client: await client.jobs.get(...)`."""

from types import TracebackType
from typing import Self

import httpx

from client import following
from client.calls import (
    downloads,
    editing,
    jobs,
    keys,
    ops,
    search,
    service,
    sessions,
    transcripts,
    uploads,
    usage,
    webhooks,
)
from client.connection import arguments
from client.drivers import AsyncDriver
from client.methods import AsyncGroup, awaited, awaited_each


class AsyncSessions(AsyncGroup):
    """Recordings and what became of them."""

    submit = awaited(sessions.submit)
    submit_from = awaited(sessions.submit_from)
    get = awaited(sessions.get)
    list = awaited_each(sessions.list_)
    update = awaited(sessions.update)
    delete = awaited(sessions.delete)
    transcribe_again = awaited(sessions.transcribe_again)
    waveform = awaited(sessions.waveform)
    audio = awaited(downloads.audio)


class AsyncUploads(AsyncGroup):
    """Resumable uploads; `sessions.submit` uses them by itself."""

    offered = awaited(uploads.offered)
    create = awaited(uploads.create)
    get = awaited(uploads.get)
    send = awaited(uploads.send)
    delete = awaited(uploads.delete)


class AsyncJobs(AsyncGroup):
    """Transcriptions: looked at, followed, cancelled, run again."""

    get = awaited(jobs.get)
    list = awaited_each(jobs.list_)
    cancel = awaited(jobs.cancel)
    retry = awaited(jobs.retry)
    follow = awaited_each(following.follow)
    poll = awaited_each(following.poll)
    follow_all = awaited_each(following.follow_all)
    wait = awaited(following.wait)


class AsyncTranscripts(AsyncGroup):
    """What was said."""

    get = awaited(transcripts.get)
    export = awaited(transcripts.export)
    archive = awaited(downloads.archive)
    replace = awaited(transcripts.replace)
    search = awaited_each(search.search)


class AsyncEditing(AsyncGroup):
    """Edits of transcripts; each names the revision that its author saw, or ANY."""

    speakers = awaited(editing.speakers)
    name_speakers = awaited(editing.name_speakers)
    segment = awaited(editing.segment)
    rewrite = awaited(editing.rewrite)
    reassign = awaited(editing.reassign)
    split = awaited(editing.split)
    merge = awaited(editing.merge)
    remove = awaited(editing.remove)
    history = awaited_each(editing.history)
    edit = awaited(editing.edit)
    forget = awaited(editing.forget)
    undo = awaited(editing.undo)
    redo = awaited(editing.redo)


class AsyncService(AsyncGroup):
    """The service itself."""

    engines = awaited(service.engines)
    readiness = awaited(service.readiness)
    alive = awaited(service.alive)
    contract = awaited(service.contract)


class AsyncWebhooks(AsyncGroup):
    """Addresses that are told when a job has ended."""

    create = awaited(webhooks.create)
    list = awaited_each(webhooks.list_)
    get = awaited(webhooks.get)
    update = awaited(webhooks.update)
    delete = awaited(webhooks.delete)
    rotate = awaited(webhooks.rotate)
    test = awaited(webhooks.test)
    deliveries = awaited_each(webhooks.deliveries)
    delivery = awaited(webhooks.delivery)
    replay = awaited(webhooks.replay)


class AsyncUsage(AsyncGroup):
    """What was used, and what it came to."""

    report = awaited(usage.report)
    budget = awaited(usage.budget)
    budget_of = awaited(usage.budget_of)
    set_budget_of = awaited(usage.set_budget_of)


class AsyncKeys(AsyncGroup):
    """API keys; the scope `keys` opens them."""

    create = awaited(keys.create)
    list = awaited_each(keys.list_)
    get = awaited(keys.get)
    rotate = awaited(keys.rotate)
    revoke = awaited(keys.revoke)


class AsyncOperations(AsyncGroup):
    """What operators see and do, for all tenants; the scope `ops` opens it."""

    workers = awaited(ops.workers)
    drain = awaited(ops.drain)
    queue = awaited(ops.queue)
    scaling = awaited(ops.scaling)
    trends = awaited(ops.trends)
    pause = awaited(ops.pause)
    resume = awaited(ops.resume)
    jobs = awaited_each(ops.jobs)
    job = awaited(ops.job)
    requeue = awaited(ops.requeue)
    cancel = awaited(ops.cancel)


class AsyncClient:
    """The service at one address, for one key; use it as an asynchronous context manager.

    Without an address it is what TRANSCRIPTS_URL and TRANSCRIPTS_API_KEY name, else a service on this machine.
    `transport` is httpx's own argument.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        key: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **arguments(base_url, key))
        driver = AsyncDriver(self._http)
        self.sessions = AsyncSessions(driver)
        self.uploads = AsyncUploads(driver)
        self.jobs = AsyncJobs(driver)
        self.transcripts = AsyncTranscripts(driver)
        self.editing = AsyncEditing(driver)
        self.service = AsyncService(driver)
        self.webhooks = AsyncWebhooks(driver)
        self.usage = AsyncUsage(driver)
        self.keys = AsyncKeys(driver)
        self.ops = AsyncOperations(driver)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
