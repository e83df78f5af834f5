"""Arrays become steps; sounds become spectra; training sees them varied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal

from ostinato.data import DataError
from ostinato.data.frames import (
    FrameOptions,
    Frames,
    frames_of,
    log_mel,
    sample_rate_of,
    transposed,
    varied,
)

RATE = 8000


def tone(frequency: float, seconds: float = 0.5) -> Frames:
    return np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


def mel(frequency: float) -> float:
    return 2595 * np.log10(1 + frequency / 700)


def mel_by_hand(sound: Frames, options: FrameOptions) -> np.ndarray:
    """Return the spectrum with scipy's transform and triangles that are drawn one by one."""
    length, hop = round(RATE * options.window_ms / 1000), round(RATE * options.hop_ms / 1000)
    size = 2 ** int(np.ceil(np.log2(length)))
    signal: Any = scipy.signal
    window = np.asarray(signal.windows.hann(length, sym=True), np.float64)
    spectrum = np.asarray(
        signal.stft(sound, RATE, window, length, length - hop, size, boundary=None, padded=False)[2]
    )
    power = np.abs(spectrum * window.sum()).T ** 2 / length
    edges = np.linspace(0, mel(RATE / 2), options.num_mels + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    bands = np.zeros((len(power), options.num_mels))
    frequencies = np.linspace(0, RATE / 2, size // 2 + 1)
    for band in range(options.num_mels):
        bands[:, band] = power @ np.interp(frequencies, edges[band : band + 3], [0, 1, 0], 0, 0)
    return np.log(bands + 1e-6)


@pytest.mark.parametrize("options", [FrameOptions(num_mels=12), FrameOptions(32.0, 7.0, 5)])
def test_the_spectrum_is_what_scipy_computes(options: FrameOptions):
    sound = np.random.default_rng(0).standard_normal(1501).astype(np.float32)
    found = log_mel(sound, RATE, options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, mel_by_hand(sound, options), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frequency", [300, 800, 1500, 3000])
def test_a_pure_tone_is_loudest_in_its_band(frequency: float):
    options = FrameOptions(num_mels=20)
    middles = np.linspace(0, mel(RATE / 2), options.num_mels + 2)[1:-1]
    expected = np.argmin(np.abs(middles - mel(frequency)))
    assert (log_mel(tone(frequency), RATE, options).argmax(1) == expected).all()


def test_the_number_of_windows():
    options = FrameOptions()
    length, hop = 200, 80
    for num, expected in [
        (1, 1),
        (length, 1),
        (length + hop - 1, 1),
        (length + hop, 2),
        (4000, 48),
    ]:
        steps = frames_of(tone(440)[:1].repeat(num), options, RATE)
        assert steps.shape == (expected, 40)
    assert np.isfinite(log_mel(np.zeros(500, np.float32), RATE, options)).all()


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ([1, 2, 3], (3, 1)),
        ([[1, 2], [3, 4], [5, 6]], (3, 2)),
        (np.zeros((4, 3, 2), np.uint8), (4, 6)),
        (np.ones((5, 88), np.uint8), (5, 88)),
        ([1, None, float("nan")], (3, 1)),
    ],
)
def test_arrays_of_any_kind(values: object, shape: tuple[int, int]):
    steps = frames_of(values, FrameOptions())
    assert steps.shape == shape
    assert steps.dtype == np.float32
    assert frames_of(values, FrameOptions(max_length=2)).shape == (2, shape[1])


def test_what_is_missing_stays_missing():
    assert np.isnan(frames_of([1, None, 3], FrameOptions())).ravel().tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "no steps"),
        (np.zeros((0, 3)), "no steps"),
        (np.zeros((3, 0)), "no steps"),
        ([1, float("inf")], "infinite"),
        ([1e300], "infinite"),
        ([10**400], "expected an array of numbers"),
        ([[1, 2], [3]], "expected an array of numbers"),
        ("some text", "expected an array of numbers"),
        ({"a": 1}, "expected an array of numbers"),
        (3.5, "the number 3.5"),
    ],
)
@pytest.mark.parametrize("rate", [None, RATE])
def test_what_is_no_sequence_of_numbers(values: object, said: str, rate: int | None):
    with pytest.raises(DataError, match=f"(?s){said}.*\nmend: "):
        frames_of(values, FrameOptions(), rate)


VARIED = [
    FrameOptions(shift=2),
    FrameOptions(noise=0.5),
    FrameOptions(mask=0.5),
    FrameOptions(time_stretch=0.3),
    FrameOptions(shift=2, noise=0.5, mask=0.5, time_stretch=0.3),
]


