"""Secrets at rest."""

import pytest
from pydantic import SecretStr

from shared.pepper import Pepper, SealedError

OLD, NEW = "o" * 32, "n" * 32


def test_what_is_sealed_is_opened_and_cannot_be_read() -> None:
    sealed = Pepper([NEW]).seal(b"whsec_hunter2")
    assert b"hunter2" not in sealed
    assert Pepper([NEW]).seal(b"whsec_hunter2") != sealed
    assert Pepper([NEW]).open(sealed) == b"whsec_hunter2"


def test_an_older_pepper_still_opens_and_a_missing_one_is_told() -> None:
    sealed = Pepper([OLD]).seal(b"x")
    both = Pepper.of(SecretStr(f"{NEW},{OLD}"))
    assert both is not None
    assert both.open(sealed) == b"x"
    for pepper in (Pepper([NEW]), both):
        with pytest.raises(SealedError, match="TRANSCRIPTS_PEPPER"):
            pepper.open(sealed[:-4] + b"AAA=" if pepper is both else sealed)


def test_hashes_differ_by_pepper_and_the_newest_is_first() -> None:
    both = Pepper([NEW, OLD]).hashes("ctk_x")
    assert both == [*Pepper([NEW]).hashes("ctk_x"), *Pepper([OLD]).hashes("ctk_x")]
    assert len({*both, *Pepper([NEW]).hashes("ctk_y")}) == 3


def test_no_pepper_is_none() -> None:
    assert Pepper.of(None) is None
