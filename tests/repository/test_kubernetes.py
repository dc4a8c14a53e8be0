"""The manifests for Kubernetes: by Kubernetes' own schemas, strictly, and of things that there are."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import WorkerSettings, known_settings
from tests.fixtures import dockerfiles
from tests.fixtures.platforms import WORKER_PATHS, api_paths, assert_runs, required, secrets
from tests.fixtures.repository import ROOT, name

FOLDER = ROOT / "deploy" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
SCHEMA = json.loads((Path(__file__).parent / "schemas" / "keda.json").read_text())
OURS = {"ScaledObject", "TriggerAuthentication", "Kustomization"}
OLDEST, NEWEST = "1.30", "1.37"  # preStop.sleep is on from 1.30
DOCKER = ROOT / "deploy" / "docker"

Json = dict[str, Any]


def documents(path: Path) -> list[Json]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


EVERYTHING = [(path, document) for path in FILES for document in documents(path)]
CORE = [
    pytest.param(each, id=f"{path.name}-{each['kind']}")
    for path, each in EVERYTHING
    if each["kind"] not in OURS
]
CUSTOM = [
    pytest.param(each, id=f"{name(path)}-{each['kind']}") for path, each in EVERYTHING if each["kind"] in OURS
]


def found(kind: str, label: str) -> Json:
    (document,) = (
        each
        for _, each in EVERYTHING
        if (each["kind"], each.get("metadata", {}).get("name")) == (kind, label)
    )
    return document


API = found("Deployment", "transcripts-api")
WORKER = found("Deployment", "transcripts-worker")
MIGRATE = found("Job", "transcripts-migrate")
SETTINGS = found("ConfigMap", "transcripts-settings")["data"]
IMAGES = {
    "coaching-transcripts-api": DOCKER / "api.Dockerfile",
    "coaching-transcripts-worker": DOCKER / "worker.Dockerfile",
}


def pod(document: Json) -> Json:
    spec: Json = document["spec"]["template"]["spec"]
    return spec


def container(document: Json) -> Json:
    (only,) = pod(document)["containers"]
    described: Json = only
    return described


def variables(document: Json) -> dict[str, Json]:
    return {entry["name"]: entry for entry in container(document)["env"]}


@dataclass(frozen=True)
class Validators:
    """What knows the fields of Kubernetes, and of JSON Schema."""

    kubernetes: Callable[..., Any]
    invalid: type[Exception]
    schema: Any


@cache
def validators() -> Validators:
    """Loaded by the tests that need them: it takes a second, which every process that collects tests would pay."""
    import kubernetes_validate  # noqa: PLC0415
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    return Validators(kubernetes_validate.validate, kubernetes_validate.ValidationError, Draft202012Validator)


@pytest.mark.parametrize("document", CORE)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_it_and_knows_every_field(document: Json, version: str) -> None:
    validators().kubernetes(document, version, strict=True)


@pytest.mark.parametrize("document", CUSTOM)
def test_keda_and_kustomize_take_it_and_know_every_field(document: Json) -> None:
    validators().schema.check_schema(SCHEMA)
    assert [error.message for error in validators().schema(SCHEMA).iter_errors(document)] == []


MISTAKES: list[Callable[[Json], Any]] = [
    lambda worker: worker["spec"].update(replica=2),
    lambda worker: container(worker)["env"][0].update(value=50),
    lambda worker: container(worker)["livenessProbe"]["httpGet"].update(paths="/healthz"),
    lambda worker: container(worker)["securityContext"].update(readonlyRootFilesystem=True),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_found(mistake: Callable[[Json], Any]) -> None:
    worker = copy.deepcopy(WORKER)
    mistake(worker)
    with pytest.raises(validators().invalid):
        validators().kubernetes(worker, NEWEST, strict=True)


def test_an_unknown_field_of_keda_is_found() -> None:
    scaled = copy.deepcopy(found("ScaledObject", "transcripts-worker"))
    scaled["spec"]["triggers"][0]["metadata"]["valueLocations"] = "due"
    assert list(validators().schema(SCHEMA).iter_errors(scaled))


def test_every_file_is_applied_by_something_that_is_written_down() -> None:
    listed = {
        path.parent / resource
        for path, document in EVERYTHING
        if document["kind"] == "Kustomization"
        for resource in document["resources"]
    }
    rest = {path for path in FILES if path.name != "kustomization.yaml"} - listed
    assert rest == {FOLDER / "migrate.yaml"}  # which says itself how
    assert listed <= set(FILES)


@pytest.mark.parametrize(("document", "service"), [(API, "api"), (WORKER, "worker")])
def test_variables_are_settings_and_secrets_are_in_the_secret(document: Json, service: str) -> None:
    """F37, F39."""
    given = variables(document)
    assert container(document)["envFrom"] == [{"configMapRef": {"name": "transcripts-settings"}}]
    names = {*given, *SETTINGS}
    assert names <= known_settings()
    assert required(service) | {"TRANSCRIPTS_PEPPER"} <= names
    assert not secrets() & SETTINGS.keys()
    for key, entry in given.items():
        if key in secrets():
            assert entry["valueFrom"]["secretKeyRef"]["name"] == "transcripts"
            assert entry["valueFrom"]["secretKeyRef"]["key"] == key
        else:
            assert "value" in entry
    assert not [each for _, each in EVERYTHING if each["kind"] == "Secret"]


@pytest.mark.parametrize("document", [API, WORKER, MIGRATE], ids=lambda each: each["metadata"]["name"])
def test_a_pod_may_do_nothing_that_it_does_not_have_to(document: Json) -> None:
    """Pod Security's `restricted`, and a file system that nobody writes to."""
    described = pod(document)
    context = described["securityContext"]
    dockerfile = IMAGES[container(document)["image"].partition(":")[0]]
    users = {rest for word, rest in dockerfiles.instructions(dockerfile) if word == "USER"}
    assert users == {f"{context['runAsUser']}:{context['runAsGroup']}"}
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert described["automountServiceAccountToken"] is False
    assert container(document)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} == set(container(document)["resources"])
    account = found("ServiceAccount", described["serviceAccountName"])
    assert account["automountServiceAccountToken"] is False


