"""The schedule and the optimizer's state."""

from __future__ import annotations

import itertools

import pytest
import torch

from ostinato.training.averaging import MovingMean
from ostinato.training.optimization import (
    learning_rate,
    load_optimizer_tensors,
    make_optimizer,
    optimizer_tensors,
)
from tests.training.helpers import tiny

SCHEDULE = {"peak": 1.0, "floor": 0.1, "warmup_steps": 4, "max_steps": 20}


def test_the_rate_rises_then_falls_to_its_floor():
    rates = [learning_rate(step, **SCHEDULE) for step in range(21)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))
    assert rates[12] == pytest.approx(0.55)
    assert rates[20] == pytest.approx(0.1)


def test_a_schedule_without_warm_up_starts_at_the_peak():
    assert learning_rate(0, peak=0.5, floor=0, warmup_steps=0, max_steps=1) == 0.5


def test_a_line_and_a_constant():
    line = [learning_rate(step, **SCHEDULE, schedule="linear") for step in range(21)]
    assert line[4:] == pytest.approx([1 - 0.9 * step / 16 for step in range(17)])
    assert learning_rate(2, **SCHEDULE, schedule="constant") == pytest.approx(0.6)
    assert learning_rate(20, **SCHEDULE, schedule="constant") == 1.0


def test_sgd_has_momentum():
    training = tiny(training={"optimizer": "sgd", "momentum": 0.7}).training
    optimizer = make_optimizer(torch.nn.Linear(2, 2), training)
    assert isinstance(optimizer, torch.optim.SGD)
    assert [group["momentum"] for group in optimizer.param_groups] == [0.7, 0.7]


def test_the_moving_mean():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    mean = MovingMean(model, 0.5)
    torch.nn.init.ones_(model.weight)
    values = []
    for step in range(3):
        mean.update(model, step)
        values.append(float(mean.model.weight))
    # The decay is 1/10, 2/11, 3/12.
    assert values == pytest.approx([0.9, 1 - 0.1 * 2 / 11, 1 - 0.1 * 2 / 11 * 0.25])
    for _ in range(2):
        mean.update(model, 1000)
    assert float(mean.model.weight) == pytest.approx(1 - 0.1 * 2 / 11 * 0.25**2)


def test_the_optimizer_goes_on_where_it_was():
    def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.ones(3, 2)).square().sum().backward()
        optimizer.step()

    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    optimizer = make_optimizer(model, tiny().training)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.0]
    step(model, optimizer)
    twin = torch.nn.Linear(2, 2)
    twin.load_state_dict(model.state_dict())
    other = make_optimizer(twin, tiny().training)
    copies = {name: tensor.clone() for name, tensor in optimizer_tensors(optimizer).items()}
    load_optimizer_tensors(other, copies)
    step(model, optimizer)
    step(twin, other)
    assert torch.equal(model.weight, twin.weight)
    assert torch.equal(model.bias, twin.bias)
