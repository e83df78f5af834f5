"""Drawings on one sheet, each in a square of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from ostinato.data.drawings import Strokes, lines_of
from ostinato.data.wording import counted
from ostinato.lens.figures.theme import INK, LINE_COLOURS, new_figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_COLUMNS: Final = 10
_SQUARE: Final = 76
"""Pixels of a drawing's square."""
_SHARE: Final = 0.8
"""Of the square that a drawing may fill."""
_ABOVE: Final = 0.5
"""Squares that the name of a group takes."""
_MARGIN: Final = {"l": 24, "r": 24, "t": 72, "b": 24}
_COLOURS: Final = (LINE_COLOURS[0], INK)


def sheet(groups: Mapping[str, Sequence[Strokes]], name: str) -> Figure:
    """Return a sheet of drawings.

    A drawing that is larger than most of its group is made smaller; none is made larger.

    Args:
        groups: drawings ``[N, 3]``, by what they are; the pen goes down for a larger dy.
        name: of the network.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    nums = ", ".join(f"{len(each)} {group}" for group, each in groups.items())
    every = [each for drawings in groups.values() for each in drawings]
    columns = min(_COLUMNS, max(map(len, groups.values())))
    points = np.median([len(each) for each in every]) if every else 0
    figure: Any = new_figure(
        "Drawings",
        subtitle=name,
        description=f"{nums}; {counted(int(points), 'point')} in the middle",
        reading="Each square holds one drawing; its lines are the pen on the paper.",
    )
    top = 0.0
    for place, (group, drawings) in enumerate(groups.items()):
        top += _ABOVE
        usual = _usual_size(drawings)
        figure.add_annotation(
            x=0, y=top - 0.1, text=group, showarrow=False, xanchor="left", yanchor="bottom"
        )
        x: list[float | None] = []
        y: list[float | None] = []
        for number, strokes in enumerate(drawings):
            row, column = divmod(number, columns)
            for line in _placed(strokes, usual):
                x += [*(line[:, 0] + column + 0.5).tolist(), None]
                y += [*(line[:, 1] + top + row + 0.5).tolist(), None]
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": _COLOURS[place % len(_COLOURS)], "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
        top += -(-len(drawings) // columns)
    hidden = {"visible": False, "fixedrange": True}
    figure.update_xaxes(range=[0, columns], **hidden)
    figure.update_yaxes(range=[top, 0], scaleanchor="x", constrain="domain", **hidden)
    figure.update_layout(
        margin=_MARGIN,
        width=columns * _SQUARE + _MARGIN["l"] + _MARGIN["r"],
        height=round(top * _SQUARE) + _MARGIN["t"] + _MARGIN["b"],
    )
    return cast("Figure", figure)


def _placed(strokes: Strokes, usual: float) -> list[Any]:
    """Return the lines of a drawing, around 0, in parts of its square."""
    lines = lines_of(strokes)
    if not lines:
        return []
    places = np.concatenate(lines)
    low, high = places.min(0), places.max(0)
    size = max(usual, float((high - low).max())) or 1.0
    return [_SHARE * (line - (low + high) / 2) / size for line in lines]


def _usual_size(drawings: Sequence[Strokes]) -> float:
    """Return the longer side that most drawings have."""
    sides = [
        float(np.ptp(np.concatenate(lines), axis=0).max())
        for strokes in drawings
        if (lines := lines_of(strokes))
    ]
    return float(np.median(sides)) if sides else 1.0
