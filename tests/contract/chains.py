"""Requests in chains: what one answer gives, the next request asks about, by the links of the OpenAPI document."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, reject, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case
from schemathesis.core.transport import Response

from api_service.openapi.links import linked
from tests.integration.api.conftest import WAV

LENGTH: Final = 12  # requests in a chain, at most; half as many on average
_TOGETHER: Final = 10  # chains of one seed
_TAKEN: Final = 0.8  # of what is to be made
_RIGHT: Final[dict[str, Any]] = {
    "create_session": {"audio": WAV, "title": "of a chain"},
    "create_upload": {"Tus-Resumable": "1.0.0", "Upload-Length": "9"},
    "create_webhook": {"url": "https://example.com/of-a-chain", "events": ["job.succeeded"]},
    "create_key": {"name": "of a chain", "scopes": ["sessions:read"]},
}


def chain(schema: Any, send: Callable[[Case[Any]], Response | None], *, chains: int, number: int) -> None:
    """Walk so many chains; `send` answers each request, or None where it cannot leave the client."""
    chance = random.Random(number)  # noqa: S311

    of_links = schema.include(operation_id=sorted(linked()))

    class Chains(of_links.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Case[Any]) -> None:
            """Most things are made as they should be, else chains would end where they begin."""
            name = case.operation.definition.raw["operationId"]
            if name in _RIGHT and chance.random() < _TAKEN:
                if name == "create_upload":
                    case.headers.update(_RIGHT[name])
                elif name != "create_session" or case.media_type == "multipart/form-data":
                    case.body = _RIGHT[name]

        def call(self, case: Case[Any], **_: Any) -> Response:
            answer = send(case)
            if answer is None:
                reject()
            return answer

        def validate_response(self, *_: Any, **__: Any) -> None:
            """`send` has done it."""

    for begun in range(0, chains, _TOGETHER):
        # What can be asked next depends on the answers, and the API remembers the chains before: where Hypothesis meets
        # a beginning that it knows and goes on otherwise, it gives up. The next ones are drawn anew.
        with suppress(FlakyStrategyDefinition):
            _walk(seed(number + begun)(Chains), min(_TOGETHER, chains - begun))


def _walk(machine: Any, chains: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=chains,
            stateful_step_count=LENGTH,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        ),
    )
