"""The guides to platforms: what their commands name is what the files make."""

import re
from pathlib import Path

import pytest
import yaml

from shared.settings import known_settings
from shared.settings.names import BESIDE
from tests.fixtures.repository import ROOT, name

GUIDES = [ROOT / "docs" / "deployment.md", *sorted((ROOT / "docs" / "deploy").glob("*.md"))]
KUBERNETES = (ROOT / "docs" / "deploy" / "kubernetes.md").read_text()
CLOUD_RUN = (ROOT / "docs" / "deploy" / "cloud-run.md").read_text()


def manifests() -> set[tuple[str, str]]:
    """Kind, in small letters, and name of everything in the folder."""
    documents = [
        each
        for path in (ROOT / "deploy" / "kubernetes").rglob("*.yaml")
        for each in yaml.safe_load_all(path.read_text())
    ]
    return {(each["kind"].lower(), each["metadata"]["name"]) for each in documents if "metadata" in each}


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_files_that_are_named_are_there(guide: Path) -> None:
    named = re.findall(
        r"(?<![\w./-])(?:deploy|requirements)/[\w./-]*\w", re.sub(r"\]\([^)]*\)", "", guide.read_text())
    )
    for path in named:
        assert (ROOT / path).exists() or (ROOT / "docs" / f"{path}.md").exists(), path


@pytest.mark.parametrize("guide", GUIDES, ids=name)
def test_settings_that_are_named_are_settings(guide: Path) -> None:
    """F37."""
    named = set(re.findall(r"\bTRANSCRIPTS_[A-Z_]+[A-Z]\b", guide.read_text()))
    assert named <= known_settings() | BESIDE


def test_kubectl_is_told_of_what_the_manifests_make() -> None:
    named = set(re.findall(r"\b(deployment|job)/([\w-]+)", KUBERNETES))
    named |= {("job", job) for job in re.findall(r"delete job (\S+)", KUBERNETES)}
    assert named
    assert named <= manifests()
    assert set(re.findall(r"-n (\S+)", KUBERNETES)) == {"transcripts"}
    wanted = set()
    for path in (ROOT / "deploy" / "kubernetes").rglob("*.yaml"):
        wanted |= set(re.findall(r"secretKeyRef:\s+name: (\S+)", path.read_text()))
        wanted |= set(re.findall(r"secretTargetRef:\s+- parameter: \S+\s+name: (\S+)", path.read_text()))
    assert set(re.findall(r"secret generic (\S+)", KUBERNETES)) == wanted


def test_gcloud_and_terraform_are_told_of_what_the_module_has() -> None:
    main = (ROOT / "deploy" / "terraform" / "cloudrun" / "main.tf").read_text()
    variables = (ROOT / "deploy" / "terraform" / "cloudrun" / "variables.tf").read_text()
    for job in re.findall(r"jobs execute (\S+)", CLOUD_RUN):
        assert f'"{job}"' in main
    for kind, label in re.findall(r"-target=(\w+)\.(\w+)", CLOUD_RUN):
        assert f'resource "{kind}" "{label}"' in main
    (given,) = re.findall(r"```hcl\n(.*?)```", CLOUD_RUN, re.DOTALL)
    described = re.findall(r'variable "(\w+)" \{(.*?)\n\}', variables, re.DOTALL)
    for label in (label for label, body in described if "default" not in body):
        assert re.search(rf"^ *{label}\s+=", given, re.MULTILINE), f"{label} has to be given"
    stored = dict(re.findall(r'^\s+([A-Z_]+)\s+= "(transcripts-\S+)"', variables, re.MULTILINE))
    assert set(re.findall(r"gcloud secrets create (\S+)", CLOUD_RUN)) == set(stored.values())
