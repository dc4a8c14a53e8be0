"""How the local stack sets the services up: its own defaults, what the user set, what is on the command line."""

import io
import socket
from pathlib import Path

import pytest

from deploy.local.console import Console
from deploy.local.folder import DataFolder
from deploy.local.processes import free_port
from deploy.local.services import Options, Plan, plan, ready
from shared.errors import SetupError
from shared.settings import ApiSettings, WorkerSettings, known_settings

NOTHING = Options()


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in known_settings():
        monkeypatch.delenv(name, raising=False)


def planned(folder: Path, options: Options = NOTHING, last_port: int | None = None) -> Plan:
    data = DataFolder(folder)
    data.create()
    return plan(
        data,
        options,
        database_url="postgresql://u:p@h/d",
        redis_url="redis://h",
        last_port=last_port,
    )


def apply(made: Plan, monkeypatch: pytest.MonkeyPatch) -> tuple[ApiSettings, WorkerSettings]:
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return ApiSettings.load(), WorkerSettings.load()


def test_the_services_accept_what_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F37: a setting that nothing reads is refused, ours among them."""
    monkeypatch.setenv("TRANSCRIPTS_HOME", str(tmp_path))
    made = planned(tmp_path / "some data")
    assert "TRANSCRIPTS_HOME" not in made.environment
    monkeypatch.delenv("TRANSCRIPTS_HOME")
    api, worker = apply(made, monkeypatch)
    assert api.storage_url == (tmp_path / "some data" / "objects").as_uri() == worker.storage_url
    assert (api.host, api.default_engine, worker.engines, worker.max_jobs) == (
        "127.0.0.1",
        "local",
        "local",
        2,
    )
    assert (api.port, worker.models_dir) == (made.port, tmp_path / ".local" / "models")


def test_what_the_user_has_set_stays_and_the_command_line_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "TRANSCRIPTS_STORAGE_URL=gs://bucket\nMAX_JOBS=7\nTRANSCRIPTS_WATCH_SECONDS=2\n"
    )
    monkeypatch.setenv("TRANSCRIPTS_ENGINES", "google,local")
    api, worker = apply(planned(tmp_path), monkeypatch)
    assert (api.storage_url, api.default_engine, api.watch_seconds) == ("gs://bucket", "google", 2.0)
    assert (worker.engines, worker.max_jobs) == ("google,local", 7)
    api, worker = apply(planned(tmp_path, Options(max_jobs=3, engine="scripted")), monkeypatch)
    assert (worker.engines, api.default_engine, worker.max_jobs) == ("scripted", "scripted", 3)


def test_the_stack_has_a_pepper_of_its_own_unless_the_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F43: keys are on by themselves."""
    first, second = planned(tmp_path).environment["TRANSCRIPTS_PEPPER"], planned(tmp_path).environment
    assert len(first) >= 32
    assert second["TRANSCRIPTS_PEPPER"] == first
    monkeypatch.setenv("TRANSCRIPTS_PEPPER", "m" * 32)
    assert planned(tmp_path).environment["TRANSCRIPTS_PEPPER"] == "m" * 32
    monkeypatch.delenv("TRANSCRIPTS_PEPPER")
    monkeypatch.setenv("TRANSCRIPTS_ALLOW_ANONYMOUS", "True")
    made = planned(tmp_path)
    assert "TRANSCRIPTS_PEPPER" not in made.environment
    api, _ = apply(made, monkeypatch)
    assert api.allow_anonymous


def test_the_last_port_is_taken_again_and_one_that_was_asked_for_must_be_free(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert planned(tmp_path, last_port=taken).port != taken
        with pytest.raises(SetupError, match=f"Port {taken} .* in use"):
            planned(tmp_path, Options(port=taken))
    assert planned(tmp_path, last_port=taken).port == taken
    assert planned(tmp_path, Options(port=taken), last_port=1).port == taken


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::1", "[::1]"),
        ("coach.example", "coach.example"),
    ],
)
def test_the_api_is_reached_at_an_address_that_it_binds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    """F40: the bind address and the address to call are two things."""
    monkeypatch.setenv("TRANSCRIPTS_HOST", host)
    made = planned(tmp_path)
    assert made.api_url == f"http://{url}:{made.port}"
    assert made.environment["TRANSCRIPTS_HOST"] == host


def test_an_api_that_is_not_there_is_not_ready() -> None:
    assert not ready(f"http://127.0.0.1:{free_port()}")


def test_a_number_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_JOBS", "many")
    with pytest.raises(SetupError, match="MAX_JOBS is 'many'"):
        planned(tmp_path)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_merged_log_names_each_service_and_colours_only_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for out, expected in (
        (io.StringIO(), "api      │ hello\nworker   │ [error    ] no\n"),
        (
            _Terminal(),
            "\x1b[36mapi      │\x1b[0m hello\n\x1b[35mworker   │\x1b[0m \x1b[31m[error    ] no\x1b[0m\n",
        ),
    ):
        console = Console(out)
        console.log_of("api")("hello")
        console.log_of("worker")("[error    ] no")
        console.log_of("postgres")("2026-11-24 10:06:32 UTC [1] LOG:  database system is ready")
        console.log_of("redis")("1:M 24 Nov 2026 10:06:32.463 * Ready to accept connections tcp")
        console.log_of("redis")("1:M 24 Nov 2026 10:06:32.463 # WARNING Memory overcommit must be enabled!")
        assert out.getvalue() == expected
    out = io.StringIO()
    console = Console(out)
    console.log_of("postgres")("2026-11-24 10:06:32 UTC [1] FATAL:  disk full")
    assert out.getvalue() == "postgres │ 2026-11-24 10:06:32 UTC [1] FATAL:  disk full\n"
    out.close()
    console.say("a closed terminal does not stop us from stopping")
