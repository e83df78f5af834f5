"""What reads a source: a sequence or a picture, as a memory, a summary and a state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor, nn

from ostinato.core.errors import ShapeError
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.inputs import Inputs, StepInputs, nonzero, statistic
from ostinato.models.picture_layout import grid_of, halved, num_groups
from ostinato.models.pooling import LastPooling

CHANNELS: Final = (16, 32, 64)
"""Features of each block of convolutions, where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        memory: a vector for each step of the source ``[S, B, F]``, 0 in the padding.
        lengths: int64 ``[B]``, steps of each row of the memory.
        summary: one vector for each row ``[B, F]``: the context vector.
        state: for each layer what a decoder's state starts from, ``[B, F]`` of its own F.
        copied: int64 ``[S, B]``, what may be copied at each step; see ``EncoderDecoder``.
    """

    memory: Tensor
    lengths: Tensor
    summary: Tensor
    state: tuple[Tensor, ...]
    copied: Tensor | None = None


class Reader(nn.Module):
    """A batch's inputs and lengths to a reading.

    Attributes:
        memory_size: ``F`` of the memory.
        summary_size: ``F`` of the summary.
        state_sizes: for each layer, that of the state.
        notes: sentences about what was asked for and is not done.
    """

    memory_size: int
    summary_size: int
    state_sizes: tuple[int, ...]
    notes: list[str]

    def forward(self, inputs: Inputs, lengths: Tensor) -> Reading:
        """Return what was read.

        Args:
            inputs: name to tensor; see the module of the inputs.
            lengths: int64 ``[B]``; of pictures they mean nothing.
        """
        raise NotImplementedError


class SequenceReader(Reader):
    """The outputs of recurrent layers as memory, the last of each direction as summary.

    The state is what each layer holds at its end, that of both directions side by side; 0 for a
    row without steps. Where a cell's output is no state, the summary stands beside the last one's.

    Args:
        inputs: a vector for each step.
        encoder: recurrent layers over them.
    """

    def __init__(self, inputs: StepInputs, encoder: SequenceEncoder) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.pooling = LastPooling(encoder.num_directions)
        self.memory_size = self.summary_size = encoder.output_size
        cell = encoder.recurrent_layers[0].cell
        self.holds_output = cell.output in cell.states
        sizes = [encoder.num_directions * sum(each.values()) for each in encoder.state_sizes]
        if not self.holds_output:
            sizes[-1] += self.summary_size
        self.state_sizes = tuple(sizes)
        self.notes = encoder.notes

    def forward(self, inputs: Inputs, lengths: Tensor) -> Reading:
        """Return what was read of a batch of sequences."""
        steps, state = self.encoder.run(self.inputs(inputs, lengths), lengths)
        memory = self.encoder.dropout(steps)
        summary = self.pooling(memory, lengths)
        # Some states start at -inf, and stay there without a step.
        is_empty = lengths[:, None] == 0
        states = [s.masked_fill(is_empty, 0) for s in self.encoder.layer_states(state)]
        if not self.holds_output:
            states[-1] = torch.cat([states[-1], summary], -1)
        return Reading(memory, lengths, summary, tuple(states))


class NoReader(Reader):
    """Nothing: the state that a decoder starts from is learned, and the same for every row.

    A decoder behind it, without attention, is a language model: ``P(y) = prod_t P(y_t | y_<t)``.
    """

    zero: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The one number of every row is 0, so of a map from it the bias alone is left.
        self.register_buffer("zero", torch.zeros(1), persistent=False)
        self.memory_size = self.summary_size = 1
        self.state_sizes = (1,)
        self.notes = []

    def forward(self, inputs: Inputs, lengths: Tensor) -> Reading:  # noqa: ARG002
        """Return what every batch of so many rows reads."""
        nothing = self.zero.expand(len(lengths), 1)
        return Reading(nothing[None], torch.ones_like(lengths), nothing, (nothing,))


class ImageReader(Reader):
    """The places of a picture's features as memory, ``relu(W [f; y; x] + b)``.

    Blocks of two convolutions, of which the second takes every second place (LeCun et al. 1998),
    normalised within each picture (Wu and He 2018, arXiv:1803.08494), so that no picture depends on
    those beside it. Each place also knows its height and breadth, from -1 to 1 (Liu et al. 2018,
    arXiv:1807.03247), in place of the order that steps have. The summary is ``tanh(V g + c)`` of
    the memory's means on a grid, so that it knows of places, too.

    Args:
        num_channels: ``C``.
        picture: height and width.
        output_size: ``F``, of memory and summary.
        mean: of each channel in training; None for 0.
        scale: standard deviation of each channel in training; None for 1, as where it is 0.
        channels: features of each block.
        dropout: share of the memory's and the summary's entries that is dropped in training.

    Attributes:
        places: rows and columns of the memory's places.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        num_channels: int,
        picture: tuple[int, int],
        output_size: int,
        *,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        channels: Sequence[int] = CHANNELS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_channels = num_channels
        self.picture = picture
        self.register_buffer("mean", statistic(mean, num_channels, 0.0))
        self.register_buffer("scale", nonzero(statistic(scale, num_channels, 1.0)))
        layers: list[nn.Module] = []
        width = num_channels
        self.places = picture
        for size in channels:
            layers += [nn.Conv2d(width, size, 3, padding=1), nn.ReLU()]
            layers += [nn.Conv2d(size, size, 3, stride=2, padding=1)]
            layers += [nn.GroupNorm(num_groups(size), size), nn.ReLU()]
            width = size
            self.places = halved(self.places[0]), halved(self.places[1])
        self.convolutions = nn.Sequential(*layers)
        grid = grid_of(*self.places)
        self.grid = nn.AdaptiveAvgPool2d(grid)
        self.place = nn.Linear(width + 2, output_size)
        self.whole = nn.Linear(output_size * grid[0] * grid[1], output_size)
        self.dropout = nn.Dropout(dropout)
        self.memory_size = self.summary_size = output_size
        self.state_sizes = (output_size,)
        self.notes = []
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start so that the features of a new network vary as much as its pictures do.

        He et al. 2015 (arXiv:1502.01852). As torch starts convolutions, each one of them passes on
        less: behind six, pictures look the same, and nothing is learned for a long time.
        """
        for layer in (*self.convolutions, self.place):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(cast("Tensor", layer.bias))

    def forward(self, inputs: Inputs, lengths: Tensor) -> Reading:  # noqa: ARG002
        """Return what was read of ``inputs["images"]``, ``[B, C, H, W]``.

        Raises:
            ShapeError: the images have another shape than the network was made for.
        """
        images = inputs["images"]
        if images.shape[1:] != (self.num_channels, *self.picture):
            raise ShapeError(
                f"got images of shape {list(images.shape)}, expected [B, C, H, W] with "
                f"{[self.num_channels, *self.picture]}\nmend: bring all pictures to this size"
            )
        standard = (images.to(self.mean.dtype) - self.mean[:, None, None]) / self.scale[
            :, None, None
        ]
        # Convolutions of several channels are a third faster so.
        standard = standard.contiguous(memory_format=torch.channels_last)
        features = self.convolutions(standard)  # [B, F, H, W]
        places = torch.cat([features, _coordinates(features)], 1).permute(2, 3, 0, 1)
        seen = self.place(places).relu()  # [H, W, B, F]
        memory = self.dropout(seen.flatten(0, 1))
        pooled = self.grid(seen.permute(2, 3, 0, 1)).flatten(1)
        summary = self.dropout(self.whole(pooled).tanh())
        counts = torch.full((len(images),), len(memory), device=images.device)
        return Reading(memory, counts, summary, (summary,))


def _coordinates(features: Tensor) -> Tensor:
    """Return height and breadth of each place, from -1 to 1: ``[B, 2, H, W]``."""
    num_rows, _, height, width = features.shape
    down, across = (
        torch.linspace(-1, 1, side, dtype=features.dtype, device=features.device)
        if side > 1
        else features.new_zeros(1)
        for side in (height, width)
    )
    return torch.stack(torch.meshgrid(down, across, indexing="ij")).expand(num_rows, -1, -1, -1)
