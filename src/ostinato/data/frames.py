"""Sounds, images, series and rolls as steps of numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError

_MOST_SHOWN = 40

Frames = npt.NDArray[np.float32]
_QUIET = 1e-6


@dataclass(frozen=True)
class FrameOptions:
    """How arrays become steps, and how they are varied in training.

    Attributes:
        window_ms: length of a sound's windows.
        hop_ms: from one window to the next.
        num_mels: bands of the spectrum.
        max_length: steps; the rest is cut off.
        shift: images are moved by up to so many pixels, rows and columns, in training.
        time_stretch: the speed of a sequence changes by up to this share in training.
        noise: standard deviation of what is added in training.
        mask: longest share of the steps, and of the features, that is hidden in training
            (Park et al., 2019).
        transpose: music is moved by up to so many semitones in training.
    """

    window_ms: float = 25.0
    hop_ms: float = 10.0
    num_mels: int = 40
    max_length: int = 20_000
    shift: int = 0
    time_stretch: float = 0.0
    noise: float = 0.0
    mask: float = 0.0
    transpose: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return asdict(self)


def frames_of(values: object, options: FrameOptions, sample_rate: int | None = None) -> Frames:
    """Return the steps of one example: float32 ``[T, I]``.

    Args:
        values: a sound ``[n]`` with its ``sample_rate``; a series ``[T]`` or ``[T, I]``, a roll
            ``[T, 88]``, an image ``[H, W]`` (its rows are the steps) or pictures ``[T, H, W]``.
        options: how.
        sample_rate: of a sound, in Hz.

    Raises:
        DataError: it is no array of numbers with at least one step.
    """
    array = _as_array(values)
    if not array.size:
        raise DataError("it holds no steps\nmend: give at least one step")
    if bool(np.isinf(array).any()):
        raise DataError("it holds infinite numbers\nmend: give finite numbers, NaN where missing")
    if sample_rate is not None and array.ndim == 1:
        array = log_mel(array, sample_rate, options)
    elif array.ndim == 1:
        array = array[:, None]
    elif array.ndim > 2:
        array = array.reshape(len(array), -1)
    return array[: options.max_length]


def numbers_in(text: str) -> list[Any]:
    """Return the steps that a text spells: ``0.1 0.2``, ``0.1, 0.2``, or JSON such as ``[[1, 2]]``.

    Raises:
        DataError: it holds something else.
    """
    try:
        if text.lstrip().startswith("["):
            return cast("list[Any]", json.loads(text))
        return [float(each) for each in re.split(r"[\s,;]+", text.strip(" \t\r\n,;")) if each]
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
        raise DataError(
            f"expected numbers, got {shown!r}\n"
            "mend: give them as 0.1 0.2 0.3, or as JSON: [[0.1, 5], [0.2, 6]]; nan where missing"
        ) from error


def _as_array(values: object) -> Frames:
    try:
        # What float32 cannot hold is infinite there, and refused as such.
        with np.errstate(over="ignore"):
            array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"expected an array of numbers [T, I], got {type(values).__name__}: {error}\n"
            "mend: give steps of equally many numbers each"
        ) from error
    if array.ndim == 0:
        raise DataError(f"expected a sequence, got the number {array}\nmend: give [T, I] numbers")
    return array


def log_mel(sound: Frames, sample_rate: int, options: FrameOptions) -> Frames:
    """Return the logarithm of a mel spectrum.

    ``mel(f) = 2595 log10(1 + f / 700)`` (O'Shaughnessy, 1987); triangular bands of the power
    spectrum of Hann windows. A sound shorter than one window is padded with silence.

    Args:
        sound: ``[n]``, in -1 .. 1.
        sample_rate: in Hz.
        options: window, hop, number of bands.

    Returns:
        float32 ``[T, num_mels]``.
    """
    length = max(2, round(sample_rate * options.window_ms / 1000))
    hop = max(1, round(sample_rate * options.hop_ms / 1000))
    if len(sound) < length:
        sound = np.pad(sound, (0, length - len(sound)))
    windows = np.lib.stride_tricks.sliding_window_view(sound, length)[::hop]
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(windows * np.hanning(length), size)
    power = (spectrum.real**2 + spectrum.imag**2) / length
    bands = power @ _mel_bands(options.num_mels, size, sample_rate).T
    return np.log(bands + _QUIET).astype(np.float32)


def _mel_bands(num_mels: int, size: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the triangles ``[num_mels, size // 2 + 1]``."""
    highest = 2595 * math.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0.0, highest, num_mels + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - low) / (middle - low)
    falling = (high - frequencies) / (high - middle)
    return np.clip(np.minimum(rising, falling), 0.0, None)


