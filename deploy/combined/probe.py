"""`python -m deploy.combined.probe`: whether the API of this container is ready and its worker alive."""

import sys

import api_service.probe
import worker_service.probe


def main() -> int:
    """Ask both, and let both say what they see; 0 where both are well."""
    return api_service.probe.main() | worker_service.probe.main()


if __name__ == "__main__":
    sys.exit(main())
