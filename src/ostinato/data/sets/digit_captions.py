"""Images of one to four handwritten digits, and what they say in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.data.rows import ALSO, Row

WORDS: Final = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    # The readings of Chinese origin, by which numbers are told digit by digit.
    "ko": ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"),
}
"""Language to the words for 0 to 9."""

_MOST_DIGITS = 4
_HEIGHT, _WIDTH = 32, 128
_MOST_GAP = 4

Image = npt.NDArray[np.uint8]


def digit_caption_rows(
    rows: Iterable[Row], *, language: str, num_images: int, seed: int
) -> Iterator[Row]:
    """Yield ``image``, uint8 ``[32, 128]``, ``caption`` and ``also``, which is empty.

    One to four digits, each number of them as often, stand side by side at random heights, up to
    four pixels apart or into each other's margins; the rest of the canvas is 0.

    Args:
        rows: with ``image``, float32 ``[28, 28]`` from 0 to 1, and ``label``.
        language: a key of ``WORDS``.
        num_images: how many; the first ones stay the same.
        seed: of the images; the same for every language.
    """
    digits = [(_bytes(row.values["image"]), int(row.values["label"])) for row in rows]
    for number in range(num_images):
        random = np.random.default_rng([seed, number])
        count = int(random.integers(1, _MOST_DIGITS + 1))
        chosen = [digits[int(index)] for index in random.integers(len(digits), size=count)]
        caption = " ".join(WORDS[language][digit] for _, digit in chosen)
        image = _placed([image for image, _ in chosen], random)
        yield Row(f"image {number + 1:,}", {"image": image, "caption": caption, ALSO: []})


def _bytes(image: npt.NDArray[np.float32]) -> Image:
    rounded: Image = np.rint(image * 255).astype(np.uint8)
    return rounded


def _placed(images: Sequence[Image], random: np.random.Generator) -> Image:
    canvas: Image = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    gaps = [int(gap) for gap in random.integers(-_MOST_GAP, _MOST_GAP + 1, len(images) - 1)]
    width = sum(image.shape[1] for image in images) + sum(gaps)
    left = int(random.integers(_WIDTH - width + 1))
    for image, gap in zip(images, [*gaps, 0], strict=True):
        height, width = int(image.shape[0]), int(image.shape[1])
        top = int(random.integers(_HEIGHT - height + 1))
        place = canvas[top : top + height, left : left + width]
        place[...] = np.maximum(place, image)
        left += width + gap
    return canvas
