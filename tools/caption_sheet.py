"""Show what a run says of images: `python tools/caption_sheet.py RUN docs/NAME.md`.

It writes a page of samples, unedited and drawn by a seed from a part of the run's data, and one
picture beside it that shows their images in the same order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ostinato.core.errors import OstinatoError
from ostinato.core.files import replace_file
from ostinato.data.batches import Example
from ostinato.training.evaluation import read_part
from ostinato.training.trained_writer import TrainedWriter, Written, load_writer
from ostinato.training.writing_evaluation import in_words
from ostinato.training.writing_naive import nearest_pictures

_COLUMNS = 4
_MARGIN = 6
_PAPER = 255

Pixels = npt.NDArray[np.uint8]


def sheet(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures side by side, from left to right and from the top: ``[H, W, C]``.

    Args:
        pictures: uint8 ``[C, H, W]``, all of one form.
    """
    channels, height, width = pictures[0].shape
    num_rows = -(-len(pictures) // _COLUMNS)
    tall, wide = height + _MARGIN, width + _MARGIN
    paper = np.full(
        (num_rows * tall + _MARGIN, _COLUMNS * wide + _MARGIN, channels), _PAPER, np.uint8
    )
    for number, picture in enumerate(pictures):
        row, column = divmod(number, _COLUMNS)
        top, left = row * tall + _MARGIN, column * wide + _MARGIN
        paper[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    return paper


def page(
    trained: TrainedWriter,
    examples: Sequence[Example],
    written: Sequence[Written],
    nearest: Sequence[str],
    *,
    part: str,
    seed: int,
    picture: str,
) -> str:
    """Return the page."""
    head = (
        f"# What `{trained.recipe.data.name or trained.path.name}` says of images\n\n"
        f"{len(examples)} images of the {part} part, drawn with seed {seed}; nothing is left out "
        f"or mended. The model writes by itself ({in_words(trained.options())}). Beside it stands "
        "the caption of the training image whose pixels are nearest.\n\n"
        f"![The images, {_COLUMNS} a row, in the order of the table]({picture})\n\n"
        "| | the model | one right caption | of the nearest image |\n|---:|---|---|---|\n"
    )
    lines = [
        f"| {number} | {_cell(each.text)} | {_cell(example.labels[0])} | {_cell(other)} |\n"
        for number, (example, each, other) in enumerate(
            zip(examples, written, nearest, strict=True), 1
        )
    ]
    return head + "".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write the page and its picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--num", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    trained = load_writer(given.run)
    read = read_part(trained.path, trained.recipe, trained.pipeline, None, given.part)
    random = np.random.default_rng(given.seed)
    order = random.permutation(len(read.examples))[: given.num]
    examples = [read.examples[int(place)] for place in order]
    written = [best[0] for best in trained.write_examples(examples)]
    known = read.train
    nearest = [known[int(place)].labels[0] for place in nearest_pictures(known, examples)]
    path = given.page.with_suffix(".png")
    drawn = sheet([example.steps[0] for example in examples])
    Image.fromarray(drawn.squeeze()).save(path)
    text = page(
        trained,
        examples,
        written,
        nearest,
        part=given.part,
        seed=given.seed,
        picture=path.name,
    )
    replace_file(given.page, text.encode())
    print(f"written: {given.page} and {path}")


if __name__ == "__main__":
    try:
        main()
    except OstinatoError as error:
        sys.exit(f"error: {error}")
