"""A network that draws: at every point, where the pen goes next and whether it is lifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.masking import without_padding
from ostinato.models.mixture_density import END, PEN_STATES, MixtureDensityHead, chosen_by

Strokes = npt.NDArray[np.float32]

NUM_READ: Final = 4 + len(PEN_STATES)
"""Numbers that the network reads of a point: the step to it, its place, the pen after it."""

_PLACE = "place"

BEFORE_THE_FIRST: Final = (0.0, 0.0, float(END))
"""What is read before the first point: the end of no drawing."""

_ROWS = 16
"""Drawings that are always made side by side: another number of rows rounds in another way."""

_NUM_CHANCES = 4


class DrawingModel(nn.Module):
    """Recurrent layers over the points, and a mixture density of the next one.

    ``p(drawing) = prod_t p(x_t, pen_t | x_1 .. x_{t-1}) · p(end | all)`` (Graves 2013,
    arXiv:1308.0850; the layout of the points is that of Ha, Eck 2017, arXiv:1704.03477).

    Args:
        encoder: recurrent layers that read ``NUM_READ`` numbers a step, in one direction.
        head: what is said at each step.
    """

    def __init__(self, encoder: SequenceEncoder, head: MixtureDensityHead) -> None:
        super().__init__()
        if encoder.num_directions > 1:
            raise OptionError(
                "the backward direction would see what is predicted\nmend: bidirectional=False"
            )
        self.encoder = encoder
        self.head = head
        self.notes = encoder.notes

    def forward(self, points: Tensor, lengths: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return what is said at every step, or with targets the loss of all, summed, in nats.

        Args:
            points: ``[T, B, 3]``, the step to each point and the number of the pen's state after
                it; the first is ``BEFORE_THE_FIRST``.
            lengths: int64 ``[B]``, steps of each row; what lies behind them changes nothing.
            targets: the point after each, ``[T, B, 3]``.

        Returns:
            ``[T, B, 6 G + 3]``, see ``MixtureDensityHead``; with targets a scalar.
        """
        points = without_padding(points, lengths)
        read = self._read(points, points[..., :2].cumsum(0))
        outputs = self.head(self.encoder(read, lengths))
        return outputs if targets is None else self.head.loss(outputs, targets, lengths)

    def step(
        self, points: Tensor, state: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Advance by one point: ``[B, 3]`` to ``[B, 6 G + 3]`` and the new state."""
        step = points[..., :2]
        place = step if state is None else state[_PLACE] + step
        features, found = self.encoder.step(self._read(points, place), state)
        return self.head(features), {**found, _PLACE: place}

    @torch.no_grad()
    def draw(
        self, num: int, *, seed: int, temperature: float = 1.0, max_points: int = 1000
    ) -> list[Strokes]:
        """Return drawings that the network makes up, each ended by itself or after ``max_points``.

        Drawing i is a function of the seed and of i: the same one, to the bit, whatever ``num`` is.
        The network has to be in evaluation mode.

        Args:
            num: of them.
            seed: of what is drawn.
            temperature: 1 draws as the network says; less divides the logarithms of its
                probabilities and multiplies its covariances.
            max_points: of one drawing.

        Returns:
            float32 ``[N, 3]`` each: dx, dy, 1 where the pen is lifted after the point.

        Raises:
            OptionError: a setting is out of range.
        """
        check_settings(num, seed, temperature, max_points)
        found: list[Strokes] = []
        for first in range(0, num, _ROWS):
            rows = min(_ROWS, num - first)
            found += self._draw_rows(first, rows, seed, temperature, max_points)
        return found

    def _draw_rows(
        self, first: int, num: int, seed: int, temperature: float, max_points: int
    ) -> list[Strokes]:
        """Return ``num`` drawings from number ``first`` on; rows behind them fill the block."""
        weight = self.head.linear.weight
        points = torch.tensor(BEFORE_THE_FIRST, device=weight.device).repeat(_ROWS, 1)
        generators = [np.random.default_rng([seed, first + row]) for row in range(_ROWS)]
        state: dict[str, Tensor] | None = None
        drawn: list[npt.NDArray[np.float64]] = []
        is_done = np.arange(_ROWS) >= num
        lengths = np.zeros(_ROWS, np.int64)
        while len(drawn) < max_points and not is_done.all():
            outputs, state = self.step(points.to(weight.dtype), state)
            chances = np.stack([each.random(_NUM_CHANCES) for each in generators])
            points = self._next(outputs.cpu().double(), torch.from_numpy(chances), temperature)
            drawn.append(points.numpy())
            is_done |= drawn[-1][:, 2] == END
            lengths += ~is_done
            points = points.to(weight.device)
        steps = np.stack(drawn) if drawn else np.zeros((0, _ROWS, 3))
        return [steps[: lengths[row], row].astype(np.float32) for row in range(num)]

    def _next(self, outputs: Tensor, chances: Tensor, temperature: float) -> Tensor:
        """Return the point that numbers in 0 .. 1 ``[B, 4]`` stand for: ``[B, 3]``."""
        mixture, pen = self.head.said(outputs)
        which, state, radius, angle = chances.unbind(-1)
        # Box, Muller 1958: a fixed count of numbers a point, so that none depends on another row.
        length, turn = (-2 * torch.log1p(-radius)).sqrt(), 2 * torch.pi * angle
        normal = torch.stack([length * turn.cos(), length * turn.sin()], -1)
        places = self.head.scale.cpu().double() * mixture.sample(which, normal, temperature)
        pens = chosen_by(pen / temperature, state)
        return torch.cat([places, pens.unsqueeze(-1).double()], -1)

    def _read(self, points: Tensor, places: Tensor) -> Tensor:
        """Return what the layers read of points ``[..., 3]`` at places: ``[..., NUM_READ]``."""
        scale = self.head.scale
        states = F.one_hot(points[..., 2].long(), len(PEN_STATES))
        moves = torch.cat([points[..., :2], places], -1).to(scale.dtype) / scale
        return torch.cat([moves, states.to(scale.dtype)], -1)


def check_settings(num: int, seed: int, temperature: float, max_points: int) -> None:
    """Refuse what nothing can be drawn by.

    Raises:
        OptionError: a setting is out of range.
    """
    for name, value in (("num", num), ("max_points", max_points)):
        if value < 1:
            raise OptionError(f"{name}: got {value}, expected 1 or more\nmend: {name}=1")
    if seed < 0:
        raise OptionError(f"seed: got {seed}, expected 0 or more\nmend: seed=0")
    if not 0 < temperature < float("inf"):
        raise OptionError(
            f"temperature: got {temperature}, expected a finite number above 0: always the "
            "likeliest point is what no drawing has, a mean of what many have there\n"
            "mend: temperature=0.1 for careful drawings"
        )
