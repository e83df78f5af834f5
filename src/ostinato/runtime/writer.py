"""A trained network that reads something and writes a text, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final

from ostinato.core.errors import ModelFileError, OptionError
from ostinato.data.batches import Batch, Example, in_order_of_length, make_batch
from ostinato.data.pipeline import PartCounts, Pipeline
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.search import Hypothesis, Ids, search
from ostinato.models.trie import Trie
from ostinato.runtime.arrays import Array
from ostinato.runtime.decoder import Decoder, NextUnits, Writing
from ostinato.runtime.parts import Weights, damaged
from ostinato.runtime.reading import reader_of
from ostinato.training.written import Written, trie_of

FORMAT: Final = 1
_ROWS: Final = 32
"""Inputs side by side: what is written does not depend on it."""


class Writer:
    """Encoder, decoder and the texts around them, run by the native engine; see ``runtime.load``.

    It writes what ``ostinato translate`` and ``ostinato predict`` write from the same run.

    Args:
        description: of the network, as a run keeps it.
        weights: of the network by name.
        pipeline: from inputs to their numbers, and from numbers to texts.
        options: how it writes unless it is told otherwise.
        num_threads: at most so many work on one call.
        needs_known: it learned to write known texts alone, which are not kept with it.

    Attributes:
        pipeline: from inputs to their numbers, and from numbers to texts.
        options: how it writes unless it is told otherwise.

    Raises:
        ModelFileError: description and weights do not fit, or only torch can read such inputs.
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        weights: Mapping[str, Array],
        pipeline: Pipeline,
        options: DecodingOptions,
        num_threads: int,
        *,
        needs_known: bool = False,
    ) -> None:
        if description.get("format") != FORMAT:
            raise ModelFileError(
                f"got a network in format {description.get('format')}, expected {FORMAT}\n"
                "mend: read it with the version of ostinato that trained it, or train it again"
            )
        target = pipeline.target
        named = [description.get(name) for name in ("start", "end", "num_symbols")]
        if target is None or named != [target.start, target.end, target.num_symbols]:
            raise damaged("num_symbols")
        self.pipeline = pipeline
        self.options = options
        self._target = target
        self._allowed: Trie | None = None
        self._needs_known = needs_known
        self._weights = weights
        each = Weights(weights)
        self._reader = reader_of(description, each.part("reader"), num_threads)
        self._decoder = Decoder(description, each.part("decoder"), self._reader, num_threads)
        each.check_all_taken()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.pipeline.unit_name} to "
            f"{self._target.encoder.options.unit}, {self.num_parameters:,} parameters)"
        )

    @property
    def num_parameters(self) -> int:
        """How many numbers were learned, and statistics of inputs with them."""
        return sum(array.size for array in self._weights.values())

    @property
    def start(self) -> int:
        """The unit that is read before the first is written."""
        return self._target.start

    @property
    def end(self) -> int:
        """The unit that ends a text."""
        return self._target.end

    def knowing(self, texts: Iterable[str]) -> Writer:
        """Return a writer of the same network that writes nothing but one of these.

        Args:
            texts: of units that stand alone, such as characters; those of unknown units are not
                written.
        """
        found = copy(self)
        found._allowed = trie_of(self._target, texts)
        return found

    def write(
        self,
        values: Sequence[Any],
        *,
        begun: Sequence[str] | None = None,
        counts: PartCounts | None = None,
        **decoding: Any,
    ) -> list[list[Written]]:
        """Write for each input, the best text first.

        Args:
            values: texts, lists of tokens, arrays, pictures, or rows of columns by name.
            begun: how each text begins, of units that stand alone, such as characters; what is
                returned is what follows.
            counts: is told of unknown units and of what is cut; None: a warning says it.
            decoding: see ``DecodingOptions``, such as ``num_best=5`` or ``method="sample"``; what
                is not given is as ``options`` say.

        Raises:
            DataError: an input cannot be read; it is named by its place.
            OptionError: there are more or fewer beginnings than inputs; the run needs known texts
                (see ``knowing``); or see ``DecodingOptions``.
            WritingError: what the network says are no probabilities.
        """
        options = self.options.changed(**decoding)
        examples = self._encoded(values, counts)
        if begun is not None and len(begun) != len(examples):
            raise OptionError(
                f"got {len(begun)} beginnings for {len(examples)} inputs\nmend: one for each"
            )
        units = [self._target.beginning(text)[0] for text in begun or [""] * len(examples)]
        found: list[list[Hypothesis]] = [[] for _ in examples]
        for batch in in_order_of_length(examples, _ROWS):
            rows = [int(row) for row in batch.rows]
            texts = self._searched(batch, options, rows, [units[row] for row in rows])
            for row, best in zip(rows, texts, strict=True):
                found[row] = best
        pairs = zip(examples, found, strict=True)
        return [
            [Written.of(self._target, example, each) for each in best] for example, best in pairs
        ]

    def tell(
        self,
        value: Any,
        say: Callable[[str], None],
        *,
        number: int = 0,
        counts: PartCounts | None = None,
        **decoding: Any,
    ) -> None:
        """Write the best text for an input, and say its pieces as its units become known.

        Args:
            value: see ``write``.
            say: is given one piece after another; of a beam, the text is one piece.
            number: of the input among all: what is drawn depends on it.
            counts: see ``write``.
            decoding: see ``write``.

        Raises:
            DataError: the input cannot be read.
            OptionError: see ``DecodingOptions``.
            WritingError: what the network says are no probabilities.
        """
        options = self.options.changed(**decoding)
        (example,) = self._encoded([value], counts)
        batch = make_batch([example], [0])
        if options.method == "beam" or options.num_best > 1:
            ((best, *_),) = self._searched(batch, options, [number], [[]])
            say(self._target.text(best.tokens, example.copied))
            return
        joiner = self._target.joiner()

        def tell(_: int, unit: int) -> None:
            if piece := joiner.push(self._target.unit(unit, example.copied)):
                say(piece)

        self._searched(batch, options, [number], [[]], tell)
        if piece := joiner.flush():
            say(piece)

    def step(self, units: Ids, state: Writing, /) -> tuple[NextUnits, Writing]:
        """Read a unit in every row ``[N]``, and return what may come next; see ``search``."""
        return self._decoder.step(units, state)

    def _encoded(self, values: Sequence[Any], counts: PartCounts | None) -> list[Example]:
        found = PartCounts() if counts is None else counts
        examples = self.pipeline.encode(values, found)
        if counts is None:
            found.warn()
        return examples

    def _searched(
        self,
        batch: Batch,
        options: DecodingOptions,
        numbers: Sequence[int],
        begun: Sequence[Sequence[int]],
        tell: Callable[[int, int], None] | None = None,
    ) -> list[list[Hypothesis]]:
        if self._needs_known and self._allowed is None:
            raise OptionError(
                "the run suggests known queries alone (decoding.trie), which are not kept with it\n"
                "mend: writer.knowing(queries).write(…)"
            )
        inputs = dict(batch.inputs)
        copied = inputs.pop("copies", None)
        state = self._decoder.begin(self._reader(inputs, batch.lengths), copied)
        return search(
            self,
            self._decoder.resume([[self.start, *units][: len(units)] for units in begun], state),
            len(numbers),
            options,
            numbers=numbers,
            begun=begun,
            allowed=self._allowed,
            forbidden=self._target.never_written,
            tell=tell,
        )
