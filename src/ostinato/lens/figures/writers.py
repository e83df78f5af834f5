"""What networks that write look at, and what they lose in free running."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from ostinato.lens.attention import AttentionMap
from ostinato.lens.exposure import ExposureGap
from ostinato.lens.figures import theme
from ostinato.lens.wording import number, percent, shown_unit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MOST_DRAWN: Final = 120
_FEWEST_TEXTS: Final = 5


def attention_figure(found: AttentionMap) -> Figure:
    """Draw attention weights as a map."""
    rows, columns = (min(size, _MOST_DRAWN) for size in found.weights.shape)
    weights = found.weights[:rows, :columns]
    cut = [] if weights.shape == found.weights.shape else [f"the first {_MOST_DRAWN} steps"]
    figure = theme.new_figure(
        "Where the network looks while it writes",
        subtitle="; ".join([f"{found.network}: {shown_text(found.text)}", *cut]),
        description=f"Map of attention: {rows} units written over {columns} steps of the source. "
        f"{_in_words(found, rows, columns)}",
        reading="A row is a unit as it is written, a column a step of the source; the brighter, "
        "the more of the weight lies there. Each row sums to 1.",
        x="source",
        y="written",
        height=190 + max(160, min(900, 22 * rows)),
    )
    source = [shown_unit(unit) for unit in found.source[:columns]]
    units = [shown_unit(unit) for unit in found.units[:rows]]
    figure.add_heatmap(
        z=weights,
        x=list(range(columns)),
        y=list(range(rows)),
        customdata=[[f"{unit} ← {step}" for step in source] for unit in units],
        hovertemplate="%{customdata}: %{z:.3f}<extra></extra>",
        colorscale=theme.ONE_SIDED,
        zmin=0,
        zmax=1,
        colorbar={"title": {"text": "weight"}, "thickness": 14},
    )
    # Wide letters, such as Hangul, stand side by side upright; words of others do not.
    is_short = all(len(label) <= 2 or _is_wide(label) for label in source)
    figure.update_xaxes(
        tickvals=list(range(columns)),
        ticktext=source,
        tickangle=0 if is_short else -60,
        showgrid=False,
    )
    figure.update_yaxes(
        tickvals=list(range(rows)), ticktext=units, autorange="reversed", showgrid=False
    )
    return figure


def exposure_figure(found: ExposureGap) -> Figure:
    """Draw loss and accuracy by place, teacher-forced and free-running."""
    # Of the last places there are few texts, and their means say nothing.
    enough = int((found.counts >= min(_FEWEST_TEXTS, int(found.counts.max()))).sum())
    places = list(range(1, enough + 1))
    figure = theme.grid_figure(
        1, 2, subplot_titles=["loss of the right unit", "accuracy"], horizontal_spacing=0.12
    )
    lines = (
        ("teacher-forced", found.forced_loss, found.forced_accuracy),
        ("free-running", found.free_loss, found.free_accuracy),
    )
    for index, (name, loss, accuracy) in enumerate(lines):
        for column, values in ((1, loss), (2, accuracy)):
            figure.add_scatter(
                x=places,
                y=values[:enough],
                name=name,
                line=theme.line_style(index),
                mode="lines",
                showlegend=column == 1,
                legendgroup=name,
                row=1,
                col=column,
            )
    side = "more" if found.accuracy_gap < 0 else "fewer"
    theme.dress(
        figure,
        "The exposure gap",
        subtitle=f"{found.network}: free-running, a unit costs {number(found.loss_gap)} nats more, "
        f"and {percent(abs(found.accuracy_gap))} {side} are right",
        description=f"Loss and accuracy over {enough} places of the right texts. Over all places "
        f"the gap is {number(found.loss_gap)} nats a unit and {percent(found.accuracy_gap)} of "
        "the units.",
        reading="Teacher-forced, the network reads the right unit before each place; free-running "
        "it reads what it wrote itself. Where the lines part, mistakes lead to mistakes. Places "
        "are kept as they are: a text that is right but shifted by one counts as wrong.",
        x="place of the unit in the text",
        height=430,
    )
    figure.update_yaxes(title_text="nats", col=1, rangemode="tozero")
    figure.update_yaxes(title_text="share", range=[0, 1.02], col=2)
    figure.update_layout(
        margin={"t": 110}, legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0}
    )
    return figure


def shown_text(text: str) -> str:
    """Return the beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:80]}…"


def _in_words(found: AttentionMap, rows: int, columns: int) -> str:
    """Say where each unit looks most."""
    most: list[int] = found.weights[:rows, :columns].argmax(1).tolist()
    pairs = [
        f"{shown_unit(found.units[row])} at {shown_unit(found.source[step])} "
        f"({found.weights[row, step]:.2f})"
        for row, step in enumerate(most)
    ]
    return f"Most of the weight: {', '.join(pairs)}."


def _is_wide(label: str) -> bool:
    return all(unicodedata.east_asian_width(letter) in "WF" for letter in label) and len(label) < 4
