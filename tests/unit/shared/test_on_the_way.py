"""The doctor's word on lines that can be listened to. Addresses stand for names: nobody is asked, or connected to."""

import pytest

from shared.examination import on_the_way
from shared.examination.findings import Grade

PUBLIC = "8.8.8.8"
PRIVATE = ("10.0.0.5", "127.0.0.1", "localhost", "[fd00::1]", "no-such-host.invalid", "")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "sslmode=prefer insists on no encryption"),
        ("?sslmode=disable", "sslmode=disable insists on no encryption"),
        ("?sslmode=require", "looks at no certificate"),
        ("?sslmode=verify-ca", None),
        ("?sslmode=verify-full", None),
    ],
)
async def test_postgres_on_the_internet(
    query: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    found = await on_the_way.database(f"postgresql://u:hunter2@{PUBLIC}/d{query}")
    assert len(found) == (said is not None)
    assert all(each.grade is Grade.NOTE and str(said) in each.detail for each in found)
    assert all("sslmode=verify-full" in each.fix and "hunter2" not in each.detail for each in found)
    for host in PRIVATE:
        assert await on_the_way.database(f"postgresql://u:p@{host}/d{query}") == []


async def test_what_libpq_s_variable_says_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert await on_the_way.database(f"postgresql://u:p@{PUBLIC}/d") == []
    assert await on_the_way.database(f"postgresql://u:p@{PUBLIC}/d?sslmode=require")


@pytest.mark.parametrize(
    ("scheme", "query", "fix"),
    [
        ("redis", "", "Begin REDIS_URL with rediss://"),
        ("rediss", "", None),
        ("rediss", "?ssl_cert_reqs=none", "Take ssl_cert_reqs"),
        ("rediss", "?ssl_check_hostname=False", "Take ssl_cert_reqs"),
    ],
)
async def test_redis_on_the_internet(scheme: str, query: str, fix: str | None) -> None:
    found = await on_the_way.redis(f"{scheme}://:hunter2@{PUBLIC}:6379/0{query}")
    assert len(found) == (fix is not None)
    assert all(each.grade is Grade.NOTE and each.fix.startswith(str(fix)) for each in found)
    assert all("hunter2" not in each.detail for each in found)
    for host in PRIVATE:
        assert await on_the_way.redis(f"{scheme}://:p@{host}:6379/0{query}") == []
    assert await on_the_way.redis("unix:///run/redis.sock") == []
