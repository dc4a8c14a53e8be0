"""The query strings of lists and of the search; a parameter that nothing reads is refused by name."""

import base64
import binascii
import struct
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api_service.access.audit_records import AuditFilter
from api_service.http.validation import invalid
from shared.errors import InvalidRequestError
from shared.lifecycle import JobStatus
from shared.operating.operators import JobFilter
from shared.schemas.orders import LanguageTag
from shared.schemas.wire_types import Instant, no_control_characters
from shared.sessions import SessionFilter
from shared.transcript import Role
from shared.transcripts.search import Place, SearchFilter, SearchOrder
from shared.webhooks.records import DeliveryStatus

_PLACE: Final = struct.Struct(">d16si")

Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(no_control_characters)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PageQuery(_Query):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(
        default=None, max_length=64, description="`next_cursor` of the page before; opaque"
    )

    @property
    def before(self) -> UUID | None:
        """The id that the page comes after, in a list from new to old; InvalidRequestError for no cursor of ours."""
        return None if self.cursor is None else read_cursor(self.cursor)


class SessionQuery(PageQuery):
    """Which sessions."""

    status: list[JobStatus] = Field(default_factory=list)
    language: LanguageTag | None = Field(default=None, description="`en` finds `en-US` too")
    created_after: Instant | None = Field(default=None, description="Inclusive")
    created_before: Instant | None = Field(default=None, description="Exclusive")
    q: Text | None = Field(default=None, description="Part of a title, in any case")

    def as_filter(self) -> SessionFilter:
        """The repository's filter."""
        return SessionFilter(self.status, self.language, self.created_after, self.created_before, self.q)


class JobQuery(PageQuery):
    """Which jobs."""

    status: list[JobStatus] = Field(default_factory=list)
    session_id: UUID | None = None


class OperatorJobQuery(PageQuery):
    """Which jobs of all tenants."""

    status: list[JobStatus] = Field(default_factory=list)
    tenant_id: Text | None = None
    engine: Text | None = None
    worker: Text | None = Field(default=None, description="Running on this worker")
    error_code: Text | None = None
    created_after: Instant | None = Field(default=None, description="Inclusive")
    deferred: bool | None = Field(default=None, description="Waiting for the time of its next attempt")
    session_id: UUID | None = None
    request_id: Text | None = Field(default=None, description="Made by the request with this id")

    def as_filter(self) -> JobFilter:
        """The repository's filter."""
        return JobFilter(
            self.status, self.tenant_id, self.engine, self.worker, self.error_code, self.created_after,
            self.deferred, self.session_id, self.request_id,
        )  # fmt: skip


class HistoryQuery(PageQuery):
    """Which part of a history; its cursors are revisions."""

    @property
    def before_number(self) -> int | None:
        """The revision that the page comes before; InvalidRequestError for no cursor of ours."""
        return None if self.cursor is None else read_number(self.cursor)


class SearchQuery(_Query):
    """What is looked for, and where."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(no_control_characters)]
    session_id: UUID | None = None
    language: LanguageTag | None = Field(default=None, description="`en` finds `en-US` too")
    created_after: Instant | None = Field(default=None, description="Of the session; inclusive")
    created_before: Instant | None = Field(default=None, description="Of the session; exclusive")
    role: Role | None = Field(default=None, description="Said by somebody with this role")
    sort: SearchOrder = SearchOrder.RELEVANCE
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(
        default=None, max_length=64, description="`next_cursor` of the page before; opaque"
    )

    def as_filter(self) -> SearchFilter:
        """The repository's filter."""
        return SearchFilter(
            self.session_id, self.language, self.created_after, self.created_before, self.role
        )

    @property
    def after(self) -> Place | None:
        """Where the page before ended; InvalidRequestError for no cursor of ours."""
        return None if self.cursor is None else read_place(self.cursor)


class AuditQuery(PageQuery):
    """Which events of the audit trail."""

    tenant: Text | None = None
    actor: Text | None = Field(default=None, description="A key's id, `anonymous`, or `command`")
    action: list[Text] = Field(default_factory=list, max_length=100)
    session_id: UUID | None = None
    after: Instant | None = Field(default=None, description="Inclusive")
    before_time: Instant | None = Field(default=None, alias="before", description="Exclusive")

    def as_filter(self) -> AuditFilter:
        """The repository's filter."""
        return AuditFilter(
            self.tenant, self.actor, self.action, self.session_id, self.after, self.before_time
        )


class DeliveryQuery(PageQuery):
    """Which deliveries of a webhook."""

    status: list[DeliveryStatus] = Field(default_factory=list)


def write_cursor(last: UUID) -> str:
    """The cursor of the page that begins after this id."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def write_number(last: int) -> str:
    """The cursor of the page that begins after this number."""
    return base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")


def read_number(cursor: str) -> int:
    """The number that a cursor was written of."""
    try:
        return int(base64.b64decode(cursor + "==", altchars=b"-_", validate=True)[:9])
    except (ValueError, binascii.Error):
        raise _no_cursor() from None


def write_place(last: Place) -> str:
    """The cursor of the page that begins after this hit."""
    packed = _PLACE.pack(last.rank, last.session_id.bytes, last.n)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_place(cursor: str) -> Place:
    """The hit that a cursor was written of."""
    try:
        packed = base64.b64decode(cursor + "==", altchars=b"-_", validate=True)
        rank, session_id, n = _PLACE.unpack(packed)
    except (ValueError, binascii.Error, struct.error):
        raise _no_cursor() from None
    return Place(rank, UUID(bytes=session_id), n)


def read_cursor(cursor: str) -> UUID:
    """The id that a cursor was written of."""
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _no_cursor() from None


def _no_cursor() -> InvalidRequestError:
    return invalid(
        [{"loc": ("query", "cursor"), "msg": "is not one that a page of this list gave"}], looks=True
    )
