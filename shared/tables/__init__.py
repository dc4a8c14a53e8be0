"""The tables, as SQLModel classes; migrations are compared with them by a test.

`session`, `processing_status` and `transcript_segment` carry the names that the older system's queries use.
Statuses are text with a CHECK: an enum value cannot be added and used in one transaction.
Whoever imports one of these modules has all of them, so that the metadata is always whole.
"""

from shared.tables import (  # noqa: F401
    access,
    edits,
    jobs,
    money,
    operating,
    pieces,
    sessions,
    staging,
    transcripts,
    uploads,
    waveforms,
    webhooks,
)
