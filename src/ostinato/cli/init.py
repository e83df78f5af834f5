"""``ostinato init``."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console

from ostinato.core import files
from ostinato.core.errors import StorageError
from ostinato.data.opening import bare_name
from ostinato.training.proposal import propose
from ostinato.training.proposal_text import render
from ostinato.training.recipe_files import parse_recipe, validate
from ostinato.training.survey import survey

_HOW = " with --output FILE"


def init_command(
    data: Path,
    output: Path | None,
    *,
    task: str | None,
    column: str | None,
    target: str | None,
    force: bool,
) -> None:
    """Write the recipe that suits a file or folder."""
    path = output or Path(f"{_stem(data)}.yaml")
    # What is in the way is said before the work.
    if not force:
        _refuse_taken(path)
    proposal = propose(survey(data, task), task, column, target)
    text = render(proposal)
    validate(parse_recipe(text, str(path)), str(path))
    _write(path, text, force=force)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(text, end="")
    for note in proposal.notes:
        console.print(f"note: {note}")
    name = shlex.quote(str(path))
    console.print(
        f"\nwritten to {path}; look at what it does with: ostinato check {name}\n"
        f"learn with: ostinato train {name}"
    )


def _stem(data: Path) -> str:
    """Return a name without suffixes; that of the folder for ``.``."""
    data = data.absolute() if data.name in ("", "..") else data
    name = data.name if data.is_dir() else bare_name(data)
    return Path(name.partition("#")[0]).stem or "data"


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise StorageError(
            f"{path} exists already\nmend: --force to replace it, or --output FILE for another name"
        )


def _write(path: Path, text: str, *, force: bool) -> None:
    with files.writing(path, how=_HOW):
        if force:
            files.replace_file(path, text.encode())
            return
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            _refuse_taken(path)
