"""A supervisor in a process of its own, over programs given as Python: `supervised.py GRACE_S NAME=CODE ...`."""

import sys

from deploy.combined.supervisor import Supervisor
from shared.observation.logs import configure

if __name__ == "__main__":
    configure("INFO", "json", "combined")
    given = (argument.split("=", 1) for argument in sys.argv[2:])
    programs = {name: (sys.executable, "-c", code) for name, code in given}
    sys.exit(Supervisor(programs, grace_s=float(sys.argv[1])).run())
