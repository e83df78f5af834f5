"""The runtime needs the plain install: numpy, safetensors and the native engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import ostinato as ost
from ostinato.runtime import load
from ostinato.training.session import train
from tests.test_package import WITHOUT, run_python
from tests.training.helpers import TEXT, tiny

EXTRAS = {"torch", "typer", "rich", "pydantic", "yaml", "tensorboard"}
WITHOUT_EXTRAS = WITHOUT.format(missing=EXTRAS)
NOTHING_ELSE = f"""
loaded = {{name.partition(".")[0] for name in sys.modules}}
assert not loaded & {EXTRAS}, loaded & {EXTRAS}
assert "safetensors.torch" not in sys.modules
"""


def test_a_layer_runs_and_streams(tmp_path: Path):
    torch.manual_seed(0)
    layer = ost.LSTM(3, 20, num_layers=2, layer_norm=True)
    ost.nn.save(layer, tmp_path / "layer")
    x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    printed = run_python(
        WITHOUT_EXTRAS
        + f"""
import numpy as np
import ostinato as ost
x = np.load({str(tmp_path / "x.npy")!r})
layer = ost.runtime.load({str(tmp_path / "layer")!r}, num_threads=1)
np.save({str(tmp_path / "y.npy")!r}, layer(x, lengths=[6, 4])[0])
stream = layer.stream(2)
steps = [stream.step(x[t]).copy() for t in range(6)]
assert np.allclose(steps, layer(x)[0], rtol=0, atol=1e-6)
print(layer.num_layers)
"""
        + NOTHING_ELSE
    )
    assert printed.split() == ["2"]
    with torch.no_grad():
        expected = layer(torch.from_numpy(x), lengths=[6, 4])[0]
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected.numpy(), rtol=0, atol=1e-5)


def test_a_language_model_writes_and_scores(tmp_path: Path):
    train(tiny(), tmp_path / "run")
    printed = run_python(
        WITHOUT_EXTRAS
        + f"""
import ostinato as ost
model = ost.runtime.load({str(tmp_path / "run")!r}, num_threads=1)
print(repr("".join(model.generate("the quick", length=40, temperature=0))))
print(repr("".join(model.generate("the quick", length=40, top_p=0.9, seed=1))))
print(model.score({TEXT!r}))
"""
        + NOTHING_ELSE
    )
    model = load(tmp_path / "run", num_threads=1)
    assert isinstance(model, ost.runtime.LanguageModel)
    greedy, drawn, score = printed.splitlines()
    assert greedy == repr("".join(model.generate("the quick", length=40, temperature=0)))
    assert drawn == repr("".join(model.generate("the quick", length=40, top_p=0.9, seed=1)))
    assert float(score) == model.score(TEXT)