@pytest.mark.parametrize("options", VARIED)
def test_the_generator_alone_decides(options: FrameOptions):
    frames = np.random.default_rng(1).standard_normal((20, 6)).astype(np.float32)
    before = frames.copy()

    def once(seed: int) -> Frames:
        return varied(frames, options, np.random.default_rng(seed), None)

    assert np.array_equal(once(0), once(0))
    assert len({once(seed).tobytes() for seed in range(8)}) > 3
    assert np.array_equal(frames, before)
    assert once(0).dtype == np.float32


def many(frames: Frames, options: FrameOptions, center: Frames | None = None) -> list[Frames]:
    return [varied(frames, options, np.random.default_rng(i), center) for i in range(40)]


def test_nothing_to_vary():
    frames = np.ones((3, 2), np.float32)
    assert varied(frames, FrameOptions(), np.random.default_rng(0), None) is frames


def test_an_image_is_moved_and_its_border_is_empty():
    frames = np.zeros((7, 7), np.float32)
    frames[3, 3] = 1
    places = {tuple(np.argwhere(moved)[0]) for moved in many(frames, FrameOptions(shift=2))}
    assert all(abs(row - 3) <= 2 and abs(column - 3) <= 2 for row, column in places)
    assert len(places) > 10
    for moved in many(np.ones((2, 3), np.float32), FrameOptions(shift=5)):
        assert moved.shape == (2, 3)


def test_each_picture_of_a_clip_is_moved_by_itself():
    clip = np.zeros((50, 7, 9), np.float32)
    clip[:, 3, 4] = 1
    moved = varied(
        clip.reshape(50, 63), FrameOptions(shift=2), np.random.default_rng(0), None, (7, 9)
    )
    places = np.argwhere(moved.reshape(clip.shape))
    assert places[:, 0].tolist() == list(range(50))
    moves = {(row - 3, column - 4) for _, row, column in places.tolist()}
    assert all(max(map(abs, move)) <= 2 for move in moves)
    assert len(moves) > 10


def test_noise_has_the_deviation_that_is_asked_for():
    frames = np.full((200, 50), 3, np.float32)
    (noisy, *_) = many(frames, FrameOptions(noise=0.25))
    assert abs((noisy - frames).std() - 0.25) < 0.01
    assert abs((noisy - frames).mean()) < 0.01


@pytest.mark.parametrize("center", [None, np.arange(10, dtype=np.float32)])
def test_a_block_of_steps_and_a_block_of_features_are_hidden(center: Frames | None):
    frames = np.full((20, 10), 100, np.float32)
    widths = set[tuple[int, int]]()
    for masked in many(frames, FrameOptions(mask=0.3), center):
        hidden = masked != 100
        steps, features = np.flatnonzero(hidden.all(1)), np.flatnonzero(hidden.all(0))
        assert len(steps) <= 6
        assert len(features) <= 3
        for block in (steps, features):
            assert (np.diff(block) == 1).all()
        expected = np.zeros(10) if center is None else center
        rest = np.ones((20, 10), bool)
        rest[steps], rest[:, features] = False, False
        assert (masked[rest] == 100).all()
        assert (masked[steps] == expected).all()
        assert (masked[:, features] == expected[features]).all()
        widths.add((len(steps), len(features)))
    assert len(widths) > 8


def test_a_stretched_sequence_keeps_its_order_and_its_ends():
    frames = np.arange(40, dtype=np.float32)[:, None]
    lengths = set[int]()
    for stretched in many(frames, FrameOptions(time_stretch=0.25)):
        assert 30 <= len(stretched) <= 50
        steps = stretched[:, 0]
        assert (np.diff(steps) >= 0).all()
        assert steps[0] <= 1
        assert steps[-1] >= 38
        lengths.add(len(stretched))
    assert len(lengths) > 10
    assert len(many(np.ones((1, 1), np.float32), FrameOptions(time_stretch=0.9))[0]) == 1


@pytest.mark.parametrize("semitones", [0, 1, -3, 12, -87, 88, -100, 200])
def test_transposed_notes_stay_on_the_keyboard(semitones: int):
    roll = (np.random.default_rng(0).random((9, 88)) < 0.2).astype(np.float32)
    expected = np.zeros_like(roll)
    for step, note in np.argwhere(roll):
        if 0 <= note + semitones < 88:
            expected[step, note + semitones] = 1
    assert np.array_equal(transposed(roll, semitones), expected)


@pytest.mark.parametrize(
    ("values", "rate"), [({}, None), ({"sample_rate": None}, None), ({"sample_rate": 8000}, 8000)]
)
def test_the_sample_rate_of_a_row(values: dict[str, object], rate: int | None):
    assert sample_rate_of(values) == rate
