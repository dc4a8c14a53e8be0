"""One attempt with the engine google: what is asked, what is heard, what it costs, what goes wrong."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from google.cloud.speech_v2.types import cloud_speech

from shared.errors import (
    EngineError,
    EngineMisconfiguredError,
    EngineQuotaError,
    EngineRefusedError,
    EngineUnavailableError,
    UnsupportedOptionError,
)
from shared.google.speech import CHIRP_3
from shared.jobs.operations import FREE, Cost
from shared.lifecycle import Processing
from tests.fakes.google.calls import connect, get, metadata
from tests.fakes.google.process import FakeGoogle
from tests.integration.google.conftest import Order, heard, open_engine, started
from worker_service.engines.google import engine as engine_module
from worker_service.engines.google import locations as locations_module
from worker_service.engines.google.engine import GoogleEngine
from worker_service.engines.port import NotStartedError, OperationEndedError, StillRunningError
from worker_service.pieces.cutting import Cutting

pytest_plugins = ("tests.fakes.google.fixtures",)

Request = cloud_speech.BatchRecognizeRequest


async def asked(google: FakeGoogle) -> Any:
    """The request of the newest operation."""
    client = connect(google)
    operation = await get(client, google.operations()[-1]["name"])
    await client.transport.close()  # type: ignore[no-untyped-call]
    return metadata(operation).batch_recognize_request


def objects(google: FakeGoogle) -> list[str]:
    return [key for key in google.objects("recordings") if key.startswith("speech/")]


async def test_a_recording_becomes_words_with_speakers_and_a_price(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """F6, F22, F32: the words of the fake, once each, and the bill of its ledger."""
    request = order(30_500)
    result = await heard(engine, request)
    assert [word.text for word in result.words[:5]] == ["So", "what", "would", "you", "like"]
    assert (result.words[0].start_ms, result.words[1].start_ms) == (0, 400)
    assert {word.speaker for word in result.words} == {1, 2}
    assert (result.language, result.model, result.warnings) == ("en-US", "chirp_3", ())
    (row,) = google.ledger()["rows"]
    assert result.cost == Cost(row["billed_ms"], 8_267)
    assert row["output"] == f"gs://recordings/speech/results/{request.job_id}/1/"
    assert engine.check(request).cost == replace(result.cost, estimated=True)


async def test_nothing_stays_in_the_bucket_once_it_is_discarded(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    mine, other = order(), order()
    for request in (mine, other):
        await heard(engine, request)
    await engine.discard(f"results/{mine.job_id}/")
    left = objects(google)
    assert len(left) == 2
    assert all(str(other.job_id) in key for key in left)


async def test_what_the_caller_wants_is_what_google_is_asked(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    await heard(engine, order(phrases=("Ana", "OKR"), processing=Processing.ECONOMY))
    request = await asked(google)
    config = request.config
    phrases = config.adaptation.phrase_sets[0].inline_phrase_set.phrases
    assert [phrase.value for phrase in phrases] == ["Ana", "OKR"]
    assert config.features.enable_automatic_punctuation
    assert config.features.enable_word_time_offsets
    assert "diarization_config" in config.features
    assert not config.features.enable_word_confidence, "INVALID_ARGUMENT on chirp_3"
    assert (config.model, list(config.language_codes)) == ("chirp_3", ["en-US"])
    assert request.processing_strategy == Request.ProcessingStrategy.DYNAMIC_BATCHING
    assert google.ledger()["rows"][0]["strategy"] == "DYNAMIC_BATCHING"


async def test_the_cheap_way_has_its_own_price(engine: GoogleEngine, order: Order) -> None:
    result = await heard(engine, order(60_000, processing=Processing.ECONOMY))
    assert result.cost == Cost(60_000, 3_000)


async def test_what_the_deployment_wants_is_asked_too(google: FakeGoogle, order: Order) -> None:
    """F37: each setting of the engine changes what is asked."""
    google.settings(operation_ms=0)
    engine = open_engine(
        google, TRANSCRIPTS_GOOGLE_LOCATIONS="europe-west4", TRANSCRIPTS_GOOGLE_MODEL="chirp_2",
        TRANSCRIPTS_GOOGLE_LANGUAGES="en, zh-TW", TRANSCRIPTS_GOOGLE_PROFANITY_FILTER="true",
        TRANSCRIPTS_GOOGLE_DENOISE="true",
    )  # fmt: skip
    await heard(engine, order(language=None, diarization=False))
    await engine.aclose()
    request = await asked(google)
    assert request.recognizer == "projects/fake-project/locations/europe-west4/recognizers/_"
    assert list(request.config.language_codes) == ["en-US", "cmn-Hant-TW"]
    assert request.config.features.profanity_filter
    assert request.config.features.enable_word_confidence
    assert request.config.denoiser_config.denoise_audio


async def test_a_language_is_found_out_where_none_is_given(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    result = await heard(engine, order(language=None))
    assert list((await asked(google)).config.language_codes) == ["auto"]
    assert result.language == "en-US"


async def test_traditional_chinese_is_heard_without_speakers_and_says_so(
    engine: GoogleEngine, order: Order
) -> None:
    """F20, F21: the tag is Google's on the way there and ours on the way back; no voices, and never silently."""
    request = order(language="zh-TW")
    assert [notice.code for notice in engine.check(request).notices] == ["diarization_unavailable"]
    result = await heard(engine, request)
    assert (result.language, {word.speaker for word in result.words}) == ("zh-TW", {None})


