"""What a batch holds, as one vector for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.masking import valid_steps, without_padding
from ostinato.models.pooling import LastPooling, MaxPooling

Inputs = Mapping[str, Tensor]

_PICTURE_CHANNELS = (16, 32)
_KERNEL_SIZE = 3
"""Letters that the convolution over a word sees at a time (Ma, Hovy 2016, arXiv:1603.01354)."""


class StepInputs(nn.Module):
    """A batch's inputs and lengths to vectors ``[T, B, E]``; what the padding holds is not read.

    Attributes:
        output_size: ``E``.
    """

    output_size: int

    def forward(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return a vector for each step."""
        raise NotImplementedError


class TokenInputs(StepInputs):
    """A learned or one-hot vector for each id of ``inputs["ids"]``, int64 ``[T, B]``.

    Args:
        num_symbols: ``V``, with padding (0) and the unknown.
        embedding_size: ``E``, length of the learned vector; None for one-hot vectors.
        dropout: share of the vectors' entries that is dropped in training.
        unit_dropout: chance that an id is read as unknown in training.
        unknown_id: stands for what is not in the vocabulary.
    """

    one: Tensor

    def __init__(
        self,
        num_symbols: int,
        embedding_size: int | None = None,
        *,
        dropout: float = 0.0,
        unit_dropout: float = 0.0,
        unknown_id: int = 1,
    ) -> None:
        super().__init__()
        self.num_symbols = num_symbols
        self.output_size = embedding_size or num_symbols
        self.embedding = _embedding(num_symbols, embedding_size) if embedding_size else None
        self.dropout = nn.Dropout(dropout)
        self.unit_dropout = unit_dropout
        self.unknown_id = unknown_id
        # What has no weights of its own follows the model's type and device by this.
        self.register_buffer("one", torch.ones(()), persistent=False)

    def forward(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return the vectors ``[T, B, E]`` of the ids."""
        ids = without_padding(inputs["ids"], lengths)
        if self.training and self.unit_dropout:
            drawn = torch.rand(ids.shape, device=ids.device)
            ids = ids.masked_fill(drawn < self.unit_dropout, self.unknown_id)
        if self.embedding is not None:
            return self.dropout(self.embedding(ids))
        return self.dropout(F.one_hot(ids, self.num_symbols).to(self.one.dtype))


class SpelledWordInputs(StepInputs):
    """A learned vector for each word, beside one that is read from its letters.

    The letters of each distinct word of a batch are read once: ``inputs`` holds ``ids`` ``[T, B]``,
    ``spellings`` ``[C, U]`` (the letters of U words), ``spelling_lengths`` ``[U]`` and
    ``spelling_of`` ``[T, B]`` (which of the U words), all int64.

    Args:
        num_words: ``V``, with padding (0) and the unknown.
        embedding_size: length of a word's learned vector; None for one-hot vectors.
        num_characters: different letters, with padding (0).
        character_size: length of a letter's vector.
        spelling: ``cnn``, the largest answers of a convolution, or ``rnn``, both directions' ends.
        spelling_size: length of what is read from the letters.
        cell: what reads them with ``rnn``.
        sizes: that the equations of ``cell`` leave open.
        dropout: share of the vectors' entries that is dropped in training.
        unit_dropout: chance that a word is read as unknown in training; its letters stay.
        unknown_id: stands for words that are not in the vocabulary.

    Raises:
        OptionError: ``rnn`` with an odd ``spelling_size``.
    """

    def __init__(
        self,
        num_words: int,
        embedding_size: int | None,
        num_characters: int,
        character_size: int,
        *,
        cell: Cell,
        spelling: Literal["cnn", "rnn"],
        spelling_size: int,
        sizes: Mapping[str, int] | None = None,
        dropout: float = 0.0,
        unit_dropout: float = 0.0,
        unknown_id: int = 1,
    ) -> None:
        super().__init__()
        self.words = TokenInputs(
            num_words, embedding_size, unit_dropout=unit_dropout, unknown_id=unknown_id
        )
        self.characters = _embedding(num_characters, character_size)
        self.reader = (
            _SpellingConvolution(character_size, spelling_size)
            if spelling == "cnn"
            else _SpellingRecurrence(cell, character_size, spelling_size, sizes or {})
        )
        self.output_size = self.words.output_size + self.reader.output_size
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return the vectors ``[T, B, E]`` of the words and their letters."""
        spelling_lengths = inputs["spelling_lengths"]
        letters = self.characters(without_padding(inputs["spellings"], spelling_lengths))
        read = self.reader(letters, spelling_lengths)  # [U, S]
        # One row more, for the padding of a batch that holds no word.
        rows = F.pad(read, (0, 0, 0, 1))
        spelled = F.embedding(without_padding(inputs["spelling_of"], lengths), rows)
        return self.dropout(torch.cat([self.words(inputs, lengths), spelled], -1))


class _SpellingConvolution(nn.Module):
    """``tanh(max_c (w * letters)_c)`` over the places of each word (Kim et al. 2016)."""

    def __init__(self, character_size: int, output_size: int) -> None:
        super().__init__()
        self.output_size = output_size
        self.convolution = nn.Conv1d(character_size, output_size, _KERNEL_SIZE, padding="same")
        self.pooling = MaxPooling()

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        # Zeros around each word, as the convolution has them around the longest one.
        padded = without_padding(letters, lengths).permute(1, 2, 0)  # [U, K, C]
        if not padded.numel():
            return letters.new_zeros(letters.shape[1], self.output_size)
        answers = self.convolution(padded).permute(2, 0, 1)  # [C, U, S]
        return self.pooling(answers, lengths).tanh()


class _SpellingRecurrence(nn.Module):
    """The last output of each direction over the letters of each word."""

    def __init__(
        self, cell: Cell, character_size: int, output_size: int, sizes: Mapping[str, int]
    ) -> None:
        super().__init__()
        if output_size % 2:
            raise OptionError(
                f"two directions share spelling_size={output_size}, which is odd\n"
                f"mend: model.spelling_size={output_size + 1}"
            )
        self.encoder = SequenceEncoder(
            cell, character_size, output_size // 2, bidirectional=True, sizes=sizes
        )
        self.output_size = self.encoder.output_size
        self.pooling = LastPooling(num_directions=2)

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        return self.pooling(self.encoder(letters, lengths), lengths)


class FrameInputs(StepInputs):
    """Standardised numbers of ``inputs["frames"]``, ``[T, B, I]``: ``(x - mean) / scale``.

    Missing numbers (NaN) become the mean.

    Args:
        num_features: ``I``.
        projection_size: ``E``, of a dense layer in front: ``relu(W x + b)``; None for none.
        mean: of each feature in training; None for 0.
        scale: standard deviation of each feature in training; None for 1, as where it is 0.
        dropout: share of the vectors' entries that is dropped in training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        num_features: int,
        projection_size: int | None = None,
        *,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", statistic(mean, num_features, 0.0))
        self.register_buffer("scale", nonzero(statistic(scale, num_features, 1.0)))
        self.output_size = projection_size or num_features
        self.projection = nn.Linear(num_features, projection_size) if projection_size else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return the vectors ``[T, B, E]`` of the frames."""
        standard = self.standardized(inputs, lengths)
        if self.projection is not None:
            standard = self.projection(standard).relu()
        return self.dropout(standard)

    def standardized(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return the frames ``[T, B, I]`` with mean 0 and variance 1; 0 where none is there."""
        frames = inputs["frames"].to(self.mean.dtype)
        is_there = valid_steps(lengths, frames.shape[0])[..., None] & ~frames.isnan()
        return torch.where(is_there, (frames - self.mean) / self.scale, 0)


class PictureInputs(FrameInputs):
    """Each step's picture through two convolutions and a dense layer (LeCun et al. 1998).

    ``relu(W relu(w2 * relu(w1 * x)) + b)``, kernels of 3 by 3 at every second place.

    Args:
        picture: height and width; ``I`` is their product.
        output_size: ``E``.
        mean: of each pixel in training; None for 0.
        scale: standard deviation of each pixel in training; None for 1, as where it is 0.
        dropout: share of the vectors' entries that is dropped in training.
    """

    def __init__(
        self,
        picture: tuple[int, int],
        output_size: int,
        *,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        dropout: float = 0.0,
    ) -> None:
        height, width = picture
        super().__init__(height * width, mean=mean, scale=scale, dropout=dropout)
        self.picture = picture
        self.output_size = output_size
        first, second = _PICTURE_CHANNELS
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        # Every second place, twice.
        num_places = -(-height // 4) * -(-width // 4)
        self.projection = nn.Linear(second * num_places, output_size)

    def forward(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return the vectors ``[T, B, E]`` of the pictures."""
        standard = self.standardized(inputs, lengths)
        num_steps, num_rows, _ = standard.shape
        pictures = standard.reshape(num_steps * num_rows, 1, *self.picture)
        features = self.convolutions(pictures).flatten(1)
        assert self.projection is not None
        vectors = self.projection(features).relu().view(num_steps, num_rows, self.output_size)
        return self.dropout(without_padding(vectors, lengths))


def statistic(values: Sequence[float] | None, size: int, default: float) -> Tensor:
    """Return what was measured of each of ``size`` columns, or a default, as float32.

    Raises:
        OptionError: there are more or fewer numbers than columns.
    """
    if values is None:
        return torch.full((size,), default)
    measured = torch.as_tensor(values, dtype=torch.float32)
    if measured.shape != (size,):
        raise OptionError(
            f"got statistics of shape {list(measured.shape)} for {size} columns\n"
            "mend: one number for each column"
        )
    return measured


def nonzero(scale: Tensor) -> Tensor:
    """Return a scale that can be divided by: 1 where a column never varies."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def _embedding(num_symbols: int, size: int) -> nn.Embedding:
    """Return vectors of length 1 on average.

    Those of rare units change little in training: at torch's length of ``sqrt(size)`` they are
    noise that is learned by heart.
    """
    embedding = nn.Embedding(num_symbols, size, padding_idx=0)
    with torch.no_grad():
        embedding.weight[1:].normal_(std=size**-0.5)
    return embedding
