"""Torch's layers swapped inside a model: same objects, same weights, same results."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from torch import Tensor, nn

import ostinato.nn as onn
from ostinato.core.errors import OptionError, UnknownNameError
from tests.tolerances import assert_close


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.encoder = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.decoder = nn.ModuleDict({"gru": nn.GRU(10, 6, batch_first=True)})
        self.rnn = nn.RNN(6, 3, nonlinearity="relu", batch_first=True)
        self.cell = nn.LSTMCell(3, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        encoded, _ = self.encoder(self.embedding(tokens))
        decoded, _ = self.decoder["gru"](encoded)
        output, _ = self.rnn(decoded)
        return self.cell(output[:, -1])[0]


class Mine(nn.LSTM):
    """Someone's own subclass."""


def test_a_model_keeps_everything_but_the_engine() -> None:
    torch.manual_seed(0)
    model = Tagger()
    tokens = torch.randint(11, (3, 7))
    expected = model(tokens)
    names = [n for n, _ in model.named_parameters()]
    weights = list(model.parameters())
    modules = list(model.modules())
    calls: list[str] = []
    model.encoder.register_forward_hook(lambda *_: calls.append("forward"))
    model.rnn.register_full_backward_hook(lambda *_: calls.append("backward"))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    summary = onn.accelerate(model)
    assert [(s.name, s.kind) for s in summary.swapped] == [
        ("encoder", "LSTM"),
        ("decoder.gru", "GRU"),
        ("rnn", "RNN"),
    ]
    assert [s.name for s in summary.left] == ["cell"]
    assert all(a is b for a, b in zip(modules, model.modules(), strict=True))
    assert all(a is b for a, b in zip(weights, model.parameters(), strict=True))
    assert names == [n for n, _ in model.named_parameters()]
    assert isinstance(model.encoder, onn.LSTM)
    assert isinstance(model.encoder, nn.LSTM)
    assert_close(model(tokens), expected)
    before = [w.clone() for w in weights]
    model(tokens).square().sum().backward()
    optimiser.step()
    assert calls == ["forward", "forward", "backward"]
    assert any(not torch.equal(a, b) for a, b in zip(before, weights, strict=True))


def test_training_goes_on_as_before() -> None:
    torch.manual_seed(0)
    model = Tagger()
    twin = copy.deepcopy(model)
    onn.accelerate(twin)
    tokens = torch.randint(11, (3, 7))
    for one in (model, twin):
        optimiser = torch.optim.Adam(one.parameters(), lr=0.01)
        for _ in range(5):
            optimiser.zero_grad()
            one(tokens).square().sum().backward()
            optimiser.step()
    for (name, a), b in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert_close(b, a, name)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_what_is_left_has_a_reason() -> None:
    patched = nn.LSTM(3, 3)
    patched.forward = patched.forward
    model = nn.ModuleDict(
        {
            "own": Mine(3, 3),
            "cell": nn.GRUCell(3, 3),
            "done": onn.GRU(3, 3),
            "equations": onn.Recurrent("mgu", 3, 3),
            "normed": nn.utils.parametrizations.weight_norm(nn.GRU(3, 3), "weight_hh_l0"),
            "patched": patched,
            "quantised": torch.ao.nn.quantized.dynamic.LSTMCell(3, 3),
            "prepared": torch.ao.nn.quantizable.LSTM(3, 3),
        }
    )
    summary = onn.accelerate(model)
    assert not summary.swapped
    reasons = {s.name: s.reason for s in summary.left}
    assert model.keys() <= reasons.keys()
    assert "subclass of nn.LSTM" in reasons["own"]
    assert "single cell" in reasons["cell"]
    assert "already" in reasons["done"]
    assert "already" in reasons["equations"]
    assert "parametrised" in reasons["normed"]
    assert "replaced" in reasons["patched"]
    assert "quantised" in reasons["quantised"]
    assert "quantised" in reasons["prepared"]
    assert "left own (Mine): a subclass of nn.LSTM" in str(summary)
    assert str(onn.accelerate(nn.Linear(2, 2))) == "no recurrent layer found"


def test_an_unknown_engine_changes_nothing() -> None:
    model = nn.Sequential(nn.LSTM(3, 4))
    with pytest.raises(UnknownNameError, match="unknown engine 'nativ'"):
        onn.accelerate(model, engine="nativ")
    assert type(model[0]) is nn.LSTM
    assert model(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)


def test_a_layer_that_is_held_twice() -> None:
    layer = nn.GRU(3, 3)
    summary = onn.accelerate(nn.ModuleDict({"encoder": layer, "decoder": layer}))
    assert [(s.name, s.kind) for s in summary.swapped] == [("encoder", "GRU"), ("decoder", "GRU")]
    assert isinstance(layer, onn.GRU)


def test_a_layer_by_itself() -> None:
    layer = nn.GRU(3, 4)
    x = torch.randn(5, 2, 3)
    expected, _ = layer(x)
    assert str(onn.accelerate(layer)) == "swapped the model itself (GRU)"
    assert_close(layer(x)[0], expected)
    assert_close(copy.deepcopy(layer)(x)[0], expected)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_explain_names_the_engine_and_its_reason(kind: str) -> None:
    text = repr(onn.explain(getattr(onn, kind)(3, 4), torch.randn(5, 2, 3)))
    assert "engine: native (engine='auto')" in text
    assert "native: runs it, C++ on the CPU" in text
    assert "eager: runs it, plain torch operations" in text
    assert re.search(
        r"flops, [\d,]+ of them in the loop, which reads and writes [\d,]+ bytes", text
    )
    assert "h[t-1]" in text
    with pytest.raises(OptionError, match="got a Linear, expected a recurrent layer"):
        onn.explain(nn.Linear(2, 2))