async def test_a_long_recording_that_must_not_be_cut_is_heard_without_word_times(
    google: FakeGoogle, order: Order
) -> None:
    """F21: above 20 minutes chirp_3 takes the recording only without; above an hour not at all."""
    google.settings(operation_ms=0)
    engine = open_engine(google, TRANSCRIPTS_GOOGLE_PIECE_MINUTES="0")
    result = await heard(engine, order(25 * 60_000))
    assert not (await asked(google)).config.features.enable_word_time_offsets
    assert {word.speaker for word in result.words} == {1, 2}
    longer = engine.check(order(90 * 60_000))
    assert (longer.model, [notice.code for notice in longer.notices]) == (
        "chirp_2",
        ["diarization_unavailable"],
    )
    await engine.aclose()


async def test_a_long_recording_is_planned_in_pieces_that_are_paid_with_their_overlaps(
    engine: GoogleEngine, order: Order
) -> None:
    plan = engine.check(order(90 * 60_000))
    assert (plan.model, plan.notices, plan.cutting) == ("chirp_3", (), Cutting.of(20 * 60_000))
    assert plan.cost == Cost(92 * 60_000, 92 * 16_000, estimated=True)
    piece = engine.check(order(19 * 60_000, piece=1, start_ms=18 * 60_000, model="chirp_3"))
    assert (piece.cutting, piece.cost.billed_ms) == (None, 19 * 60_000)


