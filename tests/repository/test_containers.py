"""The images and the compose file: linted, pinned, closed, and made of settings and files that exist."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from dotenv import dotenv_values

from shared.settings import known_settings
from shared.settings.names import BESIDE
from tests.fixtures.dockerfiles import chain, instructions
from tests.fixtures.repository import ROOT, files, name

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILES = [path for path in files() if path.name.endswith("Dockerfile")]
OURS = ("api", "migrate", "worker")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BUILD = ROOT / "deploy" / "docker" / "build.sh"
PROBES = {
    "api": ['CMD ["python", "-m", "api_service.probe"]'],
    "combined": ['CMD ["python", "-m", "deploy.combined.probe"]'],
    "worker": [
        'CMD ["python", "-m", "worker_service.probe"]',
        'CMD ["python", "-m", "worker_service.probe", "--as-web-service"]',
    ],
}
HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_images() -> None:
    assert {name(path) for path in DOCKERFILES} == {f"deploy/docker/{image}.Dockerfile" for image in PROBES}


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


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name)
def test_an_image_has_what_it_runs(dockerfile: Path) -> None:
    """F38: the package of every command is copied into it, and the bill of materials is of what was installed."""
    found = instructions(dockerfile)
    copied = {source.rstrip("/") for word, rest in found if word == "COPY" for source in rest.split()[:-1]}
    for word, rest in found:
        if word in {"CMD", "HEALTHCHECK"}:
            _, _, module = json.loads(rest[rest.index("[") :])[:3]
            package = module.removesuffix(".probe").replace(".", "/")
            assert package in copied, f"{word} {module}"
            assert list(ROOT.glob(f"{module.replace('.', '/')}/__main__.py")) or module.endswith(".probe")
    installed = [
        rest for word, rest in found if word == "RUN" and "requirements" not in rest and " -r " in rest
    ]
    for run in installed:
        assert "--require-hashes" in run
        assert "sbom" in run


def test_the_stages_that_are_the_same_are_the_same() -> None:
    """So that they are made once for all images."""
    stages = {re.findall(r"(?s)# uv, and .*?\n\n", path.read_text())[0] for path in DOCKERFILES}
    assert len(stages) == 1
    users = {
        re.findall(r"(?s)# The folder is for .*? /data/objects\n", path.read_text())[0]
        for path in DOCKERFILES
    }
    assert len(users) == 1


@pytest.mark.parametrize(
    ("file", "target"),
    [("api", ""), ("combined", ""), ("worker", ""), ("worker", "cloudrun"), ("worker", "local")],
)
def test_a_new_version_is_a_small_layer(file: str, target: str) -> None:
    """What changes most is copied last, so that packages and models are not sent again."""
    stages = chain(ROOT / "deploy" / "docker" / f"{file}.Dockerfile", target)
    copied = [rest for stage in stages for word, rest in stage if word == "COPY"]
    assert copied[-1] == "--from=service /app /app"
    assert all("/app" not in each for each in copied[:-1])


@pytest.mark.parametrize(
    ("image", "file", "target"),
    [
        ("api", "api", None),
        ("worker", "worker", None),
        ("worker-cloudrun", "worker", "cloudrun"),
        ("worker-local", "worker", "local"),
        ("combined", "combined", None),
    ],
)
def test_make_builds_each_image(image: str, file: str, target: str | None) -> None:
    """With whatever builds here: `echo` in its place tells what would be run."""
    told = subprocess.run(
        ["make", "--silent", f"docker-{image}", "ARGS=--given"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "IMAGE_BUILDER": "echo", "TAG": "v1"},
    ).stdout.split()  # fmt: skip
    dockerfile = told[told.index("--file") + 1]
    assert dockerfile == f"deploy/docker/{file}.Dockerfile"
    assert told[told.index("--tag") + 1] == f"coaching-transcripts-{image}:v1"
    assert told[-2:] == ["--given", "."]
    assert f"org.opencontainers.image.version={VERSION}" in told
    assert [
        word
        for word in told
        if re.fullmatch(r"org\.opencontainers\.image\.revision=([0-9a-f]{40}|unknown)", word)
    ]
    assert ["--target"] * bool(target) == [word for word in told if word == "--target"]
    if target:
        assert told[told.index("--target") + 1] == target
        assert f" AS {target}\n" in (ROOT / dockerfile).read_text()


def test_an_image_that_there_is_not_is_refused() -> None:
    done = subprocess.run(["sh", str(BUILD), "web"], capture_output=True, text=True, check=False)
    assert (done.returncode, "There is no image web" in done.stderr) == (2, True)


def test_a_machine_that_builds_nothing_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = subprocess.run(
        ["/bin/sh", str(BUILD), "api"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "podman or buildah is needed" in done.stderr) == (1, True)


@pytest.mark.parametrize(("image", "service"), [("api", "api_service"), ("worker", "worker_service")])
def test_what_an_image_installs_finds_its_engines_and_runs(image: str, service: str, tmp_path: Path) -> None:
    """F38: without the package's entry points no engine is found; with what is copied, nothing more is needed."""
    dockerfile = ROOT / f"deploy/docker/{image}.Dockerfile"
    stage = dockerfile.read_text().partition(" AS service\n")[2].partition("\nFROM ")[0]
    source, app = tmp_path / "build", tmp_path / "app"
    for copied in re.findall(r"^COPY (.+)$", stage, re.MULTILINE):
        *sources, target = copied.split()
        for each in sources:
            copy(ROOT / each, source / target / ("" if each.endswith("/") else Path(each).name))
    install = ("--no-index", "--no-deps", "--no-build-isolation", "--target")
    assert f"pip install --no-cache-dir {' '.join(install)} /app ." in stage
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    run(uv, "pip", "install", "--quiet", "--python", sys.executable, *install, app, source)
    told = run(
        sys.executable, "-I", "-c",
        f"import sys; sys.path.insert(0, {str(app)!r}); import {service}.__main__ as main; print(main.__file__);"
        "from shared.plugins import *; print(names(installed(ENGINES)), '|', names(installed(ENGINE_ABILITIES)))",
    )  # fmt: skip
    where, found = told.splitlines()
    assert where.startswith(str(app))
    assert found == "google, local, scripted | google, local, scripted"


