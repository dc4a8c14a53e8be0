"""A service account of our own: its key, the tokens it gets, and the verification of its signed URLs."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request

from google.auth import jwt
from tests.fakes.google.objects import StorageRefusal

_TOKEN: Final = "ya29.fake-"
EMAIL: Final = "transcripts@fake-project.iam.gserviceaccount.com"


class Account:
    """The one service account of the fake; its key is made on the first start and kept in the state."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "service_account_key.pem"
        if not self._path.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            self._path.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        private = serialization.load_pem_private_key(self._path.read_bytes(), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)
        self._private = private
        self._public = private.public_key()

    def document(self, base_url: str) -> dict[str, str]:
        """The key file, as the console of Google Cloud would give it, with our own token endpoint."""
        return {
            "type": "service_account",
            "project_id": "fake-project",
            "private_key_id": "fake",
            "private_key": self._path.read_text(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": f"{base_url}/token",
        }

    def token(self, assertion: str) -> dict[str, Any]:
        """An access token for a signed assertion; 400 where the signature is not this account's."""
        public = self._public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            claims = jwt.decode(assertion, certs=public)  # type: ignore[no-untyped-call]
        except ValueError as error:
            raise StorageRefusal(400, f"Invalid JWT Signature: {error}", "invalid_grant") from error
        if claims["iss"] != EMAIL:
            raise StorageRefusal(400, "Invalid issuer.", "invalid_grant")
        return self.new_token()

    def new_token(self) -> dict[str, Any]:
        """An access token for an hour."""
        return {"access_token": _TOKEN + secrets.token_hex(16), "expires_in": 3600, "token_type": "Bearer"}

    def sign(self, data: bytes) -> bytes:
        """The account's signature, as IAM makes it for those without the key."""
        return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def check_token(self, authorization: str | None) -> None:
        """401 where the header carries no token of ours."""
        if not (authorization or "").startswith(f"Bearer {_TOKEN}"):
            raise StorageRefusal(401, "Request had invalid authentication credentials.", "authError")

    def verify(self, request: Request) -> None:
        """Verify a V4 signed URL against the request as it arrived; 403 or 400 in Google's words."""
        query = request.query_params.multi_items()
        given = dict(query)
        signed_at = datetime.strptime(given["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if datetime.now(UTC) > signed_at + timedelta(seconds=int(given["X-Goog-Expires"])):
            raise StorageRefusal(400, "The provided token has expired.", "ExpiredToken")
        scope = given["X-Goog-Credential"].partition("/")[2]
        canonical = _canonical(request, query, given["X-Goog-SignedHeaders"].split(";"))
        to_sign = "\n".join(
            (
                "GOOG4-RSA-SHA256",
                given["X-Goog-Date"],
                scope,
                hashlib.sha256(canonical.encode()).hexdigest(),
            )
        )
        try:
            self._public.verify(
                bytes.fromhex(given["X-Goog-Signature"]),
                to_sign.encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except (InvalidSignature, ValueError) as error:
            message = "Access denied. The request signature we calculated does not match."
            raise StorageRefusal(403, message, "SignatureDoesNotMatch") from error


def _canonical(request: Request, query: Sequence[tuple[str, str]], signed_headers: list[str]) -> str:
    """The canonical request: a signed header that was sent otherwise than it was signed changes it."""
    pairs = sorted(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in query
        if name != "X-Goog-Signature"
    )
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signed_headers]
    return "\n".join(
        (
            request.method,
            request.scope["raw_path"].decode(),
            "&".join(pairs),
            "\n".join(headers) + "\n",
            ";".join(signed_headers),
            request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )
