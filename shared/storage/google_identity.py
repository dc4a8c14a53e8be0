"""Who we are to Google: access tokens and signatures, by google-auth; the one module of `shared` that imports it.

Ambient credentials come in a dozen kinds (metadata server, workload identity, gcloud's files), which is what
google-auth is for. It blocks, so it runs on threads, and it is loaded only where the store is a bucket.
"""

import asyncio
import base64
import binascii
import json
from typing import Any, Final, Protocol, cast

import google.auth
import requests
from google.auth import iam
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from shared.errors import SetupError, StorageError, StorageMisconfiguredError

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_NONE_FOUND: Final = (
    "There are no Google credentials. Set GOOGLE_APPLICATION_CREDENTIALS_JSON to a service account's key, or run "
    "where credentials are ambient: Cloud Run, GKE with workload identity, gcloud auth application-default login."
)


class Identity(Protocol):
    """Gives tokens and signatures; errors are StorageError and its kin."""

    async def token(self) -> str | None:
        """An access token that is valid for some minutes yet; None where requests go without one."""
        ...

    def forget_token(self) -> None:
        """The token was refused: the next one is to be new."""
        ...

    async def email(self) -> str:
        """The service account's address."""
        ...

    async def sign(self, data: bytes) -> bytes:
        """The service account's RSA-SHA256 signature."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class Anonymous:
    """Nobody: for servers other than Google's that ask for no token."""

    async def token(self) -> str | None:
        """None."""
        return None

    def forget_token(self) -> None:
        """There is none."""

    async def email(self) -> str:
        """Nobody has no address."""
        raise StorageMisconfiguredError("Signed URLs need a service account. Nothing was signed.")

    async def sign(self, data: bytes) -> bytes:
        """Nobody signs nothing."""
        raise StorageMisconfiguredError("Signed URLs need a service account. Nothing was signed.")

    def close(self) -> None:
        """Nothing is open."""


class GoogleIdentity:
    """A service account by its key, or else whoever the surroundings say we are."""

    def __init__(self, credentials: Credentials | None, session: requests.Session | None = None) -> None:
        """`credentials` None: look for ambient ones when they are needed first."""
        self._credentials = credentials
        self._session = session or requests.Session()
        self._request = Request(self._session)
        self._turn = asyncio.Lock()
        self._fresh = True

    async def token(self) -> str | None:
        """The token, renewed some minutes before it ends; many who ask at once wait for one renewal."""
        async with self._turn:
            credentials = await self._found()
            if not credentials.valid or not self._fresh:
                await self._on_thread(credentials.refresh, self._request)
                self._fresh = True
            return cast("str", credentials.token)

    def forget_token(self) -> None:
        """Renew before the next use."""
        self._fresh = False

    async def email(self) -> str:
        """The account's address; a metadata server is asked for it once."""
        credentials: Any = await self._found()
        if getattr(credentials, "service_account_email", None) == "default":
            await self.token()  # a refresh is when a metadata server tells who we are
        found = getattr(credentials, "service_account_email", None)
        if not found:
            raise StorageMisconfiguredError(
                "Signed URLs need a service account, and these credentials are a person's. Set "
                "GOOGLE_APPLICATION_CREDENTIALS_JSON to a service account's key."
            )
        return str(found)

    async def sign(self, data: bytes) -> bytes:
        """Offline with a key, in half a millisecond; else by the signBlob method of IAM, which needs a permission."""
        credentials: Any = await self._found()
        if isinstance(credentials, service_account.Credentials):
            return cast("bytes", credentials.sign_bytes(data))
        signer = iam.Signer(self._request, credentials, await self.email())  # type: ignore[no-untyped-call]
        return cast("bytes", await self._on_thread(signer.sign, data))

    def close(self) -> None:
        """Close the connections of the token requests."""
        self._session.close()

    async def _found(self) -> Credentials:
        if self._credentials is None:
            self._credentials = (await self._on_thread(google.auth.default, _SCOPES, self._request))[0]
        return self._credentials

    async def _on_thread(self, call: Any, *args: Any) -> Any:
        try:
            return await asyncio.to_thread(call, *args)
        except DefaultCredentialsError as error:
            raise StorageMisconfiguredError(_NONE_FOUND) from error
        except RefreshError as error:
            if error.retryable:
                raise StorageError(
                    "Google gives no access token now. Nothing was kept; try again."
                ) from error
            raise StorageMisconfiguredError(
                "Google gives no access token: the credentials are refused. Check that the service account's key is "
                "whole and was not deleted."
            ) from error
        except GoogleAuthError as error:
            raise StorageError(
                f"Google's identity service did not do what was asked ({type(error).__name__}). Try again; for "
                "signatures without a key, check that the account has roles/iam.serviceAccountTokenCreator on itself."
            ) from error


def identify(key: str | None) -> GoogleIdentity:
    """The service account whose key file `key` is, as JSON or base64 of it; None: ambient credentials.

    Raises SetupError where the text is no key; it is never shown.
    """
    if key is None or not key.strip():
        return GoogleIdentity(None)
    try:
        document = json.loads(key if key.lstrip().startswith("{") else base64.b64decode(key, validate=False))
        return GoogleIdentity(
            service_account.Credentials.from_service_account_info(document, scopes=_SCOPES)  # type: ignore[no-untyped-call]
        )
    except (ValueError, TypeError, AttributeError, binascii.Error, GoogleAuthError):
        raise SetupError(
            "GOOGLE_APPLICATION_CREDENTIALS_JSON is not a service account's key: give the file's JSON as it is, or "
            "base64 of it (base64 -w0 key.json)."
        ) from None
