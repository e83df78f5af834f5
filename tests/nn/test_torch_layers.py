"""``RNN``, ``LSTM`` and ``GRU`` against torch's own, over a grid of options."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import ostinato.nn as onn
from ostinato.core.errors import OptionError, ShapeError
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

INPUT_SIZE, HIDDEN_SIZE = 4, 5
KINDS = ("RNN-tanh", "RNN-relu", "LSTM", "LSTM-projected", "GRU")


def _pair(kind: str, **arguments: Any) -> tuple[nn.Module, nn.Module]:
    """Make torch's layer and ours from one seed: the initial weights must be equal."""
    if kind.startswith("RNN"):
        arguments["nonlinearity"] = kind.removeprefix("RNN-")
    if kind == "LSTM-projected":
        arguments["proj_size"] = 3
    layers: list[nn.Module] = []
    for house in (nn, onn):
        torch.manual_seed(0)
        make = getattr(house, kind.split("-", maxsplit=1)[0])
        layers.append(make(INPUT_SIZE, HIDDEN_SIZE, **arguments))
    return layers[0], layers[1]


def _tensors(result: Any) -> list[Tensor]:
    """Flatten what a layer returns."""
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, Tensor):
        return [result]
    return [t for part in result for t in _tensors(part)]


def _state(layer: nn.Module, num_rows: int | None, dtype: torch.dtype) -> Any:
    places = layer.num_layers * (2 if layer.bidirectional else 1)
    rows = () if num_rows is None else (num_rows,)
    torch.manual_seed(3)
    h = torch.randn(places, *rows, layer.proj_size or HIDDEN_SIZE, dtype=dtype)
    if not isinstance(layer, nn.LSTM):
        return h
    return h, torch.randn(places, *rows, HIDDEN_SIZE, dtype=dtype)


def _inputs(dtype: torch.dtype, *, batch_first: bool) -> Iterator[tuple[Any, int | None]]:
    torch.manual_seed(2)
    shape = (3, 6, INPUT_SIZE) if batch_first else (6, 3, INPUT_SIZE)
    padded = torch.randn(shape, dtype=dtype)
    yield padded, 3
    yield torch.randn(6, INPUT_SIZE, dtype=dtype), None
    lengths = torch.tensor([2, 6, 4])
    yield pack_padded_sequence(padded, lengths, batch_first=batch_first, enforce_sorted=False), 3
    yield pack_sequence([torch.randn(n, INPUT_SIZE, dtype=dtype) for n in (5, 5, 1)]), 3


