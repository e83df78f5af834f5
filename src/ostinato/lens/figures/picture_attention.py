"""Pictures, and what a network that writes looks at in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ostinato.lens.figures import theme
from ostinato.lens.figures.writers import shown_text
from ostinato.lens.picture_attention import PictureAttention
from ostinato.lens.wording import shown_unit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MOST_DRAWN: Final = 24
_PANELS: Final = 4
_PANEL_WIDTH: Final = 190


def picture_attention_figure(found: PictureAttention) -> Figure:
    """Draw the picture, and again for each unit with its weights over it."""
    num = min(len(found.units), _MOST_DRAWN)
    _, height, width = found.picture.shape
    num_columns = min(_PANELS, num + 1)
    num_rows = -(-(num + 1) // num_columns)
    cut = [] if num == len(found.units) else [f"the first {num} units"]
    figure = theme.grid_figure(
        num_rows,
        num_columns,
        subplot_titles=["", *map(shown_unit, found.units[:num])],
        horizontal_spacing=0.02,
        vertical_spacing=0.12 / num_rows,
    )
    for panel in range(num + 1):
        place = {"row": panel // num_columns + 1, "col": panel % num_columns + 1}
        figure.add_image(z=_shown(found), hoverinfo="skip", **place)
        if panel:
            _add_weights(figure, found, panel - 1, place)
    theme.dress(
        figure,
        "Where the network looks while it writes",
        subtitle="; ".join([f"{found.network}: {shown_text(found.text)}", *cut]),
        description=f"A picture of {height} by {width} pixels, and over it the attention of {num} "
        f"units. {_in_words(found, num)}",
        reading="The first picture is what the network reads. Each of the others stands for the "
        "unit above it: the brighter a place, the more of the weight lies there, as a share of the "
        "unit's highest.",
        height=130 + num_rows * max(60, round(_PANEL_WIDTH * height / width) + 40),
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _add_weights(figure: Figure, found: PictureAttention, unit: int, place: dict[str, int]) -> None:
    _, height, width = found.picture.shape
    weights = found.weights[unit]
    rows, columns = weights.shape
    figure.add_heatmap(
        z=weights,
        # Pixels lie around whole numbers.
        x=[(column + 0.5) * width / columns - 0.5 for column in range(columns)],
        y=[(row + 0.5) * height / rows - 0.5 for row in range(rows)],
        hovertemplate=f"{shown_unit(found.units[unit])}: %{{z:.3f}}<extra></extra>",
        colorscale=theme.ONE_SIDED,
        opacity=0.65,
        showscale=False,
        **place,
    )


def _shown(found: PictureAttention) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the picture in colours ``[H, W, C]``."""
    return np.broadcast_to(found.picture, (3, *found.picture.shape[1:])).transpose(1, 2, 0)


def _in_words(found: PictureAttention, num: int) -> str:
    """Say where each unit looks in the mean."""
    pairs = [
        f"{shown_unit(unit)} {100 * down:.0f} % down and {100 * across:.0f} % across"
        for unit, (down, across) in zip(found.units[:num], found.centers, strict=False)
    ]
    return f"Mean places: {', '.join(pairs)}."
