"""``RNN``, ``LSTM``, ``GRU``: torch's layers, run by the engines of this house.

They derive from torch's own, so parameters, ``state_dict``, initialisation and ``isinstance`` are
torch's; only the run is replaced, and the options that torch lacks are added, by keyword.

``torch.compile`` and ``torch.export`` take them (Dynamo keeps every ``nn.RNNBase``, torch's own
too, in a graph of its own unless ``torch._dynamo.config.allow_rnn`` is set); ``torch.jit.script``
does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast, overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ostinato import cells
from ostinato.cells.entry import NamedCell
from ostinato.core.errors import OptionError, ShapeError
from ostinato.engines.dispatch import check_engine
from ostinato.engines.parameters import Stacked
from ostinato.equations.cell import parameter_shape
from ostinato.equations.description import place_suffix
from ostinato.equations.graph import Parameter
from ostinato.equations.rewrites import Options
from ostinato.equations.saves import SaveVariant
from ostinato.nn.init import start
from ostinato.nn.layer import (
    SequenceLayer,
    check_chance,
    check_flags,
    check_memory,
    described_options,
)
from ostinato.nn.recurrent import zoneout_by_state
from ostinato.nn.stack import Stack


class TorchLayer(SequenceLayer, nn.RNNBase):
    """What the three layers share: torch's weights seen as a cell's, and the run."""

    _layout: Mapping[str, tuple[str, ...]]
    _split: frozenset[tuple[str, ...]]
    """Stacks that share some names with another: part of them is a sum."""

    def _named_cell(self) -> NamedCell:
        raise NotImplementedError

    def set_up(
        self,
        *,
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        return_all_states: bool = False,
        engine: str = "auto",
        memory: SaveVariant = "fast",
        checkpoint_every: int = 0,
        named: NamedCell | None = None,
    ) -> None:
        """Compile the cell and add the parameters that the options bring."""
        check_engine(engine)
        memory, checkpoint_every = check_memory(memory, checkpoint_every)
        check_flags(
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
            return_all_states=return_all_states,
        )
        named = named or self._named_cell()
        self.cell = named.cell
        graph = named.cell.graph
        layout = cells.entry(self._named_cell().name).torch_layout
        biases = tuple(p.name for p in graph.parameters if p.role == "bias")
        options = Options(
            without=() if self.bias else biases,
            recurrent_dropout=check_chance("recurrent_dropout", recurrent_dropout),
            zoneout=zoneout_by_state(named.cell.states, zoneout),
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
        )
        num_directions = 2 if self.bidirectional else 1
        own = self.proj_size or self.hidden_size
        widths = [self.input_size] + [own * num_directions] * (self.num_layers - 1)
        self.stack = Stack(
            graph=graph,
            options=options,
            sizes=tuple(
                {"input_size": w, "hidden_size": self.hidden_size, "output_size": own}
                for w in widths
            ),
            num_directions=num_directions,
            engine=engine,
            return_all_states=return_all_states,
            memory=memory,
            checkpoint_every=checkpoint_every,
        )
        self._layout = {
            held: names for held, names in layout.items() if self.bias or "bias" not in held
        }
        stacks = set(self._layout.values())
        counts = Counter(name for names in stacks for name in names)
        self._split = frozenset(s for s in stacks if any(counts[name] > 1 for name in s))
        self._names_of_extras = tuple([extra.name for extra in self._extras()])
        self._add_extras()

    def _extras(self) -> tuple[Parameter, ...]:
        """Return the parameters that torch's layer does not have."""
        held = {name for names in self._layout.values() for name in names}
        return tuple(p for p in self.stack.step_graph.parameters if p.name not in held)

    def extra_repr(self) -> str:
        """Describe the layer in its ``repr``: as torch does, with the engine and the options."""
        more = [*described_options(self.stack), f"engine={self.stack.engine!r}"]
        return ", ".join([super().extra_repr(), *more])

    def _add_extras(self) -> None:
        like = next(self.parameters())
        for layer, direction in self.places():
            for extra in self._extras():
                tensor = like.new_empty(parameter_shape(extra, self.stack.sizes[layer]))
                name = f"{extra.name}{place_suffix(layer, direction)}"
                self.register_parameter(name, nn.Parameter(tensor))
        self._start_extras()

    def _start_extras(self) -> None:
        for layer, direction in self.places():
            tensors = self.cell_parameters(layer, direction)
            start(self._extras(), tensors, self.stack.graph, self.stack.sizes[layer], {})

    def reset_parameters(self) -> None:
        """Start torch's weights as torch does, those of the options by their role."""
        super().reset_parameters()
        if "stack" in self.__dict__:
            self._start_extras()

    def cell_parameters(self, layer: int = 0, direction: int = 0) -> dict[str, Tensor]:
        """Return the weights of one layer and direction by their names in the equations."""
        return dict(self._call_parameters(layer, direction))

    def _call_parameters(self, layer: int, direction: int) -> Stacked:
        suffix = place_suffix(layer, direction)
        stacked: dict[tuple[str, ...], Tensor] = {}
        for held, names in self._layout.items():
            tensor = getattr(self, held + suffix)
            if names not in self._split:
                stacked[names] = stacked[names] + tensor if names in stacked else tensor
                continue
            for name, part in zip(names, tensor.chunk(len(names)), strict=True):
                key = (name,)
                stacked[key] = stacked[key] + part if key in stacked else part
        for name in self._names_of_extras:
            stacked[name,] = getattr(self, name + suffix)
        return Stacked([(tensor, names) for names, tensor in stacked.items()])

    def set_cell_parameter(
        self, name: str, value: Tensor, layer: int = 0, direction: int = 0
    ) -> None:
        """Overwrite one weight; where it is the sum of torch's two biases, the second becomes 0."""
        suffix = place_suffix(layer, direction)
        holders = [held for held, names in self._layout.items() if name in names]
        with torch.no_grad():
            if not holders:
                getattr(self, f"{name}{suffix}").copy_(value)
            for number, held in enumerate(holders):
                names = self._layout[held]
                part = getattr(self, f"{held}{suffix}").chunk(len(names))[names.index(name)]
                part.copy_(torch.zeros_like(value) if number else value)


