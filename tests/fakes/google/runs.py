"""What becomes of an operation's files: decided when it starts, carried out and booked when it ends."""

import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from google.cloud.speech_v2.types import cloud_speech
from google.rpc import code_pb2, status_pb2
from tests.fakes.google import recognition
from tests.fakes.google.audio import Audio, UnsupportedAudioError, measure
from tests.fakes.google.capabilities import max_audio_ms
from tests.fakes.google.faults import Faults
from tests.fakes.google.ledger import Charge, Ledger, billed_ms
from tests.fakes.google.objects import Objects
from tests.fakes.google.state import State

Request = cloud_speech.BatchRecognizeRequest
Plan = dict[str, Any]
"""{"files": {uri: {"audio": {...}, "error": {...}?}}, "error": {...}?, "hangs": bool}"""


class Runs:
    """Plans and carries out the work of operations."""

    def __init__(self, state: State, objects: Objects, ledger: Ledger, faults: Faults) -> None:
        self._state = state
        self._objects = objects
        self._ledger = ledger
        self._faults = faults

    def plan(self, request: Request) -> Plan:
        """Decide what each file and the whole operation will come to; takes the faults set for them."""
        plan: Plan = {"files": {file.uri: self._plan_file(file.uri, request) for file in request.files}}
        fault = self._faults.take("operation", "before", str(request))
        plan["hangs"] = bool(fault and fault.do == "hang")
        if fault and fault.do != "hang":
            plan["error"] = _status(fault.code, fault.message)
        return plan

    def _plan_file(self, uri: str, request: Request) -> Plan:
        bucket, key = split_uri(uri)
        stored = self._objects.find(bucket, key)
        if not self._objects.agent_may(bucket):
            return _refused(Audio(0, 1), 7, f"The Speech service agent cannot read {uri}.")
        if not stored:
            return _refused(Audio(0, 1), 5, f"No such object: {bucket}/{key}")
        try:
            audio = measure(stored.path)
        except UnsupportedAudioError as error:
            return _refused(Audio(0, 1), 3, str(error))
        if audio.ms > max_audio_ms(request.config):
            return _refused(audio, 3, "Audio is longer than this model takes.")
        if fault := self._faults.take("file", "before", uri):
            return _refused(audio, fault.code, fault.message)
        return {"audio": asdict(audio)}

    def finish(self, name: str, request: Request, plan: Plan) -> cloud_speech.BatchRecognizeResponse | None:
        """Write the results and book the charges; None where the whole operation fails."""
        if "error" in plan:
            for uri, file in plan["files"].items():
                self._book(name, uri, request, Audio(**file["audio"]), 0, "failed")
            return None
        response = cloud_speech.BatchRecognizeResponse()
        for uri, file in plan["files"].items():
            result = self._recognise(name, uri, request, file)
            response.results[uri] = result
            response.total_billed_duration += result.metadata.total_billed_duration
        return response

    def stop(self, name: str, request: Request, plan: Plan, fraction: float) -> None:
        """Book what was heard before a cancel: the fraction of each file, rounded up to the second."""
        for uri, file in plan["files"].items():
            audio = Audio(**file["audio"])
            self._book(name, uri, request, audio, billed_ms(audio, int(audio.ms * fraction)), "cancelled")

    def _recognise(
        self, name: str, uri: str, request: Request, file: Plan
    ) -> cloud_speech.BatchRecognizeFileResult:
        audio = Audio(**file["audio"])
        output = request.recognition_output_config.gcs_output_config.uri
        bucket, prefix = split_uri(output)
        error = file.get("error")
        if not error and output and not self._objects.agent_may(bucket):
            error = _status(7, f"The Speech service agent cannot write to {output}.")
        if error:
            self._book(name, uri, request, audio, 0, "file_error")
            return cloud_speech.BatchRecognizeFileResult(error=status_pb2.Status(**error))
        billed = billed_ms(audio)
        text = recognition.recognise(self._state, uri, audio.ms, request.config, billed)
        result = cloud_speech.BatchRecognizeFileResult()
        result.metadata.total_billed_duration = timedelta(milliseconds=billed)
        if output:
            key = self._write(bucket, prefix, uri, text)
            result.cloud_storage_result.uri = result.uri = f"gs://{bucket}/{key}"
        else:
            result.inline_result.transcript = cloud_speech.BatchRecognizeResults.from_json(text)
        self._book(name, uri, request, audio, billed, "succeeded")
        return result

    def _write(self, bucket: str, prefix: str, uri: str, text: str) -> str:
        """Store a result under a name that nobody can foresee; returns its key."""
        folder = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        base = uri.rpartition("/")[2]
        key = f"{folder}{base.rpartition('.')[0] or base}_transcript_{secrets.token_hex(8)}.json"
        self._objects.put_bytes(bucket, key, text.encode(), {"contentType": "application/json"})
        return key

    def _book(self, name: str, uri: str, request: Request, audio: Audio, billed: int, outcome: str) -> None:
        self._ledger.book(
            Charge(
                operation=name,
                uri=uri,
                output=request.recognition_output_config.gcs_output_config.uri,
                model=request.config.model,
                strategy="DYNAMIC_BATCHING" if is_dynamic(request) else "STANDARD",
                audio=audio,
                billed_ms=billed,
                outcome=outcome,
            )
        )


def is_dynamic(request: Request) -> bool:
    """Whether the cheap strategy was asked for, which begins when Google likes."""
    return bool(request.processing_strategy == Request.ProcessingStrategy.DYNAMIC_BATCHING)


def split_uri(uri: str) -> tuple[str, str]:
    """`gs://bucket/key` as bucket and key."""
    bucket, _, key = uri.removeprefix("gs://").partition("/")
    return bucket, key


def _refused(audio: Audio, code: str | int, message: str) -> Plan:
    return {"audio": asdict(audio), "error": _status(code, message)}


def _status(code: str | int, message: str) -> Plan:
    """A google.rpc.Status; the code by its number or its name."""
    number = code if isinstance(code, int) else code_pb2.Code.Value(code)
    return {"code": number, "message": message}
