"""What `GET /v1/engines` says of limits and prices."""

from client.aio import AsyncClient
from tests.integration.api.conftest import StartApi


async def test_limits_and_prices_are_told_by_engine_and_model(start_api: StartApi) -> None:
    async with start_api(GOOGLE_PROJECT_ID="p", TRANSCRIPTS_DEFAULT_ENGINE="google") as api:
        engines = {engine["name"]: engine for engine in (await api.get("/v1/engines")).json()}
        async with AsyncClient(api.server.url) as client:
            google = next(engine for engine in await client.service.engines() if engine.default)
    assert engines["local"]["prices"] == []
    assert engines["local"]["limits"][0] == {
        "model": "base", "longest_ms": None, "longest_with_word_times_ms": None, "diarizes": None,
        "max_phrases": None, "locations": [],
    }  # fmt: skip
    chirp_3 = engines["google"]["limits"][0]
    assert (chirp_3["model"], chirp_3["longest_ms"], chirp_3["locations"]) == ("chirp_3", 3_600_000, ["us"])
    assert chirp_3["diarizes"] == sorted(chirp_3["diarizes"])
    assert engines["google"]["prices"][0] == {
        "model": None, "processing": "standard", "from_minutes": 0, "micro_dollars_per_minute": 16_000,
    }  # fmt: skip
    assert {price.processing for price in google.prices} == {"standard", "economy"}
    assert [limits.model for limits in google.limits] == ["chirp_3", "chirp_2"]
