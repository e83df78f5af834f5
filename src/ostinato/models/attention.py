"""How a step of writing looks at what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.models.masking import valid_steps, without_padding

Score = Literal["dot", "general", "concat", "bahdanau"]


@dataclass(frozen=True, slots=True)
class Source:
    """What is looked at, rows first.

    Attributes:
        memory: a vector for each step ``[B, S, F]``, 0 in the padding.
        keys: what queries are compared with ``[B, S, K]``.
        valid: bool ``[B, S]``, which steps are there.
    """

    memory: Tensor
    keys: Tensor
    valid: Tensor

    def select(self, rows: Tensor) -> Source:
        """Return the rows of these numbers, int64 ``[N]``."""
        return Source(self.memory[rows], self.keys[rows], self.valid[rows])


@dataclass(frozen=True, slots=True)
class Attended:
    """What queries found.

    Attributes:
        context: ``[B, Q, F]``, the weighted mean of the memory; 0 for rows without steps.
        weights: ``[B, Q, S]``, 1 in total for rows that have steps.
        scores: ``[B, Q, S]``, of which the weights are the softmax; in the padding the lowest
            number.
    """

    context: Tensor
    weights: Tensor
    scores: Tensor


class Attention(nn.Module):
    """``c = sum_s a_s m_s``, ``a = softmax_s(score(q, m_s))`` over the steps that are there.

    - ``dot``: ``q · m``; ``general``: ``q · W m``; ``concat``: ``v · tanh(W [q; m])`` (Luong, Pham,
      Manning 2015, arXiv:1508.04025).
    - ``bahdanau``: ``v · tanh(W q + U m)`` (Bahdanau, Cho, Bengio 2015, arXiv:1409.0473). As a
      score it is ``concat``; it differs in who asks, see ``Decoder``.

    Args:
        score: how a query and a step of the memory are compared.
        query_size: of ``q``.
        memory_size: ``F``.

    Raises:
        UnknownNameError: no score has this name.
        OptionError: ``dot`` of vectors of two sizes.
    """

    def __init__(self, score: Score, query_size: int, memory_size: int) -> None:
        super().__init__()
        if score not in get_args(Score):
            raise UnknownNameError("score", score, get_args(Score))
        if score == "dot" and query_size != memory_size:
            raise OptionError(
                f"decoder.attention=dot needs vectors of one size: the decoder gives {query_size}, "
                f"what was read has {memory_size}\n"
                f"mend: decoder.hidden_size={memory_size}, or decoder.attention=general"
            )
        self.score = score
        self.memory_size = memory_size
        self.key = None if score == "dot" else nn.Linear(memory_size, query_size, bias=False)
        is_additive = score in ("concat", "bahdanau")
        self.query = nn.Linear(query_size, query_size, bias=False) if is_additive else None
        self.weight = nn.Linear(query_size, 1, bias=False) if is_additive else None

    def source(self, memory: Tensor, lengths: Tensor) -> Source:
        """Return what queries are asked of; its keys are computed once.

        Args:
            memory: ``[S, B, F]``; what its padding holds is not read.
            lengths: int64 ``[B]``.
        """
        memory = without_padding(memory, lengths)
        keys = memory if self.key is None else self.key(memory)
        valid = valid_steps(lengths, memory.shape[0])
        return Source(memory.transpose(0, 1), keys.transpose(0, 1), valid.T)

    def forward(self, queries: Tensor, source: Source) -> Attended:
        """Return what each query finds.

        Args:
            queries: ``[B, Q, O]``.
            source: with ``B`` rows.
        """
        scores = self._scores(queries, source.keys)
        is_there = source.valid[:, None]
        scores = scores.masked_fill(~is_there, torch.finfo(scores.dtype).min)
        # Rows without a step would get equal weights.
        weights = scores.softmax(-1) * is_there
        return Attended(torch.bmm(weights.to(source.memory.dtype), source.memory), weights, scores)

    def _scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return ``[B, Q, S]``."""
        if self.query is None or self.weight is None:
            return torch.bmm(queries, keys.transpose(1, 2))
        sums = self.query(queries)[:, :, None] + keys[:, None]  # [B, Q, S, K]
        return self.weight(sums.tanh())[..., 0]
