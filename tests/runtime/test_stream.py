"""Steps in memory that is set up once equal whole sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OptionError, ShapeError
from ostinato.runtime import Layer
from tests.contract.cases import CELLS, COMBINATIONS, Option, make_input, make_layer, map_input
from tests.runtime.helpers import reload, to_numpy
from tests.tolerances import assert_close

one_way = pytest.mark.parametrize(
    ("name", "option"),
    [(n, o) for n, o in COMBINATIONS if not o.arguments.get("bidirectional")],
    ids=[f"{n}-{o.name}" for n, o in COMBINATIONS if not o.arguments.get("bidirectional")],
)
NUM_STEPS = 6


def load(folder: Path, name: str = "lstm", **arguments: Any) -> Layer:
    return reload(make_layer(name, arguments).eval(), folder)


def close(got: Any, expected: Any) -> None:
    got, expected = np.array(got), np.ascontiguousarray(expected)
    assert_close(torch.from_numpy(got), torch.from_numpy(expected))


@one_way
@pytest.mark.parametrize("num_rows", [1, 3])
def test_a_stream_equals_the_whole_sequence(
    tmp_path: Path, name: str, option: Option, num_rows: int
):
    layer = make_layer(name, option.arguments).eval()
    loaded = reload(layer, tmp_path)
    x = make_input(layer, NUM_STEPS, num_rows)
    with torch.no_grad():
        output, state = layer(x)
    stream = loaded.stream(num_rows)
    for t in range(NUM_STEPS):
        close(stream.step(to_numpy(map_input(x, lambda s, t=t: s[t]))), output[t].numpy())
    for key, value in state.items():
        close(stream.state[key], value.numpy())


@pytest.mark.parametrize("num_rows", [1, 4, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stacks(tmp_path: Path, num_rows: int, dtype: torch.dtype):
    torch.manual_seed(0)
    layer = ost.LSTM(19, 70, num_layers=3, proj_size=33, dtype=dtype)
    loaded = reload(layer, tmp_path, num_threads=2)
    x = torch.randn(5, num_rows, 19, dtype=dtype)
    with torch.no_grad():
        output, (h, c) = layer(x)
    stream = loaded.stream(num_rows)
    for t in range(5):
        close(stream.step(x[t].numpy()), output[t].numpy())
    close(stream.state["h"], h.numpy())
    close(stream.state["c"], c.numpy())


def test_one_row_with_and_without_its_dimension(tmp_path: Path):
    loaded = load(tmp_path)
    x = np.random.default_rng(0).normal(size=(2, 3))
    first, second = loaded.stream(), loaded.stream()
    for t in range(2):
        flat, rows = first.step(x[t]), second.step(x[t : t + 1])
        assert flat.shape == (5,)
        assert rows.shape == (1, 5)
        np.testing.assert_array_equal(flat, rows[0])


def test_the_output_is_a_view_of_one_memory(tmp_path: Path):
    stream = load(tmp_path).stream()
    first = stream.step(np.ones(3))
    kept = first.copy()
    second = stream.step(np.ones(3))
    assert np.shares_memory(first, second)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(kept, second)


def test_streams_of_one_layer_are_independent(tmp_path: Path):
    loaded = load(tmp_path, num_layers=2)
    x = np.random.default_rng(0).normal(size=(4, 3))
    expected = loaded(x)[0]
    ahead, behind = loaded.stream(), loaded.stream()
    ahead.step(x[0])
    for t in range(4):
        close(behind.step(x[t]), expected[t])
        if t < 3:
            close(ahead.step(x[t + 1]), expected[t + 1])


def test_a_stream_outlives_its_layer(tmp_path: Path):
    loaded = load(tmp_path)
    expected = loaded(np.ones((3, 3)))[0]
    stream = loaded.stream()
    del loaded
    for t in range(3):
        close(stream.step(np.ones(3)), expected[t])


@pytest.mark.parametrize("name", CELLS)
def test_the_state_is_read_set_and_reset(tmp_path: Path, name: str):
    layer = make_layer(name).eval()
    loaded = reload(layer, tmp_path)
    x = to_numpy(make_input(layer, NUM_STEPS, 3))
    stream = loaded.stream(3)

    def step(t: int) -> Any:
        return stream.step(map_input(x, lambda s: s[t])).copy()

    outputs = [step(t) for t in range(3)]
    middle = stream.state
    later = [step(t) for t in range(3, NUM_STEPS)]
    stream.state = middle
    for t in range(3, NUM_STEPS):
        np.testing.assert_array_equal(step(t), later[t - 3])
    stream.state = middle
    stream.reset(1)
    got, again = step(0), stream.state
    close(got[1], outputs[0][1])
    stream.reset()
    np.testing.assert_array_equal(step(0), outputs[0])
    for key in again:
        np.testing.assert_array_equal(again[key][:, 1], stream.state[key][:, 1])


def test_the_state_of_one_sequence_goes_on_as_a_stream(tmp_path: Path):
    loaded = load(tmp_path, "gru", num_layers=2, learn_initial_state=True)
    x = np.random.default_rng(0).normal(size=(5, 3))
    output, _ = loaded(x)
    stream = loaded.stream()
    stream.state = loaded(x[:4])[1]
    close(stream.step(x[4]), output[4])
    state = stream.state
    state["h"][:] = 9
    assert not (stream.state["h"] == 9).any()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3)), r"of shape \[2, 3\], expected \[B, I\] = \[4, 3\]"),
        (np.zeros(3), r"of shape \[3\], expected \[B, I\]"),
        (np.zeros((4, 2)), r"of shape \[4, 2\]"),
        (np.zeros((1, 4, 3)), r"of shape \[1, 4, 3\]"),
        (np.zeros((4, 3), np.float32), "is of float32"),
        (torch.zeros(4, 3, dtype=torch.float64), "of type Tensor"),
        ([[0.0] * 3] * 4, "of type list"),
        (None, "of type NoneType"),
        ({"y": np.zeros((4, 3))}, "got inputs y, expected x"),
    ],
)
def test_steps_that_do_not_fit_change_nothing(tmp_path: Path, x: Any, message: str):
    stream = load(tmp_path).stream(4)
    stream.step(np.ones((4, 3)))
    before = stream.state
    with pytest.raises(ShapeError, match=message):
        stream.step(x)
    for key, state in stream.state.items():
        np.testing.assert_array_equal(state, before[key])


def test_an_input_by_its_name(tmp_path: Path):
    loaded = load(tmp_path)
    x = np.ones(3)
    np.testing.assert_array_equal(loaded.stream().step(x), loaded.stream().step({"x": x}))
    two = load(tmp_path, "two_inputs").stream()
    assert two.step({"x": np.ones(3), "v": np.ones(2)}).shape == (5,)
    with pytest.raises(ShapeError, match=r"input 'v' of shape \[1, 2\], expected \[I\] = \[2\]"):
        two.step({"x": np.ones(3), "v": np.ones((1, 2))})
    with pytest.raises(ShapeError, match="got inputs x, expected x, v"):
        two.step(np.ones(3))


def test_what_no_stream_can_be(tmp_path: Path):
    with pytest.raises(OptionError, match="a bidirectional layer cannot run as a stream"):
        load(tmp_path, bidirectional=True).stream()
    loaded = load(tmp_path)
    with pytest.raises(OptionError, match="num_rows must be a positive integer, got 0"):
        loaded.stream(0)
    stream = loaded.stream(2)
    for row in (2, -1, "a"):
        with pytest.raises(OptionError, match="expected 0 to 1"):
            stream.reset(row)  # pyright: ignore[reportArgumentType]
    for state in ({}, {"h": np.zeros((1, 2, 5))}, None, {"h": 1, "c": 2}):
        with pytest.raises(ShapeError, match="mend: "):
            stream.state = state
    with pytest.raises(ShapeError, match=r"expected \[L\*D, B, size\] = \[1, 2, 5\]"):
        stream.state = {"h": np.zeros((1, 5)), "c": np.zeros((1, 5))}


def test_nan_stays_in_its_row_until_it_is_reset(tmp_path: Path):
    stream = load(tmp_path, "gru").stream(2)
    clean = stream.step(np.zeros((2, 3))).copy()
    x = np.zeros((2, 3))
    x[1] = np.nan
    assert np.isnan(stream.step(x)[1]).all()
    output = stream.step(np.zeros((2, 3)))
    assert not np.isnan(output[0]).any()
    assert np.isnan(output[1]).all()
    stream.reset(1)
    np.testing.assert_array_equal(stream.step(np.zeros((2, 3)))[1], clean[1])


def test_one_row_is_set_and_read_and_the_others_stay(tmp_path: Path) -> None:
    layer = reload(ost.LSTM(3, 4), tmp_path)
    stream = layer.stream(3)
    stream.step(np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32))
    before = stream.state
    mine = {name: np.full((1, 4), 0.5, np.float32) for name in before}
    stream.set_state_of(1, mine)
    after = stream.state
    for name in before:
        np.testing.assert_array_equal(stream.state_of(1)[name], mine[name])
        np.testing.assert_array_equal(after[name][:, [0, 2]], before[name][:, [0, 2]])
    with pytest.raises(OptionError, match="got row 3"):
        stream.state_of(3)
    with pytest.raises(ShapeError, match="expected"):
        stream.set_state_of(0, {"h": mine["h"]})


def test_one_program_for_all_numbers_of_rows_gives_a_row_the_same_bits(tmp_path: Path) -> None:
    layer = reload(ost.GRU(8, 64), tmp_path)
    layer.program_rows = 64
    x = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
    whole = layer.stream(64).step(x)
    for num_rows in (4, 8, 32):
        assert layer.stream(num_rows).step(x[:num_rows]).tobytes() == whole[:num_rows].tobytes()
