"""Become another program that ends when its parent does: `python bound.py '{json}' program [argument...]`.

A script of its own rather than `preexec_fn`: Python code between fork and exec may deadlock in a process with
threads. It costs some 15 ms a start and imports only the standard library.

The JSON object: `parent` (pid), `signal` (sent when the parent dies), and optionally `uid`, `gid`, `folder`. With
`folder`, every `{folder}` in the arguments becomes a path to it that works even where the new user may not walk
there, such as below root's closed home (Linux).
"""

import ctypes
import json
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(order: dict[str, int | str], command: list[str]) -> None:
    """Apply the order to this process and turn it into the command; returns only by raising."""
    folder = order.get("folder")
    if folder is not None:
        command = [word.replace("{folder}", _path_for_anyone(str(folder))) for word in command]
    if "uid" in order:
        os.chdir("/")  # the present folder may be closed to that user
        os.setgroups([])
        os.setgid(int(order["gid"]))
        os.setuid(int(order["uid"]))
    if sys.platform == "linux":
        # After setuid, which clears it. What exec starts keeps it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(order["signal"]))
    if os.getppid() != order["parent"]:  # it died before the kernel knew that we care
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)


def _path_for_anyone(folder: str) -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return folder
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(descriptor, True)
    return f"/proc/self/fd/{descriptor}"


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
