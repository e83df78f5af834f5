"""What reads a source: a sequence or a picture, as a memory, a summary and a state."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ostinato.models.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        memory: a vector for each step of the source ``[S, B, F]``, 0 in the padding.
        lengths: int64 ``[B]``, steps of each row of the memory.
        summary: one vector for each row ``[B, F]``: the context vector.
        state: for each layer what a decoder's state starts from, ``[B, F]`` of its own F.
        copied: int64 ``[S, B]``, what may be copied at each step; see ``Decoder``.
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
