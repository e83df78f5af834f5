"""``ostinato suggest``: what is begun is completed, line by line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.cli.conversation import rows_of_lines
from ostinato.cli.predict_suggestions import question, rows_to_complete
from ostinato.cli.predict_texts import show_notes
from ostinato.cli.screen import printable

if TYPE_CHECKING:
    from ostinato.data.rows import Malformed, Row
    from ostinato.training.run_files import Which


def suggest_command(
    run: Path, source: str | None, changes: Sequence[str], *, checkpoint: Which
) -> None:
    """Print suggestions for each line before the next is read.

    On a terminal each has a line of its own; elsewhere those of a line are a line, with tabs
    between them, so that line i answers line i.

    Args:
        run: the run folder.
        source: a path, ``-`` or None for standard input, or a beginning. In a line the query before
            and a tab may stand in front of what is begun.
        changes: ``data.key=value``, where a file is in another form, and ``decoding.key=value``.
        checkpoint: which weights.
    """
    from ostinato.data.pipeline import PartCounts
    from ostinato.training.suggester import load_suggester
    from ostinato.training.trained_writer import split_changes

    of_file, of_decoding = split_changes(changes)
    suggester = load_suggester(run, checkpoint, of_decoding)
    column = suggester.trained.pipeline.options.target
    assert column is not None

    def listed(source: str) -> tuple[list[Row], Malformed]:
        return rows_to_complete(suggester, source, of_file)

    rows, malformed = rows_of_lines(source, column, listed, is_changed=bool(of_file))
    counts = PartCounts()
    for row in rows:
        (found,) = suggester.suggest_all([question(suggester, row)], counts=counts)
        _say([each.text for each in found])
    show_notes(counts, malformed)


def _say(texts: Sequence[str]) -> None:
    if sys.stdout.isatty():
        sys.stdout.write("".join(f"  {printable(text)}\n" for text in texts))
    else:
        # A suggestion is a part of a line.
        sys.stdout.write("\t".join(" ".join(text.split("\t")) for text in texts) + "\n")
    sys.stdout.flush()
