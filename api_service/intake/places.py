"""Where a recording lies that is not in the request: judged before a session is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from api_service.http.validation import invalid
from api_service.intake.uploads import shown_name
from shared.errors import UnsupportedOptionError
from shared.schemas.orders import RecordingOrder
from shared.sources.addresses import Network, target_of
from shared.sources.buckets import object_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is to fetch a recording, and what it is called there."""

    address: str = field(repr=False)
    filename: str | None


class Places:
    """The addresses and buckets that workers would fetch from; they judge again when they do."""

    def __init__(self, *, networks: Sequence[Network], buckets: Sequence[str]) -> None:
        """`networks`: the private ones that may be reached; `buckets`: those that may be read."""
        self._networks = networks
        self._buckets = buckets

    def of(self, order: RecordingOrder) -> Place:
        """The place that the order names; InvalidRequestError, UnsupportedOptionError where none would go there."""
        if order.gcs_uri is not None:
            return self._in_bucket(order.gcs_uri)
        return self._on_the_web(order.source_url or "")

    def _on_the_web(self, url: str) -> Place:
        try:
            target_of(url, self._networks)
        except ValueError as error:
            raise invalid([{"loc": ("source_url",), "msg": str(error)}], "body") from None
        return Place(url, shown_name(unquote(urlsplit(url).path.rpartition("/")[2])))

    def _in_bucket(self, uri: str) -> Place:
        if not self._buckets:
            raise UnsupportedOptionError(
                "This server reads recordings from no bucket: its owner may list some in TRANSCRIPTS_INGEST_BUCKETS. "
                "Send the file, or a `source_url`. Nothing was stored.",
                field="gcs_uri",
            )
        try:
            found = object_of(uri, self._buckets)
        except ValueError as error:
            raise invalid([{"loc": ("gcs_uri",), "msg": str(error)}], "body") from None
        return Place(uri, shown_name(found.name.rpartition("/")[2]))
