"""`python -m deploy.combined`: serves the API and runs a worker until told to stop, or until one of them ends."""

import argparse
import sys

from deploy.combined.supervisor import Supervisor
from shared.errors import SetupError
from shared.observation.logs import configure
from shared.settings import CoreSettings

_EPILOG = """\
Both read the settings that they read by themselves. SIGTERM and Ctrl-C stop both, within 10 s. Where one of them ends,
the other is stopped too and the exit code is not 0, so that the platform starts both anew.
"""


def main() -> int:
    """Look at the settings, run both; returns the exit code."""
    argparse.ArgumentParser(
        prog="python -m deploy.combined",
        description="The API and a worker in one container.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = CoreSettings.load()
    except SetupError as error:
        print(error.detail, file=sys.stderr)  # noqa: T201
        return 2
    configure(settings.log_level, settings.log_format, "combined")
    return Supervisor(
        {
            "api": (sys.executable, "-m", "api_service"),
            "worker": (sys.executable, "-m", "worker_service"),
        }
    ).run()


if __name__ == "__main__":
    sys.exit(main())
