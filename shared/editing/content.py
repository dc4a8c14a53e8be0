"""What edits change: the segments and speakers of a transcript, and how two such contents differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from shared.transcript import Segment, Speaker


@dataclass(frozen=True, slots=True)
class Content:
    """What is said and by whom; `job_id` is the job that heard it, None where it was imported."""

    segments: tuple[Segment, ...]
    speakers: tuple[Speaker, ...] = ()
    job_id: UUID | None = None

    def with_segments(self, segments: Sequence[Segment]) -> "Content":
        """The same with other segments, counted anew."""
        return replace(self, segments=numbered(segments))


@dataclass(frozen=True, slots=True)
class Splice:
    """At segment `at`, the segments `removed` made way for those in `inserted`."""

    at: int
    removed: tuple[Segment, ...]
    inserted: tuple[Segment, ...]

    @property
    def shift(self) -> int:
        """By how much the segments after it are counted anew."""
        return len(self.inserted) - len(self.removed)


@dataclass(frozen=True, slots=True)
class Patch:
    """The difference between two contents, in full: it leads from the one to the other and back.

    Splices stand in order, and `at` counts in the content before; speakers and job are None where they stayed.
    """

    splices: tuple[Splice, ...] = ()
    speakers: tuple[tuple[Speaker, ...], tuple[Speaker, ...]] | None = None
    jobs: tuple[UUID | None, UUID | None] | None = None

    def __bool__(self) -> bool:
        return bool(self.splices or self.speakers or self.jobs)

    def inverted(self) -> "Patch":
        """The patch that leads back."""
        moved, splices = 0, []
        for splice in self.splices:
            splices.append(Splice(splice.at + moved, splice.inserted, splice.removed))
            moved += splice.shift
        return Patch(
            tuple(splices),
            self.speakers and (self.speakers[1], self.speakers[0]),
            self.jobs and (self.jobs[1], self.jobs[0]),
        )

    def applied(self, content: Content) -> Content:
        """The content after the patch; ValueError where the content is not the one that it was made of."""
        segments: list[Segment] = []
        read = 0
        for splice in self.splices:
            until = splice.at + len(splice.removed)
            if not _same(content.segments[splice.at : until], splice.removed):
                raise ValueError("the patch belongs to another content")
            segments += content.segments[read : splice.at]
            segments += splice.inserted
            read = until
        segments += content.segments[read:]
        return Content(
            numbered(segments),
            self.speakers[1] if self.speakers else content.speakers,
            self.jobs[1] if self.jobs else content.job_id,
        )


def difference(before: Content, after: Content) -> Patch:
    """The patch that leads from `before` to `after`; numbers and versions of segments are no difference."""
    return Patch(
        tuple(_splices(before.segments, after.segments)),
        (before.speakers, after.speakers) if before.speakers != after.speakers else None,
        (before.job_id, after.job_id) if before.job_id != after.job_id else None,
    )


def numbered(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments counted from 0."""
    return tuple(s if s.n == n else replace(s, n=n) for n, s in enumerate(segments))


def _splices(before: Sequence[Segment], after: Sequence[Segment]) -> Iterator[Splice]:
    first = 0
    while first < min(len(before), len(after)) and _same(before[first : first + 1], after[first : first + 1]):
        first += 1
    left, right = len(before), len(after)
    while min(left, right) > first and _same(before[left - 1 : left], after[right - 1 : right]):
        left, right = left - 1, right - 1
    if left != right:  # segments came or went: one splice from the first difference to the last
        yield Splice(first, tuple(before[first:left]), tuple(after[first:right]))
        return
    begin: int | None = None
    for n in range(first, left + 1):
        differs = n < left and not _same(before[n : n + 1], after[n : n + 1])
        if differs and begin is None:
            begin = n
        elif not differs and begin is not None:
            yield Splice(begin, tuple(before[begin:n]), tuple(after[begin:n]))
            begin = None


def _same(left: Sequence[Segment], right: Sequence[Segment]) -> bool:
    return len(left) == len(right) and all(
        a is b or a == replace(b, n=a.n, version=a.version) for a, b in zip(left, right, strict=True)
    )
