"""A call as a plan: what to send and how to read the answers, whoever waits for them.

A plan is a generator. It yields steps, and is sent what came of each; `client.drivers` runs one and the same plan
for the asynchronous client, which awaits, and for the synchronous one, which blocks. Nothing here opens anything.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

import httpx

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `body` are httpx's own arguments (`json`, `data`, `files`); `stream` is a body sent as it is.

    `read_s` is how long the service may be silent, in seconds; None leaves it to the client. `once` says that a
    request which may have arrived must not be sent again. `elsewhere` says that `path` is a whole address of another
    service: the key is not sent there, and nothing is followed from there.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    stream: "Stream | None" = None
    read_s: float | None = None
    once: bool = False
    elsewhere: bool = False

    def with_headers(self, headers: Mapping[str, str]) -> "Request":
        """The same request with more headers."""
        return replace(self, headers={**self.headers, **headers})


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that either client can send; its length in bytes is known before."""

    length: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request; its whole answer (httpx.Response) comes back, or an httpx.HTTPError is raised."""

    request: Request


@dataclass(frozen=True, slots=True)
class Listen:
    """Send the request; its answer comes back as soon as its head has come, and `Hear` gives the body.

    The body of an error is read already.
    """

    request: Request


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait for more of the body that is listened to; bytes come back, empty at its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Tell(Generic[T_co]):
    """Give an item to whoever iterates."""

    item: T_co


Step: TypeAlias = Send | Listen | Hear | Pause
Plan: TypeAlias = Generator[Step, Any, T]
"""Ends with a value."""
Feed: TypeAlias = Generator[Step | Tell[T], Any, None]
"""Tells items on its way."""


@dataclass(frozen=True, slots=True)
class End:
    """The plan has ended with a value."""

    value: Any


def advance(plan: Generator[Any, Any, Any], reply: Any) -> Any:
    """The plan's next step, or its End; a reply that is an error is raised in it."""
    try:
        return plan.throw(reply) if isinstance(reply, httpx.HTTPError) else plan.send(reply)
    except StopIteration as end:
        return End(end.value)


def taken(feed: Feed[T], take: Callable[[T], bool | None]) -> Plan[None]:
    """Run a feed inside a plan: `take` gets its items, and ends it by returning True."""
    with closing(feed):
        step = advance(feed, None)
        while not isinstance(step, End):
            reply: Any = None
            if not isinstance(step, Tell):
                try:
                    reply = yield step
                except httpx.HTTPError as error:
                    reply = error
            elif take(step.item):
                return
            step = advance(feed, reply)
