"""Cursors and query strings."""

import pytest
from pydantic import ValidationError

from api_service.http.queries import JobQuery, SessionQuery, read_cursor, write_cursor
from api_service.reading.export_queries import ExportQuery
from shared.errors import InvalidRequestError
from shared.ids import new_id


def test_a_cursor_is_read_back() -> None:
    last = new_id()
    assert read_cursor(write_cursor(last)) == last


@pytest.mark.parametrize(
    "cursor", ["", "x", "2", "é" * 22, "A" * 21, "A" * 23, "A" * 44, "../../etc/passwd/aaaaa"]
)
def test_what_is_no_cursor_is_refused_by_name(cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="the query parameter `cursor`"):
        read_cursor(cursor)


@pytest.mark.parametrize("query", [SessionQuery, JobQuery, ExportQuery])
def test_a_misspelt_parameter_is_refused(query: type[SessionQuery]) -> None:
    """F37: nothing that was said goes unread."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        query.model_validate({"formt": "srt"})
