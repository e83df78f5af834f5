"""Where a network that writes looks in a picture, for each unit of its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ostinato.data.pictures import Picture
from ostinato.lens.attention import look
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.readers import ImageReader
from ostinato.training.trained_writer import TrainedWriter

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class PictureAttention:
    """What each unit of a text looked at in a picture.

    Attributes:
        network: its name.
        picture: as the network reads it, uint8 ``[C, H, W]``.
        units: what was written, the end last.
        weights: ``[T, H, W]``, of the places that the network tells apart; a unit's sum to 1.
        text: that was written.
    """

    network: str
    picture: Picture
    units: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    text: str

    @property
    def centers(self) -> npt.NDArray[np.float64]:
        """The mean place of each unit's weights, down and across, from 0 to 1: ``[T, 2]``."""
        _, rows, columns = self.weights.shape
        weights = self.weights.astype(np.float64)
        down = weights.sum(2) @ ((np.arange(rows, dtype=np.float64) + 0.5) / rows)
        across = weights.sum(1) @ ((np.arange(columns, dtype=np.float64) + 0.5) / columns)
        return np.stack([down, across], 1)

    def figure(self) -> Figure:
        """Draw the picture once for each unit, bright where it looked."""
        from ostinato.lens.figures.picture_attention import picture_attention_figure

        return picture_attention_figure(self)


def picture_attention(
    trained: TrainedWriter,
    value: Any,
    written: str | None = None,
    options: DecodingOptions | None = None,
) -> PictureAttention:
    """Return where a network looks in a picture while it writes.

    Args:
        trained: a network with attention that reads pictures.
        value: what it reads: an array, the path of an image, or a row of columns by name.
        written: the text that it is to have written; None for what it writes.
        options: how it writes; None: as the recipe says.

    Raises:
        DataError: the value cannot be read.
        OptionError: the network has no attention.
    """
    found = look(trained, value, written, options)
    reader = trained.model.reader
    assert isinstance(reader, ImageReader)
    weights = found.weights.reshape(len(found.units), *reader.places)
    return PictureAttention(
        trained.path.name, found.example.steps[0], found.units, weights, found.text
    )
