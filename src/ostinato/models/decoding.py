"""How a network of tensors writes: greedily, by drawing, or by beam search; in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, cast

import numpy as np
import torch
from torch import Tensor

from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.search import Flags, Hypothesis, Ids, Numbers, search
from ostinato.models.trie import Trie
from ostinato.models.writers import State, Writer


@torch.no_grad()
def decode(
    writer: Writer[State],
    state: State,
    num_rows: int,
    options: DecodingOptions,
    *,
    numbers: Sequence[int] | None = None,
    begun: Sequence[Sequence[int]] | None = None,
    allowed: Trie | None = None,
    forbidden: Sequence[int] = (),
    tell: Callable[[int, int], None] | None = None,
) -> list[list[Hypothesis]]:
    """Write a text, or several, for each row; see ``search``.

    What is large, the log-probabilities and the states, stays where the network is.

    Args:
        writer: a network in evaluation mode.
        state: what it starts from, with ``num_rows`` rows.
        num_rows: ``B``.
        options: how the units are chosen.
        numbers: number of each row's example.
        begun: units with which each row's text begins.
        allowed: nothing else is written.
        forbidden: units that are never written.
        tell: is given row and unit as soon as it is chosen.

    Returns:
        For each row ``num_best`` hypotheses, the best first.

    Raises:
        OptionError: units are to be told of several texts.
        ShapeError: ``numbers`` or ``begun`` are not one for each row.
        WritingError: the log-probabilities are no numbers.
    """
    return search(
        _Writer(writer),
        _State(state, writer.device),
        num_rows,
        options,
        numbers=numbers,
        begun=begun,
        allowed=allowed,
        forbidden=forbidden,
        tell=tell,
    )


@dataclass(frozen=True, slots=True)
class _State(Generic[State]):
    """The state of a network of tensors; see ``search.Selectable``."""

    own: State
    device: torch.device

    def select(self, rows: Ids, /) -> Self:
        return type(self)(self.own.select(_tensor(rows, self.device)), self.device)


@dataclass(frozen=True, slots=True)
class _Writer(Generic[State]):
    """A network of tensors; see ``search.Network``."""

    own: Writer[State]

    @property
    def start(self) -> int:
        return self.own.start

    @property
    def end(self) -> int:
        return self.own.end

    def step(self, units: Ids, state: _State[State], /) -> tuple[_NextUnits, _State[State]]:
        found, new = self.own.step(_tensor(units, state.device), state.own)
        return _NextUnits(found), _State(new, state.device)


@dataclass(frozen=True, slots=True)
class _NextUnits:
    """Log-probabilities ``[N, V]`` in a tensor; see ``search.NextUnits``."""

    own: Tensor

    @property
    def num_symbols(self) -> int:
        return self.own.shape[1]

    def has_nan(self) -> bool:
        # NaN is the maximum wherever it occurs.
        return bool(self.own.amax(-1).isnan().any())

    def without(self, units: Sequence[int]) -> Self:
        changed = self.own.clone()
        changed[:, list(units)] = -torch.inf
        return type(self)(changed)

    def only(self, is_allowed: Flags) -> Self:
        return type(self)(self.own.masked_fill(~_tensor(is_allowed, self.own.device), -torch.inf))

    def likeliest(self) -> Ids:
        return _array(self.own.argmax(-1))

    def best(self, num: int) -> tuple[Numbers, Ids]:
        best, units = self.own.topk(num)
        return _array(best.double()), _array(units)

    def of(self, units: Ids) -> Numbers:
        chosen = _tensor(units, self.own.device)[:, None]
        return _array(self.own.gather(1, chosen)[:, 0].double())

    def array(self) -> Numbers:
        return _array(self.own.double())


def _tensor(array: Ids | Flags, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _array(tensor: Tensor) -> Any:
    return cast("Any", tensor.cpu()).numpy()
