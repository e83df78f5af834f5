"""A saved layer gives what it gave in torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OptionError, ShapeError
from tests.contract.cases import COMBINATIONS, Option, make_input, make_layer, map_input
from tests.runtime.helpers import compare, reload, same_call, to_numpy
from tests.tolerances import assert_close

combinations = pytest.mark.parametrize(
    ("name", "option"), COMBINATIONS, ids=[f"{n}-{o.name}" for n, o in COMBINATIONS]
)
NUM_STEPS = 6
LENGTHS = (6, 0, 4)


def make(name: str, option: Option, **more: Any) -> Any:
    layer = make_layer(name, option.arguments, **more).eval()
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return layer


@combinations
def test_every_cell_and_option(tmp_path: Path, name: str, option: Option):
    layer = make(name, option)
    loaded = reload(layer, tmp_path)
    x = make_input(layer, NUM_STEPS)
    resets = torch.zeros(NUM_STEPS, 3, dtype=torch.bool)
    resets[2, 0] = resets[1, 1] = resets[5, 1] = resets[3, 2] = resets[5, 2] = True
    same_call(layer, loaded, x)
    same_call(layer, loaded, x, layer(x)[1])
    same_call(layer, loaded, x, lengths=list(LENGTHS))
    same_call(layer, loaded, x, resets=resets)
    same_call(layer, loaded, x, lengths=torch.tensor(LENGTHS), resets=resets)


@combinations
def test_every_form_of_input(tmp_path: Path, name: str, option: Option):
    layer = make(name, option, batch_first=True)
    loaded = reload(layer, tmp_path)
    for num_steps, num_rows in ((1, 1), (0, 2), (5, 0), (0, 0), (7, 2), (2, 17)):
        x = map_input(make_input(layer, num_steps, num_rows), lambda s: s.transpose(0, 1))
        same_call(layer, loaded, x)
        same_call(
            layer,
            loaded,
            map_input(x, lambda s: s.contiguous()),
            lengths=torch.zeros(num_rows, dtype=torch.int64),
        )
        if num_rows:
            single = map_input(x, lambda s: s[0])
            same_call(layer, loaded, single)
            same_call(layer, loaded, single, layer(single)[1], resets=torch.ones(num_steps) > 0)


@combinations
def test_padding_changes_nothing(tmp_path: Path, name: str, option: Option):
    layer = make(name, option)
    loaded = reload(layer, tmp_path)
    x = make_input(layer, NUM_STEPS)
    expected = loaded(to_numpy(x), lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        for stream in x.values() if isinstance(x, dict) else [x]:
            stream[length:, row] = torch.nan
    output, states = loaded(to_numpy(x), lengths=LENGTHS)
    np.testing.assert_array_equal(output, expected[0])
    for key, state in expected[1].items():
        np.testing.assert_array_equal(states[key], state)


@pytest.mark.parametrize("option", [Option("one"), Option("both", {"bidirectional": True})])
@pytest.mark.parametrize("name", ["lstm", "gru_2014", "slstm", "two_loops", "sru"])
def test_every_state(tmp_path: Path, name: str, option: Option):
    layer = make(name, option, return_all_states=True, batch_first=True)
    loaded = reload(layer, tmp_path)
    x = make_input(layer, 3, NUM_STEPS)
    same_call(layer, loaded, x)
    same_call(layer, loaded, x, lengths=LENGTHS)
    same_call(layer, loaded, map_input(x, lambda s: s[0]))
    same_call(layer, loaded, map_input(x, lambda s: s[:, :0]), lengths=[0, 0, 0])
    if not layer.bidirectional:
        one = map_input(x, lambda s: s[:, 0])
        with torch.no_grad():
            compare(loaded.step(to_numpy(one)), layer.step(one))


@combinations
def test_one_step(tmp_path: Path, name: str, option: Option):
    layer = make(name, option)
    loaded = reload(layer, tmp_path)
    x = map_input(make_input(layer, 2), lambda s: s[0])
    if layer.bidirectional:
        with pytest.raises(OptionError, match="cannot run as a stream"):
            loaded.step(to_numpy(x))
        return
    with torch.no_grad():
        first, second = layer.step(x), layer.step(x, layer.step(x)[1])
        alone = layer.step(map_input(x, lambda s: s[0]))
    compare(loaded.step(to_numpy(x)), first)
    compare(loaded.step(to_numpy(x), loaded.step(to_numpy(x))[1]), second)
    compare(loaded.step(to_numpy(map_input(x, lambda s: s[0]))), alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ost.RNN, {"nonlinearity": "relu", "batch_first": True}),
        (ost.RNN, {"bias": False, "num_layers": 2, "bidirectional": True}),
        (ost.GRU, {"num_layers": 2, "dropout": 0.5, "layer_norm": True, "zoneout": 0.1}),
        (ost.LSTM, {"bidirectional": True, "num_layers": 2, "learn_initial_state": True}),
        (ost.LSTM, {"proj_size": 5, "num_layers": 2, "bidirectional": True}),
        (ost.LSTM, {"peepholes": True, "bias": False, "recurrent_dropout": 0.3}),
    ],
    ids=str,
)
def test_the_layers_of_torch(tmp_path: Path, kind: Any, options: dict[str, Any], dtype: Any):
    torch.manual_seed(0)
    layer = kind(7, 33, dtype=dtype, **options).eval()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.uniform_(-0.4, 0.4)
    loaded = reload(layer, tmp_path, num_threads=2)
    x = torch.randn(4, 5, 7, dtype=dtype)
    with torch.no_grad():
        output, state = layer(x)
    names = list(loaded.state_sizes)
    states = dict(zip(names, state if len(names) > 1 else [state], strict=True))
    compare(loaded(x.numpy()), (output, states))


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU])
def test_an_accelerated_layer_gives_the_numbers_of_torch(tmp_path: Path, kind: Any):
    torch.manual_seed(0)
    layer = kind(3, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    with torch.no_grad():
        output, state = layer(x)
    ost.accelerate(layer)
    states = dict(zip("hc", state, strict=True)) if kind is torch.nn.LSTM else {"h": state}
    compare(reload(layer, tmp_path)(x.numpy()), (output, states))


def test_zoneout_is_its_expectation_and_dropout_nothing(tmp_path: Path):
    layer = make("lstm", Option("zoneout", {"zoneout": {"c": 0.4}, "recurrent_dropout": 0.2}))
    plain = make("lstm", Option("plain"))
    plain.load_state_dict(layer.state_dict())
    x = make_input(layer)
    assert isinstance(x, torch.Tensor)
    loaded = reload(layer.train(), tmp_path)
    same_call(layer.eval(), loaded, x)
    assert not np.allclose(loaded(x.numpy())[0], plain(x)[0].detach().numpy())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_16_bits_are_read_into_float32(tmp_path: Path, dtype: torch.dtype):
    torch.manual_seed(0)
    layer = ost.Recurrent("gru", 3, 4, dtype=dtype, engine="eager")
    loaded = reload(layer, tmp_path)
    assert loaded.dtype == np.float32
    x = torch.randn(5, 2, 3)
    with torch.no_grad():
        compare(loaded(x.numpy()), layer.float()(x))


def test_a_cell_with_a_hint_and_a_scalar(tmp_path: Path):
    with pytest.warns(ost.EquationHint):
        cell = ost.Cell("k: scalar\nh = tanh(W @ h + k * (U @ x) + hh)\nh[0] = 0.5")
    layer = ost.Recurrent(cell, 3, 4, dtype=torch.float64)
    same_call(layer, reload(layer, tmp_path), torch.randn(5, 2, 3, dtype=torch.float64))


def test_strides_order_and_memory(tmp_path: Path):
    layer = make("gru", Option("plain"))
    loaded = reload(layer, tmp_path)
    x = torch.randn(6, 3, 3, dtype=torch.float64)
    expected = layer(x)[0].detach()
    plain = x.numpy()
    unaligned = np.frombuffer(b"\0" + plain.tobytes(), np.uint8)[1:].view(np.float64)
    views = [
        plain.transpose(2, 1, 0).copy().transpose(2, 1, 0),
        plain[::-1].copy()[::-1],
        np.repeat(plain, 2, -1)[..., ::2],
        unaligned.reshape(plain.shape),
    ]
    for view in views:
        assert_close(torch.from_numpy(loaded(view)[0]), expected)
    broadcast = np.broadcast_to(plain[:1, :1], (6, 3, 3))
    same_call(layer, loaded, torch.from_numpy(broadcast.copy()))
    np.testing.assert_array_equal(loaded(broadcast)[0], loaded(broadcast.copy())[0])
    kept = loaded(plain)[0].copy()
    loaded(plain + 1)
    np.testing.assert_array_equal(loaded(plain)[0], kept)


def test_nan_and_infinity_are_data(tmp_path: Path):
    loaded = reload(make("gru", Option("plain")), tmp_path)
    x = np.zeros((4, 3, 3))
    clean = loaded(x)[0]
    x[2, 1] = np.nan
    x[1, 2] = np.inf
    output, _ = loaded(x)
    np.testing.assert_array_equal(output[:, 0], clean[:, 0])
    assert np.isnan(output[2:, 1]).all()
    assert not np.isnan(output[:2, 1]).any()


def test_threads_share_a_layer(tmp_path: Path):
    from concurrent.futures import ThreadPoolExecutor

    loaded = reload(make("lstm", Option("plain")), tmp_path, num_threads=2)
    inputs = [np.random.default_rng(k).normal(size=(20, 4, 3)) for k in range(8)]
    expected = [loaded(x)[0] for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for got, truth in zip(pool.map(lambda x: loaded(x)[0], inputs), expected, strict=True):
                np.testing.assert_array_equal(got, truth)


X = np.zeros((4, 3, 3))
H = np.zeros((1, 3, 5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": X.astype(np.float32)}, r"is of float32, .* float64\nmend: x.astype\(np.float64\)"),
        ({"x": X.astype(">f8")}, r"is of >f8"),
        ({"x": X.tolist()}, r"of type list, expected an array \[T, B, I\]\nmend: np.asarray"),
        ({"x": torch.zeros(4, 3, 3)}, "of type Tensor, expected an array"),
        ({"x": None}, "of type NoneType"),
        ({"x": X[0, 0]}, r"got input of shape \[3\], expected \[T, B, I\]"),
        ({"x": X[..., :2]}, r"shape \[4, 3, 2\], expected 3 as its last dimension"),
        ({"x": {"y": X}}, "got inputs y, expected x\nmend: "),
        ({"x": {}}, "got inputs , expected x\nmend: "),
        ({"lengths": [4, 3]}, "got 2 lengths for 3 rows"),
        ({"lengths": [4, 3, 5]}, "between 0 and T = 4, got 5"),
        ({"lengths": [4, -1, 2]}, "between 0 and T = 4, got -1"),
        ({"lengths": [1.0, 2.0, 3.0]}, "must be integers of shape"),
        ({"lengths": [[1], [2, 3]]}, "must be integers of shape"),
        ({"lengths": "abc"}, "must be integers"),
        ({"lengths": [True, True, True]}, "got bool"),
        ({"resets": np.zeros((4, 3))}, "must be booleans, got float64"),
        ({"resets": np.zeros((3, 4), bool)}, r"got resets of shape \[3, 4\] for 4 steps and 3"),
        ({"resets": [[True], [True, False]]}, "must be booleans"),
        ({"state": {"c": H}}, "got a state with c, expected h, c"),
        ({"state": {}}, "got a state with no names"),
        ({"state": H}, "got a state of type ndarray"),
        ({"state": {"h": H[:, :2], "c": H}}, r"expected \[L\*D, B, size\] = \[1, 3, 5\]"),
        ({"state": {"h": H, "c": H.astype("f4")}}, "state 'c' is of float32"),
        ({"state": {"h": H, "c": None}}, "state 'c' is of type NoneType"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, arguments: dict[str, Any], message: str):
    loaded = reload(make("lstm", Option("plain")), tmp_path)
    with pytest.raises(ShapeError, match=message) as raised:
        loaded(**{"x": X, **arguments})
    assert "\nmend: " in str(raised.value)


def test_inputs_of_two_lengths(tmp_path: Path):
    loaded = reload(make("two_inputs", Option("plain")), tmp_path)
    with pytest.raises(ShapeError, match="input 'v' has 3 steps and 3 rows"):
        loaded({"x": X, "v": np.zeros((3, 3, 2))})
    with pytest.raises(ShapeError, match="got inputs x, expected x, v"):
        loaded(X)


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, True, "2"])
def test_numbers_of_threads(tmp_path: Path, num_threads: Any):
    ost.nn.save(make("gru", Option("plain")), tmp_path / "layer")
    with pytest.raises(OptionError, match="num_threads must be a positive integer"):
        ost.runtime.load(tmp_path / "layer", num_threads=num_threads)


def test_a_repr_names_what_goes_in_and_out(tmp_path: Path):
    loaded = reload(make("lstm", Option("plain")), tmp_path)
    assert repr(loaded).startswith("Layer('lstm', inputs={'x': 3}, states={'h': 5, 'c': 5}, ")
