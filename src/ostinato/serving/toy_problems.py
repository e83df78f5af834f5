"""Toy problems as batches, and what a network must say of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.data.sets.made import BLANK, GO, INPUT, LATCHED, NUM_RECALLED, SYMBOLS, TARGET
from ostinato.data.sets.made import made_rows as rows_of

ProblemName = Literal["adding", "copy", "latch", "text"]

BATCH_SIZE: Final = 32
_NUM_TRAIN: Final = 1024
_NUM_HELD: Final = 128
_MOST_SYMBOLS: Final = 256


@dataclass(frozen=True)
class Part:
    """Examples side by side.

    Attributes:
        inputs: float32 ``[T, N, I]``.
        targets: float32 ``[N]``, int64 ``[N]``, or int64 ``[T, N]``.
    """

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class ToyProblem:
    """A problem that is small enough to be learned while one looks on.

    Attributes:
        name: of it.
        input_size: ``I``.
        num_outputs: ``O``.
        num_scored: steps at the end that are learned and scored.
        train: what is learned from.
        held: what the score is of.
    """

    name: ProblemName
    input_size: int
    num_outputs: int
    num_scored: int
    train: Part
    held: Part

    def batch(self, random: np.random.Generator) -> Part:
        """Return some examples of the training part, at random."""
        chosen = torch.as_tensor(random.integers(self.train.inputs.shape[1], size=BATCH_SIZE))
        return Part(self.train.inputs[:, chosen], self.train.targets[..., chosen])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error, or the cross-entropy in nats.

        Args:
            outputs: of the last ``num_scored`` steps, ``[T, N, O]``.
            targets: of a part.
        """
        if self.name == "adding":
            return F.mse_loss(outputs[-1, :, 0], targets)
        return F.cross_entropy(outputs.flatten(0, 1), self._scored(targets).flatten())

    def score(self, outputs: Tensor, targets: Tensor) -> float:
        """Return what is right, from 0 to 1: the share of targets, or of the variance."""
        if self.name == "adding":
            error = float(F.mse_loss(outputs[-1, :, 0], targets))
            return max(0.0, 1 - error / float(targets.var(correction=0)))
        return float((outputs.argmax(-1) == self._scored(targets)).float().mean())

    def _scored(self, targets: Tensor) -> Tensor:
        return targets[None] if targets.ndim == 1 else targets[-self.num_scored :]


def toy_problem(name: ProblemName, steps: int, text: str) -> ToyProblem:
    """Return a problem.

    Args:
        name: of it.
        steps: ``T``.
        text: that is learned where the problem is ``text``.
    """
    match name:
        case "adding":
            return ToyProblem(name, 2, 1, 1, *(_adding(part, steps) for part in _PARTS))
        case "latch":
            return ToyProblem(name, 2, 2, 1, *(_latch(part, steps) for part in _PARTS))
        case "copy":
            symbols = len(SYMBOLS) + 2
            return ToyProblem(
                name, symbols, symbols, NUM_RECALLED, *(_copy(part, steps) for part in _PARTS)
            )
        case "text":
            return _text(text, steps)


_PARTS: Final = (("train", _NUM_TRAIN), ("dev", _NUM_HELD))


def _adding(part: tuple[str, int], steps: int) -> Part:
    rows = [row.values for row in rows_of("adding", steps, *part)]
    inputs = np.stack([row[INPUT] for row in rows], 1)
    return Part(torch.as_tensor(inputs), torch.tensor([row[TARGET] for row in rows]))


def _latch(part: tuple[str, int], steps: int) -> Part:
    rows = [row.values for row in rows_of("latch", steps, *part)]
    inputs = np.stack([row[INPUT] for row in rows], 1)
    return Part(torch.as_tensor(inputs), torch.tensor([LATCHED.index(row[TARGET]) for row in rows]))


def _copy(part: tuple[str, int], steps: int) -> Part:
    numbers = {symbol: number for number, symbol in enumerate((BLANK, GO, *SYMBOLS))}
    rows = [row.values for row in rows_of("copy", steps, *part)]
    ids = torch.tensor([[numbers[s] for s in row[INPUT]] for row in rows]).T
    targets = torch.tensor([[numbers[s] for s in row[TARGET]] for row in rows]).T
    return Part(F.one_hot(ids, len(numbers)).float(), targets)


def _text(text: str, steps: int) -> ToyProblem:
    """Return windows of a text; its last tenth is held out."""
    common = sorted(symbol for symbol, _ in Counter(text).most_common(_MOST_SYMBOLS))
    numbers = {symbol: number for number, symbol in enumerate(common)}
    ids = torch.tensor([numbers[symbol] for symbol in text if symbol in numbers])
    border = len(ids) * 9 // 10
    train = _windows(ids[:border], steps, _NUM_TRAIN, len(common))
    held = _windows(ids[border:], steps, _NUM_HELD, len(common))
    return ToyProblem("text", len(common), len(common), steps, train, held)


def _windows(ids: Tensor, steps: int, num: int, num_symbols: int) -> Part:
    starts = np.linspace(0, len(ids) - steps - 1, num).astype(int)
    found = torch.stack([ids[start : start + steps + 1] for start in map(int, starts)], 1)
    return Part(F.one_hot(found[:-1], num_symbols).float(), found[1:])
