"""Who runs plans: one driver awaits, the other blocks. Everything else about a call is in its plan."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any, TypeVar

import httpx

from client.plans import End, Feed, Hear, Listen, Pause, Plan, Request, Send, Step, Tell, advance

T = TypeVar("T")


class AsyncDriver:
    """Runs plans on an event loop."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def run(self, plan: Plan[T]) -> T:
        """The value that the plan ends with."""
        async with aclosing(_AsyncRun(self._http)) as run:
            with closing(plan):
                step = advance(plan, None)
                while not isinstance(step, End):
                    step = advance(plan, await run.reply(step))
                value: T = step.value
                return value

    async def iterate(self, feed: Feed[T]) -> AsyncGenerator[T, None]:
        """The items that the plan tells."""
        async with aclosing(_AsyncRun(self._http)) as run:
            with closing(feed):
                step = advance(feed, None)
                while not isinstance(step, End):
                    if isinstance(step, Tell):
                        yield step.item
                        step = advance(feed, None)
                    else:
                        step = advance(feed, await run.reply(step))


class Driver:
    """Runs plans on the calling thread."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def run(self, plan: Plan[T]) -> T:
        """The value that the plan ends with."""
        with closing(_Run(self._http)) as run, closing(plan):
            step = advance(plan, None)
            while not isinstance(step, End):
                step = advance(plan, run.reply(step))
            value: T = step.value
            return value

    def iterate(self, feed: Feed[T]) -> Generator[T, None, None]:
        """The items that the plan tells."""
        with closing(_Run(self._http)) as run, closing(feed):
            step = advance(feed, None)
            while not isinstance(step, End):
                if isinstance(step, Tell):
                    yield step.item
                    step = advance(feed, None)
                else:
                    step = advance(feed, run.reply(step))


class _AsyncRun:
    """One run of a plan, with the answer that it listens to."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._heard: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None

    async def reply(self, step: Step) -> Any:
        """What comes of a step; an httpx.HTTPError is returned, to be raised in the plan."""
        try:
            match step:
                case Send(request):
                    return await self._http.send(
                        _built(self._http, request), follow_redirects=_following(request)
                    )
                case Listen(request):
                    await self.aclose()
                    self._heard = await self._http.send(_built(self._http, request), stream=True)
                    if self._heard.is_error:
                        await self._heard.aread()
                    self._chunks = self._heard.aiter_bytes()
                    return self._heard
                case Hear():
                    assert self._chunks is not None
                    return await anext(self._chunks, b"")
                case Pause(seconds):
                    return await asyncio.sleep(seconds)
        except httpx.HTTPError as error:
            return error

    async def aclose(self) -> None:
        """Hang up."""
        if self._heard is not None:
            await self._heard.aclose()


class _Run:
    """One run of a plan, with the answer that it listens to."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._heard: httpx.Response | None = None
        self._chunks: Iterator[bytes] | None = None

    def reply(self, step: Step) -> Any:
        """What comes of a step; an httpx.HTTPError is returned, to be raised in the plan."""
        try:
            match step:
                case Send(request):
                    return self._http.send(_built(self._http, request), follow_redirects=_following(request))
                case Listen(request):
                    self.close()
                    self._heard = self._http.send(_built(self._http, request), stream=True)
                    if self._heard.is_error:
                        self._heard.read()
                    self._chunks = self._heard.iter_bytes()
                    return self._heard
                case Hear():
                    assert self._chunks is not None
                    return next(self._chunks, b"")
                case Pause(seconds):
                    return time.sleep(seconds)
        except httpx.HTTPError as error:
            return error

    def close(self) -> None:
        """Hang up."""
        if self._heard is not None:
            self._heard.close()


def _built(http: httpx.AsyncClient | httpx.Client, request: Request) -> httpx.Request:
    """The request as httpx sends it."""
    timeout = http.timeout
    if request.read_s is not None:
        timeout = httpx.Timeout(timeout.connect, read=request.read_s, write=timeout.write, pool=timeout.pool)
    made = http.build_request(
        request.method,
        request.path,
        params=request.params or None,
        headers=request.headers,
        timeout=timeout,
        **request.body,
    )
    if request.elsewhere:
        made.headers.pop("Authorization", None)
    if request.stream is not None:
        made.stream = request.stream
        made.headers["Content-Length"] = str(request.stream.length)
    return made


def _following(request: Request) -> bool:
    return not request.elsewhere
