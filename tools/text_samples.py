"""Show what a run writes: `python tools/text_samples.py RUN`, as a table for a document.

The samples are unedited, and drawn by a seed from a part of the run's data.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from ostinato.core.errors import OstinatoError
from ostinato.training.evaluation import read_part
from ostinato.training.trained_writer import load_writer
from ostinato.training.writing_evaluation import in_words
from ostinato.training.writing_naive import naive_writings


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--num", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    trained = load_writer(given.run)
    read = read_part(trained.path, trained.recipe, trained.pipeline, None, given.part)
    order = np.random.default_rng(given.seed).permutation(len(read.examples))[: given.num]
    examples = [read.examples[int(place)] for place in order]
    written = [best[0].text for best in trained.write_examples(examples)]
    nearest = naive_writings(trained.pipeline, read.train, examples)["nearest"].texts
    print(f"{in_words(trained.options())}; {given.part} part, seed {given.seed}\n")
    print("| | the model | right | of the nearest example of training |\n|---|---|---|---|")
    for example, text, other in zip(examples, written, nearest or (), strict=True):
        content = example.content
        source = content if isinstance(content, str) else " ".join(content or ())
        cells = (source, text, example.labels[0], other)
        print(f"| {' | '.join(map(_cell, cells))} |")


if __name__ == "__main__":
    try:
        main()
    except OstinatoError as error:
        sys.exit(f"error: {error}")
