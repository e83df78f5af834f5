"""Estimates of time and memory against what steps really take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ostinato.data.batches import make_batch
from ostinato.training.estimate import estimate_duration, estimate_memory, largest_rows
from ostinato.training.example_task import ExampleTask
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_files import validate
from ostinato.training.workers import Workers
from tests.training.example_helpers import tiny_tags, write_tags
from tests.training.helpers import process_environment, tiny

CPU = torch.device("cpu")


def texts(folder: Path) -> Path:
    path = folder / "texts.csv"
    rows = [f"{'ab '[n % 3] * (3 + 7 * n % 50)}x{n},{'yn'[n % 2]}\n" for n in range(80)]
    path.write_text("text,label\n" + "".join(rows))
    return path


def recipe_of(path: Path, **changes: Any) -> ExampleRecipe:
    raw: dict[str, Any] = {
        "task": "classification",
        "data": {"train": str(path), "input": "text", "target": "label"},
        "text": {"unit": "characters"},
        "model": {"cell": "gru", "hidden_size": 16, "embedding_size": 8, "pooling": "max"},
        "training": {"batch_size": 16, "max_epochs": 2, "device": "cpu", "threads": 1},
    }
    for section, keys in changes.items():
        raw[section] = {**raw[section], **keys}
    recipe = validate(raw, "texts")
    assert isinstance(recipe, ExampleRecipe)
    return recipe


def saved_bytes(task: Any, model: torch.nn.Module, batch: Any) -> int:
    """Run the whole batch and count."""
    weights = {p.data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = task.loss(model, batch, None)
    del result
    return sum(kept.values())


@pytest.mark.parametrize("engine", ["eager", "auto"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_few_rows_foretell_the_largest_batch(tmp_path: Path, engine: str, num_layers: int):
    recipe = recipe_of(texts(tmp_path), model={"engine": engine, "num_layers": num_layers})
    task = ExampleTask.from_recipe(recipe, CPU)
    model = task.build_model()
    order, num = largest_rows(task)
    assert num == 16
    real = saved_bytes(task, model, make_batch(task.train, order[:num]))
    assert estimate_memory(task, model, recipe.training).saved.total == pytest.approx(real, rel=0.1)


@pytest.mark.parametrize("stride", [None, 7, 1])
def test_few_streams_foretell_all(stride: int | None):
    training = {"batch_size": 6, "tbptt_steps": 20, "tbptt_stride": stride}
    recipe = tiny(training=training)
    assert isinstance(recipe, LanguageModelRecipe)
    task = LanguageModelTask.from_recipe(recipe, CPU)
    model = task.build_model()
    # With a stride the first windows are shorter.
    batches = [task.batches(step)[0] for step in range(task.steps_per_epoch)]
    real = max(saved_bytes(task, model, batch) for batch in batches)
    assert estimate_memory(task, model, recipe.training).saved.total == pytest.approx(real, rel=0.1)


@pytest.mark.parametrize("stride", [None, 3])
def test_few_streams_of_examples_foretell_all(tmp_path: Path, stride: int | None):
    training = {"batch_size": 6, "tbptt_steps": 10, "tbptt_stride": stride}
    recipe = tiny_tags(write_tags(tmp_path), training=training)
    task = ExampleTask.from_recipe(recipe, CPU)
    model = task.build_model()
    batches = [task.batches(step)[0] for step in range(task.steps_per_epoch)]
    real = max(saved_bytes(task, model, batch) for batch in batches)
    assert estimate_memory(task, model, recipe.training).saved.total == pytest.approx(real, rel=0.1)


def test_a_limit_of_steps_bounds_the_largest_batch(tmp_path: Path):
    recipe = recipe_of(texts(tmp_path), training={"batch_tokens": 200})
    task = ExampleTask.from_recipe(recipe, CPU)
    order, num = largest_rows(task)
    assert num * len(task.train[order[0]]) <= 200
    assert num >= 2


@pytest.mark.parametrize(
    ("changes", "copies"),
    [({}, 3), ({"optimizer": "sgd"}, 2), ({"ema_decay": 0.9}, 4)],
)
def test_copies_of_the_weights(tmp_path: Path, changes: dict[str, Any], copies: int):
    recipe = recipe_of(texts(tmp_path), training=changes)
    task = ExampleTask.from_recipe(recipe, CPU)
    model = task.build_model()
    memory = estimate_memory(task, model, recipe.training)
    assert memory.copies == copies
    assert memory.weights == 4 * sum(p.numel() for p in model.parameters())
    assert memory.total > memory.process > 0


def test_time_follows_from_the_plan(tmp_path: Path):
    recipe = recipe_of(texts(tmp_path))
    task = ExampleTask.from_recipe(recipe, CPU)
    model = task.build_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = estimate_duration(task, model, recipe, Workers.join(recipe.training), StopRequest())
    assert found.plan.max_steps == 2 * task.steps_per_epoch
    assert found.is_evaluation_measured
    assert 0 < found.step < 5
    whole = found.plan.max_steps * found.step + found.num_evaluations * found.evaluation
    assert found.total == pytest.approx(whole)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


_MEASURE = """
import json, sys
import torch
from ostinato.data.batches import make_batch
from ostinato.training.estimate import estimate_memory, largest_rows
from ostinato.training.example_task import ExampleTask
from ostinato.training.optimization import make_optimizer
from ostinato.training.recipe_files import load_recipe

recipe = load_recipe(sys.argv[1])
torch.set_num_threads(1)
task = ExampleTask.from_recipe(recipe, torch.device("cpu"))
model = task.build_model()
estimate = estimate_memory(task, model, recipe.training)
order, num = largest_rows(task)
optimizer = make_optimizer(model, recipe.training)
for _ in range(2):
    batch = make_batch(task.train, order[:num])
    optimizer.zero_grad()
    torch.autograd.backward(task.loss(model, batch, None).loss_sum)
    optimizer.step()
# Not ru_maxrss: that of a child begins with its parent's.
(peak,) = [1024 * int(line.split()[1]) for line in open("/proc/self/status") if "VmHWM" in line]
print(json.dumps([estimate.total, estimate.process, peak]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_estimate_is_within_a_quarter_of_the_peak(tmp_path: Path):
    data = tmp_path / "long.csv"
    rows = [f"{'abc '[n % 4] * 300}x{n},{'yn'[n % 2]}\n" for n in range(100)]
    data.write_text("text,label\n" + "".join(rows))
    recipe = tmp_path / "long.yaml"
    recipe.write_text(
        f"task: classification\ndata: {{train: {data}, input: text, target: label}}\n"
        "text: {unit: characters}\n"
        "model: {cell: lstm, hidden_size: 256, bidirectional: true, pooling: max, dropout: 0.2}\n"
        "training: {batch_size: 64, max_epochs: 1, device: cpu}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(recipe)],
        env=process_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    estimate, process, peak = json.loads(done.stdout)
    # What is estimated has to matter beside what was there before.
    assert peak > 1.5 * process
    assert estimate == pytest.approx(peak, rel=0.25), (estimate, process, peak)
