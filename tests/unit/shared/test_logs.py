"""Log lines never carry a secret."""

import json
import logging

import pytest

from shared.logs import configure, get_logger, hide_secrets


@pytest.fixture(autouse=True)
def _restore_logging() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("name", ["password", "REDIS_URL", "api_key", "Authorization", "client_secret"])
def test_secret_fields_are_hidden(name: str) -> None:
    """F39."""
    assert hide_secrets(None, "info", {name: "hunter2"}) == {name: "[hidden]"}


def test_passwords_in_urls_are_hidden_wherever_they_stand() -> None:
    """F39."""
    text = "cannot reach redis://:hunter2@cache:6379/0 nor postgresql://coach:hunter2@db/x"
    cleaned = hide_secrets(None, "info", {"event": text})["event"]
    assert "hunter2" not in cleaned
    assert "cache:6379" in cleaned


def test_a_library_s_record_is_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure("INFO", "json", "test")
    logging.getLogger("arq").warning("lost redis://:hunter2@cache:6379")
    line = json.loads(capsys.readouterr().err)
    assert "hunter2" not in line["event"]
    assert line["service"] == "test"


def test_the_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """F37: LOG_LEVEL changes what is written."""
    configure("WARNING", "json", "test")
    get_logger("quiet").info("not this")
    get_logger("quiet").warning("but this", job_id="7")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["job_id"]) for line in lines] == [("but this", "7")]


def test_the_format_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """F37: LOG_FORMAT changes how it is written."""
    configure("INFO", "console", "test")
    get_logger("pretty").info("hello", job_id="7")
    assert "job_id=7" in capsys.readouterr().err.replace("\x1b[0m", "")
