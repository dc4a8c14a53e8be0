"""Which buckets recordings may be read from, and what a `gs://` URI names."""

import pytest

from shared.errors import SetupError
from shared.sources.buckets import BucketObject, buckets_of, object_of


def test_a_uri_is_taken_apart_as_it_stands() -> None:
    """Object names are any text: nothing in them is decoded."""
    for name in ("a.wav", "a b/c%20d#1?x=y.m4a", "會談.m4a", "//double//slash"):
        assert object_of(f"gs://one/{name}", ["one"]) == BucketObject("one", name)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://one/a.wav", "begin with gs://"),
        ("gs://two/a.wav", "bucket that this server reads from"),
        ("gs://ONE/a.wav", "bucket that this server reads from"),
        ("gs:///a.wav", "bucket that this server reads from"),
        ("gs://one", "name an object"),
        ("gs://one/folder/", "name an object"),
        ("gs://one/..", "name an object"),
        ("gs://one/" + "x" * 1_025, "1024 bytes"),
        ("gs://one/a\nb", "control characters"),
        ("gs://one/a\ud800", "control characters"),
    ],
)
def test_what_names_nothing_to_read_is_refused(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        object_of(uri, ["one"])


def test_the_list_is_empty_unless_the_owner_fills_it() -> None:
    assert buckets_of("", "gs://ours") == ()
    assert buckets_of(" one-bucket, gs://two.example/ ", "file:///x", None) == ("one-bucket", "two.example")


@pytest.mark.parametrize("ours", ["gs://ours", "gs://ours/of-coaches", "ours"])
def test_a_bucket_of_our_own_is_refused(ours: str) -> None:
    """There are everybody's recordings in it."""
    with pytest.raises(SetupError, match="ours is a bucket of this service's own"):
        buckets_of("one-bucket,ours", "file:///x", ours)


def test_what_is_no_bucket_is_refused() -> None:
    for text in ("*", "one/prefix", "UPPER", "a"):
        with pytest.raises(SetupError, match="is not the name of a bucket"):
            buckets_of(text)
