"""Pictures of one size, as bytes until a network reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import MissingExtraError
from ostinato.data.errors import DataError
from ostinato.data.readers.images import Size, read_picture

Picture = npt.NDArray[np.uint8]
"""uint8 ``[C, H, W]``."""

USUAL_SIZE: Size = (96, 96)
_LARGEST = 256


@dataclass(frozen=True)
class PictureForm:
    """What every picture is brought to.

    Attributes:
        height: in pixels.
        width: in pixels.
        num_channels: 1 for grey, 3 for red, green and blue.
    """

    height: int
    width: int
    num_channels: Literal[1, 3]

    @classmethod
    def of(cls, images: Iterable[object], size: Size | None = None) -> PictureForm:
        """Choose the form from the training part: grey if every image is.

        Args:
            images: as ``picture_of`` takes them.
            size: height and width; None for that of the images where all have one, of at most 256,
                else ``USUAL_SIZE``.

        Raises:
            DataError: there are no images, or one is none.
        """
        sizes: Counter[Size] = Counter()
        is_coloured = False
        for image in images:
            pixels = bytes_of(image)
            sizes[pixels.shape[0], pixels.shape[1]] += 1
            is_coloured = is_coloured or pixels.ndim == 3
        if not sizes:
            raise DataError("there are no images to learn from\nmend: give some")
        own = next(iter(sizes))
        if size is None:
            size = own if len(sizes) == 1 and max(own) <= _LARGEST else USUAL_SIZE
        return cls(*size, 3 if is_coloured else 1)

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.height} × {self.width} in {'grey' if self.num_channels == 1 else 'colour'}"

    def to_json(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return asdict(self)


def picture_of(image: object, form: PictureForm) -> Picture:
    """Return an image in one form.

    Colours become grey by their brightness (ITU-R 601), grey becomes three equal channels. Where an
    image shrinks, every pixel of it counts.

    Args:
        image: ``[H, W]``, ``[H, W, 1]`` or ``[H, W, 3]``: uint8, or floats from 0 to 1, or other
            whole numbers from 0 to 255; or the path of an image file.
        form: of the picture.

    Raises:
        DataError: it is no such array, or the file is missing, cut short or no image.
    """
    pixels = bytes_of(image)
    size = (form.height, form.width)
    if pixels.shape[:2] != size or (pixels.ndim == 3) != (form.num_channels == 3):
        pixels = _fitted(pixels, size, form.num_channels)
    channels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(channels)


def moved(picture: Picture, rows: int, columns: int) -> Picture:
    """Return a picture moved down and to the right; what comes in is as its edge is.

    Args:
        picture: uint8 ``[C, H, W]``.
        rows: down; less than 0: up.
        columns: to the right; less than 0: to the left.
    """
    _, height, width = picture.shape
    down = np.clip(np.arange(height, dtype=np.int64) - rows, 0, height - 1)
    right = np.clip(np.arange(width, dtype=np.int64) - columns, 0, width - 1)
    return picture[:, down[:, None], right]


def bytes_of(image: object) -> Picture:
    """Return an image, as ``picture_of`` takes it, as uint8 ``[H, W]`` or ``[H, W, 3]``.

    Raises:
        DataError: it is none, or the file is missing, cut short or no image.
    """
    if isinstance(image, str | Path):
        return read_picture(Path(image))
    try:
        array = cast("npt.NDArray[np.generic]", np.asarray(cast("Any", image)))
    except ValueError as error:
        raise _no_image(f"got {type(image).__name__} of unequal parts") from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or not array.size:
        raise _no_image(f"got {list(array.shape) if array.ndim else type(image).__name__}")
    if array.dtype == np.uint8:
        return cast("Picture", array)
    if array.dtype.kind not in "biuf":
        raise _no_image(f"got {array.dtype}")
    most = 1 if array.dtype.kind in "bf" else 255
    values = array.astype(np.float64)
    if not ((values >= 0) & (values <= most)).all():
        raise DataError(
            f"an image of {array.dtype} holds {values.min():g} to {values.max():g}, expected 0 to "
            f"{most}\nmend: give uint8 from 0 to 255, or floats from 0 to 1"
        )
    pixels: Picture = np.rint(values * (255 // most)).astype(np.uint8)
    return pixels


def _no_image(found: str) -> DataError:
    return DataError(
        f"expected an image [H, W] or [H, W, 3], or the path of one, {found}\n"
        "mend: give such an array, or the name of an image file"
    )


def _fitted(pixels: Picture, size: Size, num_channels: int) -> Picture:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("Resizing images", "train") from error
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert(
        "RGB" if num_channels == 3 else "L"
    )
    if size != (image.height, image.width):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8)
