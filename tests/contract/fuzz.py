"""`python -m tests.contract.fuzz`: a real API is sent requests drawn from its OpenAPI document.

Every answer is held against the document. Most requests stand alone; a fifth come in chains, where the next one asks
about what the last one made. Nothing of ours is mocked, and no failure is shrunk: each is told once, with the command
that sends it again.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.chains import LENGTH, chain
from tests.contract.hostile import spoil
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.stores import stores
from tests.integration.api.conftest import Api, running_api

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NOT_DRAWN: Final = {
    "GET /v1/jobs/{job_id}/events": "A stream of events ends with the job, which nobody works on here.",
    "GET /readyz": "It says 503 on purpose where no worker is, and here is none.",
}
IN_CHAINS: Final = 0.2
Ids = dict[str, list[str]]

CAPTIONS: Final = (
    b"WEBVTT\n\n00:00:01.000 --> 00:00:03.500\n<v Anna>How are you?</v>\n",
    b"1\n00:00:01,000 --> 00:00:03,500\nAnna: How are you?\n",
    b"WEBVTT\n\n99999999999:00:00.000 --> 99999999999:00:03.500\nNever\n",
    b"1\n00:00:01,000 --> 00:00:03,500\n<v \x00>a\x00b\n",
    b"\xff\xfe1\x00",
    b"",
)
_any_captions = st.sampled_from(CAPTIONS) | st.binary(max_size=99)
schemathesis.openapi.media_type("text/vtt", _any_captions)
schemathesis.openapi.media_type("application/x-subrip", _any_captions)
schemathesis.openapi.media_type("application/offset+octet-stream", st.binary(max_size=12))


@dataclass
class Findings:
    """What was sent and what was wrong with the answers."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def add(self, case: Case[Any], response: Any, failure: Failure) -> None:
        """Keep the first of each kind: an operation, a check, a status."""
        kind = (case.operation.label, failure.title, response.status_code)
        if kind not in self.wrong:
            told = [failure.message, response.text[:600], case.as_curl_command()[:1500]]
            self.wrong[kind] = "\n".join(told)

    def __str__(self) -> str:
        return "\n\n".join(f"{' | '.join(map(str, kind))}\n{text}" for kind, text in self.wrong.items())


def fuzz(url: str, headers: dict[str, str], ids: Ids, *, cases: int, seed: int) -> Findings:
    """Send `cases` requests in all, the same for each operation; blocks until all are answered."""
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config).exclude(
        lambda context: context.operation.label in NOT_DRAWN
    )
    drawn = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    alone = cases - int(cases * IN_CHAINS)
    found = Findings()
    with requests.Session() as session:
        session.headers.update(headers)

        def send(case: Case[Any]) -> Response | None:
            try:
                response = case.call(base_url=url, session=session, timeout=300, allow_redirects=False)
            except (UnicodeError, requests.exceptions.InvalidHeader):
                return None  # what the client's library cannot put into bytes never leaves it
            found.cases += 1
            found.statuses[response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as group:
                for failure in group.exceptions:
                    found.add(case, response, failure)
            return response

        for operation in drawn:
            _draw(operation, send, ids, -(-alone // len(drawn)), seed)
        chain(schema, send, chains=max(1, 2 * (cases - found.cases) // LENGTH), number=seed)
    return found


def _draw(
    operation: Any, send: Callable[[Case[Any]], Response | None], ids: Ids, cases: int, number: int
) -> None:
    """Draw requests of one operation: right ones, wrong ones, and right ones that are then spoiled."""
    strategy = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(strategy, st.integers(0, 2**32))
    def drawn(case: Case[Any], choice: int) -> None:
        chance = random.Random(choice)  # noqa: S311
        known = {
            name: chance.choice(ids[name])
            for name in case.path_parameters or {}
            if name in ids and chance.random() < 0.8
        }
        case.path_parameters = {**(case.path_parameters or {}), **known}
        if "if-match" in (case.headers or {}) and chance.random() < 0.6:
            case.headers["if-match"] = "*"
        spoil(case, chance)
        send(case)

    drawn()


async def stocked(api: Api) -> Ids:
    """Ids of what is there to be asked for: sessions in every state, an upload, a webhook, a key."""
    done, failed, queued, running = [await api.send(title=f"number {n}") for n in range(4)]
    await api.succeed(await api.claimed(done))
    await api.http.post(f"/v1/jobs/{failed['job']['id']}/cancel")
    await api.claimed(running)
    sent = (done, failed, queued, running)
    hook = await api.http.post(
        "/v1/webhooks", json={"url": "https://example.com/hook", "events": ["job.succeeded"]}
    )
    key = await api.http.post("/v1/keys", json={"name": "spare", "scopes": ["sessions:read"]})
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
    upload = await api.http.post("/v1/uploads", headers=tus)
    for answer in (hook, key, upload):
        assert answer.is_success, answer.text
    return {
        "session_id": [each["session"]["id"] for each in (done, done, *sent)],
        "job_id": [each["job"]["id"] for each in sent],
        "webhook_id": [hook.json()["id"]],
        "key_id": [key.json()["id"]],
        "upload_id": [upload.headers["Location"].rpartition("/")[2]],
        "n": ["0", "1", "2"],
        "revision": ["1", "2"],
    }


async def run(database_url: str, redis_url: str, folder: Path, *, cases: int, seed: int) -> Findings:
    """Start an API on these stores, fuzz it, stop it."""
    rates = dict.fromkeys((f"TRANSCRIPTS_RATE_{kind}" for kind in ("READ", "WRITE", "SUBMIT")), "")
    async with running_api(database_url, redis_url, folder, TRANSCRIPTS_PEPPER=PEPPER, **rates) as api:
        _, token = await made_key(api.pool)
        headers = bearer(token)
        api.http.headers.update(headers)
        ids = await stocked(api)
        return await asyncio.to_thread(fuzz, api.server.url, headers, ids, cases=cases, seed=seed)


async def _main(cases: int, seed: int) -> Findings:
    with tempfile.TemporaryDirectory(prefix="transcripts-fuzz-") as name:
        async with stores(Path(name)) as (database_url, redis_url):
            return await run(database_url, redis_url, Path(name), cases=cases, seed=seed)


def _arguments() -> tuple[int, int]:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many requests (10000)")
    parser.add_argument("--seed", type=int, default=None, help="the same seed draws the same requests (any)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    return options.cases, seed


def main() -> int:
    """Fuzz, print what was wrong; exit code 1 where something was."""
    cases, number = _arguments()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    print(f"seed {number}: {cases} requests")
    found = asyncio.run(_main(cases, number))
    print(
        f"{found.cases} requests:", ", ".join(f"{n} {count}" for n, count in sorted(found.statuses.items()))
    )
    print(found if found.wrong else "every answer is one that the document tells of")
    return int(bool(found.wrong))


if __name__ == "__main__":
    sys.exit(main())
