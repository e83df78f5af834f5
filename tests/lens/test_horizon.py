"""Memory horizons of networks whose memory is known."""

import math

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.lens.figures.horizon import horizon_figure
from ostinato.lens.horizon import Influence, memory_horizon
from tests.lens.subjects import TEXT, examples, writer

LONG = TEXT * 5
LEAK = 0.9
HALF_LIFE = math.log(2) / -math.log(LEAK)


def test_a_leaky_integrator_forgets_at_its_leak():
    subject = writer(f"h = {LEAK} * h + U @ x", LONG)
    found = memory_horizon(subject, subject.piece(LONG), reach=60)
    gradient = found.gradient.values
    np.testing.assert_allclose(gradient / gradient[0], LEAK ** np.arange(61), rtol=1e-4)
    assert found.gradient.half_life == pytest.approx(HALF_LIFE, rel=1e-3)
    assert found.gradient.crossing == 7
    assert found.gradient.reach == math.ceil(math.log(100) / -math.log(LEAK))
    # Of a small change, the divergence is its square: it halves twice as fast.
    assert found.substitution.half_life == pytest.approx(HALF_LIFE / 2, rel=0.25)


def test_a_regression_feels_a_substitution_as_its_leak_says(tmp_path):
    subject = examples("numbers", tmp_path, model={"cell": f"h = {LEAK} * h + U @ x"})
    piece = subject.piece(np.random.default_rng(0).standard_normal((80, 1)))
    found = memory_horizon(subject, piece, reach=40)
    assert found.substitution.measure.startswith("L2")
    assert found.gradient.half_life == pytest.approx(HALF_LIFE, rel=1e-3)
    assert found.substitution.half_life == pytest.approx(HALF_LIFE, rel=0.2)


@pytest.mark.parametrize("forget", [0.8, 0.95])
def test_an_lstm_with_a_held_forget_gate_remembers_as_long_as_it_says(forget: float):
    cell = "f = sigmoid(b_f); c = f * c + 0.3 * tanh(U @ x); h = tanh(c)"
    subject = writer(cell, LONG)
    (layer,) = subject.layers
    layer.set_cell_parameter("b_f", torch.full((6,), math.log(forget / (1 - forget))))
    found = memory_horizon(subject, subject.piece(LONG), reach=40)
    assert found.gradient.half_life == pytest.approx(math.log(2) / -math.log(forget), rel=0.12)


def test_a_gru_with_a_held_update_gate_remembers_as_long_as_it_says():
    subject = writer("gru", LONG)
    (layer,) = subject.layers
    for name in ("W_iz", "W_hz", "W_hn"):
        layer.set_cell_parameter(name, torch.zeros_like(layer.cell_parameters()[name]))
    layer.set_cell_parameter("b_z", torch.full((6,), math.log(9)))
    found = memory_horizon(subject, subject.piece(LONG), reach=40)
    assert found.gradient.half_life == pytest.approx(HALF_LIFE, rel=0.12)


def test_bidirectional_taggers_look_ahead_too(tmp_path):
    piece_of = ["Anna", "is", "in", "Rome"] * 9
    both = examples("spelled tags", tmp_path)
    piece = both.piece(piece_of)
    found = memory_horizon(both, piece, reach=10)
    assert found.ahead is not None
    assert found.ahead.values[0] == pytest.approx(found.gradient.values[0], rel=1e-6)
    assert np.isfinite(found.ahead.values).all()
    assert (found.substitution.values > 0).any()


def test_polyphony_and_labels_are_measured(tmp_path):
    music = examples("music", tmp_path)
    found = memory_horizon(music, music.piece(np.eye(88)[np.arange(30) % 8]), reach=10)
    assert found.ahead is None
    assert np.isfinite(found.substitution.values).all()
    several = examples("several labels", tmp_path)
    found = memory_horizon(several, several.piece("a b c " * 8), reach=10)
    assert found.substitution.measure.startswith("KL")
    assert (found.gradient.values > 0).all()


def test_a_future_input_has_no_influence_where_it_is_not_read():
    subject = writer("gru", LONG)
    found = memory_horizon(subject, subject.piece(LONG), reach=20)
    assert np.isfinite(found.gradient.values).all()
    assert (found.substitution.values > 0).all()


def test_half_life_and_crossing_of_a_known_curve():
    values = 3 * 0.5 ** (np.arange(30) / 4)
    influence = Influence(values, "x")
    assert influence.half_life == pytest.approx(4)
    assert influence.crossing == 4
    assert influence.reach == 27
    level = Influence(np.ones(5), "x")
    assert level.half_life == math.inf
    assert level.crossing == math.inf
    assert math.isnan(Influence(np.full(5, np.nan), "x").crossing)


def test_the_same_seed_measures_the_same():
    subject = writer("lstm", LONG)
    first, second = (memory_horizon(subject, subject.piece(LONG), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.gradient.values, second.gradient.values)
    np.testing.assert_array_equal(first.substitution.values, second.substitution.values)


def test_the_figure_holds_the_numbers():
    subject = writer("lstm", LONG)
    found = memory_horizon(subject, subject.piece(LONG), reach=20)
    figure = horizon_figure([found, found])
    np.testing.assert_allclose(figure.data[0].y, found.gradient.values / found.gradient.values[0])
    assert "half after" in figure.layout.meta["description"]
    assert figure.layout.yaxis.type == "log"


def test_what_cannot_be_measured_is_said():
    subject = writer("lstm", LONG)
    with pytest.raises(OptionError, match="at least 8 steps"):
        memory_horizon(subject, subject.piece(LONG[:3]))
    with pytest.raises(OptionError, match="reach"):
        memory_horizon(subject, subject.piece(LONG), reach=0)
    with pytest.raises(OptionError, match="at least one"):
        horizon_figure([])