def copy(source: Path, target: Path) -> None:
    """As COPY does: what is tracked, a file or the contents of a folder."""
    for path in files():
        if path == source or source in path.parents:
            to = target / path.relative_to(source) if path != source else target
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


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


def test_compose_gives_each_service_its_own_rights(services: dict[str, dict[str, Any]]) -> None:
    """The owner migrates and serves nobody; each service has a user of its own; the roles are there before both."""

    def user(service: str, name: str) -> str | None:
        return urlsplit(str(services[service]["environment"][name])).username

    assert user("migrate", "DATABASE_URL") == "transcripts_migrator"
    assert "REDIS_URL" not in services["migrate"]["environment"]
    for service in ("api", "worker"):
        assert user(service, "DATABASE_URL") == "transcripts_app"
        assert user(service, "REDIS_URL") == f"transcripts-{service}"
    for service in ("roles", "grants"):
        assert services[service]["image"] == services["postgres"]["image"]
        assert {"./deploy/postgres/roles.sql:/roles.sql:ro"} < set(services[service]["volumes"])


def test_redis_starts_with_its_users_and_no_password_in_sight(tmp_path: Path) -> None:
    """`cat` in the server's place tells what it would read."""
    start = (ROOT / "deploy/redis/start.sh", ROOT / "deploy/redis/users.acl")
    given = {f"REDIS_{user}_PASSWORD": f"{user.lower()}_pass" for user in ("ADMIN", "API", "WORKER")}
    path = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", *start, "cat", "-"], env=path | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip() == Template(start[1].read_text()).substitute(given).rstrip()
    for wrong in ("", "a b", "a$(id)", "a'b", "ü"):
        refused = subprocess.run(
            ["sh", *start, "touch", str(tmp_path / "started")],
            env=path | given | {"REDIS_API_PASSWORD": wrong}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (refused.returncode, "REDIS_API_PASSWORD" in refused.stderr) == (2, True)
        assert not wrong or wrong not in refused.stderr
    assert not (tmp_path / "started").exists()


def test_health_is_looked_at_where_the_work_is(services: dict[str, dict[str, Any]]) -> None:
    """F36: not by the exit code of redis-cli, which is 0 where it was refused."""
    redis = services["redis"]
    assert redis["healthcheck"]["test"] == [
        "CMD-SHELL", "redis-cli --user transcripts-admin ping | grep -q PONG",
    ]  # fmt: skip
    assert redis["environment"]["REDISCLI_AUTH"] == redis["environment"]["REDIS_ADMIN_PASSWORD"]
    assert "pg_isready" in services["postgres"]["healthcheck"]["test"]
    for image, probes in PROBES.items():
        found = instructions(ROOT / f"deploy/docker/{image}.Dockerfile")
        checks = [rest[rest.index("CMD") :] for word, rest in found if word == "HEALTHCHECK"]
        assert checks == probes


def test_the_queue_is_neither_evicted_nor_forgotten(services: dict[str, dict[str, Any]]) -> None:
    """F4."""
    command = services["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


def test_nothing_starts_before_the_schema_is_there(services: dict[str, dict[str, Any]]) -> None:
    ended = {"condition": "service_completed_successfully"}
    assert services["roles"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["depends_on"] == {"roles": ended}
    assert services["grants"]["depends_on"] == {"migrate": ended}
    for service in ("api", "worker"):
        assert services[service]["depends_on"]["grants"] == ended


def test_the_example_of_settings_fits(services: dict[str, dict[str, Any]]) -> None:
    """F37: every name is a setting, and the servers, users and passwords are those of the compose file."""
    example = ROOT / ".env.example"
    names = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", example.read_text(), re.MULTILINE)
    assert set(names) <= known_settings() | BESIDE
    assert len(names) > 5
    given = dotenv_values(example)
    admin = (
        f"redis://transcripts-admin:{services['redis']['environment']['REDIS_ADMIN_PASSWORD']}@redis:6379/0"
    )
    for setting, service, url in (
        ("DATABASE_URL", "postgres", services["api"]["environment"]["DATABASE_URL"]),
        ("TRANSCRIPTS_MIGRATIONS_URL", "postgres", services["migrate"]["environment"]["DATABASE_URL"]),
        ("REDIS_URL", "redis", admin),
    ):
        ours = urlsplit(str(given[setting]))
        theirs = urlsplit(by_default(url))
        assert (ours.username, ours.password, ours.path) == (theirs.username, theirs.password, theirs.path)
        assert theirs.hostname == service
        assert by_default(services[service]["ports"][0]) == f"127.0.0.1:{ours.port}:{theirs.port}"


def by_default(text: str) -> str:
    """What it is where nobody has set a variable."""
    return re.sub(r"\$\{\w+:-(\w+)\}", r"\1", text)
