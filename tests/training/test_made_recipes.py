"""Recipes of made problems: from training to prediction, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.sets.made import NUM_RECALLED, PROBLEMS
from ostinato.models.sequence_model import SequenceModel
from ostinato.nn.layer import SequenceLayer
from ostinato.training.api import from_pretrained, load_run
from ostinato.training.errors import RecipeError
from ostinato.training.evaluation import compare_runs, evaluate_run
from ostinato.training.example_task import ExampleTask
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import build_language_model
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import dump_recipe, load_recipe, parse_recipe, validate
from ostinato.training.run import RunFolder
from ostinato.training.session import resume, train
from tests.training.helpers import tiny

CPU = torch.device("cpu")
SMALL = (
    "data.made.steps=20",
    "data.made.train=200",
    "data.made.dev=40",
    "data.made.test=60",
    "model.start_steps=20",
    "training.max_steps=60",
    "training.warmup_steps=5",
    "training.learning_rate=0.03",
    "evaluation.every=20",
)


def small(*changes: str, name: str = "latch") -> ExampleRecipe:
    recipe = load_recipe(name, [*SMALL, *changes])
    assert isinstance(recipe, ExampleRecipe)
    return recipe


def model_of(*changes: str, name: str = "latch") -> SequenceModel:
    model = ExampleTask.from_recipe(small(*changes, name=name), CPU).build_model()
    assert isinstance(model, SequenceModel)
    return model


def layers_of(model: SequenceModel) -> list[SequenceLayer]:
    return [each for each in model.modules() if isinstance(each, SequenceLayer)]


def stored(run: Path) -> dict[str, torch.Tensor]:
    return dict(RunFolder.open(run).checkpoints.load("last").model)


@pytest.mark.parametrize("name", ["adding", "copy-memory", "latch", "latch-million"])
def test_the_recipes_that_come_along(name: str):
    recipe = load_recipe(name)
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.made is not None
    assert recipe.task == PROBLEMS[recipe.data.made.problem].task
    assert validate(parse_recipe(dump_recipe(recipe), name), name) == recipe


def test_a_latch_is_learned_evaluated_compared_and_predicted(tmp_path: Path):
    train(small(), tmp_path / "run")
    train(small("model.cell=gru"), tmp_path / "other")
    report = evaluate_run(tmp_path / "run")
    assert report.num_examples == 60
    assert report.scores["model"]["accuracy"].value == 1
    assert report.scores["majority"]["accuracy"].value == 0.5
    assert compare_runs([tmp_path / "run", tmp_path / "other"], part="dev").num_examples == 40
    run = load_run(tmp_path / "run")
    heard = np.zeros((20, 2), np.float32)
    heard[0, 0] = 1
    assert run.predict([heard, -heard]) == ["up", "down"]
    run.save_pretrained(tmp_path / "saved")
    assert from_pretrained(tmp_path / "saved").predict([heard]) == ["up"]
    assert "made: latch, 20 steps" in (tmp_path / "saved" / "README.md").read_text()


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path: Path):
    recipe = small("training.max_steps=12", "evaluation.every=6")
    whole = train(recipe, tmp_path / "whole")
    stop = StopRequest()

    def interrupt(event: Any) -> None:
        if getattr(event, "step", 0) == 6:
            stop.note(2)

    train(recipe, tmp_path / "parts", observe=interrupt, stop=stop)
    parts = resume(tmp_path / "parts")
    assert (parts.step, parts.best_score) == (whole.step, whole.best_score)
    one, two = (stored(tmp_path / name) for name in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_changed_length_is_noticed(tmp_path: Path):
    train(small("training.max_steps=2"), tmp_path / "run")
    path = tmp_path / "run" / "recipe.yaml"
    path.write_text(path.read_text().replace("    steps: 20\n", "    steps: 21\n", 1))
    with pytest.raises(DataError, match="the data changed since the run"):
        evaluate_run(tmp_path / "run")


def test_adding_is_a_regression_with_the_mean_as_baseline():
    task = ExampleTask.from_recipe(small("data.made.dev=2000", name="adding"), CPU)
    assert task.score_name == "mse"
    assert task.baselines()["mean"] == pytest.approx(1 / 6, abs=0.01)


def test_copying_has_a_tag_for_every_step():
    task = ExampleTask.from_recipe(small(name="copy-memory"), CPU)
    assert {len(example) for example in task.train} == {20 + 2 * NUM_RECALLED}
    (batch,) = task.batches(0)
    assert batch.num_targets == batch.num_items
    assert task.pipeline.labels is not None
    assert len(task.pipeline.labels) == 9


def test_parts_take_nothing_from_each_other():
    task, larger = (
        ExampleTask.from_recipe(small(*changes), CPU)
        for changes in ((), ("data.made.train=20", "data.made.test=1"))
    )
    assert len(larger.train) == 20
    for one, other in zip(larger.dev, task.dev, strict=True):
        assert (one.steps == other.steps).all()


def test_chrono_spreads_the_memory_of_every_gated_cell():
    highest = np.log(999)
    for cell, biases in (("lstm", {"b_f": 1, "b_i": -1}), ("gru", {"b_z": 1})):
        (layer,) = layers_of(model_of(f"model.cell={cell}", "model.start_steps=1000"))
        found = {name: each.detach() for name, each in layer.cell_parameters().items()}
        for name, sign in biases.items():
            spread = (sign * found[name]).numpy()
            assert (spread > 0).all(), (cell, name)
            assert (spread <= highest).all()
            assert spread.max() > highest - 3
        rest = [each for name, each in found.items() if each.ndim == 1 and name not in biases]
        assert rest
        assert not any(each.any() for each in rest)


def test_every_start_reaches_the_layers():
    (usual,) = layers_of(model_of("model.start=roles", "model.start_steps=null"))
    for start in ("forget-bias", "identity", "orthogonal"):
        (layer,) = layers_of(model_of(f"model.start={start}", "model.start_steps=null"))
        before, after = usual.cell_parameters(), layer.cell_parameters()
        changed = [name for name in before if not torch.equal(before[name], after[name])]
        assert changed, start
    recipe = tiny(model={"cell": "lstm", "start": "chrono", "start_steps": 50})
    with torch.random.fork_rng(devices=[]):
        written = build_language_model(recipe.model, 12)
    found = {name: each.detach() for name, each in written.recurrent.cell_parameters().items()}
    assert max(float(b.abs().max()) for name, b in found.items() if name.startswith("b")) > 1


def test_checkpoints_change_no_gradient():
    def gradients(*changes: str) -> list[torch.Tensor]:
        task = ExampleTask.from_recipe(small(*changes), CPU)
        torch.manual_seed(0)
        model = task.build_model()
        (batch,) = task.batches(0)
        task.loss(model, batch, None).loss_sum.backward()
        return [p.grad for p in model.parameters() if p.grad is not None]

    usual = gradients()
    for changes in (["model.checkpoint_every=7"], ["model.memory=lean"], ["model.memory=states"]):
        for one, other in zip(usual, gradients(*changes), strict=True):
            torch.testing.assert_close(one, other)
    (layer,) = layers_of(model_of("model.checkpoint_every=7", "model.memory=lean"))
    assert (layer.stack.checkpoint_every, layer.stack.memory) == (7, "lean")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.made.steps=1"], r"`data.made` has steps=1 is too short.*\nmend: data.made.steps=4"),
        (["data.made.signal=20"], "expected 21 or more"),
        (["data.made.train=-1"], "`data.made.train`: got -1, expected greater than 0"),
        (["data.made.steps=0"], "`data.made.steps`: got 0, expected greater than 0"),
        (["data.made.problem=lach"], "expected 'adding', 'copy' or 'latch'"),
        (["data.made.problem=adding", "data.made.signal=1"], "mend: task=regression"),
        (["data.made.stps=3"], "did you mean `data.made.steps`"),
        (["data.made.steps=30000"], "cut them at frames.max_length=20000\nmend: frames.max_length"),
        (["data.name=spam"], r"2 sources \(name, made\)"),
        (["data.test=x.csv"], "its examples are made\nmend: leave data.test out"),
        (["model.start=chorno"], "`model.start`: got 'chorno'"),
        (["model.checkpoint_every=-1"], "`model.checkpoint_every`: got -1"),
    ],
)
def test_mistakes_are_named_with_their_mend(changes: list[str], message: str):
    with pytest.raises(RecipeError, match=message):
        small(*changes)


def test_options_of_the_latch_are_of_no_other_problem():
    with pytest.raises(RecipeError, match="has noise, which the problem 'adding' does not know"):
        small("data.made.noise=0.5", name="adding")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["model.cell=elman"], "no gate with a bias.*\nmend: model.start=roles"),
        (["model.start_steps=null"], "got start_steps=None.*\nmend: model.start_steps=STEPS"),
        (["model.start_steps=2"], "3 or more"),
        (["model.start=roles"], "model.start_steps=20 is of model.start=chrono"),
    ],
)
def test_starts_that_make_no_sense(changes: list[str], message: str):
    with pytest.raises(OptionError, match=message):
        model_of(*changes)


def test_a_file_takes_the_place_of_what_is_made(tmp_path: Path):
    recipe = load_recipe("latch", [f"data={tmp_path / 'x.csv'}"])
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.made is None
    assert recipe.data.train == tmp_path / "x.csv"
