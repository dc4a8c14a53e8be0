"""Clients of a chaos run: they send, look, cancel, retry and erase, and note what they were promised."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.fixtures.audio import tone_wav

_AUDIO: Final = tone_wav(1.0)
WORDS: Final = 20


@dataclass
class Promises:
    """What the API has answered, which must hold at the end."""

    sessions: set[str] = field(default_factory=set)  # 202
    cancelled: set[str] = field(default_factory=set)  # jobs
    erased: set[str] = field(default_factory=set)  # 204
    maybe_erased: set[str] = field(default_factory=set)  # asked, and no answer came
    terminal: dict[str, str] = field(default_factory=dict)  # job: the terminal status that was shown
    refused: int = 0


class Caller:
    """One client with a way of its own."""

    def __init__(self, url: str, promises: Promises, dice: random.Random) -> None:
        self._url = url
        self._promises = promises
        self._dice = dice

    async def run(self, jobs: int) -> None:
        """Send recordings one after the other, and do things with them."""
        async with httpx.AsyncClient(base_url=self._url, timeout=10) as http:
            for _ in range(jobs):
                await self._one(http)
                await asyncio.sleep(self._dice.uniform(0, 0.5))

    async def _one(self, http: httpx.AsyncClient) -> None:
        sent = await self._send(http)
        self._promises.sessions.add(sent["session"]["id"])
        job, session = sent["job"]["id"], sent["session"]["id"]
        await asyncio.sleep(self._dice.uniform(0, 1.5))
        await self._look(http, job)
        match self._dice.randrange(8):
            case 0:
                await self._cancel(http, job)
            case 1:
                await self._cancel(http, job)
                await self._ask(http, "POST", f"/v1/jobs/{job}/retry")
            case 2:
                await self._erase(http, session)

    async def _send(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """Send until it is taken: an answer that did not come may have been a session, too."""
        form = {"model": self._script(), "priority": self._dice.choice(["high", "normal", "low"])}
        while True:
            answer = await self._ask(
                http, "POST", "/v1/sessions", files={"audio": ("a.wav", _AUDIO)}, data=form
            )
            if answer is not None and answer.status_code == 202:
                return dict(answer.json())
            self._promises.refused += 1
            await asyncio.sleep(0.5)

    def _script(self) -> str:
        seconds = round(self._dice.uniform(0, 2.5), 1)
        fail = self._dice.choice(["", "", "", ",fail=engine_unavailable,until=3", ",fail=engine_failed"])
        return f"seconds={seconds},words={WORDS}{fail}"

    async def _look(self, http: httpx.AsyncClient, job: str) -> None:
        answer = await self._ask(http, "GET", f"/v1/jobs/{job}")
        if answer is not None and answer.status_code == 200:
            status = answer.json()["status"]
            if status in {"succeeded", "failed", "cancelled"}:
                self._promises.terminal[job] = status

    async def _cancel(self, http: httpx.AsyncClient, job: str) -> None:
        answer = await self._ask(http, "POST", f"/v1/jobs/{job}/cancel")
        if answer is not None and answer.status_code == 200:
            self._promises.cancelled.add(job)

    async def _erase(self, http: httpx.AsyncClient, session: str) -> None:
        self._promises.maybe_erased.add(session)
        answer = await self._ask(http, "DELETE", f"/v1/sessions/{session}")
        if answer is not None and answer.status_code == 204:
            self._promises.erased.add(session)

    async def _ask(
        self, http: httpx.AsyncClient, method: str, path: str, **body: Any
    ) -> httpx.Response | None:
        """The answer; None where none came. A 500 is a defect: outages are 503."""
        try:
            answer = await http.request(method, path, **body)
        except httpx.TransportError:
            return None
        assert answer.status_code != 500, f"{method} {path}: {answer.text}"
        return answer
