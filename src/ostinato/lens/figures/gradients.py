"""Gradients on their way back through time, several networks on one figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ostinato.core.errors import OptionError
from ostinato.lens.figures import theme
from ostinato.lens.wording import number, place_name

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from ostinato.lens.gradients import GradientFlow
    from ostinato.nn.probes import Place

_LOWEST = 1e-30
"""Below it a gradient is drawn as gone: float32 is near its end."""
_DECADES = 8
"""Of the logarithmic axis, below the largest norm; what is less is said in words."""


def gradient_figure(flows: Sequence[GradientFlow]) -> Figure:
    """Draw ‖∂L/∂s_{t-k}‖ / ‖∂L/∂s_t‖ over the k steps back, a line for each network and layer.

    Args:
        flows: of one network, or of several on the same text.

    Raises:
        OptionError: there are none.
    """
    if not flows:
        raise OptionError("no gradients to draw\nmend: give those of at least one network")
    lines = [(flow, place, _back(flow, place)) for flow in flows for place in flow.joint]
    # Nothing is left before the start of a document: there the lines end.
    longest = max(2, *(int(np.count_nonzero(norms > _LOWEST)) for *_, norms in lines))
    figure = theme.new_figure(
        "The gradient on its way back through time",
        subtitle=_subtitle(flows),
        description=" ".join(_sentence(flow, place, norms) for flow, place, norms in lines),
        reading="The further a line falls to the right, the less the network learns from what lies "
        "so many steps back; a line that stays level carries the lesson, one that rises explodes.",
        x="k, steps back from the loss",
        y="norm of ∂L/∂s(t−k), relative to k = 0",
        height=440,
    )
    # One look for each network; its layers differ by the marks on the line.
    names = list(dict.fromkeys(flow.name for flow, *_ in lines))
    for index, (flow, place, norms) in enumerate(lines):
        look = names.index(flow.name) if len(names) > 1 else index
        style = theme.line_style(look)
        label = _label(flow, place, len(names) > 1, len(flow.joint) > 1)
        shown = np.where(norms > _LOWEST, norms, np.nan)
        symbol = theme.MARKERS[place.layer % len(theme.MARKERS)]
        figure.add_scatter(
            x=np.arange(len(norms)),
            y=shown,
            mode="lines+markers",
            name=label,
            line=style,
            marker={"symbol": symbol, "size": 7, "maxdisplayed": 12},
        )
    values = np.concatenate([norms[norms > _LOWEST] for *_, norms in lines])
    if values.size:
        top = math.ceil(math.log10(values.max()) + 0.2)
        bottom = max(math.floor(math.log10(values.min())), top - _DECADES - 1)
        figure.update_yaxes(range=[bottom, top])
    figure.update_yaxes(type="log", dtick=1)
    figure.update_xaxes(range=[0, longest - 1])
    figure.add_hline(y=1e-3, line={"color": theme.MUTED, "width": 1, "dash": "dot"})
    figure.add_annotation(
        text="a thousandth is left",
        x=1,
        xref="paper",
        xanchor="right",
        y=-3,
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": theme.MUTED},
    )
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0}
    )
    return figure


def _back(flow: GradientFlow, place: Place) -> np.ndarray:
    """Return the norms by steps from the loss, relative to the first."""
    joint = flow.joint[place]
    # A backward direction carries the gradient to later steps.
    norms = joint[flow.step :] if place.direction else joint[: flow.step + 1][::-1]
    first = norms[0] if len(norms) and norms[0] > 0 else 1.0
    return np.asarray(norms / first, np.float64)


def _label(flow: GradientFlow, place: Place, several: bool, layered: bool) -> str:
    parts = [flow.name] if several else []
    if layered or not several:
        parts.append(place_name(place.layer, place.direction))
    rate = flow.decays[place].rate
    if not math.isnan(rate):
        parts.append(f"×{number(rate)} a step")
    return ", ".join(parts)


def _subtitle(flows: Sequence[GradientFlow]) -> str:
    steps = sorted({flow.step for flow in flows})
    names = ", ".join(dict.fromkeys(flow.name for flow in flows))
    at = f"t = {steps[0]}" if len(steps) == 1 else "the last step of each"
    return f"{names}; loss of {at}; all states of a layer together"


def _sentence(flow: GradientFlow, place: Place, norms: np.ndarray) -> str:
    decay = flow.decays[place]
    name = f"{flow.name}, {place_name(place.layer, place.direction)}"
    if math.isnan(decay.rate):
        return f"{name}: too few steps for a rate."
    last = len(norms) - 1
    reach = (
        f"a thousandth is left after {decay.reach:.0f} steps"
        if math.isfinite(decay.reach)
        else f"{number(float(norms[-1]))} of it is left after {last} steps"
    )
    return f"{name}: {decay.verdict}, a factor of {number(decay.rate)} a step, {reach}."
