"""The calls of Speech v2 through the unmodified client, as short as tests want them."""

from typing import Any

import grpc
import httpx

from google.cloud.speech_v2 import SpeechAsyncClient
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport
from google.cloud.speech_v2.types import cloud_speech
from google.longrunning import operations_pb2
from tests.fakes.google.process import FakeGoogle

LOCATION = "projects/p/locations/us-central1"
UNLIMITED = [("grpc.max_receive_message_length", -1)]


def connect(google: FakeGoogle, options: Any = UNLIMITED) -> SpeechAsyncClient:
    channel = grpc.aio.insecure_channel(google.speech_target, options=options)
    return SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel))


def upload(google: FakeGoogle, key: str, data: bytes) -> str:
    """Store an object with one plain request and return its gs:// URI."""
    url = f"{google.storage_url}/upload/storage/v1/b/recordings/o"
    reply = httpx.post(url, params={"uploadType": "media", "name": key}, content=data, trust_env=False)
    assert reply.status_code == 200
    return f"gs://recordings/{key}"


def download(google: FakeGoogle, uri: str) -> dict[str, Any]:
    bucket, _, key = uri.removeprefix("gs://").partition("/")
    url = f"{google.storage_url}/storage/v1/b/{bucket}/o/{key.replace('/', '%2F')}?alt=media"
    document: dict[str, Any] = httpx.get(url, trust_env=False).json()
    return document


def order(uri: str, prefix: str = "results/job/1/", location: str = "us-central1", **config: Any) -> Any:
    features = config.pop("features", {"enable_word_time_offsets": True})
    return cloud_speech.BatchRecognizeRequest(
        recognizer=f"projects/p/locations/{location}/recognizers/_",
        config={
            "auto_decoding_config": {},
            "model": "chirp_2",
            "language_codes": ["en-US"],
            "features": features,
            **config,
        },
        files=[{"uri": uri}],
        recognition_output_config={"gcs_output_config": {"uri": f"gs://recordings/{prefix}"}},
    )


async def submit(client: SpeechAsyncClient, request: Any) -> operations_pb2.Operation:
    """One submit as the product makes it: once, with a timeout, no retry."""
    operation = await client.batch_recognize(request, timeout=300, retry=None)
    return operation.operation


async def get(client: SpeechAsyncClient, name: str) -> operations_pb2.Operation:
    return await client.get_operation(operations_pb2.GetOperationRequest(name=name), timeout=300)


def results(operation: operations_pb2.Operation) -> Any:
    response = cloud_speech.BatchRecognizeResponse()
    assert operation.response.Unpack(cloud_speech.BatchRecognizeResponse.pb(response))
    return response.results


def metadata(operation: operations_pb2.Operation) -> Any:
    meta = cloud_speech.OperationMetadata()
    assert operation.metadata.Unpack(cloud_speech.OperationMetadata.pb(meta))
    return meta