def _compare(ours: nn.Module, torchs: nn.Module, x: Any, state: Any) -> None:
    data = x.data if isinstance(x, PackedSequence) else x
    data.requires_grad_()
    results = [layer(x, state) if state is not None else layer(x) for layer in (ours, torchs)]
    got, expected = (_tensors(r) for r in results)
    for mine, theirs in zip(got, expected, strict=True):
        assert_close(mine, theirs, "result")
    if isinstance(x, PackedSequence):
        for field in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            mine, theirs = (getattr(r[0], field) for r in results)
            assert mine is theirs or torch.equal(mine, theirs)
    gradients = [
        torch.autograd.grad(sum(t.square().sum() for t in part), [data, *layer.parameters()])
        for part, layer in ((got, ours), (expected, torchs))
    ]
    for mine, theirs in zip(*gradients, strict=True):
        assert_close(mine, theirs, "gradient")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one_way", "two_way"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_torch(
    kind: str, num_layers: int, bidirectional: bool, dtype: torch.dtype
) -> None:
    for bias, batch_first in itertools.product((True, False), (False, True)):
        torchs, ours = _pair(
            kind,
            num_layers=num_layers,
            bidirectional=bidirectional,
            bias=bias,
            batch_first=batch_first,
            dtype=dtype,
        )
        for x, num_rows in _inputs(dtype, batch_first=batch_first):
            _compare(ours, torchs, x, None)
            _compare(ours, torchs, x, _state(torchs, num_rows, dtype))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_start_and_travel_as_torchs(kind: str) -> None:
    torchs, ours = _pair(kind, num_layers=2, bidirectional=True)
    assert list(ours.state_dict()) == list(torchs.state_dict())
    for name, weight in torchs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    for source, target in ((torchs, ours), (ours, torchs)):
        with torch.no_grad():
            for weight in source.parameters():
                weight.normal_()
        file = io.BytesIO()
        torch.save(source.state_dict(), file)
        file.seek(0)
        target.load_state_dict(torch.load(file, weights_only=True), strict=True)
        x = torch.randn(4, 2, INPUT_SIZE)
        assert_close(_tensors(ours(x))[0], _tensors(torchs(x))[0])
    assert repr(ours) == f"{repr(torchs)[:-1]}, engine='auto')"


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_acts_between_layers_in_training_only(kind: str) -> None:
    _, ours = _pair(kind, num_layers=2, dropout=0.5)
    x = torch.randn(4, 2, INPUT_SIZE)
    assert not torch.equal(ours(x)[0], ours(x)[0])
    ours.eval()
    assert torch.equal(ours(x)[0], ours(x)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_added_options(kind: str) -> None:
    options: dict[str, Any] = {
        "layer_norm": True,
        "learn_initial_state": True,
        "zoneout": 0.1,
        "recurrent_dropout": 0.1,
    }
    if kind == "LSTM":
        options["peepholes"] = True
    name = kind.split("-", maxsplit=1)[0]
    more = {"proj_size": 3} if kind == "LSTM-projected" else {}
    layer = getattr(onn, name)(INPUT_SIZE, HIDDEN_SIZE, 2, bidirectional=True, **more, **options)
    extras = {n for n in layer.state_dict() if not n.startswith(("weight_", "bias_"))}
    assert {n.split("_")[0] for n in extras} >= {"gain", "h"}
    assert ("p_i_l0" in extras) == (kind == "LSTM")
    x = torch.randn(6, 3, INPUT_SIZE)
    resets = torch.rand(6, 3) < 0.3
    loss = _tensors(layer(x, lengths=[6, 2, 4], resets=resets))[0].square().sum()
    loss.backward()
    missing = [n for n, p in layer.named_parameters() if p.grad is None or not p.grad.any()]
    assert not missing
    gains = [p for n, p in layer.named_parameters() if n.startswith("gain")]
    with torch.no_grad():
        gains[0].zero_()
    layer.reset_parameters()
    assert all((g == 1).all() for g in gains)


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_are_what_packing_is(kind: str) -> None:
    _, ours = _pair(kind, bidirectional=True)
    x = torch.randn(6, 3, INPUT_SIZE)
    lengths = torch.tensor([2, 6, 4])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    by_packing, by_lengths = _tensors(ours(packed)), _tensors(ours(x, lengths=lengths))
    padded = nn.utils.rnn.pad_packed_sequence(ours(packed)[0])[0]
    assert_close(by_lengths[0], padded)
    for mine, theirs in zip(by_lengths[1:], by_packing[1:], strict=True):
        assert_close(mine, theirs)


def test_all_states_of_an_lstm() -> None:
    layer = onn.LSTM(INPUT_SIZE, HIDDEN_SIZE, batch_first=True, return_all_states=True)
    x = torch.randn(2, 7, INPUT_SIZE)
    output, (h, c) = layer(x)
    assert h.shape == c.shape == (1, 2, 7, HIDDEN_SIZE)
    assert torch.equal(h[0], output)
    assert_close(torch.tanh(c[0]).sign(), output.sign())


def test_wrong_calls_say_how_to_mend_them() -> None:
    layer = onn.LSTM(INPUT_SIZE, HIDDEN_SIZE)
    x = torch.randn(6, 3, INPUT_SIZE)
    with pytest.raises(ShapeError, match=r"expected 4 as its last dimension\nmend: "):
        layer(torch.randn(6, 3, 7))
    with pytest.raises(ShapeError, match=r"expected \[T, B, I\].*\nmend: "):
        layer(torch.randn(6))
    with pytest.raises(ShapeError, match=r"float64.*float32\nmend: "):
        layer(x.double())
    with pytest.raises(ShapeError, match=r"the pair \(h_0, c_0\)\nmend: "):
        layer(x, (torch.zeros(1, 3, HIDDEN_SIZE),))
    with pytest.raises(ShapeError, match=r"got state 'c'.*\nmend: "):
        layer(x, (torch.zeros(1, 3, HIDDEN_SIZE), torch.zeros(1, 2, HIDDEN_SIZE)))
    with pytest.raises(ShapeError, match=r"between 0 and T = 6, got 7\nmend: "):
        layer(x, lengths=[6, 7, 1])
    with pytest.raises(ShapeError, match=r"got 2 lengths for 3 rows\nmend: "):
        layer(x, lengths=[6, 2])
    with pytest.raises(ShapeError, match=r"integers of shape \[3\].*\nmend: "):
        layer(x, lengths=torch.tensor([1.0, 2.0, 3.0]))
    with pytest.raises(ShapeError, match=r"got resets of shape \[3, 6\].*\nmend: "):
        layer(x, resets=torch.zeros(3, 6, dtype=torch.bool))
    with pytest.raises(ShapeError, match=r"resets must be booleans.*\nmend: "):
        layer(x, resets=torch.zeros(6, 3))
    with pytest.raises(OptionError, match=r"PackedSequence .* lengths or resets\nmend: "):
        layer(pack_sequence([torch.randn(3, INPUT_SIZE)]), lengths=[3])
    with pytest.raises(OptionError, match=r"peepholes=True.*\nmend: "):
        onn.LSTM(4, 5, proj_size=2, peepholes=True)
    with pytest.raises(
        OptionError, match=r"unknown engine 'nativ'.*\nexpected one of: auto, eager"
    ):
        onn.GRU(4, 5, engine="nativ")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_stream_is_the_sequence_step_by_step(kind: str) -> None:
    layer = getattr(onn, kind)(3, 4, num_layers=2)
    x = torch.randn(5, 2, 3)
    output, state = layer(x)
    carried, steps = None, []
    for x_t in x:
        step, carried = layer.step(x_t, carried)
        steps.append(step)
    assert_close(torch.stack(steps), output)
    ends = zip(carried, state, strict=True) if kind == "LSTM" else [(carried, state)]
    for got, expected in ends:
        assert_close(got, expected)
    with pytest.raises(OptionError, match="cannot run as a stream"):
        getattr(onn, kind)(3, 4, bidirectional=True).step(x[0])


# Dynamo looks at the .grad of views of weights when it goes on behind a break.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_compile_in_one_piece_where_dynamo_lets_it(kind: str) -> None:
    # Dynamo leaves every nn.RNNBase, torch's own included, out of its graphs unless told not to.
    layer, x = getattr(onn, kind)(3, 4), torch.randn(3, 2, 3)
    torch.compiler.reset()
    assert_close(torch.compile(layer, backend="aot_eager")(x)[0], layer(x)[0])
    with torch._dynamo.config.patch(allow_rnn=True):
        torch.compiler.reset()
        compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
        assert_close(compiled(x)[0], layer(x)[0])
    exported = torch.export.export(layer, (x,))
    assert_close(exported.module()(x)[0], layer(x)[0])


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_autocast_as_torch(kind: str) -> None:
    theirs = getattr(nn, kind)(3, 4)
    ours = getattr(onn, kind)(3, 4)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(5, 2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        expected, got = theirs(x)[0], ours(x)[0]
    assert got.dtype == torch.bfloat16
    if kind != "GRU":  # torch's own stays in float32 on the CPU; on CUDA it does not
        assert expected.dtype == torch.bfloat16
    assert (got - expected).abs().max() < 0.02


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("GRU", (None,), "'x' is of type NoneType, expected a tensor"),
        ("LSTM", ([[0.0]],), "'x' is of type list, expected a tensor"),
        ("GRU", (torch.zeros(2, 1, 3), (torch.zeros(1, 1, 4),)), "'h' is of type tuple"),
        ("LSTM", (torch.zeros(2, 1, 3), torch.zeros(1, 1, 4)), "expected the pair"),
        ("RNN", (torch.zeros(2, 1, 3), torch.zeros(1, 1, 4).double()), "got a tensor of torch.fl"),
    ],
)
def test_what_is_no_tensor_or_no_state(
    kind: str, arguments: tuple[object, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        getattr(onn, kind)(3, 4)(*arguments)
    assert "\nmend: " in str(caught.value)
