"""The colours of the roles, dark enough to be read as text on white; every format says the role in words too."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.transcript import Role

INK: Final[Mapping[Role, str]] = MappingProxyType(
    {Role.COACH: "1F4E79", Role.CLIENT: "7A4A00", Role.UNKNOWN: "595959"}
)
"""For names, as RRGGBB."""

TINT: Final[Mapping[Role, str]] = MappingProxyType(
    {Role.COACH: "DDEBF7", Role.CLIENT: "FFF2CC", Role.UNKNOWN: "F2F2F2"}
)
"""For the rows of a table, as RRGGBB."""

QUIET: Final = "767676"
"""For times and facts, as RRGGBB."""
