"""Ranges of recordings (RFC 9110, section 14)."""

import pytest

from api_service.reading.recordings import Span, span_of
from shared.errors import RangeError


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 0)),
        ("bytes=0-99", Span(0, 99)),
        ("bytes=10-", Span(10, 99)),
        ("bytes=90-5000", Span(90, 99)),
        ("bytes=-10", Span(90, 99)),
        ("bytes=-500", Span(0, 99)),
        (None, None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=a-b", None),
        ("bytes=0-1,4-5", None),  # several: the whole is a correct answer
        ("seconds=1-2", None),
    ],
)
def test_a_range_is_a_span_of_the_recording_or_the_whole(header: str | None, span: Span | None) -> None:
    assert span_of(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_is_refused(header: str) -> None:
    with pytest.raises(RangeError):
        span_of(header, 100)
