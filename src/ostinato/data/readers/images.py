"""Images: folders of labels, frames of clips within them, and idx files."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import MissingExtraError
from ostinato.data.errors import DataError
from ostinato.data.opening import read_bytes
from ostinato.data.readers.folders import files_in
from ostinato.data.readers.numpy_files import Array, load_idx
from ostinato.data.rows import Malformed, Row

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff"})
_GREY = frozenset({"1", "L", "LA"})
_DEEP_GREY = frozenset({"I", "I;16", "I;16B", "I;16L", "F"})

Pixels = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Size = tuple[int, int]


def image_rows(folder: Path, malformed: Malformed, size: Size | None = None) -> Iterator[Row]:
    """Yield ``image``, float32 ``[H, W]`` or ``[H, W, 3]`` from 0 to 1, and ``label``.

    The label is the sub-folder. A folder within a label's folder is a clip: its images, by the
    numbers in their names, are ``frames``, float32 ``[T, H, W]`` or ``[T, H, W, 3]``.

    Args:
        folder: with one folder for each label.
        malformed: is told of files that are no images, and clips of different sizes.
        size: height and width that they are brought to; None: as they are.

    Raises:
        DataError: the folder holds no images, or images without a label.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is a file\nmend: give a folder with one sub-folder of images for each label"
        )
    for parent, group in groupby(files_in(folder, SUFFIXES), key=lambda path: path.parent):
        depth = len(parent.relative_to(folder).parts)
        if depth not in (1, 2):
            raise DataError(
                f"{parent} holds images without a label: expected {folder}/LABEL/IMAGE or "
                f"{folder}/LABEL/CLIP/IMAGE\nmend: put the images of each label into a folder"
            )
        yield from (_single if depth == 1 else _clip)(folder, list(group), malformed, size)


def idx_rows(files: Mapping[str, Path]) -> Iterator[Row]:
    """Yield the entries of idx files: images from 0 to 1, numbers as text.

    Args:
        files: column name to file.

    Raises:
        DataError: a file cannot be read, or one has fewer entries than another.
    """
    arrays = {name: load_idx(path) for name, path in files.items()}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{files[name]} has {count:,}" for name, count in counts.items())
        raise DataError(f"different numbers of entries: {shown}\nmend: give files of one set")
    name = next(iter(files.values())).name
    for number in range(next(iter(counts.values()))):
        values = {column: _entry(array, number) for column, array in arrays.items()}
        yield Row(f"{name}, entry {number + 1:,}", values)


def read_picture(path: Path, size: Size | None = None) -> Bytes:
    """Read an image file: uint8 ``[H, W]`` where it is grey, else ``[H, W, 3]``.

    Args:
        path: the file.
        size: height and width that it is brought to; None: as it is.

    Raises:
        DataError: the file is missing, cut short, no image, or one of numbers beyond 0 to 1.
    """
    pixels = _read(path, size)
    if not ((pixels >= 0) & (pixels <= 1)).all():
        raise DataError(
            f"{path} holds numbers from {pixels.min():g} to {pixels.max():g}, expected 0 to 1\n"
            "mend: save it as PNG"
        )
    found: Bytes = np.rint(pixels * 255).astype(np.uint8)
    return found


def picture_size(path: Path) -> Size | None:
    """Return height and width of an image from its head; None where it cannot be read."""
    try:
        with _opened(path) as image:
            return image.height, image.width
    except DataError:
        # Whatever is wrong with the file is said when it is read.
        return None


def pixels_of(image: object, size: Size | None = None) -> Pixels:
    """Return a picture of Pillow as numbers from 0 to 1: grey ``[H, W]``, or ``[H, W, 3]``.

    Args:
        image: the picture.
        size: height and width that it is brought to; None: as it is.
    """
    from PIL import Image

    assert isinstance(image, Image.Image)
    if image.mode in _DEEP_GREY:
        deep = np.asarray(image, np.float32)
        if size is not None:
            deep = np.asarray(_resized(Image.fromarray(deep), size), np.float32)
        return deep if image.mode == "F" else deep / np.float32(65535)
    grey = image.convert("L" if image.mode in _GREY else "RGB")
    return np.asarray(_resized(grey, size), np.float32) / np.float32(255)


def _single(
    folder: Path, paths: list[Path], malformed: Malformed, size: Size | None
) -> Iterator[Row]:
    for path in paths:
        place = str(path.relative_to(folder.parent))
        try:
            yield Row(place, {"image": _read(path, size), "label": path.parent.name})
        except DataError as error:
            malformed.report(place, str(error).partition("\nmend: ")[0])


def _clip(
    folder: Path, paths: list[Path], malformed: Malformed, size: Size | None
) -> Iterator[Row]:
    parent = paths[0].parent
    place = str(parent.relative_to(folder.parent))
    try:
        frames = [_read(path, size) for path in paths]
    except DataError as error:
        malformed.report(place, str(error).partition("\nmend: ")[0])
        return
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        malformed.report(place, f"frames of different sizes: {sorted(shapes)}")
        return
    yield Row(place, {"frames": np.stack(frames), "label": parent.parent.name})


def _resized(image: Image.Image, size: Size | None) -> Image.Image:
    """Bring a picture to a height and width; where it shrinks, every pixel of it counts."""
    from PIL import Image

    if size is None or size == (image.height, image.width):
        return image
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def _read(path: Path, size: Size | None) -> Pixels:
    with _opened(path) as image:
        return pixels_of(image, size)


@contextmanager
def _opened(path: Path) -> Generator[Image.Image]:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise MissingExtraError("Reading images", "train") from error
    content = io.BytesIO(read_bytes(path))
    try:
        with Image.open(content) as image:
            yield image
    # A decoder stumbles over damaged files with whatever its parts raise.
    except Exception as error:
        is_unknown = isinstance(error, UnidentifiedImageError)
        reason = "its content is of no format that is known" if is_unknown else error
        raise DataError(
            f"{path} is no image that can be read: {reason}\nmend: save it as PNG"
        ) from error


def _entry(array: Array, number: int) -> object:
    if array.ndim == 1:
        return str(array[number])
    values: Pixels = array[number].astype(np.float32)
    return values / np.float32(255) if array.dtype == np.uint8 else values
