"""The command line: ``ostinato train``, ``generate``, ``cells``, ``explain``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType


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
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--debug" not in arguments:
        sys.excepthook = _show_unexpected
    sys.exit(run(arguments))


def _show_unexpected(
    kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    """Say what went wrong where nobody foresaw it; the stack trace is for those who ask for it."""
    print(
        f"error: {kind.__name__}: {error}\n"
        "mend: this was not foreseen; please report what --debug adds to the same command",
        file=sys.stderr,
    )
