"""Streamed windows: nothing lost, nothing twice, nothing out of order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data import PADDING, DataError, StreamedWindows

SIZES = {
    "num_units": st.integers(2, 200),
    "num_streams": st.integers(1, 12),
    "window": st.integers(1, 40),
}


@given(**SIZES)
def test_every_unit_is_a_target_once_and_follows_its_input(
    num_units: int, num_streams: int, window: int
):
    ids = np.arange(num_units)
    window = min(window, num_units - 1)
    windows = StreamedWindows(ids, num_streams, window)
    targets = np.concatenate([windows[i].targets for i in range(len(windows))])
    inputs = np.concatenate([windows[i].inputs for i in range(len(windows))])
    real = targets != PADDING
    np.testing.assert_array_equal(np.sort(targets[real]), ids[1:])
    np.testing.assert_array_equal(inputs[real] + 1, targets[real])


@given(**SIZES)
def test_a_row_goes_on_where_it_was(num_units: int, num_streams: int, window: int):
    window = min(window, num_units - 1)
    windows = StreamedWindows(np.arange(num_units), num_streams, window)
    for row in range(windows.num_streams):
        stream = np.concatenate([windows[i].targets[:, row] for i in range(len(windows))])
        stream = stream[stream != PADDING]
        np.testing.assert_array_equal(np.diff(stream), 1)
        assert windows.stream_length - len(stream) in (0, 1)


def test_only_the_first_window_begins_the_streams():
    windows = StreamedWindows(np.arange(101), num_streams=4, window=10)
    assert [windows[i].is_first for i in range(len(windows))] == [True, False, False]
    assert [len(windows[i].inputs) for i in range(len(windows))] == [10, 10, 5]
    with pytest.raises(IndexError):
        windows[3]


def test_a_short_text_has_fewer_streams():
    assert StreamedWindows(np.arange(21), num_streams=32, window=10).num_streams == 2


def test_a_text_shorter_than_a_window():
    with pytest.raises(DataError, match=r"window of 10 steps needs 11\nmend"):
        StreamedWindows(np.arange(10), num_streams=1, window=10)
