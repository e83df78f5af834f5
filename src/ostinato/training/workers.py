"""Processes that train one model together, where it runs and how precisely: over ``accelerate``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor, nn

from ostinato.core.errors import MissingExtraError, OptionError
from ostinato.training.recipe_parts import TrainingRecipe

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")

# The others wait for as long as the main process scores.
_PATIENCE = timedelta(days=7)


class Workers:
    """This process among those that train one model; alone, it talks to nobody.

    Args:
        accelerator: of this run.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.index = accelerator.process_index
        self.num = accelerator.num_processes
        self.is_main = accelerator.is_main_process
        self.device = accelerator.device

    @classmethod
    def join(cls, recipe: TrainingRecipe) -> Workers:
        """Meet the other processes, if this one was launched with others.

        Raises:
            OptionError: the recipe asks for a device that is not there.
        """
        try:
            from accelerate import Accelerator
            from accelerate.state import AcceleratorState
            from accelerate.utils import InitProcessGroupKwargs
        except ModuleNotFoundError as error:
            raise MissingExtraError("training", "train") from error

        if recipe.device == "cuda" and not torch.cuda.is_available():
            raise OptionError(
                "training.device=cuda, but torch finds no CUDA device here\n"
                "mend: training.device=auto"
            )
        is_cpu = recipe.device == "cpu" or not torch.cuda.is_available()
        # The state outlives a run, and would refuse one with other settings.
        AcceleratorState._reset_state(reset_partial_state=True)  # pyright: ignore[reportPrivateUsage]
        return cls(
            Accelerator(
                cpu=is_cpu,
                mixed_precision="bf16" if recipe.precision == "bfloat16" else "no",
                kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
            )
        )

    def prepare(self, model: nn.Module) -> nn.Module:
        """Return the model as it is called in training; weights are those of ``model``."""
        return cast("nn.Module", self._accelerator.prepare(model))

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss`` to those of the weights."""
        self._accelerator.backward(loss)

    def apart(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Keep gradients of a prepared model to this process within."""
        return nullcontext() if self.num == 1 else self._accelerator.no_sync(model)

    def sum(self, value: float) -> float:
        """Return the sum over all processes."""
        if self.num == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(cast("Tensor", self._accelerator.reduce(tensor, "sum")))

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return, of each flag, whether it is true for any process."""
        if self.num == 1:
            return flags
        tensor = torch.tensor(flags, dtype=torch.float32, device=self.device)
        counts = cast("Tensor", self._accelerator.reduce(tensor, "sum"))
        return tuple(map(bool, counts))

    def gather(self, value: T) -> Sequence[T]:
        """Return the values of all processes in their order."""
        if self.num == 1:
            return [value]
        from accelerate.utils import gather_object

        return cast("list[T]", gather_object([value]))

    def from_main(self, value: T) -> T:
        """Return the value of the main process."""
        if self.num == 1:
            return value
        from accelerate.utils import (
            broadcast_object_list,  # pyright: ignore[reportUnknownVariableType]
        )

        values = [value]
        broadcast_object_list(values)
        return values[0]
