"""The aligned shape on units of text: at every step, the distribution of the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, Unpack

from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.equations.saves import SaveVariant
from ostinato.nn import Recurrent

State = dict[str, Tensor]


class RecurrentOptions(TypedDict, total=False):
    """Options that are handed on to ``Recurrent``."""

    num_layers: int
    recurrent_dropout: float
    zoneout: float
    layer_norm: bool
    sizes: Mapping[str, int]
    engine: str
    memory: SaveVariant
    checkpoint_every: int


class LanguageModel(nn.Module):
    """Embedding or one-hot, a recurrent layer of any cell, and a linear head over the vocabulary.

    ``P(next unit) = softmax(V y_t + c)`` with ``y_t`` the cell's output at step t.

    Args:
        num_symbols: ``V``.
        cell: any cell.
        hidden_size: ``H``.
        output_size: where the cell has an output size of its own; default ``H``.
        embedding_size: length of the learned vector of a unit; None for one-hot vectors.
        tied: let the head share the embedding's matrix (Press and Wolf, 2017).
        dropout: share of the inputs and outputs of every layer that is dropped in training.
        options: see ``Recurrent``.

    Raises:
        OptionError: ``tied`` without an embedding of the size of the cell's output.
    """

    def __init__(
        self,
        num_symbols: int,
        cell: Cell,
        hidden_size: int,
        *,
        output_size: int | None = None,
        embedding_size: int | None = None,
        tied: bool = False,
        dropout: float = 0.0,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__()
        self.num_symbols = num_symbols
        input_size = embedding_size or num_symbols
        self.embedding = nn.Embedding(num_symbols, embedding_size) if embedding_size else None
        between = dropout if options.get("num_layers", 1) > 1 else 0.0
        if output_size is None and "output_size" in cell.dimensions.classes:
            output_size = hidden_size
        self.recurrent = Recurrent(
            cell, input_size, hidden_size, output_size=output_size, dropout=between, **options
        )
        self.head = nn.Linear(self.recurrent.output_size, num_symbols)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.head.bias)
        if tied:
            self._tie(self.recurrent.output_size)

    def _tie(self, output_size: int) -> None:
        if self.embedding is None or self.embedding.embedding_dim != output_size:
            got = self.embedding.embedding_dim if self.embedding else "one-hot"
            raise OptionError(
                f"a tied model needs an embedding as long as the cell's output: got "
                f"embedding_size={got} and an output of {output_size}\n"
                f"mend: embedding_size={output_size}, or tied=false"
            )
        # Rows of length 1 on average: as logits, the default scale would saturate the softmax.
        nn.init.normal_(self.embedding.weight, std=output_size**-0.5)
        self.head.weight = self.embedding.weight

    def forward(
        self,
        ids: Tensor,
        state: Mapping[str, Tensor] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Return the logits of the next unit at every step, and the final state.

        Args:
            ids: int64 ``[T, B]``.
            state: state name to ``[L, B, size]``; None for the cell's initial values.
            resets: bool ``[T, B]``, true where the state starts afresh before the step.

        Returns:
            Logits ``[T, B, V]`` and the state after the last step.
        """
        options = {} if resets is None else {"resets": resets}
        output, new_state = self.recurrent(self._embed(ids), state, **options)
        return self.head(self.dropout(output)), new_state

    def step(self, ids: Tensor, state: Mapping[str, Tensor] | None = None) -> tuple[Tensor, State]:
        """Advance by one unit: ids ``[B]`` to logits ``[B, V]`` and the new state."""
        output, new_state = self.recurrent.step(self._embed(ids), state)
        return self.head(self.dropout(output)), new_state

    def unrolled(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network holds at every step of one sequence.

        Args:
            ids: int64 ``[T]``.

        Returns:
            The cell's outputs ``[T, H]`` and the probabilities of the next unit ``[T, V]``.
        """
        output, _ = self.recurrent(self._embed(ids[:, None]))
        return output[:, 0], self.head(output[:, 0]).softmax(-1)

    def _embed(self, ids: Tensor) -> Tensor:
        if self.embedding is not None:
            return self.dropout(self.embedding(ids))
        return nn.functional.one_hot(ids, self.num_symbols).to(self.head.weight.dtype)
