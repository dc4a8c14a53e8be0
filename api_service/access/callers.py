"""Who asks, and the traces of the request that are kept on the jobs it makes."""

from dataclasses import dataclass
from uuid import UUID

from api_service.http.claims import Claim
from shared.ids import new_id
from shared.scopes import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant that a request acts for, the request's id, and its `traceparent` (W3C), if it had one."""

    tenant_id: str
    request_id: str
    traceparent: str | None = None
    key_id: UUID | None = None  # None: nobody needs a key here
    scopes: frozenset[Scope] = frozenset()
    claim: Claim | None = None  # of the request's Idempotency-Key

    def id_for(self, noun: str) -> UUID:
        """The id for what the request makes: a new one, or, under an Idempotency-Key, always the same."""
        return new_id() if self.claim is None else self.claim.id_for(noun)
