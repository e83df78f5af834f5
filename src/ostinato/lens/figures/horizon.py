"""How far back networks remember, several on one figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError
from ostinato.data.wording import counted
from ostinato.lens.figures import theme
from ostinato.lens.wording import number

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from ostinato.lens.horizon import Influence, MemoryHorizon


_DECADES: Final = 9
"""Of the logarithmic axes, at most: what is less is as good as nothing."""


def horizon_figure(horizons: Sequence[MemoryHorizon]) -> Figure:
    """Draw influence over distance: the gradient above, substitution below.

    Args:
        horizons: of one network or of several.

    Raises:
        OptionError: there are none.
    """
    if not horizons:
        raise OptionError("no memory horizons to draw\nmend: give at least one")
    first = horizons[0]
    figure = theme.grid_figure(
        1,
        2,
        subplot_titles=["by gradient", f"by substitution ({first.substitution.measure})"],
        horizontal_spacing=0.12,
    )
    for index, horizon in enumerate(horizons):
        _add(figure, horizon.name, horizon.gradient, index, 1)
        if horizon.ahead is not None:
            _add(figure, f"{horizon.name}, ahead", horizon.ahead, index + len(horizons), 1)
        _add(figure, horizon.name, horizon.substitution, index, 2)
    theme.dress(
        figure,
        "The memory horizon",
        subtitle=", ".join(
            f"{h.name}: half-life {number(h.gradient.half_life)} steps" for h in horizons
        ),
        description=" ".join(sentence(horizon) for horizon in horizons),
        reading="A line shows how much an input still matters k steps later, relative to the "
        "input just read; where it has fallen to one half (dotted) or one hundredth, the network "
        "has forgotten that much.",
        x="k, steps between input and output",
        height=430,
    )
    lowest = min(_lowest(each) for h in horizons for each in (h.gradient, h.substitution))
    bottom = max(math.floor(lowest), -_DECADES)
    figure.update_yaxes(type="log", range=[bottom, 0.5], dtick=1 if bottom > -6 else 2)
    figure.update_yaxes(title_text="influence, relative to k = 0", col=1)
    for level in (0.5, 0.01):
        figure.add_hline(y=level, line={"color": theme.MUTED, "width": 1, "dash": "dot"})
    figure.update_layout(
        margin={"t": 110}, legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0}
    )
    return figure


def sentence(horizon: MemoryHorizon) -> str:
    """Say what was measured, in numbers."""
    return f"{horizon.name}: {horizon_words(horizon)}."


def horizon_words(horizon: MemoryHorizon) -> str:
    """Say how far back a network remembers."""
    return (
        f"by gradient the influence of an input {_words(horizon.gradient)}; by substitution it "
        f"{_words(horizon.substitution)}"
    )


def _words(influence: Influence) -> str:
    if math.isnan(influence.crossing):
        return "was not measured"
    if math.isinf(influence.crossing):
        return f"does not halve within {len(influence.values) - 1} steps"
    reach = (
        f", and a hundredth is left after {influence.reach:.0f}"
        if math.isfinite(influence.reach)
        else ""
    )
    return (
        f"is at most half after {counted(int(influence.crossing), 'step')} (fitted half-life "
        f"{number(influence.half_life)}){reach}"
    )


def _relative(influence: Influence) -> npt.NDArray[np.float64]:
    """Return influence as a share of that of the input just read; without what is rounding."""
    values = influence.values
    known = values[np.isfinite(values) & (values > 0)]
    start = known[0] if len(known) else 1.0
    floor = influence.rounding * np.nanmax(values, initial=0.0)
    return np.where(values > floor, values, np.nan) / start


def _lowest(influence: Influence) -> float:
    """Return the decade of the least influence that is drawn."""
    relative = _relative(influence)
    known = relative[np.isfinite(relative)]
    return float(np.log10(known.min())) if len(known) else -1.0


def _add(figure: Figure, name: str, influence: Influence, index: int, column: int) -> None:
    values = influence.values
    relative = _relative(influence)
    figure.add_scatter(
        x=np.arange(len(values)),
        y=relative,
        mode="lines",
        name=name,
        legendgroup=name,
        showlegend=column == 1,
        line=theme.line_style(index),
        row=1,
        col=column,
    )
