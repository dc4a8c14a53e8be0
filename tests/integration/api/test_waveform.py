"""The waveform of a recording: kept by the run that has the job, read with a tag, gone with its session."""

from base64 import b64decode
from uuid import UUID, uuid4

import pytest

from client.aio import AsyncClient
from client.errors import NotFoundError
from shared.waveforms import Waveform, WaveformRepository
from tests.integration.api.conftest import Api

DRAWN = Waveform(50, bytes([0, 3, 175, 255]))


async def test_what_the_worker_drew_is_read_and_read_again_for_nothing(api: Api) -> None:
    sent = await api.send()
    job = await api.claimed(sent)
    assert await WaveformRepository(api.pool).keep(job.id, job.attempt, DRAWN)
    url = f"/v1/sessions/{job.session_id}/waveform"
    answer = await api.get(url)
    assert (answer.status_code, answer.json()["ms_per_peak"]) == (200, 50)
    assert b64decode(answer.json()["peaks"]) == DRAWN.peaks
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert (await api.get(url, If_None_Match=answer.headers["ETag"])).status_code == 304
    async with AsyncClient(str(api.http.base_url)) as client:
        assert (await client.sessions.waveform(job.session_id)).levels() == DRAWN.peaks


async def test_a_session_without_one_says_how_to_get_it(api: Api) -> None:
    sent = await api.send()
    answer = await api.get(f"/v1/sessions/{sent['session']['id']}/waveform")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "transcribed again" in answer.json()["detail"]
    async with AsyncClient(str(api.http.base_url)) as client:
        with pytest.raises(NotFoundError):
            await client.sessions.waveform(UUID(sent["session"]["id"]))


async def test_another_tenant_s_is_not_there(api: Api) -> None:
    job = await api.claimed(await api.send())
    waveforms = WaveformRepository(api.pool)
    assert await waveforms.keep(job.id, job.attempt, DRAWN)
    await api.pool.execute("UPDATE session SET tenant_id = 'other' WHERE id = $1", job.session_id)
    answer = await api.get(f"/v1/sessions/{job.session_id}/waveform")
    foreign, unknown = answer.json()["detail"], (await api.get(f"/v1/sessions/{uuid4()}/waveform")).json()
    assert (answer.status_code, foreign) == (404, unknown["detail"])


async def test_a_run_that_was_overtaken_draws_nothing(api: Api) -> None:
    sent = await api.send()
    overtaken, holder = await api.claimed(sent), await api.claimed(sent)
    waveforms = WaveformRepository(api.pool)
    assert await waveforms.keep(holder.id, holder.attempt, DRAWN)
    assert not await waveforms.keep(overtaken.id, overtaken.attempt, Waveform(25, b"\x01"))
    assert await waveforms.get(holder.session_id, holder.tenant_id) == DRAWN


async def test_it_is_erased_with_its_session(api: Api) -> None:
    """F13."""
    job = await api.claimed(await api.send())
    assert await WaveformRepository(api.pool).keep(job.id, job.attempt, DRAWN)
    assert (await api.http.delete(f"/v1/sessions/{job.session_id}")).status_code == 204
    assert await api.pool.fetchval("SELECT count(*) FROM waveform") == 0
