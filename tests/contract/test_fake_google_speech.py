"""The fake's Speech v2, driven by the unmodified client of google-cloud-speech."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.location import locations_pb2
from google.cloud.speech_v2 import SpeechAsyncClient
from google.cloud.speech_v2.types import locations_metadata
from google.longrunning import operations_pb2

from tests.fakes.google.calls import (
    LOCATION,
    connect,
    download,
    get,
    metadata,
    order,
    results,
    submit,
    upload,
)
from tests.fakes.google.process import FakeGoogle
from tests.fakes.google.recordings import flac, wav

pytest_plugins = ("tests.fakes.google.fixtures",)


@pytest.fixture
async def speech(google: FakeGoogle) -> AsyncIterator[SpeechAsyncClient]:
    google.settings(operation_ms=0)
    client = connect(google)
    yield client
    await client.transport.close()  # type: ignore[no-untyped-call]


async def test_a_recording_becomes_words_in_the_bucket(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    """F6, F22: the result's name is the server's, the first offset is omitted, the ledger has one charge."""
    uri = upload(google, "sessions/1/audio.flac", flac(30_500))
    name = (await submit(speech, order(uri))).name
    result = results(await get(speech, name))[uri]
    key = result.cloud_storage_result.uri
    assert key.startswith("gs://recordings/results/job/1/audio_transcript_")
    assert result.metadata.total_billed_duration.total_seconds() == 31
    document = download(google, key)
    words = document["results"][0]["alternatives"][0]["words"]
    assert words[0] == {"word": "So", "endOffset": "0.320s"}
    assert words[1] == {"word": "what", "startOffset": "0.400s", "endOffset": "0.720s"}
    assert "alternatives" not in document["results"][-1]
    assert document["results"][-1]["resultEndOffset"] == "30.500s"
    (row,) = google.ledger()["rows"]
    assert (row["operation"], row["billed_ms"], row["outcome"]) == (name, 31_000, "succeeded")


async def test_a_piece_of_a_recording_is_its_stretch_heard_a_little_differently(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """Named after its stretch: times off by some milliseconds, a fragment at the beginning, other labels."""
    google.script(
        words=[
            {"text": f"word{n}", "start_ms": n * 1_000, "end_ms": n * 1_000 + 800, "speaker": n % 2 + 1}
            for n in range(60)
        ]
    )
    uri = upload(google, "sessions/1/20500-30500.flac", flac(10_000))
    name = (
        await submit(
            speech,
            order(
                uri,
                location="us",
                model="chirp_3",
                features={"diarization_config": {}, "enable_word_time_offsets": True},
            ),
        )
    ).name
    document = download(google, results(await get(speech, name))[uri].cloud_storage_result.uri)
    words = document["results"][-1]["alternatives"][0]["words"]
    assert [word["word"] for word in words] == ["wor", *(f"word{n}" for n in range(21, 30)), "wor"]
    starts = [float(word.get("startOffset", "0s")[:-1]) * 1_000 for word in words[1:-1]]
    assert all(
        abs(start - (n * 1_000 - 20_500)) <= 60 for n, start in zip(range(21, 30), starts, strict=True)
    )
    labels = [word["speakerLabel"] for word in words[1:-1]]
    assert labels[::2] == [labels[0]] * 5
    assert labels[1::2] == [labels[1]] * 4


async def test_the_same_recording_is_heard_the_same_way(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    uri = upload(google, "a.wav", wav(2_000))
    heard = []
    for attempt in ("1", "2"):
        operation = await submit(speech, order(uri, f"results/job/{attempt}/"))
        done = await get(speech, operation.name)
        heard.append(download(google, results(done)[uri].cloud_storage_result.uri))
    assert heard[0] == heard[1]


async def test_diarization_can_repeat_every_word(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    """F22: the last result says all words again, now with speakers; a setting gives the tidy form."""
    uri = upload(google, "a.flac", flac(10_000))
    features = {"enable_word_time_offsets": True, "diarization_config": {}}
    request = order(uri, location="us", model="chirp_3", features=features)

    async def heard() -> list[list[dict[str, Any]]]:
        done = await get(speech, (await submit(speech, request)).name)
        document = download(google, results(done)[uri].cloud_storage_result.uri)
        return [r["alternatives"][0]["words"] for r in document["results"] if "alternatives" in r]

    *sentences, last = await heard()
    assert [w["word"] for words in sentences for w in words] == [w["word"] for w in last]
    assert {w.get("speakerLabel") for words in sentences for w in words} == {None}
    assert {w["speakerLabel"] for w in last} == {"1", "2"}
    google.settings(repeat_words=False)
    assert {w["speakerLabel"] for words in await heard() for w in words} == {"1", "2"}


async def test_progress_moves_in_coarse_steps(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    google.settings(operation_ms=600_000)
    uri = upload(google, "a.flac", flac(60_000))
    name = (await submit(speech, order(uri))).name
    seen = []
    for minutes in (0, 1, 3, 5, 6, 8, 9):
        google.settings(clock_ms=minutes * 60_000)
        operation = await get(speech, name)
        meta = metadata(operation)
        per_file = meta.batch_recognize_metadata.transcription_metadata[uri].progress_percent
        assert per_file == meta.progress_percent
        seen.append(per_file)
        assert not operation.done
    assert seen == [0, 0, 26, 26, 52, 78, 78]
    google.settings(clock_ms=600_000)
    operation = await get(speech, name)
    assert (operation.done, metadata(operation).progress_percent) == (True, 100)


async def test_the_request_is_echoed_so_that_an_orphan_is_found(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """F6: the output prefix is the request id that the API does not have."""
    uri = upload(google, "a.flac", flac(1_000))
    names = [(await submit(speech, order(uri, f"results/job/{n}/"))).name for n in range(3)]
    request = operations_pb2.ListOperationsRequest(name=LOCATION, filter="is_v2(name)")
    page = await speech.list_operations(request, timeout=300)
    outputs = {
        metadata(o).batch_recognize_request.recognition_output_config.gcs_output_config.uri: o.name
        for o in page.operations
    }
    assert outputs == {f"gs://recordings/results/job/{n}/": name for n, name in enumerate(names)}


async def test_listing_is_paged_by_location_and_filter(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    uri = upload(google, "a.flac", flac(1_000))
    names = [(await submit(speech, order(uri))).name for _ in range(5)]
    elsewhere = order(uri, location="us", model="chirp_3")
    await submit(speech, elsewhere)
    seen, token = [], ""
    while True:
        request = operations_pb2.ListOperationsRequest(
            name=LOCATION, filter="is_v2(name)", page_size=2, page_token=token
        )
        page = await speech.list_operations(request, timeout=300)
        assert len(page.operations) <= 2
        seen += [operation.name for operation in page.operations]
        if not (token := page.next_page_token):
            break
    assert sorted(seen) == sorted(names)
    bare = await speech.list_operations(operations_pb2.ListOperationsRequest(name=LOCATION), timeout=300)
    assert not bare.operations
    with pytest.raises(exceptions.InvalidArgument):
        await speech.list_operations(
            operations_pb2.ListOperationsRequest(name=LOCATION, filter=f'uri = "{uri}"'), timeout=10
        )


async def test_a_file_can_fail_inside_a_success(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    """F8: `done`, no `error`, and yet nothing was recognised; nothing is billed and a retry works."""
    google.fault("file", code=13, message="Internal error")
    uri = upload(google, "a.flac", flac(1_000))
    first = await get(speech, (await submit(speech, order(uri))).name)
    assert first.done
    assert first.error.code == 0
    assert results(first)[uri].error.code == 13
    second = await get(speech, (await submit(speech, order(uri))).name)
    assert results(second)[uri].error.code == 0
    assert [(r["outcome"], r["billed_ms"]) for r in google.ledger()["rows"]] == [
        ("file_error", 0),
        ("succeeded", 1_000),
    ]


@pytest.mark.parametrize(
    ("uri", "code"),
    [("gs://recordings/missing.flac", 5), ("gs://private/a.flac", 7), ("gs://recordings/a.m4a", 3)],
)
async def test_what_cannot_be_read_is_an_error_of_the_file(
    google: FakeGoogle, speech: SpeechAsyncClient, uri: str, code: int
) -> None:
    """F23, F26: a missing object, a bucket closed to the service agent, an encoding that is not taken."""
    google.bucket("private", agent=False)
    upload(google, "a.m4a", b"\x00\x00\x00\x1cftypM4A ")
    operation = await get(speech, (await submit(speech, order(uri))).name)
    assert results(operation)[uri].error.code == code


async def test_a_recording_can_be_too_long_for_a_model(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    uri = upload(google, "a.flac", flac(21 * 60_000))
    request = order(uri, location="us", model="chirp_3")
    assert results(await get(speech, (await submit(speech, request)).name))[uri].error.code == 3
    request.config.features.enable_word_time_offsets = False
    assert results(await get(speech, (await submit(speech, request)).name))[uri].error.code == 0


@pytest.mark.parametrize(
    "change",
    [
        {"model": "chirp_3"},
        {"model": ""},
        {"language_codes": ["zh-TW"]},
        {"language_codes": []},
        {"features": {"diarization_config": {}}},
        {"location": "us", "model": "chirp_3", "features": {"enable_word_confidence": True}},
        {
            "location": "us",
            "model": "chirp_3",
            "language_codes": ["cmn-Hant-TW"],
            "features": {"diarization_config": {}},
        },
        {"location": "mars"},
    ],
)
async def test_what_is_refused_made_no_operation(
    google: FakeGoogle, speech: SpeechAsyncClient, change: dict[str, Any]
) -> None:
    """F8, F20, F21: INVALID_ARGUMENT comes before anything is made or billed."""
    uri = upload(google, "a.flac", flac(1_000))
    with pytest.raises(exceptions.InvalidArgument):
        await submit(speech, order(uri, **change))
    assert google.operations() == []


async def test_cancel_ends_an_operation_and_bills_what_was_heard(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """F12: a cancelled operation is done with code 1, and stays so."""
    google.fault("operation", do="hang")  # half of it is heard, then nothing moves
    uri = upload(google, "a.flac", flac(100_000))
    name = (await submit(speech, order(uri))).name
    for _ in range(2):
        await speech.cancel_operation(operations_pb2.CancelOperationRequest(name=name), timeout=300)
    operation = await get(speech, name)
    assert (operation.done, operation.error.code) == (True, 1)
    (row,) = google.ledger()["rows"]
    assert (row["outcome"], row["billed_ms"]) == ("cancelled", 50_000)


async def test_cancel_is_best_effort(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    google.settings(cancel="ignored", operation_ms=60_000)
    uri = upload(google, "a.flac", flac(1_000))
    name = (await submit(speech, order(uri))).name
    await speech.cancel_operation(operations_pb2.CancelOperationRequest(name=name), timeout=300)
    google.finish(name)
    assert results(await get(speech, name))[uri].error.code == 0


async def test_a_deleted_operation_is_forgotten_but_not_stopped(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    google.settings(operation_ms=60_000)
    uri = upload(google, "a.flac", flac(1_000))
    name = (await submit(speech, order(uri))).name
    await speech.delete_operation(operations_pb2.DeleteOperationRequest(name=name), timeout=300)
    with pytest.raises(exceptions.NotFound):
        await get(speech, name)
    google.finish(name)
    assert google.ledger()["billed_ms"] == 1_000


async def test_stereo_and_the_cheap_strategy_are_on_the_bill(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """F32, F33: per channel and by strategy, from the bytes."""
    uri = upload(google, "a.wav", wav(1_500, channels=2))
    request = order(uri)
    request.processing_strategy = type(request).ProcessingStrategy.DYNAMIC_BATCHING
    await submit(speech, request)
    (row,) = google.ledger()["rows"]
    assert (row["strategy"], row["channels"], row["billed_ms"]) == ("DYNAMIC_BATCHING", 2, 4_000)


async def test_inline_results_break_the_default_message_size(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """A channel of one's own takes 4 MiB; a long recording's inline answer is more, and a list of them too."""
    google.script(words=[{"text": "w" * 4_000, "start_ms": i, "end_ms": i + 1} for i in range(1_200)])
    request = order(upload(google, "a.flac", flac(1_000)))
    request.recognition_output_config = {"inline_response_config": {}}
    name = (await submit(speech, request)).name
    narrow = connect(google, options=[])
    with pytest.raises(exceptions.ResourceExhausted):
        await get(narrow, name)
    await narrow.transport.close()  # type: ignore[no-untyped-call]
    (result,) = results(await get(speech, name)).values()
    assert len(result.inline_result.transcript.results[0].alternatives[0].words) == 1_200


async def test_a_recorded_answer_is_served_as_it_was(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    """A real response goes through unchanged, an empty transcript included."""
    recorded = {"results": [{"alternatives": [{"transcript": "嗯"}], "languageCode": "cmn-Hant-TW"}]}
    google.script("real", result=recorded)
    google.script("empty", result={})
    for key, expected in (("real.flac", recorded), ("empty.flac", {})):
        uri = upload(google, key, flac(1_000))
        done = await get(speech, (await submit(speech, order(uri))).name)
        assert download(google, results(done)[uri].cloud_storage_result.uri) == expected


async def test_scripted_words_take_the_shape_of_the_request(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    google.script(words=[{"text": "Hello.", "start_ms": 100, "end_ms": 400, "speaker": 2}])
    uri = upload(google, "a.flac", flac(1_000))
    request = order(uri, features={"max_alternatives": 2})
    done = await get(speech, (await submit(speech, request)).name)
    first = download(google, results(done)[uri].cloud_storage_result.uri)["results"][0]
    assert [a["transcript"] for a in first["alternatives"]] == ["Hello.", "Hello. or so"]
    assert "words" not in first["alternatives"][0]


async def test_the_bundled_recording_is_known_by_its_length(tmp_path: Path) -> None:
    """What `make demo` hears from this server can be read, and has both speakers."""
    bundled = Path("deploy/local/recordings")
    with FakeGoogle(tmp_path, "--recordings", str(bundled), "--bucket", "recordings") as knowing:
        knowing.settings(operation_ms=0)
        speech = connect(knowing)
        uri = upload(knowing, "a.flac", (bundled / "two_speakers.flac").read_bytes())
        features: dict[str, Any] = {"diarization_config": {}}
        request = order(uri, location="us", model="chirp_3", features=features)
        heard = download(knowing, results(await get(speech, (await submit(speech, request)).name))[uri].uri)
        words = heard["results"][-1]["alternatives"][0]["words"]
        assert [w["word"] for w in words] == (bundled / "two_speakers.txt").read_text().split()
        assert {w["speakerLabel"] for w in words} == {"1", "2"}
        await speech.transport.close()  # type: ignore[no-untyped-call]


async def test_locations_tell_what_can_be_had(speech: SpeechAsyncClient) -> None:
    """F20: the capability table can be refreshed from the Locations API."""
    listing = await speech.list_locations(locations_pb2.ListLocationsRequest(name="projects/p"), timeout=300)
    assert {location.location_id for location in listing.locations} >= {"us", "us-central1"}
    location = await speech.get_location(
        locations_pb2.GetLocationRequest(name="projects/p/locations/us"), timeout=10
    )
    known = locations_metadata.LocationsMetadata()
    assert location.metadata.Unpack(locations_metadata.LocationsMetadata.pb(known))
    features = known.languages.models["cmn-Hant-TW"].model_features["chirp_3"].model_feature
    assert "speaker_diarization" not in {feature.feature for feature in features}
    with pytest.raises(exceptions.NotFound):
        await speech.get_location(
            locations_pb2.GetLocationRequest(name="projects/p/locations/mars"), timeout=10
        )


def test_the_ledger_is_json(google: FakeGoogle) -> None:
    assert json.dumps(google.ledger()) == '{"rows": [], "billed_ms": 0}'
