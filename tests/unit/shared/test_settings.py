"""Settings: read from the environment, refused when misspelt, secret where they are secrets."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from shared.errors import SetupError, UnknownSettingError
from shared.settings import ApiSettings, CoreSettings, WorkerSettings, known_settings
from shared.storage import store_of

GIVEN = {
    "DATABASE_URL": "postgres://coach:hunter2@db.example/coaching?sslmode=require",
    "REDIS_URL": "redis://:hunter3@cache.example:6380/1",
    "TRANSCRIPTS_STORAGE_URL": "file:///var/lib/transcripts",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in known_settings():
        monkeypatch.delenv(name, raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def test_settings_are_read() -> None:
    settings = WorkerSettings.load()
    assert settings.database_url.get_secret_value().startswith("postgresql://coach:")
    assert settings.max_jobs == 2


def test_max_jobs_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """F37: the setting of the capacity is read."""
    monkeypatch.setenv("MAX_JOBS", "17")
    assert WorkerSettings.load().max_jobs == 17


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TRANSCRIPTS_LEASE_SECOND", "TRANSCRIPTS_LEASE_SECONDS"),
        ("TRANSCRIPTS_MODEL_DIR", "TRANSCRIPTS_MODELS_DIR"),
        ("REDIS_URLS", "REDIS_URL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("MAX_JOB", "MAX_JOBS"),
    ],
)
def test_a_misspelt_setting_is_refused_by_both_services(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    """F37: nothing that looks like a setting goes unread."""
    monkeypatch.setenv(name, "5")
    for settings in (ApiSettings, WorkerSettings):
        with pytest.raises(UnknownSettingError, match=f"{name} is not a setting. Did you mean {meant}"):
            settings.load()


def test_each_service_accepts_the_other_ones_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_JOBS", "3")
    monkeypatch.setenv("PORT", "9000")
    assert ApiSettings.load().port == 9000
    assert WorkerSettings.load().max_jobs == 3


def test_the_platform_s_own_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ("TRANSCRIPTS_URL", "TRANSCRIPTS_API_KEY", "TRANSCRIPTS_MIGRATIONS_URL")  # of commands
    for name in ("RENDER_SERVICE_ID", "K_SERVICE", "PATH", "PORTAGE", "PGHOST", "HOSTNAME", *ours):
        monkeypatch.setenv(name, "x")
    assert CoreSettings.load().queue_name == "transcripts"


def test_google_s_own_variable_is_not_taken_for_a_misspelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/etc/key.json")
    assert CoreSettings.load().google_credentials is None


def test_a_bucket_is_reached_where_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """F37: both settings of Cloud Storage are read; what they lead to is tested with the store."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS_JSON", "hunter5")
    monkeypatch.setenv("TRANSCRIPTS_GCS_ENDPOINT", "http://127.0.0.1:4443")
    monkeypatch.setenv("TRANSCRIPTS_STORAGE_URL", "gs://recordings/of-coaches")
    settings = CoreSettings.load()
    assert settings.gcs_endpoint == "http://127.0.0.1:4443"
    with pytest.raises(SetupError, match="GOOGLE_APPLICATION_CREDENTIALS_JSON is not") as caught:
        store_of(settings)
    assert "hunter5" not in caught.value.detail
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS_JSON")
    assert store_of(CoreSettings.load()).uri("sessions/1/source") == (
        "gs://recordings/of-coaches/sessions/1/source"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("WORKER_CONCURRENCY", "It is MAX_JOBS here"),
        ("CELERY_BROKER_URL", "It is REDIS_URL here"),
        ("CELERY_RESULT_BACKEND", "Nothing needs it"),
        ("TRANSCRIPTS_MAX_JOBS", "Did you mean MAX_JOBS"),
        ("STORAGE_URL", "Did you mean TRANSCRIPTS_STORAGE_URL"),
        ("MODEL_DIR", "Did you mean TRANSCRIPTS_MODELS_DIR"),
        ("REDIS_URI", "Did you mean REDIS_URL"),
        ("GOOGLE_PROJECT", "Did you mean GOOGLE_PROJECT_ID"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "export it"),
        ("OTEL_SERVICE_NAME", "Did you mean OTEL_"),
    ],
)
def test_what_is_meant_for_us_in_the_env_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    """F37: the file is written by people, so that more is taken for a slip than in the environment."""
    (tmp_path / ".env").write_text(f"{name}=4\n")
    with pytest.raises(UnknownSettingError, match=f"{name} is not a setting.*{said}"):
        CoreSettings.load()


def test_one_env_file_may_be_compose_s_and_the_services(tmp_path: Path) -> None:
    """Every name that the compose file takes from it, and other programs' too."""
    compose = (Path(__file__).parents[3] / "docker-compose.yml").read_text()
    names = {*re.findall(r"\$\{(\w+)", compose), "COMPOSE_PROJECT_NAME", "POSTGRES_USER", "EDITOR"}
    assert "POSTGRES_PASSWORD" in names
    given = {"PORT": "9000", "MAX_JOBS": "3", "LOG_LEVEL": "DEBUG"}
    (tmp_path / ".env").write_text("".join(f"{name}={given.get(name, 'x')}\n" for name in sorted(names)))
    assert WorkerSettings.load().max_jobs == 3
    assert ApiSettings.load().port == 9000


def test_the_env_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_JOBS=6\n")
    assert WorkerSettings.load().max_jobs == 6


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(SetupError) as caught:
        CoreSettings.load()
    assert "DATABASE_URL is not set" in caught.value.detail
    assert "REDIS_URL is not set" in caught.value.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://coach:hunter2@db/x"),
        ("REDIS_URL", "http://:hunter3@cache"),
        ("MAX_JOBS", "many-hunter4"),
        ("MAX_JOBS", "0"),
        ("TRANSCRIPTS_STORAGE_URL", "s3://bucket"),
        ("TRANSCRIPTS_GCS_ENDPOINT", "127.0.0.1:4443"),
        ("TRANSCRIPTS_GCS_ENDPOINT", "http://hunter6/storage/v1"),
        ("TRANSCRIPTS_GOOGLE_PIECE_MINUTES", "0.01"),
    ],
)
def test_a_wrong_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """F39: the message may stand in a log; the value may be a secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SetupError) as caught:
        WorkerSettings.load()
    assert caught.value.detail.startswith(f"{name}: ")
    assert "hunter" not in caught.value.detail


def test_secrets_do_not_show_in_a_repr() -> None:
    """F39."""
    assert "hunter" not in repr(WorkerSettings.load())


@pytest.mark.parametrize("cls", [CoreSettings, ApiSettings, WorkerSettings])
def test_every_setting_says_what_it_is(cls: type[BaseSettings]) -> None:
    for name, info in cls.model_fields.items():
        assert info.description, name


def test_every_setting_is_documented() -> None:
    """F37: the table for people names every setting, and nothing else."""
    table = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()
    listed = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert listed == known_settings()
