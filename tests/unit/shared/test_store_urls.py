"""URLs of Postgres and Redis: one form, and no misspelt word about TLS."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.errors import SetupError
from shared.settings import CoreSettings
from shared.store_urls import checked_redis_url, normalise_database_url, system_authorities


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+asyncpg://u:p@h:5433/d?sslmode=require", "postgresql://u:p@h:5433/d?sslmode=require"),
        (
            "postgresql://u:p@h/d?sslmode=require&channel_binding=require&connect_timeout=10",
            "postgresql://u:p@h/d?sslmode=require",
        ),
        ("postgresql://u:p%40ss@h/d", "postgresql://u:p%40ss@h/d"),
        ("postgresql://u:p@h/d?application_name=a&options=-c%20a", "postgresql://u:p@h/d?application_name=a&options=-c+a"),
    ],
)  # fmt: skip
def test_database_urls_of_managed_services(given: str, expected: str) -> None:
    assert normalise_database_url(given) == expected
    assert normalise_database_url(expected) == expected


@pytest.mark.parametrize("query", ["sslmode=verify-full", "sslmode=verify-full&sslrootcert=system"])
def test_the_authorities_of_this_machine_are_found(
    query: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A container has no ~/.postgresql, and a managed database has a certificate of a public authority."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = parse_qs(urlsplit(normalise_database_url(f"postgresql://u:p@h/d?{query}")).query)
    assert found == {"sslmode": ["verify-full"], "sslrootcert": [system_authorities()]}
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql/root.crt").write_text("own")
    own = normalise_database_url("postgresql://u:p@h/d?sslmode=verify-full")
    assert "sslrootcert" not in own


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("sslmode=verifyfull", "Did you mean verify-full"),
        ("sslmode=true", "must be one of disable"),
        ("sslmode=", "must be one of disable"),
        ("ssl=require", "Did you mean"),
        ("ssl_mode=require", "Did you mean sslmode"),
        ("slmode=require", "Did you mean sslmode"),
        ("sslrootcerts=/a", "Did you mean sslrootcert"),
        ("sslmode=verify-full&sslrootcert=/nowhere.pem", "not there.*/nowhere.pem"),
        ("sslmode=verify-ca&sslrootcert=system", "needs sslmode=verify-full"),
        ("sslmode=verify-ca", "add sslrootcert="),
    ],
)
def test_misspelt_tls_of_postgres_is_refused(
    query: str, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a connection would go without the check that somebody asked for."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ValueError, match=told) as caught:
        normalise_database_url(f"postgresql://u:hunter2@h/d?{query}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p@h:6379/0",
        "redis://h/0?socket_timeout=5&health_check_interval=30",
        "rediss://u:p@h:6380/0?ssl_cert_reqs=required&ssl_check_hostname=True",
        f"rediss://h/0?ssl_ca_certs={__file__}",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_urls_of_redis_stay_as_they_are(url: str) -> None:
    assert checked_redis_url(url) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://h", "must start with redis://"),
        ("rediss://h?ssl_ca_cert=/a", "Did you mean ssl_ca_certs"),
        ("rediss://h?ssl_check_host=true", "Did you mean ssl_check_hostname"),
        ("rediss://h?ssl_cert_reqs=require", "Did you mean required"),
        ("rediss://h?ssl_check_hostname=of", "must be one of true, false"),
        ("redis://h?ssl_ca_certs=/a", "must start with rediss://"),
        ("rediss://h?ssl_ca_certs=/nowhere.pem", "not there.*/nowhere.pem"),
        ("redis://h?family=6", "nothing that is read"),
    ],
)
def test_misspelt_tls_of_redis_is_refused(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked_redis_url(url)


def test_settings_say_which_url_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d?sslmode=verifyfull")
    monkeypatch.setenv("REDIS_URL", "rediss://:hunter2@h?ssl_ca_cert=/a")
    monkeypatch.setenv("TRANSCRIPTS_STORAGE_URL", "file:///tmp")
    with pytest.raises(SetupError) as caught:
        CoreSettings.load()
    assert "DATABASE_URL: " in caught.value.detail
    assert "REDIS_URL: " in caught.value.detail
    assert "hunter2" not in caught.value.detail
