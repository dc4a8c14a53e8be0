"""Secrets at rest: API keys are hashed under the pepper, webhook secrets and kept answers are sealed under it.

The pepper is a setting, not a row: who reads the database alone can neither check a guess nor sign a webhook.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from shared.errors import TranscriptsError

SEALED_PREFIX: Final = b"gAAAA"  # Fernet's version and the zeros of its time: no JSON begins so


class SealedError(TranscriptsError):
    """A secret is sealed under a pepper that is not set here. Add it to TRANSCRIPTS_PEPPER, after a comma."""

    code = "sealed"


class Pepper:
    """One or several peppers, the newest first: it makes what is new, and the others still open what is old."""

    def __init__(self, peppers: Sequence[str]) -> None:
        self._hash_keys = [_derived(pepper, b"api key") for pepper in peppers]
        self._box = MultiFernet(
            [Fernet(urlsafe_b64encode(_derived(pepper, b"sealed"))) for pepper in peppers]
        )

    @classmethod
    def of(cls, setting: SecretStr | None) -> Self | None:
        """The pepper of the setting; None where it is not set."""
        return None if setting is None else cls(setting.get_secret_value().split(","))

    def hashes(self, token: str) -> list[bytes]:
        """HMAC-SHA-256 of a token under each pepper, that of the newest first."""
        return [hmac.digest(key, token.encode(), "sha256") for key in self._hash_keys]

    def seal(self, plain: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._box.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; SealedError where it was sealed under another pepper, or was changed."""
        try:
            return self._box.decrypt(sealed)
        except InvalidToken:
            raise SealedError from None


def _derived(pepper: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"coaching-transcripts " + purpose).derive(
        pepper.encode()
    )
