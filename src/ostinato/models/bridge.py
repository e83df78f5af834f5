"""From what was read to the state that a decoder starts from."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ostinato.equations.positive import positive_states
from ostinato.models.encoder import SequenceEncoder


class Bridge(nn.Module):
    """``s_0 = tanh(W r + b)`` for every state of every layer, r what was read at the same depth.

    Bahdanau, Cho, Bengio 2015 (arXiv:1409.0473). A state by which the equations divide starts at
    ``exp(tanh(W r + b))``. With fewer layers than were read, the deepest ones count.

    Args:
        read_sizes: for each layer of what was read, the size of r.
        layers: those that start.
    """

    def __init__(self, read_sizes: Sequence[int], layers: SequenceEncoder) -> None:
        super().__init__()
        self.sizes = layers.state_sizes
        self.positive = positive_states(layers.recurrent_layers[0].cell.graph)
        skipped = max(0, len(read_sizes) - len(self.sizes))
        self.sources = tuple(
            min(depth + skipped, len(read_sizes) - 1) for depth in range(len(self.sizes))
        )
        self.maps = nn.ModuleList(
            nn.Linear(read_sizes[source], sum(sizes.values()))
            for source, sizes in zip(self.sources, self.sizes, strict=True)
        )

    def start_at_zero(self) -> None:
        """Let the states of a new bridge be 0, or 1 where they are positive, for ``r = 0``."""
        for linear in self.maps:
            assert isinstance(linear, nn.Linear)
            nn.init.zeros_(linear.bias)

    def forward(self, read: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Return the states ``[B, size]`` by name of each layer, of what was read ``[B, F]``."""
        parts: list[dict[str, Tensor]] = []
        for linear, source, sizes in zip(self.maps, self.sources, self.sizes, strict=True):
            pieces = linear(read[source]).tanh().split(list(sizes.values()), -1)
            parts.append(
                {
                    name: piece.exp() if name in self.positive else piece
                    for name, piece in zip(sizes, pieces, strict=True)
                }
            )
        return parts
