"""The gradient through time against cases where the truth is known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from torch import Tensor

import ostinato as ost
from ostinato.core.errors import OptionError
from ostinato.lens.gradients import flow_of, gradient_through_time
from ostinato.nn.probes import Place, state_gradient_norms
from ostinato.training.gradient_decay import decay_of
from tests.lens.subjects import TEXT, writer

T, H = 60, 16


def flow(layer: ost.Recurrent, num_steps: int = T, *, is_gated: bool = False):
    """The gradient of the last output, with nothing to read."""

    def loss() -> Tensor:
        output, _ = layer(torch.zeros(num_steps, 1, layer.input_size, dtype=torch.float64))
        return output[-1].sum()

    norms = {
        place: {name: rows[:, 0] for name, rows in own.items()}
        for place, own in state_gradient_norms(layer, loss).items()
    }
    return flow_of(norms, "layer", num_steps - 1, [""] * num_steps, is_gated=is_gated)


def elman(radius: float) -> ost.Recurrent:
    """At h = 0, where tanh has slope 1, the Jacobian is the recurrent matrix."""
    layer = ost.Recurrent("elman", 3, H, dtype=torch.float64)
    torch.manual_seed(0)
    turn = torch.nn.init.orthogonal_(torch.empty(H, H, dtype=torch.float64))
    layer.set_cell_parameter("W_hh", radius * turn)
    layer.set_cell_parameter("b_h", torch.zeros(H))
    return layer


@pytest.mark.parametrize(
    ("radius", "verdict", "mend"),
    [
        (0.5, "vanishing", "gated cell"),
        (1.0, "healthy", "^$"),
        (1.5, "exploding", "clip the gradient"),
    ],
)
def test_an_elman_network_of_a_known_spectral_radius(radius: float, verdict: str, mend: str):
    found = flow(elman(radius))
    (decay,) = found.decays.values()
    assert decay.rate == pytest.approx(radius, rel=1e-9)
    assert (decay.verdict, found.verdict) == (verdict, verdict)
    assert re.search(mend, found.mend)
    norms = found.joint[Place(0, 0)]
    np.testing.assert_allclose(norms, math.sqrt(H) * radius ** np.arange(T - 1, -1, -1), rtol=1e-9)


def test_a_radius_that_only_shows_in_the_long_run():
    # A matrix that is not normal grows at first: the slope far back is that of its eigenvalues.
    layer = elman(0.0)
    torch.manual_seed(1)
    random = torch.randn(H, H, dtype=torch.float64)
    radius = float(torch.linalg.eigvals(random).abs().max())
    layer.set_cell_parameter("W_hh", 0.9 * random / radius)
    norms = flow(layer, 400).joint[Place(0, 0)][::-1]
    assert decay_of(norms[200:]).rate == pytest.approx(0.9, rel=0.01)


def held_lstm(forget: float) -> ost.Recurrent:
    layer = ost.Recurrent("lstm", 3, H, dtype=torch.float64)
    for name, weight in layer.cell_parameters().items():
        layer.set_cell_parameter(name, torch.zeros_like(weight))
    layer.set_cell_parameter("b_f", torch.full((H,), math.log(forget / (1 - forget))))
    return layer


def test_an_lstm_whose_forget_gate_is_held():
    found = flow(held_lstm(0.99), is_gated=True)
    cells = found.norms[Place(0, 0)]["c"]
    np.testing.assert_allclose(cells[:-1] / cells[1:], 0.99, rtol=1e-7)  # b_f is float32 here
    (decay,) = found.decays.values()
    assert decay.rate == pytest.approx(0.99, rel=1e-7)
    assert found.verdict == "healthy"
    assert decay.half_life == math.inf or decay.half_life <= math.ceil(
        math.log(2) / -math.log(0.99)
    )


def test_half_life_and_reach():
    decay = decay_of(0.9 ** np.arange(100))
    assert decay.half_life == 7  # 0.9**7 < 1/2 < 0.9**6
    assert decay.reach == 66  # 0.9**66 < 1/1000 < 0.9**65
    assert decay_of(np.ones(100)).half_life == math.inf


def test_what_float32_cannot_hold_does_not_spoil_the_rate():
    vanished = np.concatenate([0.5 ** np.arange(50), np.zeros(50)])
    assert decay_of(vanished).rate == pytest.approx(0.5)
    burst = np.concatenate([1.5 ** np.arange(50), np.full(50, np.inf)])
    assert decay_of(burst).rate == pytest.approx(1.5)
    assert decay_of(np.full(50, np.nan)).verdict == "unknown"
    assert decay_of([1.0, 0.5]).verdict == "unknown"


@pytest.mark.parametrize(
    ("rate", "verdict"), [(1e6, "exploding"), (1e-6, "vanishing"), (1e-12, "vanishing")]
)
def test_what_leaves_the_range_of_numbers_within_a_few_steps(rate: float, verdict: str):
    with np.errstate(over="ignore", under="ignore"):
        decay = decay_of(np.float64(rate) ** np.arange(100))
    assert decay.verdict == verdict
    assert decay.rate == pytest.approx(rate)


def test_a_state_that_nothing_reads_and_one_that_is_cut_off():
    assert decay_of([1.0, *[0.0] * 99]).verdict == "vanishing"
    assert decay_of([1.0, *[0.0] * 99]).rate == 0
    # A document begins five steps back: nothing is known of what a longer one would do.
    assert decay_of([1.0, 0.9, 0.8, 0.7, 0.6, *[0.0] * 95]).verdict == "unknown"
    fifty = decay_of([*(0.99 ** np.arange(50)), *[0.0] * 50])
    assert (fifty.verdict, fifty.rate) == ("healthy", pytest.approx(0.99))
    assert decay_of(np.zeros(50)).verdict == "unknown"


def test_what_is_measured_over_a_hundred_steps_decides():
    # A thousandth is left after a hundred steps, whatever a tail of thousands would say.
    falls = np.concatenate([0.9 ** np.arange(101), np.full(4000, 0.9**100)])
    assert decay_of(falls).verdict == "vanishing"
    assert decay_of(falls).rate == pytest.approx(0.9)
    stays = np.concatenate([np.ones(101), 0.5 ** np.arange(60)])
    assert decay_of(stays).verdict == "healthy"
    # A straight line would call this healthy: flat for long, and gone at a hundred steps.
    cliff = np.concatenate([np.ones(80), np.full(21, 1e-9)])
    assert decay_of(cliff).verdict == "vanishing"


def test_the_norms_are_those_of_autograd():
    subject = writer("elman")
    piece = subject.piece(TEXT)
    found = gradient_through_time(subject, piece, step=20)
    weights = subject.layers[0].cell_parameters()
    vectors = subject.writer.embedding(piece.inputs["ids"])[:, 0]
    h, states = torch.zeros(6), []
    for x_t in vectors[:21]:
        h = torch.tanh(weights["W_hh"] @ h + weights["W_ih"] @ x_t + weights["b_h"])
        h.retain_grad()
        states.append(h)
    logits = subject.writer.head(states[-1])
    assert piece.targets is not None
    torch.nn.functional.cross_entropy(logits[None], piece.targets[20:21]).backward()
    expected = [float(state.grad.norm()) for state in states]
    got = found.norms[Place(0, 0)]["h"]
    np.testing.assert_allclose(got[:21], expected, rtol=1e-4)
    # What comes later has no part in it.
    assert (got[21:] == 0).all()


def test_every_layer_has_its_own_norms():
    found = gradient_through_time(*with_piece(writer("lstm", num_layers=3)))
    assert list(found.decays) == [Place(0, 0), Place(1, 0), Place(2, 0)]
    assert found.is_gated
    assert found.step == len(TEXT) - 1
    for place, norms in found.norms.items():
        assert set(norms) == {"h", "c"}
        joint = np.hypot(norms["h"], norms["c"])
        np.testing.assert_allclose(found.joint[place], joint, rtol=1e-12)


def test_a_step_that_is_not_there():
    subject, piece = with_piece(writer())
    with pytest.raises(OptionError, match="steps 0 to"):
        gradient_through_time(subject, piece, step=len(TEXT))


def with_piece(subject):
    return subject, subject.piece(TEXT)
