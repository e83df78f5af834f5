"""Texts coloured by a unit, and how well units follow features."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ostinato.lens.features import FeatureSearch, UnitForFeature
from ostinato.lens.figures import theme
from ostinato.lens.wording import place_name, shown_unit, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

MOST_STEPS: Final = 960
_COLUMNS: Final = 64


def text_figure(search: FeatureSearch, feature: str) -> Figure:
    """Draw a text as a grid of its units, coloured by the unit that follows a feature."""
    each = search[feature]
    start = window(search, each)
    units, values = search.units[start : start + MOST_STEPS], each.values[start:][:MOST_STEPS]
    lines = _lines(units)
    columns = max(len(line) for line in lines)
    shown = np.full((len(lines), columns), "", object)
    colours = np.full((len(lines), columns), np.nan)
    for row, line in enumerate(lines):
        for column, step in enumerate(line):
            shown[row, column] = shown_unit(units[step])
            colours[row, column] = values[step]
    limit = float(np.nanmax(np.abs(colours), initial=0.0)) or 1.0
    figure = theme.new_figure(
        f"A unit that follows: {each.feature}",
        subtitle=f"{unit_name(each)} of {search.name}; steps {start:,} to {start + len(units):,}",
        description=f"{sentence(each)} The text of {len(units)} steps, coloured by the unit.",
        reading="Each field is what one step reads: orange where the unit is up, blue where it is "
        "down, white where it is near 0.",
        height=130 + 21 * len(lines),
    )
    figure.add_heatmap(
        z=colours,
        text=shown,
        texttemplate="%{text}",
        textfont={"family": theme.MONOSPACE, "size": 12},
        hovertemplate="%{text}: %{z:.3f}<extra></extra>",
        colorscale=theme.diverging_scale(),
        zmin=-limit,
        zmax=limit,
        colorbar={"title": {"text": each.state}, "thickness": 14},
        hoverongaps=False,
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed")
    return figure


def overview_figure(search: FeatureSearch) -> Figure:
    """Draw the correlation with each feature on the half of the search and on the other."""
    names = [f"{each.feature} ({unit_name(each)})" for each in search.found]
    height = 200 + 26 * max(1, len(names))
    figure = theme.new_figure(
        "Units that mean something",
        subtitle=f"{search.name}; the best unit for each feature, over {len(search.units):,} steps",
        description=" ".join(sentence(each) for each in search.found) or "No feature was found.",
        reading="A filled square far to the right is a unit that follows the feature on a half of "
        "the text that played no part in choosing it; empty ones are not confirmed.",
        x="|correlation| with the feature",
        height=height,
    )
    rows = list(range(len(names)))
    # Where the other half says the opposite, it confirms nothing.
    signed = [each.confirmed * math.copysign(1, each.found) for each in search.found]
    figure.add_scatter(
        x=[abs(each.found) for each in search.found],
        y=rows,
        mode="markers",
        name="where it was found",
        marker={"symbol": "circle-open", "size": 9, "color": theme.LINE_COLOURS[1]},
    )
    figure.add_scatter(
        x=signed,
        y=rows,
        mode="markers",
        name="on the other half",
        marker={
            "symbol": ["square" if each.holds else "square-open" for each in search.found],
            "size": 9,
            "color": [
                theme.LINE_COLOURS[0] if each.holds else theme.MUTED for each in search.found
            ],
        },
    )
    figure.update_yaxes(tickvals=rows, ticktext=names, autorange="reversed")
    lowest = min([0.0, *signed])
    figure.update_xaxes(range=[lowest - 0.02, 1.02])
    figure.update_layout(legend={"orientation": "h", "y": -60 / height, "yanchor": "top", "x": 0})
    return figure


def unit_name(each: UnitForFeature) -> str:
    """Return where a unit is: ``unit 3 of c, layer 0``."""
    return f"unit {each.unit} of {each.state}, {place_name(*each.place)}"


def sentence(each: UnitForFeature) -> str:
    """Say what was measured of a unit, in numbers."""
    auc = "" if math.isnan(each.auc) else f", AUC {each.auc:.2f}"
    verdict = "" if each.holds else "; not confirmed"
    return (
        f"{each.feature}: {unit_name(each)}, r = {signed(each.found)} where it was found, "
        f"{signed(each.confirmed)} on the other half{auc}{verdict}."
    )


def window(search: FeatureSearch, each: UnitForFeature) -> int:
    """Return where the drawn part begins: in the other half, where the unit moves most."""
    half = len(search.units) // 2
    length = min(MOST_STEPS, len(search.units) - half)
    starts = range(half, len(search.units) - length + 1, max(1, length // 4))
    return max(starts, key=lambda start: float(each.values[start : start + length].std()))


def coloured_text(units: Sequence[str], values: npt.NDArray[np.floating], label: str) -> str:
    """Return a text as HTML, each unit on the colour of its value.

    Args:
        units: what each step reads.
        values: a number for each ``[T]``.
        label: what the colours show, for those who do not see them.
    """
    limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    parts: list[str] = []
    for unit, value in zip(units, values, strict=True):
        level = round(float(np.nan_to_num(value)) / limit * LEVELS)
        shown = "⏎\n" if unit == "\n" else unit if unit.isspace() else shown_unit(unit)
        parts.append(
            f'<span class="{_shade(level)}" title="{signed(value)}">{escape(shown)}</span>'
        )
    return f'<div class="coloured" role="img" aria-label="{escape(label)}">{"".join(parts)}</div>'


LEVELS: Final = 8
"""Shades of a coloured text on each side of 0."""


def coloured_text_style() -> str:
    """Return the style sheet of coloured texts: a class for each shade."""
    stops = [(place, _rgb(colour)) for place, colour in theme.DIVERGING]
    rules = [_COLOURED]
    for level in range(-LEVELS, LEVELS + 1):
        place = (level / LEVELS + 1) / 2
        red, green, blue = (
            round(np.interp(place, [p for p, _ in stops], [c[i] for _, c in stops]))
            for i in range(3)
        )
        ground = _luminance(red, green, blue)
        ink = max(
            (theme.INK, theme.PAPER), key=lambda ink: _contrast(_luminance(*_rgb(ink)), ground)
        )
        rules.append(f".{_shade(level)} {{ background: rgb({red} {green} {blue}); color: {ink} }}")
    return "\n".join(rules)


_COLOURED: Final = f""".coloured {{
  font-family: {theme.MONOSPACE}; white-space: pre-wrap; line-height: 1.6;
  overflow-wrap: anywhere; border: 1px solid {theme.GRID}; padding: 0.8rem;
  -webkit-print-color-adjust: exact; print-color-adjust: exact;
}}"""


def _shade(level: int) -> str:
    return f"{'m' if level < 0 else 'p'}{abs(level)}"


def _luminance(*colour: int) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: float, second: float) -> float:
    """Return the contrast of two luminances, as WCAG 2 defines it: 4.5 and more reads well."""
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _lines(units: Sequence[str]) -> list[list[int]]:
    """Cut a text into rows: at its line ends, and where a row is full."""
    rows: list[list[int]] = [[]]
    for step, unit in enumerate(units):
        if len(rows[-1]) >= _COLUMNS:
            rows.append([])
        rows[-1].append(step)
        if unit == "\n":
            rows.append([])
    return [row for row in rows if row]
