"""Fixtures around the fake; a test module takes them with `pytest_plugins = ("tests.fakes.google.fixtures",)`."""

from collections.abc import Iterator

import pytest

from tests.fakes.google.process import FakeGoogle

BUCKET = "recordings"


@pytest.fixture(scope="session")
def google_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGoogle]:
    """One fake for the whole session; tests that end it start one of their own."""
    with FakeGoogle(tmp_path_factory.mktemp("google")) as fake:
        yield fake


@pytest.fixture
def google(google_process: FakeGoogle) -> FakeGoogle:
    """The fake without any history and with one bucket, `recordings`."""
    google_process.reset()
    google_process.bucket(BUCKET)
    return google_process
