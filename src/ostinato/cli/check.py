"""``ostinato check``: what a recipe would do, without training."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import nn

from ostinato.cli.screen import printable
from ostinato.data.batches import Batch, Example, make_batch
from ostinato.data.example_streams import StreamedBatch
from ostinato.data.pipeline import PartCounts
from ostinato.data.rows import Malformed
from ostinato.data.wording import counted, shape_in_words
from ostinato.training.estimate import (
    Duration,
    Memory,
    estimate_duration,
    estimate_memory,
    largest_rows,
    longest_window,
)
from ostinato.training.example_data import Source
from ostinato.training.example_task import ExampleTask
from ostinato.training.interrupt import Stopped, StopRequest, stop_on_signals
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import dump_recipe, load_recipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.task import SelfMeasured, Task
from ostinato.training.tasks import task_of
from ostinato.training.workers import Workers

_MOST_LABELS = 12
_MIB = 1 << 20


def check_command(name: str, overrides: Sequence[str]) -> int:
    """Print everything that a recipe decides, and what a run would take; return the exit code."""
    recipe = load_recipe(name, overrides)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(printable(dump_recipe(recipe)), end="")
    with stop_on_signals() as stop, _settings(recipe):
        try:
            _check(recipe, console, stop)
        except Stopped as stopped:
            return 128 + stopped.signal
    return 0


@contextmanager
def _settings(recipe: Recipe) -> Generator[None]:
    """Run with the recipe's threads and seed; give both back."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(recipe.training.threads or before)
            torch.manual_seed(recipe.seed)
            yield
        finally:
            torch.set_num_threads(before)


def _check(recipe: Recipe, console: Console, stop: StopRequest) -> None:
    workers = Workers.join(recipe.training)
    began = time.perf_counter()
    with stop.at_once():
        task = task_of(recipe, workers.device)
        model = task.build_model()
    reading = time.perf_counter() - began
    _section(console, "data", _data(task, recipe))
    _section(console, "one batch, the largest", _shapes(task, model))
    _section(console, "model", _parts(model))
    model.train()
    with stop.at_once():
        memory = estimate_memory(task, model, recipe.training)
    _section(console, "memory of a training step, the largest batch", _memory(memory))
    duration = estimate_duration(task, model, recipe, workers, stop)
    _section(console, f"time, on this {workers.device.type}", _time(duration, reading, recipe))


def _section(console: Console, title: str, lines: Iterator[str]) -> None:
    console.print(f"\n{title}", style="bold")
    for line in lines:
        console.print(f"  {printable(line)}")


def _data(task: Task[Any], recipe: Recipe) -> Iterator[str]:
    if isinstance(task, ExampleTask):
        assert isinstance(recipe, ExampleRecipe)
        yield from _examples(task, recipe)
    else:
        yield from task.notes()


def _examples(task: ExampleTask, recipe: ExampleRecipe) -> Iterator[str]:
    parts: dict[str, Sequence[Example]] = {"train": task.train, "dev": task.dev}
    notes = [*task.notes()[1:]]
    source = Source(recipe)
    if source.has("test"):
        counts, malformed = PartCounts(), Malformed(recipe.data.malformed)
        rows = malformed.counting(source.rows("test"))
        parts["test"] = task.pipeline.examples(rows, malformed, counts)
        notes += counts.notes("test")
        notes += [f"test: {note}"] if (note := malformed.note()) else []
    unit = task.pipeline.unit_name
    for name, examples in parts.items():
        lengths = [len(example) for example in examples] or [0]
        middle, long = np.quantile(lengths, (0.5, 0.95))
        yield (
            f"{name:<6}{counted(len(examples), 'example'):>17}; {unit}: {middle:.0f} in the "
            f"middle, 95 % have {long:.0f} or fewer, the longest {max(lengths):,}"
        )
    if task.pipeline.encoder is not None:
        num = task.pipeline.encoder.num_symbols
        yield f"{num:,} different {unit}, padding and unknown included"
    if task.pipeline.labels is not None:
        yield from _labels(parts)
    elif task.pipeline.target_scaling is not None:
        scaling = task.pipeline.target_scaling
        pairs = zip(scaling.mean, scaling.scale, strict=True)
        yield "targets: " + ", ".join(f"mean {m:.4g}, deviation {s:.4g}" for m, s in pairs)
    yield from notes


def _labels(parts: Mapping[str, Sequence[Example]]) -> Iterator[str]:
    counts = {
        part: Counter(label for example in examples for label in example.labels)
        for part, examples in parts.items()
    }
    names = [name for name, _ in counts["train"].most_common()]
    width = max(map(len, [*names[:_MOST_LABELS], "label"]))
    yield f"{counted(len(names), 'label')}:"
    yield "  " + f"{'label':<{width}}" + "".join(f"{part:>10}" for part in parts)
    shown = names if len(names) <= _MOST_LABELS else [*names[: _MOST_LABELS - 1], names[-1]]
    for place, name in enumerate(shown):
        if len(shown) < len(names) and place == len(shown) - 1:
            yield f"  … {len(names) - len(shown):,} more"
        yield f"  {name:<{width}}" + "".join(f"{counts[part][name]:>10,}" for part in parts)


