"""The `directflow` command: `python -m directflow_cli` and the entry point of the distribution."""

import sys

from directflow_cli.app import build


def main() -> None:
    """Parses the command line, runs the command, and ends the process with its exit code."""
    build(sys.argv[1:])()


if __name__ == "__main__":
    main()
