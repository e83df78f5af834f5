"""How long cells remember, several of them on one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ostinato.data.sets.made import PROBLEMS
from ostinato.lens.figures import theme
from ostinato.lens.laboratory import Laboratory, Trial, find_bench, label_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LONGEST_LABEL: Final = 40
_MARGIN: Final = 1.35
"""Room beyond the shortest and the longest length, as a factor."""


def laboratory_figure(laboratory: Laboratory) -> Figure:
    """Draw the share that is right against the length ``T``, a line for each cell.

    Lines are means over the seeds, marks single networks; below the axis stand points of the
    literature, each at its length.

    Args:
        laboratory: what was found.
    """
    bench = find_bench(laboratory.problem)
    figure = theme.new_figure(
        f"How long is it remembered? The {laboratory.problem} problem",
        subtitle=PROBLEMS[laboratory.problem].title,
        description=" ".join(_sentence(laboratory, cell) for cell in laboratory.cells),
        reading=f"Each mark is a network that learned for {laboratory.budget:,} steps at most, "
        f"scored on sequences that took no part: the share of {bench.right} that is right. "
        "The dotted line is what a network without memory reaches.",
        x="T, steps",
        y=f"right, share of {bench.right}",
        height=460,
    )
    for number, cell in enumerate(laboratory.cells):
        _add_cell(figure, laboratory, cell, number)
    known = [r for r in bench.references if r.steps <= 10 * laboratory.lengths[-1]]
    ends = [*laboratory.lengths, *(reference.steps for reference in known)]
    lowest, highest = min(ends) / _MARGIN, max(ends) * _MARGIN
    figure.add_scatter(
        x=[lowest, highest],
        y=[bench.chance] * 2,
        mode="lines",
        line={"color": theme.MUTED, "width": 1, "dash": "dot"},
        name="without memory",
        hoverinfo="skip",
    )
    if known:
        figure.add_scatter(
            x=[reference.steps for reference in known],
            # In two rows, so that the names of neighbours do not lie on each other.
            y=[-0.07 - 0.09 * (place % 2) for place in range(len(known))],
            mode="markers+text",
            marker={"symbol": "triangle-up-open", "size": 9, "color": theme.MUTED},
            name="published",
            text=[each.name for each in known],
            textposition="middle left",
            textfont={"size": 11, "color": theme.MUTED},
            hovertext=[f"{each.label}: {each.source}" for each in known],
            hovertemplate="T = %{x}<br>%{hovertext}<extra></extra>",
        )
    ticks: dict[str, Any] = {"tickmode": "array", "tickvals": list(laboratory.lengths)}
    figure.update_xaxes(type="log", ticktext=[f"{t:,}" for t in laboratory.lengths], **ticks)
    figure.update_xaxes(autorange=False, range=_logs(lowest, highest))
    shares = [0, 0.25, 0.5, 0.75, 1]
    figure.update_yaxes(range=[-0.22, 1.05], tickvals=shares, tickformat=".0%")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.2, "yanchor": "top"})
    return figure


def _add_cell(figure: Any, laboratory: Laboratory, cell: str, number: int) -> None:
    style, symbol = theme.line_style(number), theme.MARKERS[number % len(theme.MARKERS)]
    lengths = [steps for steps in laboratory.lengths if laboratory.of(cell, steps)]
    name = _short(label_of(cell))
    figure.add_scatter(
        x=lengths,
        y=[laboratory.right(cell, steps).mean() for steps in lengths],
        mode="lines",
        line=style,
        name=name,
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )
    trials = [trial for trial in laboratory.trials if trial.cell == cell]
    figure.add_scatter(
        x=[trial.steps for trial in trials],
        y=[trial.right for trial in trials],
        mode="lines+markers" if len(trials) == 1 else "markers",
        marker={"symbol": symbol, "size": 9, "color": style["color"]},
        name=name,
        legendgroup=name,
        text=[_told(trial) for trial in trials],
        hovertemplate="T = %{x}: %{y:.1%}<br>%{text}<extra></extra>",
    )


def _told(trial: Trial) -> str:
    how = "not solved" if trial.solved_at is None else f"solved after {trial.solved_at:,} steps"
    return f"{how}, {trial.seconds:.0f} s, seed {trial.seed}"


def _sentence(laboratory: Laboratory, cell: str) -> str:
    found: Sequence[str] = [
        f"{laboratory.right(cell, steps).mean():.0%} at T = {steps:,}"
        for steps in laboratory.lengths
        if laboratory.of(cell, steps)
    ]
    return f"{label_of(cell)}: {', '.join(found)} right."


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def _logs(low: float, high: float) -> list[float]:
    from math import log10

    return [log10(low), log10(high)]
