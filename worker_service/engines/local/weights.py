"""The weights that the local engine may load by name, with the SHA-256 of every file; standard library only."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.errors import EngineMisconfiguredError

_BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Weights:
    """A set of files in a folder of the models directory; `sha256` maps each file's name to its hash."""

    folder: str
    sha256: Mapping[str, str]
    install: str  # the command that puts it there

    def at(self, models_dir: Path) -> Path:
        """The folder of these weights."""
        return models_dir / self.folder


_INSTALL: Final = "python -m deploy.local.models"

# Equal to Systran/faster-whisper-base on the hub, byte for byte.
BASE: Final = Weights(
    folder="whisper-base",
    sha256={
        "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
    install=_INSTALL,
)

TINY_EN: Final = Weights(
    folder="whisper-tiny.en",
    sha256={
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
    install=f"{_INSTALL} --with tiny",
)

VOICES: Final = Weights(
    folder="voices",
    sha256={"pretrained.pt": "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"},
    install=_INSTALL,
)

BUNDLED: Final[Mapping[str, Weights]] = {"base": BASE, "tiny.en": TINY_EN}


def verify(weights: Weights, models_dir: Path) -> Path:
    """Hash every file of the weights and return their folder; a quarter of a second for `base`.

    Raises EngineMisconfiguredError where a file is missing or is not the pinned one, naming the command that
    puts it right.
    """
    folder = weights.at(models_dir)
    for name, expected in weights.sha256.items():
        path = folder / name
        try:
            found = sha256(path)
        except OSError as error:
            raise EngineMisconfiguredError(
                f"The speech model file {path} cannot be read ({error.strerror}). Run `{weights.install}` on "
                "the worker's machine, or point TRANSCRIPTS_MODELS_DIR to the folder that has it."
            ) from None
        if found != expected:
            raise EngineMisconfiguredError(
                f"The speech model file {path} is not the one that was pinned, so it was not loaded: its "
                f"SHA-256 begins with {found[:12]}, not with {expected[:12]}. Delete {folder}, then run "
                f"`{weights.install}`."
            )
    return folder


def is_folder(model: str) -> bool:
    """Whether a model's setting is a path: absolute, relative with a dot, or an existing folder."""
    return model.startswith((".", "/", "~")) or Path(model).is_dir()


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hex, read in blocks so that memory stays flat."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
