"""Log lines never carry a secret."""

import base64
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from api_service.access.tokens import new_token
from shared.observation.discretion import clean
from shared.observation.logs import configure, get_logger, hide_secrets
from shared.webhooks.signing import new_secret


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook
    # A server that was started before in this process may have set them up.
    uvicorn = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(logger, logger.level, list(logger.handlers), logger.propagate) for logger in uvicorn]
    for logger in uvicorn:
        logger.setLevel(logging.NOTSET)
        logger.handlers[:], logger.propagate = [], True
    yield
    for logger, was, own, propagate in before:
        logger.setLevel(was)
        logger.handlers[:], logger.propagate = own, propagate
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks


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


KEY = "-----BEGIN PRIVATE KEY-----\nMIIhunter2hunter2+/hunter2=\n-----END PRIVATE KEY-----\n"
ACCOUNT = json.dumps({"type": "service_account", "private_key": KEY, "client_email": "a@b"}, indent=2)
API_KEY, WEBHOOK_SECRET = new_token(), new_secret()
SECRETS = {
    "a database's address": ("postgresql://coach:hunter2@db:5432/x", "hunter2"),
    "an address of Redis": ("rediss://:hunter2@cache:6379/0", "hunter2"),
    "an API key": (f"key {API_KEY} refused", API_KEY),
    "an Authorization header": (f"Authorization: Bearer {API_KEY}", API_KEY),
    "headers": (repr({"authorization": "Bearer hunter2hunter2", "x-api-key": "hunter2"}), "hunter2"),
    "raw headers": (repr([(b"authorization", b"Basic aHVudGVyMjpodW50ZXIy")]), "aHVudGVy"),
    "a token of Google's": ("ya29.hunter2-hunter2_hunter2", "hunter2"),
    "an upload session": ("PUT https://storage.example/u?name=a&upload_id=hunter2", "hunter2"),
    "a signed address": ("https://b.example/o?X-Goog-Date=1&X-Goog-Signature=hunter2", "hunter2"),
    "an address with a token": ("GET /a.wav?token=hunter2&x=1", "hunter2"),
    "a key file": (ACCOUNT, "hunter2"),
    "a key file's repr": (repr({"credentials": ACCOUNT, "private_key": KEY}), "hunter2"),
    "a private key alone": (f"cannot read {KEY}", "hunter2"),
    "a key file in base64": (
        base64.b64encode(ACCOUNT.encode()).decode(),
        base64.b64encode(ACCOUNT.encode()).decode()[20:60],
    ),
    "a secret of a webhook": (f"signed with {WEBHOOK_SECRET}", WEBHOOK_SECRET),
    "an environment": ("TRANSCRIPTS_PEPPER=hunter2 LOG_LEVEL=INFO", "hunter2"),
}


def chained(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise RuntimeError(f"while {text}") from error


def raised(text: str) -> Exception:
    try:
        chained(text)
    except RuntimeError as error:
        return error
    raise AssertionError


def with_traceback(text: str) -> None:
    try:
        chained(text)
    except RuntimeError:
        get_logger("x").exception("it failed")


def foreign_traceback(text: str) -> None:
    try:
        chained(text)
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")


def in_a_thread(text: str) -> None:
    def run() -> None:
        raise ValueError(text)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def uncaught(text: str) -> None:
    error = raised(text)
    sys.excepthook(type(error), error, error.__traceback__)


PATHS: dict[str, Callable[[str], object]] = {
    "the event": lambda text: get_logger("x").info(text),
    "a field": lambda text: get_logger("x").info("event", reason=text),
    "a field deep down": lambda text: get_logger("x").info("event", request={"headers": [{"x": text}]}),
    "bytes": lambda text: get_logger("x").info("event", body=text.encode()),
    "an error's repr": lambda text: get_logger("x").warning("event", reason=repr(raised(text))),
    "an error as a field": lambda text: get_logger("x").warning("event", reason=raised(text)),
    "a traceback": with_traceback,
    "a library's line": lambda text: logging.getLogger("arq").warning("lost %s", text),
    "a library's traceback": foreign_traceback,
    "uvicorn's access log": lambda text: logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", text, "1.1", 200
    ),
    "a thread that dies": in_a_thread,
    "a process that dies": uncaught,
}


def test_a_row_that_postgres_quotes_is_not_written() -> None:
    """It may be what somebody said."""
    for text in (
        "null value violates\nDETAIL:  Failing row contains (7, I am (very)\nafraid., null).\nHINT: none",
        repr(ValueError("DETAIL:  Failing row contains (7, I am afraid, null).")),
        "invalid input for query argument $3: 'I am afraid' (expected str, got int)",
    ):
        assert "afraid" not in clean(text)
        assert "[hidden]" in clean(text)


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_is_written_on_any_path(
    kind: str, path: str, log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """F39: neither by itself nor inside an error's text, whoever logs it."""
    text, secret = SECRETS[kind]
    configure("INFO", log_format, "test")
    PATHS[path](text)
    written = capsys.readouterr().err
    assert "[hidden]" in written
    assert secret not in written
    if log_format == "json":
        assert all(json.loads(line) for line in written.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "session stored", "GET /v1/sessions?limit=20&cursor=abc", "http://127.0.0.1:8000/healthz",
        "basic speakers were told apart", "3 tokens", "eyJust a word", "No bearer of news",
        "/v1/keys/01a20ec9-1d67-7817-9152-1468acb71fed",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.timeout(300)
def test_a_long_line_is_read_once() -> None:
    """No shape takes more than linear time, else this takes hours: a line may hold megabytes of somebody's choice."""
    for part in (
        '"token": "\\\\',
        "://a:",
        "bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "TOKEN",
        "'secret",
        "eyJ.",
    ):
        clean(part * 50_000)


def test_a_process_that_dies_says_so_in_a_line_of_its_own() -> None:
    code = (
        "from shared.observation.logs import configure; configure('INFO', 'json', 'test')\n"
        "raise RuntimeError('redis://:hunter2@cache')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = [json.loads(line) for line in done.stderr.splitlines()]
    assert (line["level"], line["event"]) == ("critical", "the process ends")
    assert "hunter2" not in done.stderr
