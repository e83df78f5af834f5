"""When training counts as lost, and what is said of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

import ostinato as ost
from ostinato.training.divergence import diverged, is_lost
from ostinato.training.errors import DivergedError
from ostinato.training.progress import Progress
from ostinato.training.session import train
from tests.training.helpers import last, tiny


def steps_until_explosion(numbers: list[tuple[float, float]]) -> int | None:
    progress = Progress()
    for step, (loss, norm) in enumerate(numbers, 1):
        if progress.watch(loss, norm):
            return step
    return None


def test_what_is_not_finite_is_lost():
    assert is_lost(math.nan, 1.0)
    assert is_lost(1.0, math.inf)
    assert not is_lost(1e30, 1e30)


@pytest.mark.parametrize(
    ("later", "step"),
    [
        ([(49.0, 1.0)] * 50, None),
        ([(51.0, 1.0)] * 50, 16),
        ([(4.0, 0.9e6)] * 50, None),
        ([(4.0, 1.1e6)] * 50, 16),
        ([(1e9, 1e9), (4.0, 1.0), (4.0, 1.0)] * 20, None),
    ],
    ids=["high", "exploded", "steep", "exploded gradients", "single batches"],
)
def test_an_explosion_is_lasting(later: list[tuple[float, float]], step: int | None):
    assert steps_until_explosion([(4.0, 1.0)] * 10 + later) == step


def test_a_loss_that_begins_near_zero_may_rise():
    assert steps_until_explosion([(1e-6, 1e-6)] * 10 + [(5.0, 100.0)] * 50) is None


def test_the_layer_that_exploded_is_named_first():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model[1].weight.grad[0, 0] = torch.inf
    model[0].bias.grad *= 1e4
    error = diverged(model, tiny().training, step=7, loss=3.0, norm=math.inf, kept="all is kept")
    lines = str(error).splitlines()
    assert lines[0].startswith("training diverged at step 7: loss 3, gradient norm inf")
    assert [line.split()[-1] for line in lines[1:3]] == ["1.weight", "0.bias"]
    assert [line.split()[0] for line in lines[1:3]] == ["inf", "1.41e+04"]
    assert lines[-1].startswith("mend: a lower training.learning_rate")
    assert lines[-1].endswith("or a gated cell such as model.cell=gru; all is kept")


@pytest.mark.parametrize(
    ("cell", "said"), [("elman", "model.cell=gru"), ("gru", "model.layer_norm=true")]
)
def test_a_gated_cell_is_not_told_to_be_one(cell: str, said: str):
    model = ost.Recurrent(cell, 2, 3)
    error = diverged(model, tiny().training, step=7, loss=3.0, norm=math.inf, kept="all is kept")
    assert f"{said}; all is kept" in str(error)


def test_an_update_that_ruins_the_weights_is_not_kept(tmp_path: Path):
    recipe = tiny(
        training={"learning_rate": 1e30, "warmup_steps": 0, "checkpoint_seconds": 0},
    )
    with pytest.raises(DivergedError, match=r"infinite or undefined|training diverged"):
        train(recipe, tmp_path / "run")
    assert all(bool(weight.isfinite().all()) for weight in last(tmp_path / "run").model.values())