def _shapes(task: Task[Any], model: nn.Module) -> Iterator[str]:
    if isinstance(task, SelfMeasured):
        yield from task.shapes(model)
        return
    if isinstance(task, LanguageModelTask):
        longest = longest_window(task)
        assert longest is not None
        num_steps, num_rows = longest.window.inputs.shape
        num_symbols = len(task.corpus.vocabulary)
        yield f"ids [T={num_steps}, B={num_rows}]  int64, V={num_symbols:,}"
        yield f"scores [T={num_steps}, B={num_rows}, V={num_symbols:,}]  float32"
        return
    assert isinstance(task, ExampleTask)
    longest = longest_window(task)
    if isinstance(longest, StreamedBatch):
        batch, num = longest.piece(slice(None)), len(longest.columns)
        narrow = longest.share(0, num).piece(slice(None))
    else:
        order, num = largest_rows(task)
        batch, narrow = make_batch(task.train, order[:num]), make_batch(task.train, order[:1])
    names = {"ids": "TB", "frames": "TBI", "spellings": "CU", "spelling_lengths": "U"}
    for name, value in batch.inputs.items():
        yield _shape(name, value, names.get(name, "TB"))
    yield _shape("lengths", batch.lengths, "B")
    if batch.targets is not None:
        yield _shape("targets", batch.targets, _target_letters(task, batch))
    with torch.no_grad():
        inputs = {key: torch.as_tensor(each) for key, each in narrow.inputs.items()}
        on = {key: each.to(task.device) for key, each in inputs.items()}
        scores = model(on, torch.as_tensor(narrow.lengths, device=task.device))
    letters = "TBO" if scores.ndim == 3 else "BO"
    sizes = [
        num if letter == "B" else size for letter, size in zip(letters, scores.shape, strict=True)
    ]
    yield f"scores {shape_in_words(letters, sizes)}  {str(scores.dtype).removeprefix('torch.')}"


def _target_letters(task: ExampleTask, batch: Batch) -> str:
    assert batch.targets is not None
    if task.recipe.task == "tagging":
        return "TB"
    return {1: "B", 2: "BO", 3: "TBO"}[batch.targets.ndim]


def _shape(name: str, value: Any, letters: str) -> str:
    return f"{name} {shape_in_words(letters, value.shape)}  {value.dtype}"


def _parts(model: nn.Module) -> Iterator[str]:
    """Describe each part; weights of two parts are counted at the first."""
    seen: set[int] = set()
    total = 0
    for name, part in model.named_children():
        own = [p for p in part.parameters() if id(p) not in seen]
        seen.update(map(id, own))
        num = sum(p.numel() for p in own)
        total += num
        if num:
            yield f"{name:<12}{num:>14,} parameters  {type(part).__name__}"
    rest = sum(p.numel() for p in model.parameters() if id(p) not in seen)
    if rest:
        yield f"{'itself':<12}{rest:>14,} parameters"
    yield f"{'together':<12}{total + rest:>14,} parameters"


def _memory(memory: Memory) -> Iterator[str]:
    yield f"{_mib(memory.process)}  this process now: the program, the data, the weights"
    copies = memory.copies * memory.weights
    yield f"{_mib(copies)}  gradients and optimizer: {memory.copies} times the weights"
    yield f"{_mib(memory.saved.total)}  kept for the backward pass"
    yield f"{_mib(2 * memory.saved.largest)}  gradients of the largest of these, on both sides"
    yield f"{_mib(memory.total)}  together, to within a quarter"


def _mib(size: int) -> str:
    return f"{size / _MIB:>9,.1f} MiB"


def _time(duration: Duration, reading: float, recipe: Recipe) -> Iterator[str]:
    plan = duration.plan
    how = "" if duration.is_evaluation_measured else ", about"
    yield f"reading the data and building the model: {_clock(reading)}"
    yield f"{counted(plan.max_steps, 'step')} of {_short(duration.step)}"
    yield (
        f"{counted(duration.num_evaluations, 'evaluation')}, every "
        f"{counted(plan.evaluate_every, 'step')}{how}, of {_short(duration.evaluation)}"
    )
    sooner = "" if recipe.evaluation.patience is None else ", sooner where nothing gets better"
    limit = recipe.training.max_minutes
    total = reading + duration.total
    total = total if limit is None else min(total, 60 * limit)
    yield f"together {_clock(total)}{sooner}"


def _short(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _clock(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
