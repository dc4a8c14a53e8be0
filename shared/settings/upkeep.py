"""The settings of what workers clear away."""

from pydantic_settings import BaseSettings

from shared.settings.fields import ours


class Upkeep(BaseSettings):
    """How long what nobody needs is kept."""

    orphan_hours: float = ours(
        "ORPHAN_HOURS",
        default=24.0,
        ge=1,
        le=8_760,
        description="The age at which an object without a row is deleted, in hours",
    )
    audit_days: int | None = ours(
        "AUDIT_DAYS",
        default=None,
        ge=30,
        le=36_500,
        description="How long the audit trail is kept, in days; for ever unset",
    )