def varied(
    frames: Frames,
    options: FrameOptions,
    random: np.random.Generator,
    center: Frames | None,
    picture: tuple[int, int] | None = None,
) -> Frames:
    """Return ``frames`` changed at random, as training sees them.

    Args:
        frames: ``[T, I]``.
        options: what may change.
        random: where the numbers come from.
        center: ``[I]``, what a hidden number becomes; None for zeros.
        picture: height and width where each step is a picture: each is moved by itself; None where
            the steps are the rows of one.
    """
    if options.time_stretch:
        factor = 1 + random.uniform(-options.time_stretch, options.time_stretch)
        frames = _stretched(frames, factor)
    if options.shift and picture is not None:
        pictures = frames.reshape(len(frames), *picture)
        moves = random.integers(-options.shift, options.shift + 1, (len(frames), 2)).tolist()
        moved = [_shifted(each, *move) for each, move in zip(pictures, moves, strict=True)]
        frames = np.stack(moved).reshape(frames.shape)
    elif options.shift:
        rows, columns = random.integers(-options.shift, options.shift + 1, 2)
        frames = _shifted(frames, int(rows), int(columns))
    if options.noise:
        noise = random.standard_normal(frames.shape, np.float32)
        frames = (frames + options.noise * noise).astype(np.float32)
    if options.mask:
        frames = _masked(frames, options.mask, random, center)
    return frames


def _stretched(frames: Frames, factor: float) -> Frames:
    """Read the steps faster or slower, in between by the nearest."""
    length = max(1, round(len(frames) * factor))
    middles = (2 * np.arange(length, dtype=np.int64) + 1) * len(frames)  # times 2 length
    return frames[middles // (2 * length)]


def _shifted(frames: Frames, rows: int, columns: int) -> Frames:
    moved = np.zeros_like(frames)
    height, width = frames.shape
    if abs(rows) >= height or abs(columns) >= width:
        return moved
    moved[max(0, rows) : height + min(0, rows), max(0, columns) : width + min(0, columns)] = frames[
        max(0, -rows) : height + min(0, -rows), max(0, -columns) : width + min(0, -columns)
    ]
    return moved


def _masked(
    frames: Frames, share: float, random: np.random.Generator, center: Frames | None
) -> Frames:
    """Hide one block of steps and one of features."""
    frames = frames.copy()
    hidden = np.zeros(frames.shape[1], np.float32) if center is None else center
    steps = int(random.integers(0, int(len(frames) * share) + 1))
    start = int(random.integers(0, len(frames) - steps + 1))
    frames[start : start + steps] = hidden
    width = int(random.integers(0, int(len(hidden) * share) + 1))
    first = int(random.integers(0, len(hidden) - width + 1))
    block = slice(first, first + width)
    frames[:, block] = hidden[block]
    return frames


def transposed(roll: Frames, semitones: int) -> Frames:
    """Return a piano roll moved up or down; notes beyond the keyboard stay out."""
    moved = np.roll(roll, semitones, axis=1)
    if semitones > 0:
        moved[:, :semitones] = 0
    elif semitones < 0:
        moved[:, semitones:] = 0
    return moved


def sample_rate_of(values: Mapping[str, Any]) -> int | None:
    """Return the sample rate that a row gives, in Hz; None for what is no sound."""
    rate = values.get("sample_rate")
    return None if rate is None else int(cast("int", rate))
