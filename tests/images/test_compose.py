"""`docker-compose.yml` as a whole, by podman-compose: stores, migration, API, and a worker that hears by itself."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.processes import free_port
from tests.fixtures.repository import ROOT
from tests.images.podman import Container, Podman

pytestmark = pytest.mark.images

PROJECT = "transcripts-images-test"
RECORDING = ROOT / "deploy" / "local" / "recordings" / "two_speakers.flac"


@dataclass
class Compose:
    """The file's services, on ports of the test's own."""

    podman: Podman
    ports: dict[str, str]

    def __call__(self, *arguments: str) -> None:
        """Run podman-compose."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "podman_compose", "--project-name", PROJECT),
                *("--file", str(ROOT / "docker-compose.yml"), *arguments),
            ],
            env={**os.environ, **self.podman.environment, **self.ports},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self, *services: str) -> None:
        """Start services. What they wait for is waited for here: this podman does not know how."""
        self("up", "--detach", "--no-build", "--no-deps", *services)

    def container(self, service: str) -> Container:
        """The container of a service."""
        return Container(self.podman, f"{PROJECT}_{service}_1")


@pytest.fixture
def compose(podman: Podman, images: dict[str, str]) -> Iterator[Compose]:
    for kind in ("api", "worker-local"):
        podman("tag", images[kind], f"localhost/coaching-transcripts-{kind}:dev")  # as the file names them
    compose = Compose(podman, {name: str(free_port()) for name in ("PORT", "POSTGRES_PORT", "REDIS_PORT")})
    compose("down", "--volumes")
    yield compose
    compose("down", "--volumes")


def test_a_recording_goes_through_the_compose_file(compose: Compose) -> None:
    """F36, F44: each is healthy by its own check before the next starts, and two people are heard."""
    compose.up("redis", "postgres")
    for service in ("redis", "postgres"):
        compose.container(service).becomes_healthy()
    for service in ("roles", "migrate", "grants"):
        compose.up(service)
        code, _ = compose.container(service).ends()
        assert code == 0, compose.container(service).logs()
    compose.up("api", "worker")
    for service in ("api", "worker"):
        compose.container(service).becomes_healthy()
    with httpx.Client(base_url=f"http://127.0.0.1:{compose.ports['PORT']}", timeout=300) as http:
        heard = transcript(http, RECORDING)
    for spoken in ("John Dashwood", "Speaker 1", "Speaker 2"):
        assert spoken in heard
    has_least_rights(compose)


def has_least_rights(compose: Compose) -> None:
    """The migrator owns the tables, the services may add to the audit trail alone, and Redis has refused nothing."""
    postgres, redis = compose.container("postgres"), compose.container("redis")

    def ask(question: str) -> str:
        return postgres.execute(
            "psql", "--username=transcripts", "--tuples-only", "--no-align", "-c", question
        ).strip()

    assert (
        ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == "transcripts_migrator"
    )
    users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'transcripts%'"
    assert ask(users) == "transcripts_app"
    rights = "has_table_privilege('transcripts_app', 'audit_event', '{}')"
    assert ask(f"SELECT {rights.format('INSERT')}, {rights.format('UPDATE')}") == "t|f"
    as_admin = ("redis-cli", "--user", "transcripts-admin")
    clients = redis.execute(*as_admin, "CLIENT", "LIST")
    assert set(re.findall(r" user=(\S+)", clients)) == {
        f"transcripts-{who}" for who in ("admin", "api", "worker")
    }
    assert redis.execute(*as_admin, "ACL", "LOG").strip() == ""


def transcript(http: httpx.Client, recording: Path) -> str:
    """What a recording becomes."""
    made = http.post("/v1/sessions", files={"audio": (recording.name, recording.read_bytes())})
    assert made.status_code == 202, made.text
    while True:
        job = http.get(f"/v1/jobs/{made.json()['job']['id']}", headers={"Prefer": "wait=30"}).json()
        assert job["status"] not in {"failed", "cancelled"}, job
        if job["status"] == "succeeded":
            session = made.json()["session"]["id"]
            return http.get(f"/v1/sessions/{session}/transcript", params={"format": "txt"}).text
