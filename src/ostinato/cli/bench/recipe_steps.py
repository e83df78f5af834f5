"""Training steps of a recipe: our layer in its model against torch's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from rich.console import Console
from torch import Tensor, nn

from ostinato import cells
from ostinato.cli.bench.machine import describe_machine
from ostinato.cli.bench.measure import Effort, Timing, interleaved
from ostinato.cli.bench.rivals import TORCH_LAYERS
from ostinato.core.errors import OptionError
from ostinato.models.language_model import LanguageModel
from ostinato.nn import Recurrent
from ostinato.training.errors import RecipeError
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.optimization import clip_gradients, make_optimizer
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_files import load_recipe

_SECONDS: Final = 10.0
_TOLERANCE: Final = 1e-4
_SEED: Final = 1


@dataclass(frozen=True)
class RecipeTimes:
    """What came of it.

    Attributes:
        cell: of the recipe.
        characters: that one step learns from.
        num_parameters: of the model.
        ours: our times a step.
        theirs: those of the same model with torch's layer.
    """

    cell: str
    characters: float
    num_parameters: int
    ours: Timing
    theirs: Timing

    @property
    def characters_per_second(self) -> tuple[float, float]:
        """Ours and theirs."""
        ours, theirs = (1e3 * self.characters / t.median_ms for t in (self.ours, self.theirs))
        return ours, theirs


def recipe_command(name: str, *, effort: Effort, num_threads: int | None) -> int:
    """Measure, print, return the exit code."""
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads or before)
    try:
        times = measure_recipe(name, effort)
        machine = describe_machine(("torch",))
    finally:
        torch.set_num_threads(before)
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(", ".join(f"{k} {v}" for k, v in machine.items()), soft_wrap=True)
    ours, theirs = times.characters_per_second
    layer = TORCH_LAYERS[times.cell].__name__
    heading = (
        f"training steps of `{name}`: {times.cell}, {times.num_parameters:,} parameters, "
        f"{times.characters:,.0f} characters a step, clipping and AdamW included"
    )
    lines = (
        heading,
        f"ours                     {ours:10,.0f} characters/s",
        f"with torch.nn.{layer:<11}{theirs:10,.0f} characters/s",
        f"torch / ours             {times.theirs.median_ms / times.ours.median_ms:10.2f}",
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    return 0


def measure_recipe(name: str, effort: Effort) -> RecipeTimes:
    """Time steps of the recipe's model, and of the same with torch's layer, in turn.

    Raises:
        OptionError: the recipe's layer is not one of torch's.
    """
    recipe = _with_text(name)
    recipe = recipe.model_copy(
        update={"model": recipe.model.model_copy(update={"dropout": 0.0})}  # drawn in another order
    )
    _check(recipe, name)
    task = LanguageModelTask.from_recipe(recipe, torch.device("cpu"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        ours = task.build_model()
    theirs = copy.deepcopy(ours)
    theirs.recurrent = _TorchLayer(recipe.model.cell, ours.recurrent)  # pyright: ignore[reportAttributeAccessIssue]
    _check_agreement(task, ours, theirs)
    jobs = [_steps(task, recipe, model) for model in (ours, theirs)]
    timings = interleaved(jobs, replace(effort, seconds=min(_SECONDS, 8 * effort.seconds)))
    training = recipe.training
    characters = training.batch_size * training.tbptt_steps * task.items_per_target
    num_parameters = sum(p.numel() for p in ours.parameters())
    return RecipeTimes(recipe.model.cell, characters, num_parameters, *timings)


def _with_text(name: str) -> LanguageModelRecipe:
    """Return the recipe; one without a text of its own learns from the standard library."""
    try:
        recipe = load_recipe(name)
    except RecipeError:
        recipe = load_recipe(name, ("data.name=stdlib",))
    if isinstance(recipe, LanguageModelRecipe):
        return recipe
    raise OptionError(
        f"--recipe {name}: got a recipe of {recipe.task}, expected one of a language model\n"
        "mend: --recipe text"
    )


def _check(recipe: LanguageModelRecipe, name: str) -> None:
    model = recipe.model
    plain = not (model.recurrent_dropout or model.zoneout or model.layer_norm)
    if model.cell in TORCH_LAYERS and plain:
        return
    raise OptionError(
        f"--recipe {name}: torch has no layer for its cell and options ({model.cell})\n"
        f"mend: a recipe with one of {', '.join(TORCH_LAYERS)}"
    )


class _TorchLayer(nn.Module):
    """Torch's layer in the place of ours: the same weights, states by name."""

    def __init__(self, cell: str, layer: Recurrent) -> None:
        super().__init__()
        self.states = cells.get(cell).states
        input_size = next(iter(layer.stack.sizes[0][i.dim] for i in layer.stack.graph.inputs))
        hidden_size = layer.stack.state_size(self.states[0])
        self.layer: Any = TORCH_LAYERS[cell](input_size, hidden_size, layer.stack.num_layers)
        held: set[str] = set()
        with torch.no_grad():
            for k in range(layer.stack.num_layers):
                parameters = layer.cell_parameters(k)
                held.clear()
                for kind, names in cells.entry(cell).torch_layout.items():
                    # Where torch has two biases for one, the second is 0.
                    parts = [parameters[n] * (n not in held) for n in names]
                    held.update(names)
                    getattr(self.layer, f"{kind}_l{k}").copy_(torch.cat(parts))

    def forward(
        self, x: Tensor, state: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the output ``[T, B, H]`` and the states by name."""
        given: Any = None
        if state is not None:
            tensors = [state[name] for name in self.states]
            given = tuple(tensors) if len(tensors) > 1 else tensors[0]
        output, states = self.layer(x, given)
        found = (states,) if isinstance(states, Tensor) else states
        return output, dict(zip(self.states, found, strict=True))


def _check_agreement(task: LanguageModelTask, ours: LanguageModel, theirs: LanguageModel) -> None:
    batch = task.batches(0)[0]
    losses = [float(task.loss(model, batch, None).loss_sum.detach()) for model in (ours, theirs)]
    assert abs(losses[0] - losses[1]) <= _TOLERANCE * abs(losses[0]), f"not one model: {losses}"


def _steps(
    task: LanguageModelTask, recipe: LanguageModelRecipe, model: LanguageModel
) -> Callable[[], object]:
    """Return a job that trains a step further at every call."""
    optimizer = make_optimizer(model, recipe.training)
    progress: dict[str, Any] = {"step": 0, "carried": None}
    model.train()

    def step() -> object:
        optimizer.zero_grad(set_to_none=True)
        for batch in task.batches(progress["step"]):
            result = task.loss(model, batch, progress["carried"])
            torch.autograd.backward(result.loss_sum / batch.num_targets)
            progress["carried"] = result.carried
        clip_gradients(model, recipe.training.clip_grad_norm)
        optimizer.step()
        progress["step"] += 1
        return progress

    return step
