"""Where a network that writes looks: for each unit of its text, which steps of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError
from ostinato.data.batches import Example
from ostinato.models.decoding_options import DecodingOptions
from ostinato.training.trained_writer import TrainedWriter

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

END = "⏎"
"""Stands for the end of a text."""


@dataclass(frozen=True)
class AttentionMap:
    """What each unit of a text looked at.

    Attributes:
        network: its name.
        source: what each step of the source is, ``S`` of them.
        units: what was written, the end last.
        weights: ``[T, S]``; each row sums to 1.
        text: that was written.
    """

    network: str
    source: tuple[str, ...]
    units: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    text: str

    @property
    def focus(self) -> npt.NDArray[np.float64]:
        """How many steps each unit looks at, ``[T]``: ``exp`` of the entropy of its weights."""
        weights = self.weights.astype(np.float64)
        logs = np.log(weights, where=weights > 0, out=np.zeros_like(weights))
        return np.exp(-(weights * logs).sum(1))

    def figure(self) -> Figure:
        """Draw the weights: a row for each unit, a column for each step of the source."""
        from ostinato.lens.figures.writers import attention_figure

        return attention_figure(self)


@dataclass(frozen=True)
class Look:
    """What was written for an example, and what each unit of it looked at.

    Attributes:
        example: that was read.
        units: of the text, the end last.
        weights: ``[T, S]``.
        text: that was written.
    """

    example: Example
    units: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    text: str


def attention_map(
    trained: TrainedWriter,
    value: Any,
    written: str | None = None,
    options: DecodingOptions | None = None,
) -> AttentionMap:
    """Return where a network looks while it writes.

    Args:
        trained: a network with attention.
        value: what it reads: a text, tokens, an array, or a row of columns by name.
        written: the text that it is to have written; None for what it writes.
        options: how it writes; None: as the recipe says.

    Raises:
        DataError: the value cannot be read.
        OptionError: the network has no attention.
    """
    found = look(trained, value, written, options)
    return AttentionMap(
        trained.path.name,
        _steps(trained, found.example, found.weights.shape[1]),
        found.units,
        found.weights,
        found.text,
    )


def look(
    trained: TrainedWriter,
    value: Any,
    written: str | None = None,
    options: DecodingOptions | None = None,
) -> Look:
    """Return what a network writes, and where it looks; see ``attention_map``."""
    pipeline = trained.pipeline
    assert pipeline.target is not None
    if trained.recipe.decoder.attention == "none":
        raise OptionError(
            f"the network of {trained.path} looks at nothing while it writes "
            "(decoder.attention=none)\nmend: train one with decoder.attention=general"
        )
    (example,) = trained.encode([value])
    if written is None:
        (best,) = trained.write_examples([example], options)
        numbers = [*best[0].numbers, *([pipeline.target.end] if best[0].is_ended else [])]
        text = best[0].text
    else:
        numbers = pipeline.target.encode(written, copied=example.copied).tolist()
        text = written
    weights = trained.attention(example, numbers)
    units = [pipeline.target.unit(number, example.copied) or END for number in numbers]
    return Look(example, tuple(units), weights.float().numpy(), text)


def _steps(trained: TrainedWriter, example: Example, num: int) -> tuple[str, ...]:
    """Return what each of ``num`` steps of a source is; of a picture, places by their number."""
    content = example.content
    if content is None:
        return tuple(map(str, range(num)))
    if isinstance(content, str):
        assert trained.pipeline.encoder is not None
        return tuple(trained.pipeline.encoder.units(content))
    return content
