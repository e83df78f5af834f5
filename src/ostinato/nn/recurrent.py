"""``Recurrent``: any cell as a torch layer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ostinato import cells
from ostinato.core.checks import check_count
from ostinato.core.errors import OptionError
from ostinato.engines.dispatch import check_engine
from ostinato.equations.cell import Cell, parameter_shape
from ostinato.equations.description import place_suffix
from ostinato.equations.rewrites import Options, transform
from ostinato.equations.saves import SaveVariant
from ostinato.nn.init import start
from ostinato.nn.layer import (
    SequenceLayer,
    State,
    check_chance,
    check_flags,
    check_memory,
    described_options,
)
from ostinato.nn.stack import Stack


class Recurrent(SequenceLayer):
    """Any cell over sequences: stacked, bidirectional, with every option.

    The parameters carry the cell's own names with torch's suffix: ``W_hh_l0``, ``W_hh_l0_reverse``.

    Args:
        cell: a ``Cell``, the name of one (``"lstm"``), or equations.
        input_size: I, the size of the (first) input.
        hidden_size: H, the size of the states.
        output_size: the size of one direction's output, for cells whose output has a size of its
            own (a projection).
        num_layers: L, how many layers are stacked.
        bidirectional: a second run from the end to the start; the outputs are concatenated.
        batch_first: tensors are ``[B, T, I]`` rather than ``[T, B, I]``.
        dropout: the chance that an output is dropped between two layers.
        recurrent_dropout: the chance that a unit of a recurrent product's operand is dropped, by
            one mask for all steps of a call (Gal, Ghahramani 2016).
        zoneout: the chance that a unit keeps its old value (Krueger et al. 2017); a mapping from
            state name to chance where states differ.
        layer_norm: normalise the pre-activations (Ba, Kiros, Hinton 2016).
        learn_initial_state: the initial values become parameters.
        return_all_states: return the states at every step.
        sizes: sizes of further dimension classes, by the name of any value of the class.
        engine: ``auto`` or the name of an engine.
        memory: what the native engine saves in the forward pass: ``fast`` all but cheap
            arithmetic, ``lean`` products and norms only, ``states`` nothing but the states.
        checkpoint_every: the native engine saves the states only every so many steps and
            recomputes what lies between: memory for time in long sequences. 0: every step.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        EquationError: the equations mean nothing, or two sizes disagree.
        OptionError: an option is out of range, or this cell has nothing that it could act on.
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        batch_first: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        return_all_states: bool = False,
        sizes: Mapping[str, int] | None = None,
        engine: str = "auto",
        memory: SaveVariant = "fast",
        checkpoint_every: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_engine(engine)
        memory, checkpoint_every = check_memory(memory, checkpoint_every)
        check_flags(
            bidirectional=bidirectional,
            batch_first=batch_first,
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
            return_all_states=return_all_states,
        )
        self.cell = as_cell(cell)
        self.input_size = check_count("input_size", input_size)
        self.hidden_size = check_count("hidden_size", hidden_size)
        self.num_layers = check_count("num_layers", num_layers)
        self.bidirectional = bidirectional
        self.batch_first = batch_first
        self.dropout = check_chance("dropout", dropout)
        if not 0 <= self.dropout <= 1:
            raise OptionError(
                f"dropout must lie in [0, 1], got {dropout}\nmend: pass the chance of a zero"
            )
        if dropout and num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers, and there is one: num_layers=1\n"
                "mend: recurrent_dropout=…, or nn.Dropout behind the layer",
                stacklevel=2,
            )
        options = Options(
            learn_initial_state=learn_initial_state,
            layer_norm=layer_norm,
            recurrent_dropout=check_chance("recurrent_dropout", recurrent_dropout),
            zoneout=zoneout_by_state(self.cell.states, zoneout),
        )
        self.stack = Stack(
            graph=self.cell.graph,
            options=options,
            sizes=self._layer_sizes(output_size, dict(sizes or {})),
            num_directions=2 if bidirectional else 1,
            engine=engine,
            return_all_states=return_all_states,
            memory=memory,
            checkpoint_every=checkpoint_every,
        )
        self._weights = transform(self.cell.graph, options).parameters
        for layer, direction in self.places():
            for parameter in self._weights:
                shape = parameter_shape(parameter, self.stack.sizes[layer])
                tensor = torch.empty(shape, device=device, dtype=dtype)
                name = f"{parameter.name}{place_suffix(layer, direction)}"
                self.register_parameter(name, nn.Parameter(tensor))
        self.reset_parameters()

    def _layer_sizes(
        self, output_size: int | None, more: dict[str, int]
    ) -> tuple[dict[str, int], ...]:
        """Solve the sizes of every layer: each reads the output of the one below."""
        if self.num_layers > 1 and len(self.cell.inputs) > 1:
            raise OptionError(
                f"num_layers={self.num_layers}: this cell reads the inputs "
                f"{', '.join(self.cell.inputs)}, a layer below gives only one\n"
                "mend: stack layers yourself, or use num_layers=1"
            )
        layers: list[dict[str, int]] = []
        width = self.input_size
        _, output = self.cell.graph.outputs[0]
        for _ in range(self.num_layers):
            layers.append(self.cell.sizes(width, self.hidden_size, output_size, more))
            width = layers[-1][self.cell.graph.values[output].dim] * (1 + self.bidirectional)
        return tuple(layers)

    @property
    def output_size(self) -> int:
        """The last dimension of the output: D times the size of the cell's output."""
        return self.stack.output_size * self.stack.num_directions

    def reset_parameters(self) -> None:
        """Start every weight anew, by its role in the equations (see ``ostinato.nn.init``)."""
        for layer, direction in self.places():
            start(
                self._weights,
                self.cell_parameters(layer, direction),
                self.cell.graph,
                self.stack.sizes[layer],
                self.cell.start,
            )

    def cell_parameters(self, layer: int = 0, direction: int = 0) -> dict[str, Tensor]:
        """Return the weights of one layer and direction by their names in the equations."""
        suffix = place_suffix(layer, direction)
        return {p.name: getattr(self, f"{p.name}{suffix}") for p in self._weights}

    def set_cell_parameter(
        self, name: str, value: Tensor, layer: int = 0, direction: int = 0
    ) -> None:
        """Overwrite one weight of one layer and direction, named as in the equations."""
        with torch.no_grad():
            self.cell_parameters(layer, direction)[name].copy_(value)

    def forward(
        self,
        x: Tensor | PackedSequence | Mapping[str, Tensor],
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, dict[str, Tensor]]:
        """Run over whole sequences.

        Args:
            x: ``[T, B, I]``, ``[B, T, I]`` with ``batch_first``, ``[T, I]``, a PackedSequence, or a
                mapping from input name to tensor.
            state: state name to ``[L*D, B, size]`` (``[L*D, size]`` for one sequence); None starts
                at the cell's initial values.
            lengths: steps of each row ``[B]``, in any order. Past its end a row's state holds and
                its output is 0; what the padding holds changes nothing.
            resets: booleans in the order of ``x`` without its last dimension: before these steps
                the state returns to the cell's initial values.

        Returns:
            The output (``[T, B, D*O]`` in the form of ``x``) and the states after the last step by
            name, ``[L*D, B, size]``. With ``return_all_states`` the states of every step,
            ``[L*D, T, B, size]`` with time and rows in the order of ``x``.

        Raises:
            ShapeError: a shape or dtype does not fit.
        """
        return self._run(x, state, lengths, resets)

    def step(
        self, x: Tensor | Mapping[str, Tensor], state: State | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run one step of a stream.

        Args:
            x: ``[B, I]``, or ``[I]`` for one stream; or a mapping from input name to tensor.
            state: as returned by the step before; None at the start.

        Returns:
            The output ``[B, O]`` or ``[O]``, and the state to pass on.

        Raises:
            OptionError: the layer is bidirectional, so it must see the end first.
        """
        return self._step(x, state)

    def extra_repr(self) -> str:
        """Describe the layer in its ``repr``."""
        named = repr(self.cell.name) if self.cell.name else f"Cell({self.cell.to_text()!r})"
        parts = [named, str(self.input_size), str(self.hidden_size)]
        if self.num_layers > 1:
            parts.append(f"num_layers={self.num_layers}")
        parts.extend(
            f"{flag}=True" for flag in ("bidirectional", "batch_first") if getattr(self, flag)
        )
        if self.dropout:
            parts.append(f"dropout={self.dropout}")
        parts.extend(described_options(self.stack))
        return ", ".join(parts)


def as_cell(cell: Cell | str) -> Cell:
    """Return a cell from itself, its name or its equations.

    Raises:
        UnknownNameError: a plain word that names no cell.
        EquationError: the equations mean nothing.
    """
    if isinstance(cell, Cell):
        return cell
    return Cell(cell) if "=" in cell else cells.get(cell)


def zoneout_by_state(
    states: Sequence[str], zoneout: float | Mapping[str, float]
) -> tuple[tuple[str, float], ...]:
    """Return the chance of every state that has one."""
    chances = zoneout if isinstance(zoneout, Mapping) else dict.fromkeys(states, zoneout)
    checked = {name: check_chance("zoneout", chance) for name, chance in chances.items()}
    return tuple((name, chance) for name, chance in checked.items() if chance)
