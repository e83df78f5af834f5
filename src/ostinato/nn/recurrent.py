"""``Recurrent``: any cell as a torch layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ostinato import cells
from ostinato.core.errors import OptionError, ShapeError
from ostinato.engines.dispatch import check_engine
from ostinato.equations.cell import Cell, parameter_shape
from ostinato.equations.rewrites import Options, transform
from ostinato.nn.init import start
from ostinato.nn.sequences import normalise
from ostinato.nn.stack import Stack

State = Mapping[str, Tensor]


class Recurrent(nn.Module):
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
            one mask a sequence (Gal, Ghahramani 2016).
        zoneout: the chance that a unit keeps its old value (Krueger et al. 2017); a mapping from
            state name to chance where states differ.
        layer_norm: normalise the pre-activations (Ba, Kiros, Hinton 2016).
        learn_initial_state: the initial values become parameters.
        return_all_states: return the states at every step.
        sizes: sizes of further dimension classes, by the name of any value of the class.
        engine: ``auto`` or the name of an engine.
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
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_engine(engine)
        check_counts(num_layers=num_layers, dropout=dropout)
        self.cell = as_cell(cell)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.batch_first = batch_first
        self.dropout = dropout
        options = Options(
            learn_initial_state=learn_initial_state,
            layer_norm=layer_norm,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout_by_state(self.cell.states, zoneout),
        )
        self.stack = Stack(
            graph=self.cell.graph,
            options=options,
            sizes=self._layer_sizes(output_size, dict(sizes or {})),
            num_directions=2 if bidirectional else 1,
            engine=engine,
            return_all_states=return_all_states,
        )
        self._weights = transform(self.cell.graph, options).parameters
        for layer, suffix in self._places():
            for parameter in self._weights:
                shape = parameter_shape(parameter, self.stack.sizes[layer])
                tensor = torch.empty(shape, device=device, dtype=dtype)
                self.register_parameter(f"{parameter.name}{suffix}", nn.Parameter(tensor))
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

    def _places(self) -> Iterator[tuple[int, str]]:
        for layer in range(self.num_layers):
            for direction in range(1 + self.bidirectional):
                yield layer, place_suffix(layer, direction)

    @property
    def output_size(self) -> int:
        """The last dimension of the output: D times the size of the cell's output."""
        return self.stack.output_size * self.stack.num_directions

    def reset_parameters(self) -> None:
        """Start every weight anew, by its role in the equations (see ``ostinato.nn.init``)."""
        for layer, suffix in self._places():
            start(
                self._weights,
                {p.name: getattr(self, f"{p.name}{suffix}") for p in self._weights},
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
        sizes = {i.name: self.stack.sizes[0][i.dim] for i in self.cell.graph.inputs}
        sequences = normalise(
            x, sizes, batch_first=self.batch_first, lengths=lengths, resets=resets
        )
        weight = next(self.parameters(), None)
        check_dtype(next(iter(sequences.streams.values())), weight)
        if state is not None and not sequences.is_batched:
            state = {name: tensor.unsqueeze(1) for name, tensor in state.items()}
        output, states = self.stack.run(
            self.cell_parameters,
            sequences,
            state,
            dropout=self.dropout,
            training=self.training,
        )
        restore = (
            sequences.restore_steps if self.stack.return_all_states else sequences.restore_state
        )
        return sequences.restore(output), {name: restore(s) for name, s in states.items()}

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
        if self.bidirectional:
            raise OptionError(
                "a bidirectional layer cannot run as a stream: it reads from the end\n"
                "mend: use bidirectional=False, or run whole sequences"
            )
        axis = 1 if self.batch_first and _dims(x) == 2 else 0
        one = (
            {name: tensor.unsqueeze(axis) for name, tensor in x.items()}
            if isinstance(x, Mapping)
            else x.unsqueeze(axis)
        )
        output, states = self(one, state)
        if self.stack.return_all_states:
            states = {name: s.select(1 + axis, 0) for name, s in states.items()}
        return output.select(axis, 0), states

    def extra_repr(self) -> str:
        """Describe the layer in its ``repr``."""
        named = repr(self.cell.name) if self.cell.name else f"Cell({self.cell.to_text()!r})"
        parts = [named, str(self.input_size), str(self.hidden_size)]
        if self.num_layers > 1:
            parts.append(f"num_layers={self.num_layers}")
        parts.extend(
            f"{flag}=True" for flag in ("bidirectional", "batch_first") if getattr(self, flag)
        )
        return ", ".join(parts)


def _dims(x: Tensor | Mapping[str, Tensor]) -> int:
    return next(iter(x.values())).dim() if isinstance(x, Mapping) else x.dim()


def place_suffix(layer: int, direction: int) -> str:
    """Return torch's suffix of the parameters of a layer and direction."""
    return f"_l{layer}{'_reverse' if direction else ''}"


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
    return tuple((name, float(chance)) for name, chance in chances.items() if chance)


def check_counts(*, num_layers: int, dropout: float) -> None:
    """Refuse counts and chances that mean nothing.

    Raises:
        OptionError: the message names the option.
    """
    if type(num_layers) is not int or num_layers < 1:
        raise OptionError(
            f"num_layers must be a positive integer, got {num_layers!r}\nmend: use 1 or more"
        )
    if not 0 <= dropout <= 1:
        raise OptionError(
            f"dropout must lie in [0, 1], got {dropout}\nmend: pass the chance of a zero"
        )


def check_dtype(x: Tensor, weight: Tensor | None) -> None:
    """Refuse inputs of another dtype or device than the weights.

    Raises:
        ShapeError: the message says how to convert.
    """
    if weight is None or torch.is_autocast_enabled(x.device.type):
        return
    if x.dtype != weight.dtype:
        raise ShapeError(
            f"got input of {x.dtype}, the layer's weights are {weight.dtype}\n"
            f"mend: x.to({weight.dtype}), or layer.to({x.dtype})"
        )
    if x.device != weight.device:
        raise ShapeError(
            f"got input on {x.device}, the layer's weights are on {weight.device}\n"
            f"mend: x.to('{weight.device}'), or layer.to('{x.device}')"
        )
