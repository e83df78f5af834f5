"""Clips of handwritten digits that change at random moments, made from single images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ostinato.data.rows import Row

_SHORTEST, _LONGEST = 8, 16
_SHORTEST_SHOW = 2
_CHANGE = 0.25
_MOST_SHIFT = 1
# No frame is like another, even of the same image.
_NOISE = 0.15

Pixels = npt.NDArray[np.float32]


def clip_rows(rows: Iterable[Row], *, num_clips: int, seed: int) -> Iterator[Row]:
    """Yield ``frames``, float32 ``[T, H, W]`` from 0 to 1, and ``label``, the digit of each frame.

    Each clip has 8 to 16 frames. A digit is shown for two frames at least, each time at a slightly
    different place and under noise.

    Args:
        rows: with ``image`` and ``label``.
        num_clips: how many.
        seed: the same one gives the same clips.
    """
    images = [(row.values["image"], str(row.values["label"])) for row in rows]
    random = np.random.default_rng(seed)
    for number in range(1, num_clips + 1):
        frames: list[Pixels] = []
        labels: list[str] = []
        for index in _shown(random, len(images)):
            image, label = images[index]
            frames.append(_seen(image, random))
            labels.append(label)
        yield Row(f"clip {number:,}", {"frames": np.stack(frames), "label": labels})


def _shown(random: np.random.Generator, num_images: int) -> Iterator[int]:
    """Yield which image each frame of a clip shows."""
    image, num_frames = int(random.integers(num_images)), 0
    for _ in range(int(random.integers(_SHORTEST, _LONGEST + 1))):
        if num_frames >= _SHORTEST_SHOW and random.random() < _CHANGE:
            image, num_frames = int(random.integers(num_images)), 0
        num_frames += 1
        yield image


def _seen(image: Pixels, random: np.random.Generator) -> Pixels:
    down, right = (int(shift) for shift in random.integers(0, 2 * _MOST_SHIFT + 1, 2))
    height, width = image.shape
    moved = np.pad(image, _MOST_SHIFT)[down : down + height, right : right + width]
    noise = random.standard_normal(image.shape, np.float32) * np.float32(_NOISE)
    seen: Pixels = np.clip(moved + noise, 0, 1, dtype=np.float32)
    return seen
