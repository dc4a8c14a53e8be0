"""Whose sessions they are."""

from typing import Final

DEFAULT_TENANT: Final = "default"
"""The tenant of those who need no key, and of keys that name no other."""
