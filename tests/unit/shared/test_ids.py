"""UUIDv7: the version, the variant, and the order in time."""

import time
from uuid import RFC_4122

from shared.ids import derived_id, new_id


def test_ids_are_version_7_and_carry_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_of_later_milliseconds_sort_later() -> None:
    first = new_id()
    while time.time_ns() // 1_000_000 == first.int >> 80:
        pass
    assert first < new_id()


def test_ids_do_not_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_derived_ids_are_versions_7_of_the_root_s_time_and_differ_by_noun_and_root() -> None:
    root, other = new_id(), new_id()
    made = derived_id(root, "job")
    assert made == derived_id(root, "job")
    assert len({made, derived_id(root, "session"), derived_id(other, "job"), root}) == 4
    assert made.version == 7
    assert made.int >> 80 == root.int >> 80
