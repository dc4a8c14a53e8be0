"""The services in their containers, on a Postgres, a Redis and a Google of this machine."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.processes import free_port
from deploy.local.redis import Redis
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.audio import tone_wav
from tests.images.podman import Container, Podman

pytest_plugins = ("tests.fakes.google.fixtures",)
pytestmark = pytest.mark.images

BUCKET = "recordings"
GRACE_S = 10.0
"""What platforms grant after SIGTERM, at the least (Cloud Run)."""

STALL = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(25))  # in the thread of the event loop
"""
KILL = """
import os, signal, sys
for pid in filter(str.isdecimal, os.listdir("/proc")):
    if open(f"/proc/{pid}/cmdline").read().split("\\0")[1:3] == ["-m", sys.argv[1]]:
        os.kill(int(pid), signal.SIGKILL)
"""


@dataclass
class Site:
    """The stores, and the settings of services that use them."""

    podman: Podman
    images: dict[str, str]
    settings: dict[str, str]

    @contextmanager
    def service(self, kind: str, *options: str, **settings: str) -> Iterator[Container]:
        """A container of a kind of image."""
        with self.podman.container(
            f"test-{kind}", self.images[kind], environment=self.settings | settings, options=options
        ) as made:
            yield made

    def key(self, container: Container) -> str:
        """A key for everything, made as an operator makes the first one."""
        said = container.execute(
            "python", "-m", "api_service", "keys", "create", "--name", "test", "--scope", "all"
        )
        return next(word for word in said.split() if word.startswith("ctk_"))


@pytest.fixture
def site(
    podman: Podman,
    images: dict[str, str],
    empty_database_url: str,
    redis_url: str,
    google: FakeGoogle,
) -> Site:
    """Stores of the test's own, migrated by the API's image."""
    google.settings(operation_ms=200)
    settings = {
        "DATABASE_URL": empty_database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": f"gs://{BUCKET}/recordings",
        "TRANSCRIPTS_DEFAULT_ENGINE": "google",
        "TRANSCRIPTS_PEPPER": secrets.token_hex(16),
        **google_settings(google),
    }
    with podman.container(
        "test-migrate", images["api"], "python", "-m", "deploy.migrations", "upgrade", environment=settings
    ) as migration:
        assert migration.ends()[0] == 0, migration.logs()
    return Site(podman, images, settings)


def transcribed(url: str, key: str) -> None:
    """Send a recording and wait for its transcript."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=300) as http:
        made = http.post("/v1/sessions", files={"audio": ("a.wav", tone_wav(2.0))})
        assert made.status_code == 202, made.text
        while True:
            job = http.get(f"/v1/jobs/{made.json()['job']['id']}", headers={"Prefer": "wait=10"}).json()
            assert job["status"] not in {"failed", "cancelled"}, job
            if job["status"] == "succeeded":
                break
        session = f"/v1/sessions/{made.json()['session']['id']}"
        for kind in ("txt", "docx", "pdf"):  # libraries and fonts are there
            answer = http.get(f"{session}/transcript", params={"format": kind})
            assert (answer.status_code, bool(answer.content.strip())) == (200, True), answer.text
        assert http.get("/docs").status_code == 200
        page = http.get("/console/sign-in").text
        for asset in re.findall(
            r'"(/console/static/[^"]+)"', page
        ):  # templates are there, and what they name
            assert http.get(asset).status_code == 200, asset
        assert "/console/static/" in page


def ends_in_order(container: Container) -> None:
    """F10: SIGTERM ends it with 0, within what platforms grant."""
    container.signal("TERM")
    code, seconds = container.ends()
    assert code == 0, container.logs()
    assert seconds < GRACE_S


def test_a_recording_goes_through_containers_that_are_deployed_apart(site: Site) -> None:
    """F36, F40: the API on the port that the platform names, health that looks at the work, an end in order."""
    port = free_port()
    with site.service("api", PORT=str(port)) as api, site.service("worker") as worker:
        api.becomes_healthy()
        worker.becomes_healthy()
        transcribed(f"http://127.0.0.1:{port}", site.key(api))
        for container in (api, worker):
            ends_in_order(container)


def test_health_is_bad_where_the_work_cannot_be_done(site: Site, redis_server: Redis) -> None:
    """F4, F36."""
    with site.service("api", PORT=str(free_port())) as api:
        api.becomes_healthy()
        redis_server.ask("CONFIG SET maxmemory-policy allkeys-lru")
        try:
            assert not api.healthy()
        finally:
            redis_server.ask("CONFIG SET maxmemory-policy noeviction")
        assert api.healthy()


def test_a_worker_as_a_web_service_tells_the_truth(site: Site, tmp_path: Path) -> None:
    """F36: 200 while it works, 503 while its loop stands still, and not ready once it drains."""
    (tmp_path / "sitecustomize.py").write_text(STALL)
    tmp_path.chmod(0o755)
    port = free_port()
    volume = ("--volume", f"{tmp_path}:/stall:ro")
    with site.service("worker-cloudrun", *volume, PORT=str(port), PYTHONPATH="/stall") as worker:
        worker.becomes_healthy()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as http:
            assert [http.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
            worker.signal("USR1")
            answer = http.get("/healthz")
            assert (answer.status_code, answer.json()["detail"]) == (503, "the event loop stands still")
            assert not worker.healthy()
            worker.becomes_healthy()
            assert http.get("/healthz").status_code == 200
        ends_in_order(worker)


def test_api_and_worker_in_one_container(site: Site) -> None:
    port = free_port()
    with site.service("combined", PORT=str(port)) as both:
        both.becomes_healthy()
        transcribed(f"http://127.0.0.1:{port}", site.key(both))
        ends_in_order(both)


@pytest.mark.parametrize("module", ["api_service", "worker_service"])
def test_the_combined_container_dies_with_either(site: Site, module: str) -> None:
    """F36."""
    with site.service("combined", PORT=str(free_port())) as both:
        both.becomes_healthy()
        both.execute("python", "-c", KILL, module)
        code, seconds = both.ends()
        assert code == 128 + 9, both.logs()
        assert seconds < GRACE_S


@pytest.mark.parametrize("kind", ["api", "worker", "worker-cloudrun", "combined"])
def test_a_container_that_is_not_set_up_says_what_to_change(
    podman: Podman, images: dict[str, str], kind: str
) -> None:
    """F39: and ends with 2."""
    with podman.container("test-unset", images[kind]) as container:
        assert container.ends()[0] == 2
        assert "DATABASE_URL is not set" in container.logs()
