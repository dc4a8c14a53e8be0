"""Who we are to Google: what is wrong with a key, without ever showing a part of it, and whether it gives a token."""

import base64
import binascii
import json
import re
from typing import Any, Final

from shared.errors import SetupError, TranscriptsError
from shared.examination.findings import Finding, fail, note, ok
from shared.settings import WorkerSettings
from shared.storage.google_identity import Anonymous, Identity, identify

_NAME: Final = "GOOGLE_APPLICATION_CREDENTIALS_JSON"
_NEEDED: Final = ("client_email", "private_key", "token_uri")
_FIX_KEY: Final = f"{_NAME}=$(base64 -w0 key.json), with the key file as Google gave it"
_FIX_PATH: Final = "Set GOOGLE_APPLICATION_CREDENTIALS to a path, or give the file's content: " + _FIX_KEY
_FIX_AMBIENT: Final = f"{_FIX_KEY}; or run where credentials are ambient (docs/google.md)"


async def check(settings: WorkerSettings) -> tuple[Identity | None, list[Finding]]:
    """The identity, where it gives tokens; the caller closes it."""
    text = settings.google_credentials.get_secret_value().strip() if settings.google_credentials else ""
    if not text and settings.google_speech_endpoint:
        return Anonymous(), [note("key", "none: the endpoint that is set is asked without a token")]
    fault = _fault(text) if text else None
    if fault is not None:
        return None, [fault]
    try:
        identity = identify(text or None)
    except SetupError as error:
        return None, [fail("key", error.detail, _FIX_KEY)]
    found = _whose(text, settings.google_project_id) if text else []
    try:
        await identity.token()
    except TranscriptsError as error:
        identity.close()
        return None, [*found, fail("token", error.detail, _no_token(text))]
    return identity, [
        *found,
        ok("token", "Google gives an access token" + ("" if text else " to this place")),
    ]


def _no_token(text: str) -> str:
    if not text:
        return _FIX_AMBIENT
    account = _read(text)["client_email"]
    return (
        f"gcloud iam service-accounts keys list --iam-account={account} shows whether the key is still there; make a "
        "new one if not. The clock must be right, and oauth2.googleapis.com:443 must be reachable."
    )


def _whose(text: str, project: str | None) -> list[Finding]:
    document = _read(text)
    found = [ok("key", f"is whole, of {document['client_email']}")]
    theirs = document.get("project_id")
    if project and theirs and theirs != project:
        found.append(
            note(
                "key",
                f"The account is of the project {theirs}; {project} is the one that works and pays.",
                f"Fine, where the account has roles/speech.editor on {project}.",
            )
        )
    return found


def _fault(text: str) -> Finding | None:
    """What is wrong with the text of a key, in words that hold nothing of it."""
    if re.fullmatch(r"[~./\w-]*\.json", text):
        return fail("key", f"{_NAME} is a path; it takes what is in the file.", _FIX_PATH)
    try:
        document = _read(text)
    except (binascii.Error, UnicodeDecodeError):
        return fail("key", f"{_NAME} is neither JSON nor base64: cut off, or encoded twice.", _FIX_KEY)
    except ValueError:
        what = "JSON that is cut off or quoted wrongly" if text.startswith("{") else "base64, but not of JSON"
        return fail("key", f"{_NAME} is {what}.", _FIX_KEY)
    return _fault_of(document)


def _fault_of(document: Any) -> Finding | None:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind in {"authorized_user", "external_account", "impersonated_service_account"}:
        detail = f"{_NAME} holds credentials of the kind {kind}, and takes a service account's key only."
        return fail(
            "key", detail, "Set GOOGLE_APPLICATION_CREDENTIALS to the file's path instead, as ambient."
        )
    if kind != "service_account":
        return fail("key", f"{_NAME} is JSON, but no service account's key.", _FIX_KEY)
    missing = [name for name in _NEEDED if not document.get(name)]
    if missing:
        return fail("key", f"The key lacks {', '.join(missing)}.", _FIX_KEY)
    if "-----BEGIN PRIVATE KEY-----\n" not in str(document["private_key"]):
        detail = "The key's private_key has lost its line breaks, or is not PEM: a shell or a console rewrote them."
        return fail("key", detail, _FIX_KEY)
    return None


def _read(text: str) -> Any:
    return json.loads(text if text.startswith("{") else base64.b64decode(text, validate=False))