def probes(document: Json) -> Iterator[tuple[str, str, int]]:
    """Kind, path and port of each probe."""
    ports = {port["name"]: port["containerPort"] for port in container(document)["ports"]}
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container(document)[kind]["httpGet"]
        yield kind, asked["path"], ports[asked["port"]]


@pytest.mark.parametrize(
    ("document", "paths", "setting"),
    [(API, api_paths(), "PORT"), (WORKER, WORKER_PATHS, "TRANSCRIPTS_HEALTH_PORT")],
    ids=["api", "worker"],
)
def test_probes_ask_what_is_served_where_it_is_served(document: Json, paths: set[str], setting: str) -> None:
    """F36, F40."""
    for kind, path, port in probes(document):
        assert path in paths
        assert str(port) == variables(document)[setting]["value"]
        assert path == ("/readyz" if kind == "readinessProbe" else "/healthz")
    everywhere = "0.0.0.0"  # noqa: S104  (the node asks from outside of the pod)
    if document is WORKER:
        assert variables(document)["TRANSCRIPTS_HEALTH_HOST"]["value"] == everywhere
    else:
        assert dockerfiles.settings(IMAGES["coaching-transcripts-api"])["TRANSCRIPTS_HOST"] == everywhere


def test_what_is_run_is_there() -> None:
    """F38."""
    assert_runs(container(MIGRATE)["command"], IMAGES["coaching-transcripts-api"])
    for document in (API, WORKER):
        assert "command" not in container(document)
        assert container(document)["image"] in IMAGES
    (kustomization,) = documents(FOLDER / "kustomization.yaml")
    assert {image["name"] for image in kustomization["images"]} == set(IMAGES)


def test_a_stop_has_the_time_that_it_takes() -> None:
    """F10: and no request is sent to an API that takes none any more."""
    drain = WorkerSettings.model_fields["drain_seconds"].default
    waits = container(API)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(API)["terminationGracePeriodSeconds"] >= waits + 10
    assert pod(WORKER)["terminationGracePeriodSeconds"] >= drain + 3


@pytest.mark.parametrize("document", [API, WORKER], ids=["api", "worker"])
def test_services_budgets_and_policies_select_the_pods(document: Json) -> None:
    labels = document["spec"]["template"]["metadata"]["labels"]
    assert document["spec"]["selector"]["matchLabels"] == labels
    label = document["metadata"]["name"]
    assert found("PodDisruptionBudget", label)["spec"]["selector"]["matchLabels"] == labels
    policies = [each for _, each in EVERYTHING if each["kind"] == "NetworkPolicy"]
    reached = [each for each in policies if each["spec"]["podSelector"].get("matchLabels") == labels]
    (ports,) = [rule["ports"] for each in reached for rule in each["spec"]["ingress"]]
    assert [port["port"] for port in ports] == [
        port["containerPort"] for port in container(document)["ports"]
    ]
    assert found("NetworkPolicy", "transcripts-closed")["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    assert (
        found("Service", "transcripts-api")["spec"]["selector"]
        == API["spec"]["template"]["metadata"]["labels"]
    )


def test_workers_are_scaled_by_the_places_that_jobs_want() -> None:
    """ceil(places_wanted / MAX_JOBS), read where it is told (docs/scaling.md)."""
    scaled = found("ScaledObject", "transcripts-worker")["spec"]
    assert scaled["scaleTargetRef"] == {"name": WORKER["metadata"]["name"]}
    assert "replicas" not in WORKER["spec"]
    (trigger,) = scaled["triggers"]
    asked = trigger["metadata"]
    assert (trigger["metricType"], asked["targetValue"]) == (
        "AverageValue",
        variables(WORKER)["MAX_JOBS"]["value"],
    )
    schemas = json.loads((ROOT / "docs" / "openapi.json").read_text())["components"]["schemas"]
    assert asked["valueLocation"] == "places_wanted"
    assert schemas["ScalingResource"]["properties"]["places_wanted"]["type"] == "integer"
    host, _, path = asked["url"].removeprefix("http://").partition("/")
    assert host == "transcripts-api.transcripts.svc"
    assert f"/{path}" in api_paths()
    authentication = found("TriggerAuthentication", trigger["authenticationRef"]["name"])
    assert [each["parameter"] for each in authentication["spec"]["secretTargetRef"]] == ["token"]


def test_migrations_have_a_password_of_their_own() -> None:
    """Who owns the tables is not who serves from them."""
    assert variables(MIGRATE)["DATABASE_URL"]["valueFrom"]["secretKeyRef"] == {
        "name": "transcripts-migrate",
        "key": "DATABASE_URL",
    }
