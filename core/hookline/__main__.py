"""The ``hookline`` command, also as ``python -m hookline``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from hookline.cli.app import main as run_command_line

    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
