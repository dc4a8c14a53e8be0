"""`transcripts`, or `python -m client`."""

import sys


def main() -> None:
    """Run the command; ends the process with its exit code."""
    try:
        from client.command.app import build  # noqa: PLC0415  (to tell of a missing extra in words)
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(f"The command needs {error.name}: pip install 'coaching-transcripts[client]'")
    build(rich=sys.stdout.isatty())(prog_name="transcripts")


if __name__ == "__main__":
    main()
