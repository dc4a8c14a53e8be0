"""Reads the tensors of a file that torch.save wrote, without torch and without running what is in it."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_MAGIC: Final = 0x1950A86A20F9469CFC6C  # of the format before torch 1.6: pickles, then the raw numbers
_VERSION: Final = 1001
_DTYPES: Final[Mapping[str, str]] = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "LongStorage": "<i8", "IntStorage": "<i4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Storage:
    """A block of numbers that follows the pickles."""

    key: str
    dtype: str


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a block."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, numbers: NDArray[Any]) -> Array:
        strides = tuple(step * numbers.itemsize for step in self.strides)
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides, writeable=False)
        return np.ascontiguousarray(view, dtype=np.float32)


def read_tensors(path: Path, section: str) -> dict[str, Array]:
    """The tensors of the dictionary under `section`, by name.

    Raises pickle.UnpicklingError for a file of another format, or one that names anything but tensors.
    """
    with path.open("rb") as file:
        if _plain(file) != _MAGIC or _plain(file) != _VERSION:
            raise pickle.UnpicklingError(f"{path.name} is not of the format that is read here")
        _plain(file)  # the machine that wrote it
        unpickler = _Unpickler(file)
        tensors = unpickler.load()[section]
        numbers = dict(_blocks(file, keys=_plain(file), dtypes=unpickler.dtypes))
    return {n: t.read(numbers[t.storage.key]) for n, t in tensors.items() if isinstance(t, _Tensor)}


def _blocks(
    file: IO[bytes], keys: list[str], dtypes: Mapping[str, str]
) -> Iterator[tuple[str, NDArray[Any]]]:
    for key in keys:
        count = int.from_bytes(file.read(8), "little", signed=True)
        dtype = np.dtype(dtypes[key])
        yield key, np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _rebuild(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """Knows the few names that a dictionary of tensors needs; any other is refused, so nothing can run."""

    _NAMES: Final[Mapping[tuple[str, str], Callable[..., Any]]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    }

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.dtypes: dict[str, str] = {}  # of each block that was named, by its key

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return name
        try:
            return self._NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a file of weights may not name {module}.{name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        _, name, key, *_ = pid
        self.dtypes[str(key)] = _DTYPES[name]
        return _Storage(str(key), _DTYPES[name])


class _Plain(pickle.Unpickler):
    """Numbers, strings, lists and dictionaries only."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a file of weights may not name {module}.{name}")


def _plain(file: IO[bytes]) -> Any:
    return _Plain(file).load()
