"""Who asks: the token endpoint of a service account, the metadata server of a machine, and IAM's signBlob."""

import base64
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.google.gate import Gate, refused
from tests.fakes.google.objects import StorageRefusal
from tests.fakes.google.signing import EMAIL, Account

_FLAVOR: Final = {"Metadata-Flavor": "Google"}


class IdentityApi:
    """The routes beside the stores', for clients with a key file and for those on a machine of Google's."""

    def __init__(self, account: Account, gate: Gate) -> None:
        self._account = account
        self._gate = gate

    def routes(self) -> list[BaseRoute]:
        """Every route; GCE_METADATA_HOST leads google-auth to those of the metadata server."""
        machine = "/computeMetadata/v1"
        accounts = f"{machine}/instance/service-accounts"
        return [
            Route("/token", self._gate.served("token", self.token, open_=True), methods=["POST"]),
            Route("/", self.metadata_root),
            Route(f"{machine}/universe/universe-domain", self.universe),
            Route(f"{machine}/project/project-id", self.project),
            Route(f"{accounts}/{{account}}/token", self.machine_token),
            Route(f"{accounts}/{{account}}/", self.machine_account),
            Route("/v1/projects/-/serviceAccounts/{account}:signBlob", self.sign_blob, methods=["POST"]),
        ]

    async def token(self, request: Request) -> Response:
        """An access token for a signed assertion, or an OAuth error."""
        form = await request.form()
        try:
            return JSONResponse(self._account.token(str(form["assertion"])))
        except StorageRefusal as refusal:
            return JSONResponse({"error": refusal.reason, "error_description": refusal.message}, 400)

    async def metadata_root(self, _: Request) -> Response:
        """What tells google-auth that there is a metadata server."""
        return PlainTextResponse("computeMetadata/", headers=_FLAVOR)

    async def universe(self, _: Request) -> Response:
        """Google's own."""
        return PlainTextResponse("googleapis.com", headers=_FLAVOR)

    async def project(self, _: Request) -> Response:
        """The account's project."""
        return PlainTextResponse("fake-project", headers=_FLAVOR)

    async def machine_account(self, _: Request) -> Response:
        """The account that the machine runs as."""
        document = {"aliases": ["default"], "email": EMAIL, "scopes": ["cloud-platform"]}
        return JSONResponse(document, headers=_FLAVOR)

    async def machine_token(self, _: Request) -> Response:
        """A token, without any key."""
        return JSONResponse(self._account.new_token(), headers=_FLAVOR)

    async def sign_blob(self, request: Request) -> Response:
        """A signature by the account's key for whoever has a token."""
        try:
            self._account.check_token(request.headers.get("authorization"))
        except StorageRefusal as refusal:
            return refused(refusal, xml=False)
        payload = base64.b64decode((await request.json())["payload"])
        return JSONResponse(
            {"keyId": "1", "signedBlob": base64.b64encode(self._account.sign(payload)).decode()}
        )
