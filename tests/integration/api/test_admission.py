"""The door of the queue: what would wait too long is refused before it is read, and told when to come back."""

import pytest

from tests.fixtures.rows import sign_on
from tests.integration.api.conftest import WAV, Api, StartApi


async def refused(api: Api) -> int:
    """Send one more, which must be refused; returns its Retry-After."""
    before = len(api.stored())
    answer = await api.http.post("/v1/sessions", files={"audio": ("a.wav", WAV)})
    assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert len(api.stored()) == before
    again_s = int(answer.headers["Retry-After"])
    assert f"in {again_s} s" in answer.json()["detail"]
    return again_s


async def test_an_old_line_is_closed_and_opens_again(start_api: StartApi) -> None:
    """F37: the setting changes something."""
    async with start_api(TRANSCRIPTS_MAX_QUEUE_WAIT_SECONDS=60) as api:
        sent = await api.send()
        await api.send()
        await api.pool.execute("UPDATE job SET queued_at = now() - interval '90 seconds'")
        assert 30 <= await refused(api) <= 32
        again = await api.http.post(f"/v1/sessions/{sent['session']['id']}/jobs")
        assert again.status_code == 429
        await api.pool.execute("UPDATE job SET status = 'cancelled'")
        await api.send()


@pytest.mark.parametrize(("limit", "wait_s"), [(None, 30), (1, 60)])
async def test_a_long_line_is_closed_before_it_is_old(
    start_api: StartApi, limit: int | None, wait_s: int
) -> None:
    """Three jobs of 20 s each, on two places or on the one that a tenant may have."""
    settings = {"TRANSCRIPTS_TENANT_MAX_RUNNING": limit} if limit else {}
    async with start_api(TRANSCRIPTS_MAX_QUEUE_WAIT_SECONDS=5, **settings) as api:
        job = await api.claimed(await api.send())
        await api.succeed(job)
        await api.pool.execute("UPDATE job SET started_at = finished_at - interval '20 seconds'")
        for _ in range(3):
            await api.send()
        await sign_on(api.pool, places=2)
        assert await refused(api) == wait_s - 5


async def test_without_the_setting_everything_is_taken(api: Api) -> None:
    await api.send()
    await api.pool.execute("UPDATE job SET queued_at = now() - interval '9 days'")
    await api.send()
