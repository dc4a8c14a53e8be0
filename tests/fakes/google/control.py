"""The control endpoints: what a test sets before, and looks at afterwards."""

import dataclasses
import json
from collections import defaultdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.google.faults import Fault, Faults, Quotas
from tests.fakes.google.ledger import Ledger
from tests.fakes.google.objects import Objects
from tests.fakes.google.operations import Operations
from tests.fakes.google.signing import Account
from tests.fakes.google.state import State


class Control:
    """The routes under /__control."""

    def __init__(
        self,
        state: State,
        objects: Objects,
        operations: Operations,
        ledger: Ledger,
        faults: Faults,
        quotas: Quotas,
        account: Account,
    ) -> None:
        self._state = state
        self._objects = objects
        self._operations = operations
        self._ledger = ledger
        self._faults = faults
        self._quotas = quotas
        self._account = account

    def routes(self) -> list[BaseRoute]:
        """Every control route."""
        table = [
            ("settings", "GET", self.get_settings),
            ("settings", "PATCH", self.change_settings),
            ("faults", "POST", self.add_fault),
            ("faults", "DELETE", self.clear_faults),
            ("scripts", "POST", self.add_script),
            ("scripts", "DELETE", self.clear_scripts),
            ("buckets", "POST", self.add_bucket),
            ("operations", "GET", self.list_operations),
            ("operations/{name:path}/finish", "POST", self.finish_operation),
            ("operations/{name:path}/forget", "POST", self.forget_operation),
            ("objects/{bucket}", "GET", self.list_objects),
            ("ledger", "GET", self.read_ledger),
            ("calls", "GET", self.read_calls),
            ("service_account", "GET", self.service_account),
            ("reset", "POST", self.reset),
        ]
        return [
            *(Route(f"/__control/{path}", endpoint, methods=[method]) for path, method, endpoint in table),
        ]

    async def get_settings(self, _: Request) -> Response:
        """All settings."""
        return JSONResponse(dataclasses.asdict(self._state.settings))

    async def change_settings(self, request: Request) -> Response:
        """Change the settings in the body; 400 names one that does not exist."""
        try:
            settings = self._state.change_settings(await request.json())
        except TypeError as error:
            return JSONResponse({"detail": str(error)}, 400)
        return JSONResponse(dataclasses.asdict(settings))

    async def add_fault(self, request: Request) -> Response:
        """Set a fault; 400 names a field that does not exist."""
        try:
            fault = Fault(**await request.json())
        except TypeError as error:
            return JSONResponse({"detail": str(error)}, 400)
        return JSONResponse({"id": self._faults.add(fault)}, 201)

    async def clear_faults(self, _: Request) -> Response:
        """From now on all goes well."""
        self._state.execute("DELETE FROM faults")
        return Response(status_code=204)

    async def add_script(self, request: Request) -> Response:
        """Set what is heard in files whose URI contains `match` and that last `audio_ms`: `words`, or a `result`."""
        script = await request.json()
        if len({"words", "result"} & set(script)) != 1:
            return JSONResponse({"detail": "A script has either `words` or `result`."}, 400)
        self._state.execute("INSERT INTO scripts VALUES (NULL, ?)", json.dumps(script))
        return Response(status_code=201)

    async def clear_scripts(self, _: Request) -> Response:
        """From now on words are made from the audio's length."""
        self._state.execute("DELETE FROM scripts")
        return Response(status_code=204)

    async def add_bucket(self, request: Request) -> Response:
        """Make a bucket; with `agent: false` the Speech service agent may not use it."""
        document = await request.json()
        agent = document.pop("agent", True)
        return JSONResponse(self._objects.create_bucket(document, agent=agent), 201)

    async def list_operations(self, _: Request) -> Response:
        """All operations that were ever started, in order."""
        return JSONResponse(self._operations.documents())

    async def finish_operation(self, request: Request) -> Response:
        """End a running operation now."""
        self._operations.finish(request.path_params["name"])
        return Response(status_code=204)

    async def forget_operation(self, request: Request) -> Response:
        """Delete an operation; it is not stopped."""
        self._operations.delete(request.path_params["name"])
        return Response(status_code=204)

    async def list_objects(self, request: Request) -> Response:
        """The names of all objects of a bucket."""
        self._operations.advance()
        rows = self._state.rows(
            "SELECT name FROM objects WHERE bucket = ? ORDER BY name", request.path_params["bucket"]
        )
        return JSONResponse([row["name"] for row in rows])

    async def read_ledger(self, _: Request) -> Response:
        """What was billed so far."""
        self._operations.advance()
        return JSONResponse(self._ledger.document())

    async def read_calls(self, _: Request) -> Response:
        """How often each method was called, by the code of its answer."""
        calls: dict[str, dict[str, int]] = defaultdict(dict)
        for row in self._state.rows("SELECT * FROM calls ORDER BY method, code"):
            calls[row["method"]][row["code"]] = row["n"]
        return JSONResponse(calls)

    async def service_account(self, request: Request) -> Response:
        """The key file of the service account whose tokens and signatures this server takes."""
        return JSONResponse(self._account.document(f"{request.url.scheme}://{request.headers['host']}"))

    async def reset(self, _: Request) -> Response:
        """Forget everything; only the service account's key stays."""
        self._state.reset()
        self._quotas.reset()
        return Response(status_code=204)
