"""The synchronous client: `with Client(url) as client: client.jobs.get(...)`; the same calls as `client.aio`."""

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
from client.drivers import Driver
from client.methods import Group, called, each


class Sessions(Group):
    """Recordings and what became of them."""

    submit = called(sessions.submit)
    submit_from = called(sessions.submit_from)
    get = called(sessions.get)
    list = each(sessions.list_)
    update = called(sessions.update)
    delete = called(sessions.delete)
    transcribe_again = called(sessions.transcribe_again)
    waveform = called(sessions.waveform)
    audio = called(downloads.audio)


class Uploads(Group):
    """Resumable uploads; `sessions.submit` uses them by itself."""

    offered = called(uploads.offered)
    create = called(uploads.create)
    get = called(uploads.get)
    send = called(uploads.send)
    delete = called(uploads.delete)


class Jobs(Group):
    """Transcriptions: looked at, followed, cancelled, run again."""

    get = called(jobs.get)
    list = each(jobs.list_)
    cancel = called(jobs.cancel)
    retry = called(jobs.retry)
    follow = each(following.follow)
    poll = each(following.poll)
    follow_all = each(following.follow_all)
    wait = called(following.wait)


class Transcripts(Group):
    """What was said."""

    get = called(transcripts.get)
    export = called(transcripts.export)
    archive = called(downloads.archive)
    replace = called(transcripts.replace)
    search = each(search.search)


class Editing(Group):
    """Edits of transcripts; each names the revision that its author saw, or ANY."""

    speakers = called(editing.speakers)
    name_speakers = called(editing.name_speakers)
    segment = called(editing.segment)
    rewrite = called(editing.rewrite)
    reassign = called(editing.reassign)
    split = called(editing.split)
    merge = called(editing.merge)
    remove = called(editing.remove)
    history = each(editing.history)
    edit = called(editing.edit)
    forget = called(editing.forget)
    undo = called(editing.undo)
    redo = called(editing.redo)


class Service(Group):
    """The service itself."""

    engines = called(service.engines)
    readiness = called(service.readiness)
    alive = called(service.alive)
    contract = called(service.contract)


class Webhooks(Group):
    """Addresses that are told when a job has ended."""

    create = called(webhooks.create)
    list = each(webhooks.list_)
    get = called(webhooks.get)
    update = called(webhooks.update)
    delete = called(webhooks.delete)
    rotate = called(webhooks.rotate)
    test = called(webhooks.test)
    deliveries = each(webhooks.deliveries)
    delivery = called(webhooks.delivery)
    replay = called(webhooks.replay)


class Usage(Group):
    """What was used, and what it came to."""

    report = called(usage.report)
    budget = called(usage.budget)
    budget_of = called(usage.budget_of)
    set_budget_of = called(usage.set_budget_of)


class Keys(Group):
    """API keys; the scope `keys` opens them."""

    create = called(keys.create)
    list = each(keys.list_)
    get = called(keys.get)
    rotate = called(keys.rotate)
    revoke = called(keys.revoke)


class Operations(Group):
    """What operators see and do, for all tenants; the scope `ops` opens it."""

    workers = called(ops.workers)
    drain = called(ops.drain)
    queue = called(ops.queue)
    scaling = called(ops.scaling)
    trends = called(ops.trends)
    pause = called(ops.pause)
    resume = called(ops.resume)
    jobs = each(ops.jobs)
    job = called(ops.job)
    requeue = called(ops.requeue)
    cancel = called(ops.cancel)


class Client:
    """The service at one address, for one key; use it as a context manager.

    Without an address it is what TRANSCRIPTS_URL and TRANSCRIPTS_API_KEY name, else a service on this machine.
    `transport` is httpx's own argument.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        key: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(transport=transport, **arguments(base_url, key))
        driver = Driver(self._http)
        self.sessions = Sessions(driver)
        self.uploads = Uploads(driver)
        self.jobs = Jobs(driver)
        self.transcripts = Transcripts(driver)
        self.editing = Editing(driver)
        self.service = Service(driver)
        self.webhooks = Webhooks(driver)
        self.usage = Usage(driver)
        self.keys = Keys(driver)
        self.ops = Operations(driver)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
