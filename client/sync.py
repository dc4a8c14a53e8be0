"""The synchronous client: `with Client(url) as client: client.jobs.get(...)`; the same calls as `client.aio`."""

from types import TracebackType
from typing import Self

import httpx

from client import following
from client.calls import jobs, service, sessions, transcripts
from client.connection import arguments
from client.drivers import Driver
from client.methods import Group, called, each


class Sessions(Group):
    """Recordings and what became of them."""

    submit = called(sessions.submit)
    get = called(sessions.get)
    list = each(sessions.list_)
    update = called(sessions.update)
    delete = called(sessions.delete)
    transcribe_again = called(sessions.transcribe_again)


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


class Service(Group):
    """The service itself."""

    engines = called(service.engines)
    readiness = called(service.readiness)


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
        self.jobs = Jobs(driver)
        self.transcripts = Transcripts(driver)
        self.service = Service(driver)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
