"""Tests of reading tensors without torch: what is right is read, what could run is refused."""

import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from worker_service.engines.local.torch_file import read_tensors

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class Global:
    """Pickles as a reference to a name of a module that need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


_Pickler: Any = vars(pickle)["_Pickler"]  # the one in Python: only it can be told to write a name unseen


class Writer(_Pickler):  # type: ignore[misc]
    """Writes what torch.save wrote before version 1.6: a persistent id for each block of numbers."""

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, tuple) and value[:1] == ("block",):
            return ("storage", Global("torch", value[1]), value[2], "cpu", value[3], None)
        return None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, dict) and "rebuild" in obj:
            self.save(Global("torch._utils", "_rebuild_tensor_v2"))
            self.save(obj["rebuild"])
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def dump(value: Any) -> bytes:
    target = io.BytesIO()
    Writer(target, 2).dump(value)
    return target.getvalue()


def write(path: Path, content: Any, blocks: dict[str, np.ndarray[Any, Any]]) -> Path:
    parts = [dump(MAGIC), dump(VERSION), dump({"little_endian": True}), dump(content), dump(list(blocks))]
    parts += [struct.pack("<q", block.size) + block.tobytes() for block in blocks.values()]
    path.write_bytes(b"".join(parts))
    return path


def tensor(
    kind: str, key: str, count: int, offset: int, shape: tuple[int, ...], step: tuple[int, ...]
) -> Any:
    return {"rebuild": (("block", kind, key, count), offset, shape, step, False, None)}


def test_tensors_are_read_with_their_offsets_shapes_and_strides(tmp_path: Path) -> None:
    numbers = np.arange(12, dtype="<f4")
    content = {
        "other": {"unused": tensor("LongStorage", "0", 2, 0, (2,), (1,))},
        "state": {
            "rows": tensor("FloatStorage", "1", 12, 0, (2, 3), (3, 1)),
            "turned": tensor("FloatStorage", "1", 12, 6, (3, 2), (1, 3)),
            "step": 7,
        },
    }
    blocks = {"0": np.array([1, 2], "<i8"), "1": numbers}
    found = read_tensors(write(tmp_path / "w.pt", content, blocks), "state")
    assert set(found) == {"rows", "turned"}
    assert found["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["turned"].tolist() == [[6, 9], [7, 10], [8, 11]]


@pytest.mark.parametrize(
    "content", [{"state": Global("os", "system")}, {"state": Global("builtins", "eval")}]
)
def test_a_file_that_names_anything_else_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="may not name"):
        read_tensors(write(tmp_path / "w.pt", content, {}), "state")


def test_code_hidden_in_the_first_pickle_does_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "w.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(pickle.UnpicklingError, match="may not name"):
        read_tensors(tmp_path / "w.pt", "state")
    assert not (tmp_path / "ran").exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(pickle.dumps(1))
    with pytest.raises(pickle.UnpicklingError, match="not of the format"):
        read_tensors(tmp_path / "w.pt", "state")
