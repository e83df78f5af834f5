"""The command line: ``ostinato train``, ``generate``, ``cells``, ``explain``, ``bench``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import TracebackType


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code.

    Args:
        arguments: default those of the process.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--debug" not in arguments:
        sys.excepthook = _show_unexpected
    try:
        from ostinato.cli.app import run

        code = run(arguments)
    except ModuleNotFoundError as error:
        if "--debug" in arguments or (error.name or "").split(".")[0] == "ostinato":
            raise
        from ostinato.core.errors import MissingExtraError

        missing = MissingExtraError(f"this command ({error.name})", "train")
        print(f"error: {missing}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        # Before a command has begun there is nothing to say.
        code = 128 + signal.SIGINT
    sys.exit(code)


def _show_unexpected(
    kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    """Say what went wrong where nobody foresaw it; the stack trace is for those who ask for it."""
    print(
        f"error: {kind.__name__}: {error}\n"
        "mend: this was not foreseen; please report what --debug adds to the same command",
        file=sys.stderr,
    )
