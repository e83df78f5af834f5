"""Forecasters: a recurrent encoder of a window, a recurrent decoder of the steps ahead.

``y_a = head(decoder_a(encoder(window), known_a) + skip(window))``, with the window less its last
value or mean and the forecast moved back (reversible instance normalisation, Kim et al. 2022), and
a linear path from the window to the forecast beside the recurrent one: with the recurrent part at
0, the forecaster is a linear autoregression.

- ``DirectForecaster`` says all steps ahead at once: its decoder reads what is known of them and no
  forecast, so training and use are the same one scan. It may read several steps at a time
  (SegRNN, Lin et al. 2023).
- ``RecursiveForecaster`` says one step, and reads what it said: in training the true values
  (teacher forcing, one scan), in use its own, or draws from what it says, which makes paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.equations.saves import SaveVariant
from ostinato.models.cell_choice import choose_cell
from ostinato.models.encoder import recurrent
from ostinato.models.forecast_heads import OutputKind, choose_head
from ostinato.models.language_model import RecurrentOptions
from ostinato.models.starting import Start, start_layers
from ostinato.nn import Recurrent

State = dict[str, Tensor]

# A window that does not change is not stretched without end.
_LEAST_VARIANCE = 1e-4
_POSITION_SIZE = 0.02


@dataclass(frozen=True, slots=True)
class ForecastShape:
    """What is forecast from what.

    Attributes:
        context: ``T``, steps of the window.
        horizon: ``A``, steps ahead.
        num_targets: ``O``.
        num_past: ``P``, covariates of the window alone.
        num_known: ``G``, covariates of the steps ahead.
    """

    context: int
    horizon: int
    num_targets: int
    num_past: int = 0
    num_known: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecasterOptions:
    """The network, named as the section ``model`` of a recipe.

    Attributes:
        cell: a name of the catalogue, equations, or a slide's LaTeX.
        hidden_size: ``H``.
        functions: meaning of a slide's letters.
        sizes: sizes that the equations leave open.
        output_size: of a cell that projects its output.
        num_layers: ``L``, of encoder and decoder each.
        dropout: of what is read, between layers, and before the head.
        recurrent_dropout: of the recurrent products.
        zoneout: chance that a unit keeps its state for a step.
        layer_norm: normalise the pre-activations.
        engine: what runs the equations.
        memory: what the native engine keeps for the backward pass.
        checkpoint_every: steps between the states that it keeps; 0 for every step.
        start: how the weights of the recurrent layers start.
        start_steps: the longest memory at the start, for ``chrono``.
        forecast: all steps ahead at once, or one after another.
        channels: each target by itself with the same weights, or all together.
        channel_size: length of the vector that tells targets with the same weights apart; 0: none.
        segment: steps that are read and said at a time.
        skip: the linear path beside: none, learned from 0, or started as a ridge regression.
        normalization: what is taken off the window.
        stretch: divide the window by its standard deviation.
        output: what is said of a number.
        levels: of quantiles.
        loss: of points.
    """

    cell: str
    hidden_size: int
    functions: Mapping[str, str] = field(default_factory=dict[str, str])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    output_size: int | None = None
    num_layers: int = 1
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False
    engine: str = "auto"
    memory: SaveVariant = "fast"
    checkpoint_every: int = 0
    start: Start = "roles"
    start_steps: int | None = None
    forecast: Literal["recursive", "direct"] = "recursive"
    channels: Literal["shared", "joint"] = "shared"
    channel_size: int = 8
    segment: int = 1
    skip: Literal["none", "learned", "ridge"] = "ridge"
    normalization: Literal["last", "mean", "none"] = "last"
    stretch: bool = False
    output: OutputKind = "point"
    levels: Sequence[float] = (0.1, 0.5, 0.9)
    loss: Literal["mse", "mae", "huber"] = "mse"


@dataclass(frozen=True, slots=True)
class Windows:
    """What a forecaster reads; standardised by the training part.

    Attributes:
        values: ``[T, B, O]``.
        past: ``[T, B, P]``.
        known: of the steps ahead, ``[A, B, G]``.
    """

    values: Tensor
    past: Tensor
    known: Tensor


class Forecaster(nn.Module):
    """What both forecasters share.

    Args:
        shape: what is forecast from what.
        options: the network.

    Raises:
        OptionError: options that do not go together; the mend names the key of the recipe.
        EquationError: the cell's equations mean nothing.
    """

    def __init__(self, shape: ForecastShape, options: ForecasterOptions) -> None:
        super().__init__()
        _check(shape, options)
        self.shape, self.options = shape, options
        self.is_shared = options.channels == "shared"
        width = options.segment * (1 if self.is_shared else shape.num_targets)
        size = options.hidden_size
        self.read_values = nn.Linear(width, size)
        self.read_past = _dense(options.segment * shape.num_past, size)
        self.read_known = _dense(options.segment * shape.num_known, size)
        names_targets = self.is_shared and shape.num_targets > 1 and options.channel_size > 0
        self.channel = (
            nn.Embedding(shape.num_targets, options.channel_size) if names_targets else None
        )
        self.read_channel = _dense(options.channel_size, size) if names_targets else None
        self.encoder, self.decoder = _recurrent(options), _recurrent(options)
        self.dropout = nn.Dropout(options.dropout)
        self.head = choose_head(options.output, options.levels, options.loss)
        self.said = nn.Linear(self.decoder.output_size, width * self.head.size)
        self.skip = (
            None
            if options.skip == "none"
            else nn.Linear(shape.context, self.num_skipped, bias=False)
        )
        self.notes: list[str] = []
        self.reset_parameters()

    @property
    def num_skipped(self) -> int:
        """Steps that the linear path says at once."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Let the recurrent path say nothing, and the linear one too: the forecast is the shift."""
        options = self.options
        start_layers((self.encoder, self.decoder), options.start, options.start_steps)
        nn.init.zeros_(self.said.weight)
        self.start_spread(1.0)
        if self.skip is not None:
            nn.init.zeros_(self.skip.weight)

    def start_spread(self, spread: float) -> None:
        """Let forecasts begin with an error of this size, in what the network reads."""
        bias = self.head.starting_bias(spread)
        with torch.no_grad():
            self.said.bias.copy_(bias.repeat(len(self.said.bias) // len(bias)))

    def start_skip(self, weights: Tensor) -> None:
        """Start the linear path.

        Args:
            weights: ``[A, T]``, or ``[1, T]`` of a recursive forecaster.
        """
        assert self.skip is not None
        with torch.no_grad():
            self.skip.weight.copy_(weights)

    def normalised(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return windows as the network reads them, with what was taken off and divided by.

        Args:
            values: ``[T, B, O]``.

        Returns:
            ``[T, B, O]``, and twice ``[B, O]``.
        """
        match self.options.normalization:
            case "last":
                shift = values[-1]
            case "mean":
                shift = values.mean(0)
            case "none":
                shift = torch.zeros_like(values[0])
        stretch = torch.ones_like(shift)
        if self.options.stretch:
            stretch = torch.sqrt(values.var(0, correction=0) + _LEAST_VARIANCE)
        return (values - shift) / stretch, shift, stretch

    def forward(
        self, windows: Windows, targets: Tensor | None = None, is_known: Tensor | None = None
    ) -> Tensor:
        """Return forecasts, or with targets their loss, summed.

        Args:
            windows: what is read.
            targets: ``[A, B, O]``.
            is_known: bool ``[A, B, O]``, which of them are there.

        Returns:
            Parameters of the head ``[A, B, O, K]``, in use as the forecaster is used; with targets
            a scalar, in training as it is trained.
        """
        if targets is None:
            return self.forecast(windows)
        losses = self.head.loss(self.learned(windows, targets), targets)
        if is_known is not None:
            losses = torch.where(is_known, losses, 0.0)
        return losses.sum()

    def learned(self, windows: Windows, targets: Tensor) -> Tensor:
        """Return the parameters that are trained: with teacher forcing, where there is any."""
        raise NotImplementedError

    def forecast(self, windows: Windows) -> Tensor:
        """Return the parameters of the steps ahead ``[A, B, O, K]``, without looking at them."""
        raise NotImplementedError

    def _encoded(self, z: Tensor, past: Tensor) -> State:
        """Read normalised windows; return the state behind them, ``[L, B*O, size]``."""
        segment = self.options.segment
        lacking = -len(z) % segment
        if lacking:
            # Before the window nothing is known to have differed from its first step.
            z = torch.cat([z[:1].expand(lacking, *z.shape[1:]), z])
            past = torch.cat([past[:1].expand(lacking, *past.shape[1:]), past])
        steps = self.read_values(self._rows(_segments(z, segment)))
        if self.read_past is not None:
            steps = steps + self._for_rows(self.read_past(_segments(past, segment).flatten(2)))
        _, state = self.encoder(self.dropout(F.relu(steps)))
        return state

    def _rows(self, values: Tensor) -> Tensor:
        """Return segments ``[T, B, O, N]`` as the rows of the layers: ``[T, B*O, N]`` or joint."""
        num_steps, num_rows, num_targets, size = values.shape
        if self.is_shared:
            return values.reshape(num_steps, num_rows * num_targets, size)
        return values.reshape(num_steps, num_rows, num_targets * size)

    def _for_rows(self, vectors: Tensor) -> Tensor:
        """Give ``[T, B, H]`` to every row of the layers."""
        if not self.is_shared:
            return vectors
        return vectors.repeat_interleave(self.shape.num_targets, dim=1)

    def _ahead(self, known: Tensor) -> Tensor | float:
        """Return what the decoder reads of the steps ahead, before the activation."""
        read: Tensor | float = 0.0
        if self.read_known is not None:
            steps = _segments(known, self.options.segment).flatten(2)
            read = self._for_rows(self.read_known(steps))
        if self.channel is not None and self.read_channel is not None:
            vectors = self.read_channel(self.channel.weight)  # [O, H]
            num_rows = known.shape[1]
            read = read + vectors.repeat(num_rows, 1)
        return read

    def _raw(self, outputs: Tensor, num_rows: int) -> Tensor:
        """Return raw numbers of the head ``[T, B, O, K]`` from outputs of the decoder."""
        num_targets, segment = self.shape.num_targets, self.options.segment
        said = self.said(self.dropout(outputs))
        said = said.reshape(len(said), num_rows, num_targets, segment, self.head.size)
        said = said.permute(0, 3, 1, 2, 4)
        return said.reshape(-1, num_rows, num_targets, self.head.size)


class DirectForecaster(Forecaster):
    """All steps ahead at once; see the module."""

    def __init__(self, shape: ForecastShape, options: ForecasterOptions) -> None:
        super().__init__(shape, options)
        num = -(-shape.horizon // options.segment)
        self.position = nn.Parameter(torch.randn(num, 1, options.hidden_size) * _POSITION_SIZE)

    @property
    def num_skipped(self) -> int:
        """All of them."""
        return self.shape.horizon

    def learned(self, windows: Windows, targets: Tensor) -> Tensor:
        """Return what ``forecast`` does: nothing of the targets is read."""
        del targets
        return self.forecast(windows)

    def forecast(self, windows: Windows) -> Tensor:
        """Return the parameters of the steps ahead ``[A, B, O, K]``."""
        z, shift, stretch = self.normalised(windows.values)
        state = self._encoded(z, windows.past)
        segment, horizon = self.options.segment, self.shape.horizon
        known = windows.known
        lacking = -horizon % segment
        if lacking:
            known = torch.cat([known, known[-1:].expand(lacking, *known.shape[1:])])
        read = F.relu(self._ahead(known) + self.position)
        num_rows = z.shape[1]
        read = read.expand(-1, num_rows * (self.shape.num_targets if self.is_shared else 1), -1)
        outputs, _ = self.decoder(self.dropout(read), state)
        raw = self._raw(outputs, num_rows)[:horizon]
        place = torch.zeros_like(raw[..., 0]) if self.skip is None else _over_time(self.skip, z)
        return self.head.moved(self.head.parameters_of(raw, place), shift, stretch)


class RecursiveForecaster(Forecaster):
    """One step after another; see the module."""

    def __init__(self, shape: ForecastShape, options: ForecasterOptions) -> None:
        super().__init__(shape, options)
        width = 1 if self.is_shared else shape.num_targets
        self.read_before = nn.Linear(width, options.hidden_size)

    @property
    def num_skipped(self) -> int:
        """One."""
        return 1

    def learned(self, windows: Windows, targets: Tensor) -> Tensor:
        """Return the parameters of the steps ahead, each read with the true value before it.

        Args:
            windows: what is read.
            targets: ``[A, B, O]``.
        """
        z, shift, stretch = self.normalised(windows.values)
        state = self._encoded(z, windows.past)
        whole = torch.cat([z, (targets[:-1] - shift) / stretch])
        before = whole[len(z) - 1 :]
        outputs, _ = self.decoder(self._read(before, windows.known), state)
        raw = self._raw(outputs, z.shape[1])
        place = torch.zeros_like(raw[..., 0]) if self.skip is None else self._sliding(whole)
        return self.head.moved(self.head.parameters_of(raw, place), shift, stretch)

    def forecast(self, windows: Windows) -> Tensor:
        """Return the parameters of the steps ahead ``[A, B, O, K]``, each read with the last."""
        parameters, _ = self.run(windows)
        return parameters

    def run(self, windows: Windows, chances: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run free: every step reads what was said of the step before.

        Args:
            windows: what is read; as many steps are forecast as ``known`` has.
            chances: numbers between 0 and 1, ``[A, N, B, O, 2]``, of ``N`` paths that draw from
                what was said; None: what is said is read as a point.

        Returns:
            The parameters and the values: ``[A, B, O, K]`` and ``[A, B, O]``; of paths,
            ``[A, N*B, O, K]`` and ``[A, N*B, O]``.
        """
        z, shift, stretch = self.normalised(windows.values)
        state, known = self._encoded(z, windows.past), windows.known
        if chances is not None:
            num_paths = chances.shape[1]
            state = {name: value.repeat(1, num_paths, 1) for name, value in state.items()}
            z, known = z.repeat(1, num_paths, 1), known.repeat(1, num_paths, 1)
            shift, stretch = shift.repeat(num_paths, 1), stretch.repeat(num_paths, 1)
            chances = chances.flatten(1, 2)
        said: list[Tensor] = []
        values: list[Tensor] = []
        for step in range(len(known)):
            outputs, state = self.decoder(self._read(z[-1:], known[step : step + 1]), state)
            raw = self._raw(outputs, z.shape[1])[0]
            place = torch.zeros_like(raw[..., 0]) if self.skip is None else self._sliding(z)[0]
            parameters = self.head.parameters_of(raw, place)
            value = (
                self.head.point(parameters)
                if chances is None
                else self.head.draw(parameters, chances[step])
            )
            said.append(self.head.moved(parameters, shift, stretch))
            values.append(value * stretch + shift)
            z = torch.cat([z[1:], value[None]])
        return torch.stack(said), torch.stack(values)

    def _read(self, before: Tensor, known: Tensor) -> Tensor:
        steps = self.read_before(self._rows(before[..., None])) + self._ahead(known)
        return self.dropout(F.relu(steps))

    def _sliding(self, whole: Tensor) -> Tensor:
        """Run the linear path over every window of ``[T+A-1, B, O]``: ``[A, B, O]``."""
        assert self.skip is not None
        num_steps, num_rows, num_targets = whole.shape
        rows = whole.reshape(num_steps, 1, num_rows * num_targets).permute(2, 1, 0)
        said = F.conv1d(rows, self.skip.weight[:, None])
        return said[:, 0].T.reshape(-1, num_rows, num_targets)


def build_forecaster(shape: ForecastShape, options: ForecasterOptions) -> Forecaster:
    """Return a new network.

    Args:
        shape: what is forecast from what.
        options: the section ``model`` of a recipe.

    Raises:
        OptionError: options that do not go together.
        EquationError: the cell's equations mean nothing.
    """
    kind = DirectForecaster if options.forecast == "direct" else RecursiveForecaster
    return kind(shape, options)


def _check(shape: ForecastShape, options: ForecasterOptions) -> None:
    if options.segment > 1 and options.forecast == "recursive":
        _refuse(
            f"model.segment={options.segment} says several steps at once, but model.forecast="
            "recursive says one and reads it",
            "model.segment=1, or model.forecast=direct",
        )
    if options.segment > min(shape.context, shape.horizon):
        _refuse(
            f"model.segment={options.segment} is longer than the window of {shape.context} steps "
            f"or the {shape.horizon} ahead",
            f"model.segment={min(shape.context, shape.horizon)}",
        )


def _refuse(reason: str, mend: str) -> None:
    raise OptionError(f"{reason}\nmend: {mend}")


def _recurrent(options: ForecasterOptions) -> Recurrent:
    cell = choose_cell(options.cell, options.functions)
    more: RecurrentOptions = {
        "num_layers": options.num_layers,
        "recurrent_dropout": options.recurrent_dropout,
        "zoneout": options.zoneout,
        "layer_norm": options.layer_norm,
        "sizes": options.sizes,
        "engine": options.engine,
        "memory": options.memory,
        "checkpoint_every": options.checkpoint_every,
    }
    size = options.hidden_size
    between = options.dropout if options.num_layers > 1 else 0.0
    return recurrent(cell, size, size, options.output_size, False, between, more)


def _dense(input_size: int, output_size: int) -> nn.Linear | None:
    return nn.Linear(input_size, output_size, bias=False) if input_size else None


def _segments(values: Tensor, segment: int) -> Tensor:
    """Return steps ``[T, B, O]`` taken together: ``[T, B, O, N]``, N of them at a time."""
    num_steps, num_rows, size = values.shape
    parts = values.reshape(num_steps // segment, segment, num_rows, size)
    return parts.permute(0, 2, 3, 1)


def _over_time(path: nn.Linear, z: Tensor) -> Tensor:
    """Run a linear path from the steps of a window to the steps ahead: ``[A, B, O]``."""
    return path(z.permute(1, 2, 0)).permute(2, 0, 1)
