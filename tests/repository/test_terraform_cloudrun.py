"""The Terraform module for Cloud Run: arguments of the provider alone, settings that there are, paths that are served.

No terraform runs here. `KNOWN` is written from the provider's reference (hashicorp/google 7), as far as it is used, and
was compared with bindings that are generated from the provider.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from shared.settings import WorkerSettings, known_settings
from tests.fixtures import dockerfiles
from tests.fixtures.platforms import WORKER_PATHS, api_paths, assert_runs, required, secrets
from tests.fixtures.repository import ROOT
from tests.fixtures.terraform import blocks
from worker_service.observation.health import web_port

TERRAFORM = ROOT / "deploy" / "terraform"
MODULE = TERRAFORM / "cloudrun"
WORKER = ROOT / "deploy" / "docker" / "worker.Dockerfile"
API = ROOT / "deploy" / "docker" / "api.Dockerfile"
Json = dict[str, Any]

LEAF: Final = None
_PROBE: Final[Json] = {
    "initial_delay_seconds": LEAF,
    "period_seconds": LEAF,
    "timeout_seconds": LEAF,
    "failure_threshold": LEAF,
    "http_get": {"path": LEAF, "port": LEAF},
}
_CONTAINER: Final[Json] = {
    "image": LEAF,
    "command": LEAF,
    "args": LEAF,
    "env": {
        "name": LEAF,
        "value": LEAF,
        "value_source": {"secret_key_ref": {"secret": LEAF, "version": LEAF}},
    },
    "resources": {"limits": {"cpu": LEAF, "memory": LEAF}},
    "startup_probe": _PROBE,
    "liveness_probe": _PROBE,
}
_NETWORK: Final = {"egress": LEAF, "network_interfaces": {"network": LEAF, "subnetwork": LEAF}}
_PLACE: Final = {
    "project": LEAF,
    "name": LEAF,
    "location": LEAF,
    "deletion_protection": LEAF,
    "depends_on": LEAF,
}
_GRANT: Final = {"role": LEAF, "member": LEAF, "for_each": LEAF}
KNOWN: Final[dict[str, Json]] = {
    "google_project_service": {"project": LEAF, "service": LEAF, "disable_on_destroy": LEAF},
    "google_secret_manager_secret_iam_member": {"project": LEAF, "secret_id": LEAF} | _GRANT,
    "google_service_account_iam_member": {"service_account_id": LEAF} | _GRANT,
    "google_cloud_run_v2_service_iam_member": {"project": LEAF, "location": LEAF, "name": LEAF} | _GRANT,
    "google_cloud_run_v2_service": _PLACE
    | {
        "ingress": LEAF,
        "template": {
            "service_account": LEAF,
            "timeout": LEAF,
            "max_instance_request_concurrency": LEAF,
            "scaling": {"min_instance_count": LEAF, "max_instance_count": LEAF},
            "vpc_access": _NETWORK,
            "containers": _CONTAINER
            | {
                "ports": {"container_port": LEAF},
                "resources": {
                    "limits": {"cpu": LEAF, "memory": LEAF},
                    "cpu_idle": LEAF,
                    "startup_cpu_boost": LEAF,
                },
            },
        },
    },
    "google_cloud_run_v2_worker_pool": _PLACE
    | {
        "scaling": {"manual_instance_count": LEAF},
        "lifecycle": {"ignore_changes": LEAF},
        "template": {"service_account": LEAF, "vpc_access": _NETWORK, "containers": _CONTAINER},
    },
    "google_cloud_run_v2_job": _PLACE
    | {
        "template": {
            "template": {
                "service_account": LEAF,
                "timeout": LEAF,
                "max_retries": LEAF,
                "vpc_access": _NETWORK,
                "containers": {name: known for name, known in _CONTAINER.items() if name != "liveness_probe"},
            }
        }
    },
}


def unknown(body: Any, known: Any, path: str = "") -> Iterator[str]:
    """The arguments that the provider does not have."""
    if isinstance(body, list):
        for each in body:
            yield from unknown(each, known, path)
    elif isinstance(body, dict) and known is not LEAF:
        for name, value in body.items():
            if name == "dynamic":
                for dynamic in value if isinstance(value, list) else [value]:
                    for label, inner in dynamic.items():
                        assert set(inner) == {"for_each", "content"}
                        yield from unknown({label: inner["content"]}, known, path)
            elif name not in known:
                yield f"{path}.{name}"
            else:
                yield from unknown(value, known[name], f"{path}.{name}")


def only(value: Any) -> Any:
    """The one block of a kind."""
    (block,) = value
    return block


RESOURCES = blocks(MODULE, "resource")
VARIABLES = blocks(MODULE, "variable")
TEXT = "\n".join(path.read_text() for path in sorted(MODULE.glob("*.tf")))


def container(label: str) -> Json:
    template = only(RESOURCES[label]["template"])
    template = only(template["template"]) if "template" in template else template
    found: Json = only(template["containers"])
    return found


@pytest.mark.parametrize("label", RESOURCES)
def test_every_argument_is_one_of_the_provider(label: str) -> None:
    assert list(unknown(RESOURCES[label], KNOWN[label.partition(".")[0]])) == []


def test_an_argument_that_there_is_not_is_found() -> None:
    """The test above can fail, inside of dynamic blocks as well."""
    known = KNOWN["google_cloud_run_v2_worker_pool"]
    wrong = {
        "template": [{"containers": [{"dynamic": [{"env": {"for_each": "", "content": [{"key": ""}]}}]}]}]
    }
    assert list(unknown(wrong, known)) == [".template.containers.env.key"]


def test_every_reference_leads_somewhere() -> None:
    assert set(re.findall(r"\bvar\.(\w+)", TEXT)) == set(VARIABLES)  # and every variable is used
    assert all({"type", "description"} <= set(body) for body in VARIABLES.values())
    for kind, name in re.findall(r"(?<![/\w])(google_(?!beta)\w+)\.(\w+)", TEXT):
        assert f"{kind}.{name}" in RESOURCES
    google = "\n".join(path.read_text() for path in sorted((TERRAFORM / "google").glob("*.tf")))
    assert set(re.findall(r"module\.google\.(\w+)", TEXT)) <= set(re.findall(r'output "(\w+)"', google))
    given = set(blocks(MODULE, "module")["google"]) - {"source"}
    assert {"project_id", "bucket_name"} <= given <= set(re.findall(r'variable "(\w+)"', google))


def test_unfinished_uploads_are_deleted_where_recordings_lie() -> None:
    """The bucket's rule of uploads stands below the prefix of the storage's URL."""
    prefix = blocks(MODULE, "module")["google"]["recordings_prefix"]
    assert f'"gs://${{var.bucket_name}}/{prefix.rstrip("/")}"' in TEXT


def test_every_file_is_formatted() -> None:
    """As `terraform fmt` has it, as far as that can be told without it: two spaces, and equals signs in line."""
    for path in TERRAFORM.glob("*/*.tf"):
        lines = path.read_text().splitlines()
        assert all(line == line.rstrip() and "\t" not in line for line in lines)
        depth = 0
        for line in lines:
            stripped = line.strip()
            if stripped:
                closing = len(re.match(r"[)}\]]*", stripped)[0])  # type: ignore[index]
                assert len(line) - len(stripped) == 2 * (depth - min(closing, 1)), f"{path}: {line}"
            code = re.sub(r'"[^"]*"|#.*', "", line)
            depth += (sum(map(code.count, "({[")) > sum(map(code.count, ")}]"))) - (
                sum(map(code.count, "({[")) < sum(map(code.count, ")}]"))
            )


def test_settings_are_settings_and_secrets_are_secrets() -> None:
    """F37, F39: a value of a secret stands neither in a file nor in the state."""
    stored = set(VARIABLES["secrets"]["default"])
    literal = set(re.findall(r"^\s+([A-Z][A-Z_]+)\s+=", (MODULE / "main.tf").read_text(), re.M))
    literal |= set(
        re.findall(r"\b([A-Z][A-Z_]+) = (?!var\.migrate_database_url)", (MODULE / "main.tf").read_text())
    )
    google = (TERRAFORM / "google" / "outputs.tf").read_text()
    shared = set(re.findall(r"^\s+([A-Z][A-Z_]+)\s+=", google, re.M))
    assert stored | literal | shared <= known_settings()
    assert stored <= secrets()
    assert not (literal | shared) & secrets()
    for service in ("api", "worker"):
        assert required(service) <= stored | literal | shared


def test_what_is_run_and_probed_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """F36, F38, F40."""
    monkeypatch.delenv("PORT", raising=False)
    migrate = container("google_cloud_run_v2_job.migrate")
    assert_runs([*migrate["command"], *migrate["args"]], API)
    assert dockerfiles.command(WORKER, "cloudrun")[-1] == "--as-web-service"
    api = container("google_cloud_run_v2_service.api")
    port = only(api["ports"])["container_port"]
    for probed, paths, expected in (
        (api, api_paths(), port),
        (container("google_cloud_run_v2_worker_pool.worker"), WORKER_PATHS, web_port()),
    ):
        for kind in ("startup_probe", "liveness_probe"):
            probe = only(probed[kind])
            asked = only(probe["http_get"])
            assert asked["path"] in paths
            assert asked["port"] == expected
            assert probe["timeout_seconds"] <= probe["period_seconds"]  # the provider refuses it otherwise
        assert only(only(probed["liveness_probe"])["http_get"])["path"] == "/healthz"


def test_an_instance_is_given_its_cpu_and_its_time() -> None:
    """F10: a stop takes less than the 10 s that Cloud Run grants; the event loop is not throttled between requests."""
    assert only(container("google_cloud_run_v2_service.api")["resources"])["cpu_idle"] is False
    assert WorkerSettings.model_fields["drain_seconds"].default + 3 <= 10
    assert "ignore_changes = [scaling]" in TEXT  # people and the scaler have set it


def test_nobody_is_granted_more_than_is_needed() -> None:
    account = "serviceAccount:${module.google.service_account}"
    granted = {(body["role"], body["member"]) for label, body in RESOURCES.items() if "iam_member" in label}
    assert granted == {
        ("roles/secretmanager.secretAccessor", account),
        ("roles/iam.serviceAccountTokenCreator", account),
        ("roles/run.invoker", "${each.value}"),
    }
