"""The form of keys."""

import re

from hypothesis import given
from hypothesis import strategies as st

from api_service.access.tokens import SHOWN, is_token, new_token


def test_a_key_is_known_by_its_form_and_no_two_are_alike() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"ctk_[0-9A-Za-z]{38}", token) and is_token(token) for token in tokens)
    assert len({token[:SHOWN] for token in tokens}) > 900  # what is shown tells most apart


@given(st.integers(4, 41), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_typing_error_is_found_without_a_database(place: int, typed: str) -> None:
    token = new_token()
    mistyped = token[:place] + typed + token[place + 1 :]
    assert is_token(mistyped) == (mistyped == token)


@given(st.text())
def test_other_text_is_no_key(text: str) -> None:
    assert not is_token(text)
    assert not is_token(new_token() + text + " ")
