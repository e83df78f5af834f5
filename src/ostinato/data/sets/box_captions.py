"""Images of three boxes with shapes in them, and what people say of them truly: NLVR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.readers import Files, ReadOptions, read_rows
from ostinato.data.readers.numpy_files import load_arrays
from ostinato.data.rows import Malformed, Row
from ostinato.data.sets.answers import with_also

_BOX_LEFT = (0, 75, 150)
_BOX_WIDTH = 50

Image = npt.NDArray[np.uint8]


def box_caption_rows(files: Files, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield ``image``, uint8 ``[50, 200, 3]``, and ``caption`` for each true sentence.

    Args:
        files: ``sentences``, a table or JSON lines, and ``images``, arrays with their names.
        options: how the sentences are read.
        malformed: is told of sentences that cannot be read.

    Raises:
        DataError: a file cannot be read, or an image is missing.
    """
    assert isinstance(files, Mapping)
    images = _images(files["images"])
    for row in read_rows(files["sentences"], options, malformed):
        name = row.values.get("identifier", row.values.get("image"))
        if name not in images:
            raise DataError(
                f"{row.place}: no image {name!r} in {files['images']}\n"
                "mend: get both files of one version"
            )
        if row.values["label"] == "true":
            caption = row.values["sentence"].strip()
            yield Row(row.place, {"image": images[name], "caption": caption})


def all_said(rows: Iterator[Row], *, once: bool) -> Iterator[Row]:
    """Add ``also``: what else is said of the same three boxes, in whatever order they stand.

    Args:
        rows: of one part.
        once: whether each image is one row; else each sentence is.
    """
    return with_also(rows, _boxes, "caption", once=once)


def all_said_in_all_orders(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield each sentence with ``also``, once for each of the six orders of its boxes.

    The sentences do not depend on the order: the original set has images of all six.

    Args:
        rows: of one part.
    """
    for row in all_said(rows, once=False):
        image: Image = row.values["image"]
        boxes = [image[:, left : left + _BOX_WIDTH] for left in _BOX_LEFT]
        for order in permutations(boxes):
            drawn = image.copy()
            for left, box in zip(_BOX_LEFT, order, strict=True):
                drawn[:, left : left + _BOX_WIDTH] = box
            yield replace(row, values={**row.values, "image": drawn})


def _images(path: Path) -> dict[object, Image]:
    arrays = load_arrays(path)
    names = arrays["identifier" if "identifier" in arrays else "image"].tolist()
    return dict(zip(names, cast("Image", arrays["images"]), strict=True))


def _boxes(row: Row) -> bytes:
    image: Image = row.values["image"]
    return b"".join(sorted(image[:, left : left + _BOX_WIDTH].tobytes() for left in _BOX_LEFT))
