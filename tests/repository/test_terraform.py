"""The Terraform module: it parses, names only what there is, grants what is documented, and pleases the doctor.

No terraform runs here. The arguments below are those of the provider's reference, as far as the module uses them.
"""

import re
from typing import Final

import pytest

from deploy.doctor.google.bucket import FOLDERS
from shared.google.speech import TABLE
from shared.settings import WorkerSettings, known_settings
from tests.fixtures.repository import ROOT
from tests.fixtures.terraform import blocks, expressions

MODULE = ROOT / "deploy" / "terraform" / "google"
GUIDE = (ROOT / "docs" / "google.md").read_text()
GRANT: Final = {"role", "member"}
KNOWN: Final = {
    "google_project": {"project_id"},
    "google_project_service": {"project", "service", "disable_on_destroy"},
    "google_project_service_identity": {"provider", "project", "service"},
    "google_storage_bucket": {
        "project",
        "name",
        "location",
        "uniform_bucket_level_access",
        "public_access_prevention",
        "lifecycle_rule",
        "soft_delete_policy",
    },
    "google_service_account": {"project", "account_id", "display_name"},
    "google_project_iam_member": {"project"} | GRANT,
    "google_storage_bucket_iam_member": {"bucket", "depends_on"} | GRANT,
}
ATTRIBUTES: Final = {
    "google_project": {"number"},
    "google_project_service": {"service"},
    "google_storage_bucket": {"name"},
    "google_service_account": {"email", "member"},
}
AGENT: Final = "agent"
WORKER: Final = "worker"


RESOURCES = blocks(MODULE, "resource")
VARIABLES = blocks(MODULE, "variable")
TEXT = "\n".join(expressions([RESOURCES, blocks(MODULE, "data"), VARIABLES, blocks(MODULE, "output")]))


@pytest.mark.parametrize("label", [*RESOURCES, *blocks(MODULE, "data")])
def test_every_argument_is_one_of_the_provider(label: str) -> None:
    body = {**RESOURCES, **blocks(MODULE, "data")}[label]
    assert set(body) <= KNOWN[label.partition(".")[0]]


def test_every_reference_leads_somewhere() -> None:
    assert set(re.findall(r"\bvar\.(\w+)", TEXT)) == set(VARIABLES)  # and every variable is used
    for kind, name, attribute in re.findall(r"(?<!/)\b(google_\w+)\.(\w+)(?:\.(\w+))?", TEXT):
        assert f"{kind}.{name}" in {*RESOURCES, *blocks(MODULE, "data")}
        assert not attribute or attribute in ATTRIBUTES[kind]
    providers = {body.get("provider", "google") for body in RESOURCES.values()}
    assert providers == set(blocks(MODULE, "terraform")["required_providers"][0])


def test_variables_have_types_descriptions_and_defaults_but_for_names() -> None:
    assert all({"type", "description"} <= set(body) for body in VARIABLES.values())
    assert [name for name, body in VARIABLES.items() if "default" not in body] == [
        "project_id",
        "bucket_name",
    ]
    assert set(VARIABLES["locations"]["default"]) <= set(TABLE)
    default = WorkerSettings.model_fields["google_locations"].default
    assert ",".join(VARIABLES["locations"]["default"]) == default


def test_the_bucket_is_closed_and_emptied_where_the_engine_works() -> None:
    """F26, F39: what the doctor asks of a bucket."""
    bucket = RESOURCES["google_storage_bucket.work"]
    assert (bucket["uniform_bucket_level_access"], bucket["public_access_prevention"]) == (True, "enforced")
    rules = bucket["lifecycle_rule"]
    assert [rule["action"] for rule in rules] == [[{"type": "Delete"}]] * 2
    work, uploads = [rule["condition"][0] for rule in rules]
    assert work == {
        "matches_prefix": [f"{folder}/" for folder in FOLDERS],
        "age": "${var.delete_after_days}",
    }
    assert uploads == {"matches_prefix": ["${var.recordings_prefix}uploads/"], "age": 8}
    assert bucket["soft_delete_policy"] == [{"retention_duration_seconds": 0}]


def grants() -> set[tuple[str, str]]:
    """Role and who has it; nobody else is given anything."""
    found = set()
    for label, body in RESOURCES.items():
        if "iam" in label:
            agent = re.fullmatch(
                r"serviceAccount:service-\S+@gcp-sa-speech\.iam\.gserviceaccount\.com", body["member"]
            )
            assert agent or body["member"] == "${google_service_account.worker.member}"
            found.add((body["role"], AGENT if agent else WORKER))
    return found


def test_grants_are_the_ones_that_are_needed_and_no_more() -> None:
    assert grants() == {
        ("roles/speech.editor", WORKER),
        ("roles/storage.objectUser", WORKER),
        ("roles/storage.legacyBucketReader", WORKER),
        ("roles/storage.objectUser", AGENT),
    }
    assert not [label for label in RESOURCES if "key" in label.partition(".")[0]]  # it would lie in the state


def test_outputs_are_settings_that_there_are() -> None:
    assert set(blocks(MODULE, "output")["settings"]["value"]) <= known_settings()


def test_the_guide_makes_by_hand_what_the_module_makes() -> None:
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))
    assert set(re.findall(r"--role=(\S+)", commands)) == {role for role, _ in grants()}
    for flag in ("--uniform-bucket-level-access", "--public-access-prevention", "--soft-delete-duration=0"):
        assert flag in commands
    assert "services enable speech.googleapis.com" in commands
    assert "services identity create --service=speech.googleapis.com" in commands
    assert all(f'"{folder}/"' in GUIDE for folder in FOLDERS)
    assert all(f"`{name}`" in GUIDE for name in VARIABLES)