async def test_one_speaker_needs_no_diarization(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    result = await heard(engine, order(speakers=1))
    assert "diarization_config" not in (await asked(google)).config.features
    assert {word.speaker for word in result.words} == {1}


async def test_more_voices_than_expected_are_told(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    words = [
        {"text": f"w{n}.", "start_ms": n * 500, "end_ms": n * 500 + 400, "speaker": n} for n in (1, 2, 3)
    ]
    google.script(words=words)
    result = await heard(engine, order(speakers=2))
    assert [warning.code for warning in result.warnings] == ["speakers_uncertain"]


async def test_silence_is_an_empty_transcript_with_a_warning(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.script(result={})
    result = await heard(engine, order(30_500))
    assert (result.words, [warning.code for warning in result.warnings]) == ((), ["no_speech"])
    assert result.cost == Cost(31_000, 8_267), "it is paid all the same"


async def test_what_cannot_be_had_is_refused_before_anything_is_sent(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """F20, F21."""
    for request in (order(language="tlh"), order(model="latest_long")):
        with pytest.raises(UnsupportedOptionError):
            engine.check(request)
    assert google.calls() == {}


async def test_the_table_learns_from_the_locations_api(
    google: FakeGoogle, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F20: what Google has taught a model since is taken, once an operation has run there."""
    known = replace(CHIRP_3, languages=frozenset({"en-US"}), diarizes=frozenset())
    monkeypatch.setattr(locations_module, "TABLE", {"us": (known,)})
    google.settings(operation_ms=0)
    engine = open_engine(google, TRANSCRIPTS_GOOGLE_LOCATIONS="us")
    with pytest.raises(UnsupportedOptionError):
        engine.check(order(language="de"))
    await heard(engine, order())
    while True:
        with suppress(UnsupportedOptionError):
            plan = engine.check(order(language="de"))
            break
        await asyncio.sleep(0.01)
    assert (plan.model, plan.notices) == ("chirp_3", ()), "and that it tells voices apart there"
    await engine.aclose()


# What goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("INVALID_ARGUMENT", EngineRefusedError),
        ("PERMISSION_DENIED", EngineMisconfiguredError),
        ("NOT_FOUND", EngineMisconfiguredError),
        ("RESOURCE_EXHAUSTED", EngineQuotaError),
    ],
)
async def test_a_refused_submit_started_nothing(
    google: FakeGoogle, engine: GoogleEngine, order: Order, code: str, expected: type[EngineError]
) -> None:
    """F7, F8: told by the code, whatever the message says."""
    google.fault("BatchRecognize", code=code, message="timeout, but only in words")
    with pytest.raises(NotStartedError) as caught:
        await started(engine, order())
    assert type(caught.value.error) is expected
    assert google.operations() == []


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN", "ABORTED"])
async def test_an_answer_that_leaves_it_open_is_no_refusal(
    google: FakeGoogle, engine: GoogleEngine, order: Order, code: str
) -> None:
    """F6, F8: the next attempt has to look for the operation, which is there."""
    google.fault("BatchRecognize", when="after", code=code)
    with pytest.raises(EngineUnavailableError):
        await started(engine, order())
    assert len(google.operations()) == 1
    assert google.calls()["BatchRecognize"] == {code: 1}, "no library tried again"


async def test_every_call_carries_a_token(google: FakeGoogle, engine: GoogleEngine, order: Order) -> None:
    google.settings(require_grpc_auth=True, operation_ms=600_000)
    request = order()
    operation = await started(engine, request)
    assert await engine.find(request.prefix) == operation
    await engine.cancel(operation, 1_000)
    nobody = open_engine(google, GOOGLE_APPLICATION_CREDENTIALS_JSON="")
    with pytest.raises(EngineMisconfiguredError, match="UNAUTHENTICATED"):
        await nobody.cancel(operation, 1_000)
    await nobody.aclose()
    assert {code for codes in google.calls().values() for code in codes if not code.isdigit()} == {
        "OK",
        "UNAUTHENTICATED",
    }


async def test_google_says_when_to_come_back(google: FakeGoogle, engine: GoogleEngine, order: Order) -> None:
    """F8: Retry-After is honoured."""
    google.fault("BatchRecognize", code="RESOURCE_EXHAUSTED", ms=17_000)
    with pytest.raises(NotStartedError) as caught:
        await started(engine, order())
    assert caught.value.error.extra["retry_after_s"] == 17.0


async def test_what_could_not_be_sent_started_nothing(google: FakeGoogle, order: Order) -> None:
    engine = open_engine(google, TRANSCRIPTS_GOOGLE_SPEECH_ENDPOINT="http://127.0.0.1:9")
    with pytest.raises(NotStartedError) as caught:
        await started(engine, order())
    assert type(caught.value.error) is EngineUnavailableError
    await engine.aclose()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (13, EngineUnavailableError),
        (3, EngineRefusedError),
        (7, EngineMisconfiguredError),
        (5, EngineUnavailableError),
    ],
)
async def test_a_file_that_failed_inside_a_success_ends_the_operation(
    google: FakeGoogle, engine: GoogleEngine, order: Order, code: int, expected: type[EngineError]
) -> None:
    """F7, F8: `done` without `error`; nothing was billed."""
    google.fault("file", code=code, message="still running")
    with pytest.raises(OperationEndedError) as caught:
        await heard(engine, order())
    assert (type(caught.value.error), caught.value.cost) == (expected, FREE)
    assert google.ledger()["billed_ms"] == 0


async def test_an_operation_that_failed_is_over(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.fault("operation", code="INTERNAL")
    with pytest.raises(OperationEndedError) as caught:
        await heard(engine, order())
    assert (caught.value.error.transient, caught.value.cost) == (True, FREE)


async def test_a_bucket_closed_to_google_is_explained(google: FakeGoogle, order: Order) -> None:
    """F26: the service agent's missing role is found in the operation, and the fix is named."""
    google.settings(operation_ms=0)
    google.bucket("closed", agent=False)
    engine = open_engine(google, TRANSCRIPTS_GOOGLE_BUCKET="gs://closed")
    with pytest.raises(OperationEndedError, match=r"docs/google\.md") as caught:
        await heard(engine, order())
    assert type(caught.value.error) is EngineMisconfiguredError
    await engine.aclose()


async def test_a_result_that_is_gone_ends_the_operation_at_its_price(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """F32: a failed attempt that cost money is booked, too."""
    request = order(60_000)
    operation = await started(engine, request)
    google.operations()
    await engine.discard(request.prefix)
    with pytest.raises(OperationEndedError) as caught:
        await engine.follow(request, operation, lambda _: None)
    assert (caught.value.error.transient, caught.value.cost) == (True, Cost(60_000, 16_000))


async def test_what_runs_is_heard_where_the_settings_would_not_start_it_any_more(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """F6: it is paid; an operator may take a location away meanwhile."""
    request = order(model="chirp_3")
    operation = await started(engine, request)
    later = open_engine(google, TRANSCRIPTS_GOOGLE_LOCATIONS="europe-west4")
    try:
        with pytest.raises(UnsupportedOptionError):
            later.check(request)
        result = await later.follow(request, operation, lambda _: None)
    finally:
        await later.aclose()
    assert (result.model, result.words[0].text, result.warnings) == ("chirp_3", "So", ())


# Cancelling ------------------------------------------------------------------------------------------------


async def test_a_cancelled_operation_is_stopped_and_priced_by_its_progress(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """F12."""
    google.settings(operation_ms=600_000)
    request = order(100_000)
    operation = await started(engine, request)
    google.settings(clock_ms=320_000)
    assert await engine.cancel(operation, 100_000) == Cost(52_000, 13_867, estimated=True)
    assert google.operations()[0]["error"]["code"] == 1
    assert await engine.cancel(operation, 100_000) == Cost(52_000, 13_867, estimated=True), "safe to repeat"


async def test_cancelling_what_is_done_tells_its_bill(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    operation = await started(engine, order(60_000))
    assert await engine.cancel(operation, 60_000) == Cost(60_000, 16_000)
    assert google.operations()[0]["error"] is None


async def test_what_google_has_forgotten_is_taken_for_paid(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    operation = await started(engine, order(60_000))
    google.forget(operation)
    assert await engine.cancel(operation, 60_000) == Cost(60_000, 16_000, estimated=True)


async def test_a_cancel_that_google_ignores_is_not_taken_for_an_end(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12, F32: cancelling is best effort, and what goes on is billed: its end is waited for, and its bill is told."""
    google.settings(operation_ms=600_000, cancel="ignored")
    operation = await started(engine, order(100_000))
    google.settings(clock_ms=320_000)
    with pytest.raises(StillRunningError) as caught:
        await engine.cancel(operation, 100_000)
    assert caught.value.cost == Cost(52_000, 13_867, estimated=True)
    monkeypatch.setattr(engine_module, "_ECONOMY_S", -101.0)
    assert await engine.cancel(operation, 100_000) == Cost(100_000, 26_667, estimated=True), "nor for ever"
    google.settings(clock_ms=600_000)
    assert await engine.cancel(operation, 100_000) == Cost(100_000, 26_667)
