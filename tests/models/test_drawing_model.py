"""A network that draws: rows, single steps, and what it makes up."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.models.drawing_model import BEFORE_THE_FIRST, NUM_READ, DrawingModel
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.mixture_density import END, MixtureDensityHead
from tests.tolerances import assert_close

LENGTHS = torch.tensor([4, 1, 6, 3])


def make_model(cell: Cell | str = "lstm", *, residual: bool = False, seed: int = 0):
    torch.manual_seed(seed)
    chosen = cells.get(cell) if isinstance(cell, str) else cell
    hidden_size = NUM_READ if cell == "sru" else 7
    encoder = SequenceEncoder(chosen, NUM_READ, hidden_size, num_layers=2, residual=residual)
    head = MixtureDensityHead(encoder.output_size, 3, scale=10.0, least_deviation=0.3)
    with torch.no_grad():
        head.linear.bias[-1] = -1.5  # drawings of some length
    return DrawingModel(encoder, head)


def make_rows() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    points = torch.cat([20 * torch.randn(7, 4, 2), torch.randint(2, (7, 4, 1)).float()], -1)
    points[0] = torch.tensor(BEFORE_THE_FIRST)
    targets = points.roll(-1, 0)
    targets[LENGTHS - 1, torch.arange(4), 2] = END
    return points, targets


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("residual", [False, True])
def test_a_batch_is_its_rows_one_by_one(cell: str, residual: bool):
    model = make_model(cell, residual=residual).double().eval()
    points, targets = make_rows()
    points, targets = points.double(), targets.double()
    garbled = [each.clone() for each in (points, targets)]
    for row, length in enumerate(LENGTHS.tolist()):
        for each in garbled:
            each[length:, row] = math.nan
    outputs = model(garbled[0], LENGTHS)
    together = model.head.losses(outputs, garbled[1], LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        one = slice(row, row + 1)
        alone = model(points[:length, one], LENGTHS[one])
        assert_close(outputs[:length, one], alone, cell, 1e-10)
        loss = model(points[:length, one], LENGTHS[one], targets[:length, one])
        assert_close(together[row], loss, cell, 1e-10)


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "mingru"])
@pytest.mark.parametrize("residual", [False, True])
def test_steps_are_the_whole_sequence(cell: str, residual: bool):
    model = make_model(cell, residual=residual).double().eval()
    points, _ = make_rows()
    whole = model(points.double(), torch.full((4,), 7))
    state = None
    for place, point in enumerate(points.double()):
        outputs, state = model.step(point, state)
        assert_close(outputs, whole[place], cell, 1e-10)


def test_a_drawing_is_the_same_whatever_is_drawn_beside_it():
    model = make_model().eval()
    many = model.draw(40, seed=3, max_points=60)
    for num in (1, 7, 16, 17):
        for got, expected in zip(model.draw(num, seed=3, max_points=60), many, strict=False):
            assert got.tobytes() == expected.tobytes()
    assert len({each.tobytes() for each in many if len(each) > 1}) > 20
    others = model.draw(40, seed=4, max_points=60)
    assert [each.tobytes() for each in others] != [each.tobytes() for each in many]


def test_a_limit_cuts_a_drawing_and_changes_nothing_before():
    model = make_model().eval()
    long, short = (model.draw(20, seed=1, max_points=most) for most in (50, 5))
    assert max(map(len, short)) == 5 < max(map(len, long))
    for one, other in zip(long, short, strict=True):
        assert one[:5].tobytes() == other.tobytes()


def test_drawings_are_points_with_a_pen():
    drawings = make_model().eval().draw(30, seed=0)
    assert all(each.dtype == np.float32 and each.shape[1:] == (3,) for each in drawings)
    pens = np.concatenate(drawings)[:, 2]
    assert set(pens.tolist()) == {0.0, 1.0}


def test_free_running_draws_what_the_network_says():
    """The share of drawings that end at once is the chance of that."""
    model = make_model().eval()
    outputs, _ = model.step(torch.tensor([BEFORE_THE_FIRST]))
    chance = model.head.said(outputs).pen.softmax(-1)[0, END].item()
    num = 2000
    ended = sum(not len(each) for each in model.draw(num, seed=0, max_points=1))
    assert abs(ended / num - chance) < 4 * math.sqrt(chance * (1 - chance) / num)


def test_the_settings_are_checked():
    model = make_model().eval()
    with pytest.raises(OptionError, match=r"temperature: got 0.* a mean of what many have"):
        model.draw(1, seed=0, temperature=0)
    with pytest.raises(OptionError, match="num: got 0"):
        model.draw(0, seed=0)
    with pytest.raises(OptionError, match="max_points: got -1"):
        model.draw(1, seed=0, max_points=-1)
    with pytest.raises(OptionError, match="seed: got -1"):
        model.draw(1, seed=-1)


def test_both_directions_are_refused():
    encoder = SequenceEncoder(cells.get("gru"), NUM_READ, 4, bidirectional=True)
    with pytest.raises(OptionError, match="would see what is predicted"):
        DrawingModel(encoder, MixtureDensityHead(8, 2, scale=1.0, least_deviation=0.1))
