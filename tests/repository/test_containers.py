"""The images and the compose file: linted, pinned, closed, and made of settings and files that exist."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from dotenv import dotenv_values

from shared.settings import known_settings
from tests.fixtures.repository import ROOT, files, name

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILES = [path for path in files() if path.name.endswith("Dockerfile")]
OURS = ("api", "migrate", "worker")
HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions and their arguments, continued lines joined, without comments."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_images() -> None:
    assert {"deploy/docker/api.Dockerfile", "deploy/docker/worker.Dockerfile"} <= set(map(name, DOCKERFILES))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name)
def test_a_dockerfile_passes_hadolint(dockerfile: Path) -> None:
    run(HADOLINT, "--failure-threshold", "style", dockerfile)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name)
def test_an_image_is_pinned_unprivileged_and_takes_signals(dockerfile: Path) -> None:
    """F10: a shell between the platform and the service would swallow SIGTERM."""
    found = instructions(dockerfile)
    defaults = dict(rest.split("=", 1) for word, rest in found if word == "ARG" and "=" in rest)
    stages = {rest.split(" AS ")[1] for word, rest in found if word == "FROM" and " AS " in rest}
    for base in (rest.split(" AS ")[0] for word, rest in found if word == "FROM"):
        if base not in stages:
            assert_pinned(re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], base))
    users = [rest for word, rest in found if word == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users), "Kubernetes checks numbers only"
    for word, rest in found:
        if word in {"CMD", "ENTRYPOINT"}:
            assert rest.startswith("["), "exec form"
        if word == "HEALTHCHECK":
            assert " CMD [" in rest


def assert_pinned(image: str) -> None:
    repository, _, tag = image.partition(":")
    assert re.match(r"v?\d+[.\d]*", tag), f"{image} names no version"
    assert "." not in repository.split("/")[0], f"{image} names a registry"


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name)
def test_an_image_is_made_of_what_is_there(dockerfile: Path) -> None:
    """F38: what is copied exists, and .dockerignore lets it through."""
    let_through = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for word, rest in instructions(dockerfile):
        if word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert list(ROOT.glob(source.rstrip("/"))), f"COPY {source}"
                assert source.split("/")[0] in let_through, f"COPY {source}"


def test_the_compose_file_answers_to_its_schema() -> None:
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_compose_pins_images_and_opens_loopback_only(services: dict[str, dict[str, Any]]) -> None:
    for service, described in services.items():
        if "build" in described:
            build = described["build"]
            dockerfile = ROOT / build["dockerfile"]
            assert dockerfile in DOCKERFILES
            assert build.get("target") is None or f" AS {build['target']}\n" in dockerfile.read_text()
        else:
            assert_pinned(described["image"])
        for port in described.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{service}: {port}"


def test_compose_sets_what_the_services_read(services: dict[str, dict[str, Any]]) -> None:
    """F37."""
    for service in OURS:
        assert set(services[service]["environment"]) <= known_settings()


def test_health_is_looked_at_where_the_work_is(services: dict[str, dict[str, Any]]) -> None:
    """F36: not by the exit code of redis-cli, which is 0 where it was refused."""
    redis = services["redis"]
    assert redis["healthcheck"]["test"] == ["CMD-SHELL", "redis-cli ping | grep -q PONG"]
    assert redis["environment"]["REDISCLI_AUTH"] in redis["command"]
    assert "pg_isready" in services["postgres"]["healthcheck"]["test"]
    for image, probe in (("api", "api_service.probe"), ("worker", "worker_service.probe")):
        checks = [
            rest
            for word, rest in instructions(ROOT / f"deploy/docker/{image}.Dockerfile")
            if word == "HEALTHCHECK"
        ]
        assert len(checks) == 1
        assert checks[0].endswith(f'CMD ["python", "-m", "{probe}"]')


def test_the_queue_is_neither_evicted_nor_forgotten(services: dict[str, dict[str, Any]]) -> None:
    """F4."""
    command = services["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


def test_nothing_starts_before_the_schema_is_there(services: dict[str, dict[str, Any]]) -> None:
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for service in ("api", "worker"):
        assert services[service]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_example_of_settings_fits(services: dict[str, dict[str, Any]]) -> None:
    """F37: every name is a setting, and the servers are those of the compose file."""
    example = ROOT / ".env.example"
    names = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", example.read_text(), re.MULTILINE)
    assert set(names) <= known_settings()
    assert len(names) > 5
    given = dotenv_values(example)
    for setting, service in (("DATABASE_URL", "postgres"), ("REDIS_URL", "redis")):
        ours = urlsplit(str(given[setting]))
        theirs = urlsplit(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", services["api"]["environment"][setting]))
        assert (ours.username, ours.password, ours.path) == (theirs.username, theirs.password, theirs.path)
        assert theirs.hostname == service
        published = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", services[service]["ports"][0])
        assert published == f"127.0.0.1:{ours.port}:{theirs.port}"
