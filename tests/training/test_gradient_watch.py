"""The gradient through time is measured while a network learns, and changes nothing of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import ostinato as ost
from ostinato.nn.probes import Place
from ostinato.training.events import Noted
from ostinato.training.gradient_watch import watch_gradients
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.session import train
from ostinato.training.tasks import task_of
from tests.training.examples import TASKS, recipe_for
from tests.training.helpers import tiny

CPU = torch.device("cpu")


def records(run: Path) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == "gradients"]


def test_a_run_logs_it_and_learns_the_same(tmp_path: Path):
    train(tiny(), tmp_path / "plain")
    train(tiny(evaluation={"watch_gradients": True}), tmp_path / "watched")
    found = records(tmp_path / "watched")
    evaluations = [
        json.loads(line)["step"]
        for line in (tmp_path / "watched" / "metrics.jsonl").read_text().splitlines()
        if '"evaluation"' in line
    ]
    assert [record["step"] for record in found] == evaluations
    assert all(record["rate_layer_0"] > 0 for record in found)
    assert records(tmp_path / "plain") == []
    one, other = (
        next((tmp_path / name / "checkpoints").rglob("model.safetensors")).read_bytes()
        for name in ("plain", "watched")
    )
    assert one == other


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_an_end(name: str, tmp_path: Path):
    task = task_of(recipe_for(name, tmp_path, 60), CPU)
    torch.manual_seed(0)
    model = task.build_model()
    before = [p.detach().clone() for p in model.parameters()]
    watch = watch_gradients(task, model)
    assert watch is not None
    places = {Place(0, 0)} if len(watch.decays) == 1 else set(watch.decays)
    assert Place(0, 0) in places
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert model.training


def test_the_rate_is_that_of_the_recurrent_matrix():
    # A linear network without input: every step back multiplies the gradient by the same turn.
    cell = "h = W @ h + U @ x"
    recipe = tiny(model={"cell": cell, "hidden_size": 8}, evaluation={"window": 48})
    task = task_of(recipe, CPU)
    assert isinstance(task, LanguageModelTask)
    model = task.build_model()
    for radius, verdict in ((0.8, "vanishing"), (1.0, "healthy"), (1.2, "exploding")):
        turn = torch.nn.init.orthogonal_(torch.empty(8, 8))
        model.recurrent.set_cell_parameter("W", radius * turn)
        watch = watch_gradients(task, model)
        assert watch is not None
        assert watch.worst.rate == pytest.approx(radius, rel=1e-4)
        assert watch.worst.verdict == verdict
        assert watch.values()["verdict"] == verdict
        assert bool(watch.sentence()) == (verdict != "healthy")


def test_an_exploding_gradient_is_told_once(tmp_path: Path):
    told: list[str] = []

    def observe(event: object) -> None:
        if isinstance(event, Noted) and "gradient through time" in event.text:
            told.append(event.text)

    recipe = tiny(
        model={"cell": "h = 0.3 * (W @ h) + U @ x", "hidden_size": 8},
        evaluation={"watch_gradients": True, "every": 2},
        training={"max_steps": 6},
    )
    train(recipe, tmp_path / "run", observe=observe)
    assert {record["verdict"] for record in records(tmp_path / "run")} == {"vanishing"}
    (sentence,) = told
    assert "mend: a gated cell" in sentence


def test_a_cell_that_carries_nothing_on_has_no_gradient_through_time(tmp_path: Path):
    recipe = tiny(
        model={"cell": "h = tanh(U @ x)", "hidden_size": 8, "recurrent_dropout": 0.0},
        evaluation={"watch_gradients": True},
    )
    with pytest.warns(ost.EquationHint, match="no state"):
        train(recipe, tmp_path / "run")
    assert records(tmp_path / "run") == []


def test_a_network_without_recurrence_has_none(tmp_path: Path):
    changes = {"model": {"shape": "one-to-one"}, "evaluation": {"watch_gradients": True}}
    train(recipe_for("texts", tmp_path, 60, **changes, training={"max_steps": 1}), tmp_path / "run")
    assert records(tmp_path / "run") == []
