"""How a setting is declared: the environment variable that it is read from."""

from typing import Any, Final

from pydantic import AliasChoices, Field

PREFIX: Final = "TRANSCRIPTS_"


def plain(name: str, **kwargs: Any) -> Any:
    """A field read from the environment variable `name`, as platforms and the older guide spell it."""
    return Field(validation_alias=AliasChoices(name), **kwargs)


def ours(name: str, **kwargs: Any) -> Any:
    """A field read from `TRANSCRIPTS_<name>`."""
    return plain(PREFIX + name, **kwargs)
