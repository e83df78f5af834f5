"""The command line: ``ostinato train``, ``generate``, ``cells``, ``explain``."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code.

    Args:
        arguments: default those of the process.
    """
    try:
        from ostinato.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "ostinato":
            raise
        print(
            f"error: the commands need {error.name}, which the plain install leaves out\n"
            "mend: pip install 'ostinato[train]'",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
