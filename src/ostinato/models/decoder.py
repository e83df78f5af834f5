"""What writes: any cell over the units written so far, and over what was read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.models.attention import Attended, Attention, Score
from ostinato.models.bridge import Bridge
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.inputs import TokenInputs
from ostinato.models.language_model import RecurrentOptions
from ostinato.models.masking import at_least_float32, valid_steps, without_padding
from ostinato.models.pointer import Copying, Pointer
from ostinato.models.readers import Reader, Reading
from ostinato.models.writing_state import Sources, Writing

Context = Literal["start", "every-step"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the decoder says at ``N`` steps of any rows.

    Attributes:
        features: ``[N, R]``, what the output layer reads.
        copying: with a pointer.
    """

    features: Tensor
    copying: Copying | None

    def select(self, steps: Tensor) -> Answers:
        """Return the answers of these numbers, int64 ``[M]``."""
        return Answers(
            self.features[steps], None if self.copying is None else self.copying.select(steps)
        )


@dataclass(frozen=True, slots=True)
class _Steps:
    """What was computed at ``N`` steps of any rows.

    Attributes:
        vectors: ``[N, E]``, of the units that were read.
        outputs: ``[N, O]``, of the cell.
        context: ``[N, F]``; None without attention, as the scores.
        scores: ``[N, S]``.
    """

    vectors: Tensor
    outputs: Tensor
    context: Tensor | None
    scores: Tensor | None


