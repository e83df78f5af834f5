"""Parameters that lie one under another in a tensor, as torch's layers hold their gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from torch import Tensor


class Stacked(Mapping[str, Tensor]):
    """A cell's parameters by name; an engine that can read a stack takes it whole.

    Args:
        stacks: a tensor ``[k * rows, …]`` and the names of its k parts ``[rows, …]``.
    """

    def __init__(self, stacks: Sequence[tuple[Tensor, tuple[str, ...]]]) -> None:
        self.stacks = stacks

    @cached_property
    def _parts(self) -> dict[str, Tensor]:
        return {
            name: part
            for tensor, names in self.stacks
            for name, part in zip(
                names, [tensor] if len(names) == 1 else tensor.chunk(len(names)), strict=True
            )
        }

    def __getitem__(self, name: str) -> Tensor:
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)
