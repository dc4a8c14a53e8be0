"""How many voices are in a set of voice vectors, and where each lies; numpy only, always the same answer."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from worker_service.engines.local.dvector import unit
from worker_service.engines.local.torch_file import Array

# How much nearer a voice is to itself than to the other: the cosine between the two halves (in time) of a group,
# less the cosine between the centres of two groups. Forced apart, one voice stays under 0.055; two voices reach
# 0.1 and more, and one voice at two microphones 0.06 to 0.12 (docs/decisions/0003-diarizer.md).
SEPARATE: Final = 0.075
_CLEAR: Final = 0.1
_NEARLY: Final = 0.05
_SMALLEST_SHARE: Final = 0.02  # of all windows: less is a cough or a door, not a voice
_SMALLEST: Final = 6  # windows: fewer overlap each other so much that they are always alike
_SAMPLE: Final = 600  # windows that the first grouping looks at; its cost is their square
_ROUNDS: Final = 30
_STARTS: Final = 12


@dataclass(frozen=True, slots=True)
class Grouping:
    """The centres (k, 256) of the voices that were found, and whether their number is beyond doubt."""

    centres: Array
    sure: bool


def group(vectors: Array, most: int) -> Grouping:
    """Up to `most` voices in unit vectors (n, 256) in order of time, n > 0; one voice is never divided."""
    sure = True
    for count in range(min(most, len(vectors) // _SMALLEST), 1, -1):
        centres, labels = _divide(vectors, count)
        smallest = np.bincount(labels, minlength=count).min()
        if smallest < max(_SMALLEST, _SMALLEST_SHARE * len(vectors)):
            continue
        margin = separation(vectors, labels, centres)
        if margin >= SEPARATE:
            return Grouping(centres, sure and margin >= _CLEAR)
        sure = sure and margin < _NEARLY
    return Grouping(unit(vectors.mean(axis=0, keepdims=True)), sure)


def separation(vectors: Array, labels: NDArray[np.intp], centres: Array) -> float:
    """The least margin, over all pairs of groups, by which a group is more like itself than like the other."""
    itself = np.array([_steadiness(vectors[labels == n]) for n in range(len(centres))])
    margins = np.minimum(itself[:, None], itself[None, :]) - centres @ centres.T
    np.fill_diagonal(margins, np.inf)
    return float(margins.min())


def _steadiness(members: Array) -> float:
    """The cosine between the first half of a group and the second."""
    middle = len(members) // 2
    halves = unit(np.stack([members[:middle].mean(axis=0), members[middle:].mean(axis=0)]))
    return float(halves[0] @ halves[1])


def _divide(vectors: Array, count: int) -> tuple[Array, NDArray[np.intp]]:
    """Spherical k-means from several starts; the tightest result wins."""
    sample = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), _SAMPLE)).astype(int)]
    chance = np.random.default_rng(0)
    starts = [_linked(sample, count)]
    starts += [sample[chance.choice(len(sample), count, replace=False)] for _ in range(_STARTS)]
    best = max(
        (_refine(vectors, start) for start in starts), key=lambda centres: _tightness(vectors, centres)
    )
    return best, np.argmax(vectors @ best.T, axis=1)


def _tightness(vectors: Array, centres: Array) -> float:
    return float((vectors @ centres.T).max(axis=1).sum())


def _refine(vectors: Array, centres: Array) -> Array:
    """The centres to which k-means moves from these."""
    labels = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        found = np.argmax(vectors @ centres.T, axis=1)
        if np.array_equal(found, labels):
            break
        labels = found
        sums = np.stack([vectors[labels == n].sum(axis=0) for n in range(len(centres))])
        empty = np.bincount(labels, minlength=len(centres)) == 0
        sums[empty] = centres[empty]
        centres = unit(sums)
    return centres


def _linked(sample: Array, count: int) -> Array:
    """The centres of the `count` largest groups that average linkage leaves."""
    groups = [[n] for n in range(len(sample))]
    sizes = np.ones(len(sample))
    likeness = (sample @ sample.T).astype(np.float64)
    np.fill_diagonal(likeness, -np.inf)
    for _ in range(len(sample) - count):
        left, right = divmod(int(np.argmax(likeness)), len(sample))
        merged = likeness[left] * sizes[left] + likeness[right] * sizes[right]
        sizes[left] += sizes[right]
        likeness[left] = likeness[:, left] = merged / sizes[left]
        likeness[left, left] = -np.inf
        likeness[right] = likeness[:, right] = -np.inf
        groups[left] += groups[right]
        groups[right] = []
    largest = sorted(groups, key=len, reverse=True)[:count]
    return unit(np.stack([sample[members].mean(axis=0) for members in largest]))
