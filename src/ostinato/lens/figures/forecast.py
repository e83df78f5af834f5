"""A forecast as a fan: what was, what is expected, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ostinato.data.wording import counted
from ostinato.lens.figures import theme
from ostinato.lens.wording import number

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from ostinato.training.forecasting import Forecast

Numbers = npt.NDArray[np.float64]

_MOST_TARGETS: Final = 8
_MOST_PATHS: Final = 30
_LEAST_HISTORY: Final = 48
_HISTORY: Final = 3
"""So many horizons of what was read are drawn."""
_BAND: Final = "rgba(0, 114, 178, {})"
_FORECAST, _TRUTH = 0, 1


def forecast_figure(forecast: Forecast, *, actual: Numbers | None = None, name: str = "") -> Figure:
    """Draw a forecast: history, the line of the forecast, bands of quantiles, paths.

    Args:
        forecast: of ``Run.forecast``.
        actual: what came, ``[A, O]``, where it is known.
        name: of the run.
    """
    targets = forecast.names[:_MOST_TARGETS]
    figure = theme.grid_figure(
        len(targets),
        1,
        shared_xaxes=True,
        subplot_titles=list(targets) if len(targets) > 1 else None,
        vertical_spacing=min(0.08, 0.3 / len(targets)),
    )
    history = max(_LEAST_HISTORY, _HISTORY * len(forecast))
    for place in range(len(targets)):
        _add(figure, forecast, place, history, actual)
    left = len(forecast.names) - len(targets)
    more = f"; {left} more targets are not drawn" if left else ""
    theme.dress(
        figure,
        f"{', '.join(targets) if len(targets) < 4 else counted(len(forecast.names), 'target')}, "
        f"{counted(len(forecast), 'step')} ahead",
        subtitle=f"{name}{more}".removeprefix("; "),
        description=_description(forecast, targets),
        reading=_reading(forecast, has_truth=actual is not None),
        height=max(420, 150 + 210 * len(targets)),
    )
    figure.update_xaxes(
        title_text="" if forecast.times is not None else "step, 0 is the last that was read",
        row=len(targets),
        col=1,
    )
    figure.update_layout(
        # Below dates of two lines, however tall the figure is.
        margin={"t": 100, "b": 92},
        legend={"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom", "x": 0},
    )
    return figure


def _add(
    figure: Figure,
    forecast: Forecast,
    place: int,
    num: int,
    actual: Numbers | None,
) -> None:
    at = {"row": place + 1, "col": 1}
    first = place == 0
    before, ahead = _moments(forecast, num)
    past = forecast.history[-num:, place]

    def opened(values: Numbers) -> Numbers:
        """Let a line of the forecast begin where the history ends."""
        return np.concatenate([past[-1:], values])

    for low, high in _bands(forecast):
        width = forecast.levels[high] - forecast.levels[low]
        for level, fill in ((high, None), (low, "tonexty")):
            figure.add_scatter(
                x=ahead,
                y=opened(forecast.quantiles[:, place, level]),
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=_BAND.format(round(0.12 + 0.22 * (1 - width), 3)),
                name=f"{forecast.levels[low]:g} to {forecast.levels[high]:g}",
                legendgroup=f"band {low}",
                showlegend=first and fill is not None,
                hoverinfo="skip",
                **at,
            )
    for index, path in enumerate(forecast.paths[:_MOST_PATHS, :, place]):
        figure.add_scatter(
            x=ahead,
            y=opened(path),
            mode="lines",
            line={"color": theme.MUTED, "width": 0.7},
            opacity=0.5,
            name="paths",
            legendgroup="paths",
            showlegend=first and not index,
            hoverinfo="skip",
            **at,
        )
    figure.add_scatter(
        x=before,
        y=past,
        mode="lines",
        line={"color": theme.INK, "width": 1.6},
        name="before",
        legendgroup="before",
        showlegend=first,
        **at,
    )
    lines = [("forecast", forecast.point, _FORECAST)]
    if actual is not None:
        lines.append(("what came", actual, _TRUTH))
    for name, values, style in lines:
        figure.add_scatter(
            x=ahead,
            y=opened(values[:, place]),
            mode="lines",
            line=theme.line_style(style),
            name=name,
            legendgroup=name,
            showlegend=first,
            **at,
        )


def _moments(forecast: Forecast, num: int) -> tuple[Any, Any]:
    """Return the horizontal places of what was read, and of its end with the steps ahead."""
    if forecast.times is None or forecast.history_times is None:
        steps = np.arange(len(forecast.history))
        return (steps - len(steps) + 1)[-num:], np.arange(len(forecast) + 1)
    past = forecast.history_times[-num:]
    return past, np.concatenate([past[-1:], forecast.times])


def _bands(forecast: Forecast) -> list[tuple[int, int]]:
    """Return places of quantiles that lie as far from either end, from the outermost in."""
    num = len(forecast.levels)
    return [(low, num - 1 - low) for low in range(num // 2)]


def _description(forecast: Forecast, targets: tuple[str, ...]) -> str:
    moments = forecast.moments()
    said: list[str] = []
    for place, name in enumerate(targets):
        ends = f"{number(forecast.point[0, place])} to {number(forecast.point[-1, place])}"
        last = number(forecast.history[-1, place])
        said.append(f"{name}: last value {last}, forecast from {ends}")
    between = f"{moments[0]} to {moments[-1]}" if len(moments) > 1 else f"{moments[0]}"
    return f"A forecast for {between}. {'; '.join(said)}."


def _reading(forecast: Forecast, *, has_truth: bool) -> str:
    parts = ["The black line was read, the blue one is the forecast"]
    if forecast.levels:
        share = forecast.levels[-1] - forecast.levels[0]
        parts.append(f"the widest band should hold what comes in {share:.0%} of the cases")
    if len(forecast.paths):
        parts.append("each grey line is one way that it may go")
    if has_truth:
        parts.append("the dashed line is what came")
    return "; ".join(parts) + "."
