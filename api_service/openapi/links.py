"""Links of the OpenAPI document: what may be asked next with the ids that an answer gives."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "session_id": (
        "get_session", "update_session", "delete_session", "transcribe_again", "get_transcript",
        "import_transcript", "get_audio", "get_waveform", "get_speakers", "name_speakers", "list_edits",
        "undo_edit", "redo_edit",
    ),
    "job_id": ("get_job", "follow_job", "cancel_job", "retry_job"),
    "upload_id": ("get_upload", "send_bytes", "delete_upload"),
    "webhook_id": (
        "get_webhook", "update_webhook", "rotate_webhook_secret", "test_webhook", "list_deliveries",
        "replay_deliveries", "delete_webhook",
    ),
    "key_id": ("get_key", "rotate_key", "revoke_key"),
}  # fmt: skip
"""The operations that take an id of each kind, in the order in which people use them."""

_OWN: Final = "$response.body#/id"
_JOB: Final = {"job_id": _OWN, "session_id": "$response.body#/session_id"}
_GIVEN: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "create_session": (
        "202", {"session_id": "$response.body#/session/id", "job_id": "$response.body#/job/id"}
    ),
    "transcribe_again": ("202", _JOB),
    "retry_job": ("202", _JOB),
    "create_upload": ("201", {"upload_id": _OWN}),
    "create_webhook": ("201", {"webhook_id": _OWN}),
    "create_key": ("201", {"key_id": _OWN}),
    "rotate_key": ("201", {"key_id": _OWN}),
}  # fmt: skip
"""The operations that make something: the status of their answer, and where in it the ids are."""


def linked() -> frozenset[str]:
    """The operations that links lead from or to."""
    return frozenset(_GIVEN).union(*_ABOUT.values())


def link(document: dict[str, Any]) -> None:
    """Put the links where they belong; KeyError where one names an operation that the document lacks."""
    operations = {each["operationId"]: each for ways in document["paths"].values() for each in ways.values()}
    for source, (status, given) in _GIVEN.items():
        made = {target: _link(operations[target], name, where) for target, name, where in _targets(given)}
        if source == "create_upload":
            made["create_session"] = {"operationId": "create_session", "requestBody": {"upload_id": _OWN}}
        operations[source]["responses"][status]["links"] = made


def _targets(given: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, where in given.items():
        for target in _ABOUT[name]:
            yield target, name, where


def _link(target: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    return {"operationId": target["operationId"], "parameters": {name: where}}
