"""Recurrent layers of any cell over vectors: stacked, in both directions, residual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, Unpack, cast

import torch
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.models.language_model import RecurrentOptions
from ostinato.models.masking import without_padding
from ostinato.nn import Recurrent

_Call: TypeAlias = Callable[[Recurrent, Tensor, Mapping[str, Tensor] | None], Any]


class SequenceEncoder(nn.Module):
    """``y = layers(x)``, in the padding 0; with ``residual`` each layer adds what it read.

    Args:
        cell: any cell with one input.
        input_size: ``E``, of a step's vector.
        hidden_size: ``H``, of each direction.
        output_size: where the cell has an output size of its own; default ``H``.
        bidirectional: read in both directions; the outputs are concatenated.
        residual: add the input of each layer to its output, where they are of one size.
        dropout: share of the inputs and outputs of every layer that is dropped in training.
        section: of the recipe, whose keys a mend names.
        options: see ``Recurrent``.

    Raises:
        OptionError: the cell has no input or several; no layer can have a residual connection; or
            see ``Recurrent``.
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        bidirectional: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        section: str = "model",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__()
        if len(cell.inputs) != 1:
            raise OptionError(
                f"a network over sequences needs a cell with one input, this one has "
                f"{', '.join(cell.inputs) or 'none'}\nmend: another {section}.cell"
            )
        num_layers = options.pop("num_layers", 1)
        num_separate = num_layers if residual else 1
        options["num_layers"] = 1 if residual else num_layers
        between = dropout if options["num_layers"] > 1 else 0.0
        made: list[Recurrent] = []
        width = input_size
        for _ in range(num_separate):
            made.append(
                recurrent(cell, width, hidden_size, output_size, bidirectional, between, options)
            )
            width = made[-1].output_size
        self.layers = nn.ModuleList(made)
        self.output_size = made[-1].output_size
        self.num_directions = 1 + bidirectional
        self.is_residual = tuple(residual and y.input_size == y.output_size for y in made)
        self.dropout = nn.Dropout(dropout)
        if residual and not any(self.is_residual):
            raise OptionError(
                f"residual connections need a layer whose input and output are of one size: the "
                f"vectors of the steps have {input_size}, the layer gives {self.output_size}\n"
                f"mend: vectors of size {self.output_size}, {section}.num_layers=2, or "
                f"{section}.residual=false"
            )
        self.notes = [
            f"layer {number} has no residual connection: it reads {layer.input_size} and gives "
            f"{layer.output_size}"
            for number, layer in enumerate(made, 1)
            if residual and not self.is_residual[number - 1]
        ]

    @property
    def recurrent_layers(self) -> tuple[Recurrent, ...]:
        """The layers, from the first to the last."""
        return tuple(cast("Iterable[Recurrent]", self.layers))

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the output of the last layer at every step.

        Args:
            vectors: ``[T, B, E]``.
            lengths: int64 ``[B]``.

        Returns:
            ``[T, B, D*O]``, 0 past the end of each row.
        """
        return self.dropout(self.run(vectors, lengths)[0])

    def run(
        self, vectors: Tensor, lengths: Tensor, state: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the output of the last layer at every step, without dropout, and the states.

        Args:
            vectors: ``[T, B, E]``.
            lengths: int64 ``[B]``.
            state: what the layers start from, as returned; None for the cell's initial values.

        Returns:
            ``[T, B, D*O]``, 0 past the end of each row, and the states after each row's last step:
            tensors ``[L*D, B, size]`` by name.
        """
        return self._through(
            without_padding(vectors, lengths),
            state,
            lambda layer, steps, own: layer(steps, own, lengths=lengths),
        )

    def step(
        self, vectors: Tensor, state: Mapping[str, Tensor] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the output ``[B, O]`` of a single step, without dropout, and the states after it.

        Args:
            vectors: ``[B, E]``.
            state: as ``run`` returns it.
        """
        return self._through(vectors, state, lambda layer, steps, own: layer.step(steps, own))

    @property
    def state_sizes(self) -> tuple[dict[str, int], ...]:
        """For each layer, from the first to the last, the size of each state by its name."""
        return tuple(
            {state: layer.stack.state_size(state) for state in layer.cell.states}
            for layer in self.recurrent_layers
            for _ in range(layer.num_layers)
        )

    def layer_states(self, state: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return all states of each layer side by side, those of both directions: ``[B, F]``."""
        found: list[Tensor] = []
        for number, layer in enumerate(self.recurrent_layers):
            own = _part_of(state, number).values()
            for first in range(0, layer.num_layers * self.num_directions, self.num_directions):
                places = range(first, first + self.num_directions)
                found.append(torch.cat([tensor[p] for tensor in own for p in places], -1))
        return tuple(found)

    def joined_state(self, parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Return a state as ``run`` takes it, of states ``[B, size]`` by name for each layer."""
        joined: dict[str, Tensor] = {}
        first = 0
        for number, layer in enumerate(self.recurrent_layers):
            own = parts[first : first + layer.num_layers]
            first += layer.num_layers
            for name in layer.cell.states:
                joined[f"{number}.{name}"] = torch.stack([part[name] for part in own])
        return joined

    def stream(
        self, vectors: Tensor, state: Mapping[str, Tensor] | None, resets: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the output of the last layer at every step of a piece of streams, and the state.

        Args:
            vectors: ``[T, B, E]``.
            state: as returned for the piece before; None where the streams begin.
            resets: bool ``[T, B]``, whether the state starts afresh before the step.

        Returns:
            ``[T, B, O]``, and the state after the last step: tensors ``[L, B, size]`` by name.

        Raises:
            OptionError: the layers are bidirectional, so they must see the end first.
        """
        if self.num_directions > 1:
            raise OptionError(
                "the backward direction has to see the end of a stream first\n"
                "mend: model.bidirectional=false, or training.tbptt_steps=null"
            )
        steps, found = self._through(
            vectors, state, lambda layer, steps, own: layer(steps, own, resets=resets)
        )
        return self.dropout(steps), found

    def _through(
        self, steps: Tensor, state: Mapping[str, Tensor] | None, call: _Call
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Call one layer after the other, each with its part of the state."""
        found: dict[str, Tensor] = {}
        for number, (layer, is_residual) in enumerate(
            zip(self.recurrent_layers, self.is_residual, strict=True)
        ):
            own = None if state is None else _part_of(state, number)
            output, last = call(layer, self.dropout(steps), own)
            found |= {f"{number}.{name}": value for name, value in last.items()}
            steps = steps + output if is_residual else output
        return steps, found


def _part_of(state: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """Return the state of layer ``number``, by the names that its cell gives."""
    start = f"{number}."
    return {n.removeprefix(start): t for n, t in state.items() if n.startswith(start)}


def recurrent(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    output_size: int | None,
    bidirectional: bool,
    dropout: float,
    options: RecurrentOptions,
) -> Recurrent:
    """Return layers of a cell; one with an output size of its own gets ``H`` where none is given.

    Raises:
        OptionError: see ``Recurrent``.
    """
    if output_size is None and "output_size" in cell.dimensions.classes:
        output_size = hidden_size
    return Recurrent(
        cell,
        input_size,
        hidden_size,
        output_size=output_size,
        bidirectional=bidirectional,
        dropout=dropout,
        **options,
    )
