"""``ostinato generate``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from ostinato.cli.screen import printable


def generate_command(
    run: Path,
    prompt: str | None,
    *,
    length: int,
    temperature: float,
    top_p: float,
    seed: int | None,
    checkpoint: Literal["best", "last"],
) -> None:
    """Print the prompt and what the model writes after it, as it comes."""
    from ostinato.training.generate import generate
    from ostinato.training.session import load_trained

    trained = load_trained(run, checkpoint)
    pieces = generate(
        trained.model,
        trained.vocabulary,
        trained.start if prompt is None else _as_utf8(prompt),
        length=length,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        document_end=trained.document_end,
    )
    if prompt is None and trained.start == "\n":
        next(pieces)
    for piece in pieces:
        sys.stdout.write(printable(piece) if sys.stdout.isatty() else piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


def _as_utf8(argument: str) -> str:
    """Read an argument as UTF-8 where the locale, such as C, left its bytes as escapes."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument
