"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """The version of this distribution; `unknown` where the code runs without being installed."""
    try:
        return version("coaching-transcripts")
    except PackageNotFoundError:
        return "unknown"