class Decoder(nn.Module):
    """``s_t = cell([e(y_{t-1}); …], s_{t-1})``, and ``P(y_t) = softmax(V r_t + c)``.

    Without attention the context vector starts the state and, with ``context="every-step"``, is
    read with every unit (Cho et al. 2014, arXiv:1406.1078); ``r_t`` is the cell's output ``o_t``.

    With attention ``r_t = tanh(W [c_t; o_t])``, and ``c_t`` is what ``o_t`` finds in the memory
    (Luong, Pham, Manning 2015, arXiv:1508.04025). The state does not depend on it, so all steps of
    a known text are one scan. With ``input_feeding`` step t also reads ``r_{t-1}``, one step after
    the other; with the score ``bahdanau`` it reads ``c_t`` itself, which ``o_{t-1}`` finds
    (Bahdanau, Cho, Bengio 2015, arXiv:1409.0473).

    Args:
        num_symbols: ``V``, with padding (0) and the unknown (1).
        cell: any cell with one input.
        hidden_size: ``H``.
        reader: what reads; only its sizes are looked at.
        output_size: where the cell has an output size of its own; default ``H``.
        embedding_size: length of the vector of a unit; None for one-hot vectors.
        attention: the score; None for the context vector.
        context: without attention.
        input_feeding: with attention.
        pointer: units of the source can be copied, with attention; see ``Pointer``.
        tied: let the output layer share the vectors' matrix (Press and Wolf, 2017).
        residual: add the input of each layer to its output, where they are of one size.
        dropout: share of the inputs of every layer and of ``r_t`` that is dropped in training.
        embedding_dropout: share of the vectors' entries that is dropped in training.
        unit_dropout: chance that a unit is read as unknown in training.
        options: see ``Recurrent``.

    Raises:
        OptionError: options that do not go together.
    """

    def __init__(
        self,
        num_symbols: int,
        cell: Cell,
        hidden_size: int,
        reader: Reader,
        *,
        output_size: int | None = None,
        embedding_size: int | None,
        attention: Score | None = "general",
        context: Context = "every-step",
        input_feeding: bool = False,
        pointer: bool = False,
        tied: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        unit_dropout: float = 0.0,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__()
        if attention is None and (input_feeding or pointer):
            name = "input_feeding" if input_feeding else "pointer"
            raise OptionError(
                f"decoder.{name} hands on what attention finds, and there is none\n"
                f"mend: decoder.attention=general, or decoder.{name}=false"
            )
        self.num_symbols = num_symbols
        self.inputs = TokenInputs(
            num_symbols, embedding_size, dropout=embedding_dropout, unit_dropout=unit_dropout
        )
        self.is_context_first = input_feeding and attention == "bahdanau"
        self.reads_summary = attention is None and context == "every-step"
        self.feature_size = embedding_size if tied and embedding_size else hidden_size
        self.fed_size = 0
        if input_feeding:
            self.fed_size = reader.memory_size if self.is_context_first else self.feature_size
        width = self.inputs.output_size + self.fed_size
        self.layers = SequenceEncoder(
            cell,
            width + (reader.summary_size if self.reads_summary else 0),
            hidden_size,
            output_size=output_size,
            residual=residual,
            dropout=dropout,
            section="decoder",
            **options,
        )
        made = self.layers.output_size
        self.bridge = Bridge(reader.state_sizes, self.layers)
        self.first_query = nn.Linear(reader.summary_size, made) if self.is_context_first else None
        self.attention = (
            None if attention is None else Attention(attention, made, reader.memory_size)
        )
        if attention is None:
            self.feature_size = made
            self.combine = None
        else:
            self.combine = nn.Linear(reader.memory_size + made, self.feature_size, bias=False)
        self.pointer = (
            Pointer(reader.memory_size + made + self.inputs.output_size) if pointer else None
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.feature_size, num_symbols)
        nn.init.zeros_(self.head.bias)
        if tied:
            self._tie()
        self.notes = [f"decoder: {note}" for note in self.layers.notes]
        if attention == "bahdanau" and not input_feeding:
            self.notes.append(
                "decoder.attention=bahdanau without decoder.input_feeding=true looks with the "
                "output of the step itself, as concat does"
            )

    def _tie(self) -> None:
        embedding = self.inputs.embedding
        if embedding is None or embedding.embedding_dim != self.feature_size:
            raise OptionError(
                f"decoder.tied=true needs vectors of the units as long as what the output layer "
                f"reads: got {embedding.embedding_dim if embedding else 'one-hot'}, expected "
                f"{self.feature_size}\n"
                f"mend: decoder.embedding_size={self.feature_size}, or decoder.tied=false"
            )
        self.head.weight = embedding.weight

    def begin(self, reading: Reading) -> Writing:
        """Return what the first step starts from.

        Args:
            reading: with ``copied`` where the decoder has a pointer.
        """
        if (self.pointer is None) != (reading.copied is None):
            got = "no copied" if reading.copied is None else "copied"
            needed = "a" if self.pointer else "no"
            raise OptionError(
                f"got {got} units for a decoder with {needed} pointer\n"
                "mend: copied=… with decoder.pointer=true, and only then"
            )
        num_rows = len(reading.lengths)
        copied, num_extended = None, 0
        if reading.copied is not None:
            copied = without_padding(reading.copied, reading.lengths, -1).T
            if copied.numel():
                num_extended = max(0, int(copied.max()) + 1 - self.num_symbols)
        fed = None
        if self.first_query is not None:
            fed = self.first_query(reading.summary).tanh()
        elif self.fed_size:
            fed = reading.summary.new_zeros(num_rows, self.fed_size)
        looked_at = (
            None
            if self.attention is None
            else self.attention.source(reading.memory, reading.lengths)
        )
        return Writing(
            self.layers.joined_state(self.bridge(reading.state)),
            fed,
            Sources(
                looked_at,
                reading.summary if self.reads_summary else None,
                copied,
                num_extended,
            ),
            torch.arange(num_rows, device=reading.lengths.device),
        )

    def step(self, units: Tensor, writing: Writing) -> tuple[Answers, Writing]:
        """Read one unit in every row.

        Args:
            units: int64 ``[B]``; from ``V`` on, of the source: read as unknown.
            writing: as ``begin`` or the step before returned it.

        Returns:
            Answers for ``B`` steps, and what the next step needs.
        """
        vectors = self._vectors(units[None], torch.ones_like(units))[0]
        steps, features, writing = self._step(vectors, writing)
        copied = writing.sources.copied
        if copied is not None:
            copied = copied[writing.owners]
        return self._answers(steps, features, copied), writing

    def resume(self, units: Tensor, lengths: Tensor, writing: Writing) -> Writing:
        """Read units that are known, and return what the step after them needs.

        Args:
            units: int64 ``[T, B]``.
            lengths: int64 ``[B]``; a row of none stays as it is.
            writing: as ``begin`` or a step returned it.
        """
        vectors = self._vectors(units, lengths)
        if not self.fed_size:
            _, state = self.layers.run(self._with_summary(vectors, writing), lengths, writing.state)
            return replace(writing, state=state)
        for number, vector in enumerate(vectors):
            is_there = number < lengths
            fed = writing.fed
            _, _, writing = self._step(vector, writing, is_there.long())
            assert fed is not None
            assert writing.fed is not None
            writing = replace(writing, fed=writing.fed.where(is_there[:, None], fed))
        return replace(writing, weights=None)

    def answer(
        self, units: Tensor, lengths: Tensor, writing: Writing
    ) -> tuple[Answers, Tensor, Tensor | None]:
        """Read all units of known texts.

        Args:
            units: int64 ``[T, B]``, that each step reads; the first is the start.
            lengths: int64 ``[B]``.
            writing: as ``begin`` returned it.

        Returns:
            The answers of the ``N`` steps that are there, time first; their places among the
            ``T * B``, int64 ``[N]``; and with attention its weights ``[T, B, S]``.
        """
        vectors = self._vectors(units, lengths)
        places = valid_steps(lengths, len(units)).flatten().nonzero()[:, 0]
        if self.fed_size:
            steps, features, weights = self._one_by_one(vectors, lengths, writing, places)
        else:
            steps, weights = self._at_once(vectors, lengths, writing, places)
            features = self._features(steps)
        copied = writing.sources.copied
        if copied is not None:
            copied = copied.index_select(0, places % len(lengths))
        return self._answers(steps, features, copied), places, weights

    def losses(self, answers: Answers, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return ``-log P`` of each target in nats ``[N]``.

        Args:
            answers: of ``N`` steps.
            targets: int64 ``[N]``.
            label_smoothing: share of a target that is spread over the vocabulary.
        """
        logits = self._logits(answers)
        if answers.copying is None:
            return F.cross_entropy(
                logits, targets, reduction="none", label_smoothing=label_smoothing
            )
        known = targets.clamp(max=self.num_symbols - 1)
        log_vocabulary = -F.cross_entropy(logits, known, reduction="none")
        each = -answers.copying.of(targets, log_vocabulary, self.num_symbols)
        if not label_smoothing:
            return each
        spread = logits.logsumexp(-1) - logits.mean(-1)
        return (1 - label_smoothing) * each + label_smoothing * spread

    def log_probabilities(self, answers: Answers, num_extended: int = 0) -> Tensor:
        """Return the log-probability of every unit ``[N, V]``, or with a pointer ``[N, V + X]``."""
        log_vocabulary = self._logits(answers).log_softmax(-1)
        if answers.copying is None:
            return log_vocabulary
        return answers.copying.all(log_vocabulary, num_extended)

    def _logits(self, answers: Answers) -> Tensor:
        return at_least_float32(self.head(answers.features))

    def _vectors(self, units: Tensor, lengths: Tensor) -> Tensor:
        """Return the vectors ``[T, B, E]`` of units ``[T, B]``."""
        known = units.masked_fill(units >= self.num_symbols, self.inputs.unknown_id)
        return self.inputs({"ids": known}, lengths)

    def _with_summary(self, vectors: Tensor, writing: Writing) -> Tensor:
        """Return what steps ``[T, B, E]`` read, the context vector beside each where it is read."""
        if writing.sources.summary is None:
            return vectors
        summary = writing.sources.summary[writing.owners].expand(len(vectors), -1, -1)
        return torch.cat([vectors, summary], -1)

    def _at_once(
        self, vectors: Tensor, lengths: Tensor, writing: Writing, places: Tensor
    ) -> tuple[_Steps, Tensor | None]:
        """Run all steps as one scan, then look with all outputs at once."""
        outputs, _ = self.layers.run(self._with_summary(vectors, writing), lengths, writing.state)
        steps = _Steps(_flat(vectors, places), _flat(outputs, places), None, None)
        if self.attention is None or writing.sources.looked_at is None:
            return steps, None
        attended = self.attention(outputs.transpose(0, 1), writing.sources.looked_at)
        num_steps, num_rows = vectors.shape[:2]
        rows_first = places % num_rows * num_steps + places // num_rows
        found = (_flat(attended.context, rows_first), _flat(attended.scores, rows_first))
        return replace(steps, context=found[0], scores=found[1]), attended.weights.transpose(0, 1)

    def _one_by_one(
        self, vectors: Tensor, lengths: Tensor, writing: Writing, places: Tensor
    ) -> tuple[_Steps, Tensor, Tensor | None]:
        """Run one step after the other, each of which reads what the one before found."""
        made: list[tuple[Tensor, ...]] = []
        for number, vector in enumerate(vectors):
            steps, features, writing = self._step(vector, writing, (number < lengths).long())
            assert steps.context is not None
            assert steps.scores is not None
            assert writing.weights is not None
            made.append((steps.outputs, steps.context, steps.scores, features, writing.weights))
        outputs, context, scores, features, weights = map(torch.stack, zip(*made, strict=True))
        steps = _Steps(*(_flat(part, places) for part in (vectors, outputs, context, scores)))
        return steps, _flat(features, places), weights

    def _step(
        self, vectors: Tensor, writing: Writing, lengths: Tensor | None = None
    ) -> tuple[_Steps, Tensor, Writing]:
        """Run one step.

        Args:
            vectors: ``[B, E]``.
            writing: what the step before left.
            lengths: int64 ``[B]``, 1 or 0: the state of rows that have ended holds; None for all 1.

        Returns:
            What was computed, the features ``[B, R]``, and what the next step needs.
        """
        read, attended = [vectors], None
        if writing.fed is not None and self.is_context_first:
            attended = self._attend(writing.fed, writing.sources)
            read.append(attended.context)
        elif writing.fed is not None:
            read.append(writing.fed)
        if writing.sources.summary is not None:
            read.append(writing.sources.summary[writing.owners])
        joined = torch.cat(read, -1)
        if lengths is None:
            outputs, state = self.layers.step(joined, writing.state)
        else:
            several, state = self.layers.run(joined[None], lengths, writing.state)
            outputs = several[0]
        if self.attention is not None and attended is None:
            attended = self._attend(outputs, writing.sources)
        steps = _Steps(
            vectors,
            outputs,
            None if attended is None else attended.context,
            None if attended is None else attended.scores,
        )
        features = self._features(steps)
        fed = None
        if self.fed_size:
            fed = outputs if self.is_context_first else features
        weights = None if attended is None else attended.weights
        return steps, features, replace(writing, state=state, fed=fed, weights=weights)

    def _attend(self, queries: Tensor, sources: Sources) -> Attended:
        """Return what one query of each row finds, each ``[B, …]``: rows may share a source."""
        assert self.attention is not None
        assert sources.looked_at is not None
        num_sources = len(sources.looked_at.valid)
        width = len(queries) // max(1, num_sources)
        grouped = queries.view(num_sources, width, queries.shape[-1])
        found = self.attention(grouped, sources.looked_at)
        return Attended(*(t.flatten(0, 1) for t in (found.context, found.weights, found.scores)))

    def _features(self, steps: _Steps) -> Tensor:
        """Return what the output layer reads ``[N, R]``."""
        if self.combine is None or steps.context is None:
            return self.dropout(steps.outputs)
        return self.dropout(self.combine(torch.cat([steps.context, steps.outputs], -1)).tanh())

    def _answers(self, steps: _Steps, features: Tensor, copied: Tensor | None) -> Answers:
        if self.pointer is None or copied is None:
            return Answers(features, None)
        assert steps.context is not None
        assert steps.scores is not None
        seen = torch.cat([steps.context, steps.outputs, steps.vectors], -1)
        return Answers(features, self.pointer(seen, steps.scores, copied))


def _flat(tensor: Tensor, places: Tensor) -> Tensor:
    """Return the rows ``[N, …]`` of these places among the first two dimensions."""
    return tensor.flatten(0, 1).index_select(0, places)
