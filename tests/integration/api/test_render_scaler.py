"""The scaler against a real API and a server that speaks Render's."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import structlog
from starlette.responses import JSONResponse, PlainTextResponse

from client.aio import AsyncClient
from deploy.render.scaler.policy import Limits
from deploy.render.scaler.render_api import RenderApi, RenderError
from deploy.render.scaler.rounds import Scaler
from tests.fakes.render import KEY, SERVICE, FakeRender, fake_render
from tests.fixtures.rows import stored_job
from tests.integration.api.conftest import Api

LIMITS = Limits(max_jobs=2, most=5, margin=1.0, quiet_s=0.0)


@pytest.fixture
async def render() -> AsyncIterator[FakeRender]:
    async with fake_render() as running:
        yield running


@pytest.fixture
async def client(api: Api) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(api.server.url) as one:
        yield one


@pytest.fixture
async def render_api(render: FakeRender) -> AsyncIterator[RenderApi]:
    async with aclosing(RenderApi(KEY, SERVICE, url=render.url)) as one:
        yield one


def scaler(client: AsyncClient, render_api: RenderApi, limits: Limits = LIMITS, **options: Any) -> Scaler:
    return Scaler(client, render_api, limits, every_s=5.0, **options)


def ours(logs: list[Any]) -> list[Any]:
    """What the scaler logged: the API and its clients run in this process too."""
    return [line for line in logs if "service" in line]


async def test_instances_follow_the_jobs(
    api: Api, client: AsyncClient, render: FakeRender, render_api: RenderApi
) -> None:
    for _ in range(5):
        await stored_job(api.pool)
    one = scaler(client, render_api)
    with structlog.testing.capture_logs() as logs:
        assert await one.once() == 3
        assert await one.once() == 3
        await api.pool.execute("DELETE FROM session")
        assert await one.once() == 1
    assert render.scaled == [3, 1]
    assert [(line["event"], line["instances"], line.get("to")) for line in ours(logs)] == [
        ("scaled", 1, 3), ("kept", 3, None), ("scaled", 3, 1),
    ]  # fmt: skip
    assert ours(logs)[0]["reason"] == "0 running and 5 due jobs want 5 places, 3 instances"


async def test_one_engine_is_scaled_on_its_own_jobs(
    api: Api, client: AsyncClient, render: FakeRender, render_api: RenderApi
) -> None:
    for _ in range(5):
        await stored_job(api.pool)
    assert await scaler(client, render_api, engines=["google"]).once() == 1
    assert await scaler(client, render_api, engines=["google", "scripted"]).once() == 3


async def test_a_dry_run_changes_nothing(
    api: Api, client: AsyncClient, render: FakeRender, render_api: RenderApi
) -> None:
    for _ in range(5):
        await stored_job(api.pool)
    with structlog.testing.capture_logs() as logs:
        assert await scaler(client, render_api, dry_run=True).once() == 1
    assert (ours(logs)[0]["event"], ours(logs)[0]["to"], render.scaled) == ("would scale", 3, [])


async def test_nothing_is_changed_while_the_api_is_away(render: FakeRender, render_api: RenderApi) -> None:
    render.instances = 4
    async with AsyncClient("http://127.0.0.1:9") as nobody:
        assert await scaler(nobody, render_api).once() == 4
    assert render.scaled == []


@pytest.mark.parametrize("hindrance", ["autoscaling", "suspended"])
async def test_a_service_that_is_not_ours_to_scale_is_left(
    api: Api, client: AsyncClient, render: FakeRender, render_api: RenderApi, hindrance: str
) -> None:
    """Render takes a count under its own autoscaling, and ignores it."""
    setattr(render, hindrance, True)
    await stored_job(api.pool)
    with structlog.testing.capture_logs() as logs:
        await scaler(client, render_api, Limits(max_jobs=1, least=3)).once()
    assert render.scaled == []
    assert hindrance[:7] in ours(logs)[0]["reason"]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "7"}, 7, 7),
        ({"Ratelimit_Reset": "45"}, 45, 45),
        ({"Ratelimit_Reset": f"{time.time() + 3_500:.0f}"}, 1, 3_500),
        ({"Ratelimit_Reset": "99999"}, 3_600, 3_600),
        ({"Retry_After": "soon"}, 0, 0),
        ({}, 0, 0),
    ],
)
async def test_a_limit_says_when_to_ask_again(
    render: FakeRender, render_api: RenderApi, headers: dict[str, str], least: float, most: float
) -> None:
    render.refuse_next(429, **headers)
    with pytest.raises(RenderError) as caught:
        await render_api.service()
    assert least <= caught.value.retry_after_s <= most
    assert not caught.value.final


@pytest.mark.parametrize(
    ("key", "service", "hint"),
    [("rnd_wrong_key", SERVICE, "RENDER_API_KEY"), (KEY, "srv-other", "--service")],
)
async def test_a_wrong_key_or_service_ends_the_start(
    client: AsyncClient, render: FakeRender, key: str, service: str, hint: str
) -> None:
    async with aclosing(RenderApi(key, service, url=render.url)) as one:
        with pytest.raises(RenderError, match=hint) as caught:
            await scaler(client, one).run()
    assert key not in str(caught.value)


async def test_it_goes_on_after_whatever_render_answers(
    api: Api, client: AsyncClient, render: FakeRender, render_api: RenderApi
) -> None:
    """A refused key in the middle of its life is logged, not the end; waits grow, and are never shorter than asked."""
    for _ in range(5):
        await stored_job(api.pool)
    waits: list[float] = []

    async def nap(seconds: float) -> None:
        waits.append(seconds)
        if render.scaled:
            raise asyncio.CancelledError

    render.refuse_next(500)
    render.refuse_next(401)
    render.refuse_next(429, Retry_After="200")
    with pytest.raises(asyncio.CancelledError):
        await scaler(client, render_api).run(nap)
    assert render.scaled == [3]
    assert 3.75 <= waits[0] <= 6.25
    assert 7.5 <= waits[1] <= 12.5
    assert waits[2:] == [200.0, 5.0]


async def test_an_answer_that_is_none_of_a_worker_is_an_error(
    render: FakeRender, render_api: RenderApi
) -> None:
    for strange in (
        PlainTextResponse("<html>"),
        JSONResponse([]),
        JSONResponse({"name": "site", "serviceDetails": {}}),
    ):
        render.faults.append(strange)
        with pytest.raises(RenderError, match="none about a service"):
            await render_api.service()


async def test_the_command_runs_a_round(api: Api, render: FakeRender) -> None:
    for _ in range(5):
        await stored_job(api.pool)
    command = [sys.executable, "-m", "deploy.render.scaler", "--once", "--render-url", render.url]
    command += ["--service", SERVICE, "--max-jobs", "2", "--margin", "1", "--max", "4"]
    environment = {"TRANSCRIPTS_URL": api.server.url, "RENDER_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    running = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    said = (await running.communicate())[1].decode()
    assert running.returncode == 0, said
    assert render.scaled == [3]
    assert "want 5 places" in said
    assert KEY not in said