class _OneState(TorchLayer):
    """``RNN`` and ``GRU``: their state is one tensor."""

    @overload
    def forward(
        self,
        input: Tensor,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward(
        self,
        input: PackedSequence,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[PackedSequence, Tensor]: ...

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run over sequences as torch's layer does; ``lengths`` and ``resets`` as ``Recurrent``.

        Args:
            input: ``[T, B, I]``, ``[B, T, I]`` with ``batch_first``, ``[T, I]``, or packed.
            hx: ``[L*D, B, H]`` or ``[L*D, H]``; None for zeros.
            lengths: steps of each row ``[B]``, in any order.
            resets: booleans in the order of ``input`` without its last dimension.

        Returns:
            The output ``[T, B, D*H]`` in the form of ``input``, and the last state ``[L*D, B, H]``.

        Raises:
            ShapeError: a shape, dtype or device does not fit.
        """
        output, states = self._run(input, None if hx is None else {"h": hx}, lengths, resets)
        return output, states["h"]

    def step(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run one step of a stream.

        Args:
            input: ``[B, I]``, or ``[I]`` for one stream.
            hx: as returned by the step before; None at the start.

        Returns:
            The output ``[B, H]`` or ``[H]``, and the state to pass on.

        Raises:
            OptionError: the layer is bidirectional, so it must see the end first.
        """
        output, states = self._step(input, None if hx is None else {"h": hx})
        return output, states["h"]


class RNN(_OneState, nn.RNN):
    """``torch.nn.RNN`` with the same arguments, weights and results, and more options.

    ``h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``, or relu (Elman 1990).

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        nonlinearity: ``tanh`` or ``relu``.
        bias: whether biases are added.
        batch_first: tensors are ``[B, T, I]``.
        dropout: the chance that an output is dropped between two layers.
        bidirectional: a second run from the end to the start.
        device: of the parameters.
        dtype: of the parameters.
        recurrent_dropout: see ``Recurrent``.
        zoneout: see ``Recurrent``.
        layer_norm: see ``Recurrent``.
        learn_initial_state: see ``Recurrent``.
        return_all_states: see ``Recurrent``.
        engine: see ``Recurrent``.
        memory: see ``Recurrent``.
        checkpoint_every: see ``Recurrent``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        return_all_states: bool = False,
        engine: str = "auto",
        memory: SaveVariant = "fast",
        checkpoint_every: int = 0,
    ) -> None:
        nn.RNN.__init__(
            self,
            input_size,
            hidden_size,
            num_layers,
            nonlinearity,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.set_up(
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
            return_all_states=return_all_states,
            engine=engine,
            memory=memory,
            checkpoint_every=checkpoint_every,
        )

    def _named_cell(self) -> NamedCell:
        return cells.entry("elman" if self.nonlinearity == "tanh" else "elman_relu")


class GRU(_OneState, nn.GRU):
    """``torch.nn.GRU`` with the same arguments, weights and results, and more options.

    The variant with the reset gate after the recurrent product (``ostinato.cells.get("gru")``).

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether biases are added.
        batch_first: tensors are ``[B, T, I]``.
        dropout: the chance that an output is dropped between two layers.
        bidirectional: a second run from the end to the start.
        device: of the parameters.
        dtype: of the parameters.
        recurrent_dropout: see ``Recurrent``.
        zoneout: see ``Recurrent``.
        layer_norm: see ``Recurrent``.
        learn_initial_state: see ``Recurrent``.
        return_all_states: see ``Recurrent``.
        engine: see ``Recurrent``.
        memory: see ``Recurrent``.
        checkpoint_every: see ``Recurrent``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        return_all_states: bool = False,
        engine: str = "auto",
        memory: SaveVariant = "fast",
        checkpoint_every: int = 0,
    ) -> None:
        nn.GRU.__init__(
            self,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.set_up(
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
            return_all_states=return_all_states,
            engine=engine,
            memory=memory,
            checkpoint_every=checkpoint_every,
        )

    def _named_cell(self) -> NamedCell:
        return cells.entry("gru")


class LSTM(TorchLayer, nn.LSTM):
    """``torch.nn.LSTM`` with the same arguments, weights and results, and more options.

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether biases are added.
        batch_first: tensors are ``[B, T, I]``.
        dropout: the chance that an output is dropped between two layers.
        bidirectional: a second run from the end to the start.
        proj_size: P, the size of a projected output; 0 for none (Sak et al. 2014).
        device: of the parameters.
        dtype: of the parameters.
        peepholes: the gates see the cell state (Gers, Schmidhuber 2000); parameters ``p_i_l0``, ….
        recurrent_dropout: see ``Recurrent``.
        zoneout: see ``Recurrent``.
        layer_norm: see ``Recurrent``.
        learn_initial_state: see ``Recurrent``.
        return_all_states: see ``Recurrent``.
        engine: see ``Recurrent``.
        memory: see ``Recurrent``.
        checkpoint_every: see ``Recurrent``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        peepholes: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        layer_norm: bool = False,
        learn_initial_state: bool = False,
        return_all_states: bool = False,
        engine: str = "auto",
        memory: SaveVariant = "fast",
        checkpoint_every: int = 0,
    ) -> None:
        nn.LSTM.__init__(
            self,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device=device,
            dtype=dtype,
        )
        if peepholes and proj_size:
            raise OptionError(
                f"peepholes=True together with proj_size={proj_size}\n"
                "mend: write the cell's equations and use ostinato.Recurrent"
            )
        self.set_up(
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            layer_norm=layer_norm,
            learn_initial_state=learn_initial_state,
            return_all_states=return_all_states,
            engine=engine,
            memory=memory,
            checkpoint_every=checkpoint_every,
            named=cells.entry("lstm_peephole") if peepholes else None,
        )

    def _named_cell(self) -> NamedCell:
        return cells.entry("lstm_projected" if self.proj_size else "lstm")

    @overload
    def forward(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...

    @overload
    def forward(
        self,
        input: PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]: ...

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Run over sequences as ``torch.nn.LSTM`` does; ``lengths``, ``resets`` as ``Recurrent``.

        Args:
            input: ``[T, B, I]``, ``[B, T, I]`` with ``batch_first``, ``[T, I]``, or packed.
            hx: ``(h_0, c_0)``, ``[L*D, B, P or H]`` and ``[L*D, B, H]``; None for zeros.
            lengths: steps of each row ``[B]``, in any order.
            resets: booleans in the order of ``input`` without its last dimension.

        Returns:
            The output ``[T, B, D*(P or H)]`` in the form of ``input``, and ``(h_n, c_n)``.
        """
        output, states = self._run(input, _pair(hx), lengths, resets)
        return output, (states["h"], states["c"])

    def step(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run one step of a stream.

        Args:
            input: ``[B, I]``, or ``[I]`` for one stream.
            hx: as returned by the step before; None at the start.

        Returns:
            The output ``[B, P or H]`` or ``[P or H]``, and the state to pass on.

        Raises:
            OptionError: the layer is bidirectional, so it must see the end first.
        """
        output, states = self._step(input, _pair(hx))
        return output, (states["h"], states["c"])


def _pair(hx: tuple[Tensor, Tensor] | None) -> dict[str, Tensor] | None:
    if hx is None:
        return None
    _check_pair(hx)
    return {"h": hx[0], "c": hx[1]}


def _check_pair(hx: object) -> None:
    kind = type(hx).__name__
    if isinstance(hx, tuple | list):
        parts = cast("Sequence[object]", hx)
        if len(parts) == 2:
            return
        kind = f"{kind} of {len(parts)}"
    raise ShapeError(
        f"got hx of type {kind}, expected the pair (h_0, c_0)\n"
        "mend: pass what the layer returned as its second value"
    )
