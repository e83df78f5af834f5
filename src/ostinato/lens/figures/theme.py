"""How every figure looks: readable in print, by every kind of colour vision, in Latin and Hangul.

Lines differ by colour and by dash, so that neither alone has to be seen.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from ostinato.core.errors import MissingExtraError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LINE_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe, Ito 2008, Color Universal Design, without yellow, which vanishes on white."""

DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "2px,6px")
MARKERS: Final = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")

ONE_SIDED: Final = "Cividis"
"""Of values that have no sign (Nuñez, Anderton, Renslow 2018): lightness grows with the value."""

DIVERGING: Final = (
    (0.0, "#08306b"),
    (0.2, "#2a74b2"),
    (0.38, "#9ec9e2"),
    (0.5, "#f7f7f7"),
    (0.62, "#f9c48d"),
    (0.8, "#d5660f"),
    (1.0, "#7a2d00"),
)
"""Of signed values: blue below 0, white at 0, orange above; told apart without red and green."""

FONTS: Final = (
    "Inter, 'Helvetica Neue', Arial, 'Noto Sans', 'Noto Sans KR', 'Noto Sans CJK KR', "
    "'Apple SD Gothic Neo', 'Malgun Gothic', sans-serif"
)
MONOSPACE: Final = (
    "'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK KR', "
    "'Noto Sans CJK KR', D2Coding, monospace"
)
INK: Final = "#24292f"
MUTED: Final = "#57606a"
GRID: Final = "#d8dee4"
PAPER: Final = "#ffffff"
_ABOVE_TITLE: Final = 17
"""Pixels."""


def line_style(index: int) -> dict[str, Any]:
    """Return colour, dash and width of the line of a number: the same number, the same look."""
    # A second round of the colours goes with other dashes.
    turn = index // len(LINE_COLOURS)
    return {
        "color": LINE_COLOURS[index % len(LINE_COLOURS)],
        "dash": DASHES[(index + turn) % len(DASHES)],
        "width": 2,
    }


def new_figure(
    title: str,
    *,
    description: str,
    reading: str,
    x: str = "",
    y: str = "",
    subtitle: str = "",
    height: int = 420,
    width: int | None = None,
) -> Figure:
    """Return an empty figure in the look of the house.

    Args:
        title: what the figure shows.
        description: what it shows to someone who cannot see it, numbers included.
        reading: one sentence that says how to read it.
        x: what the horizontal axis counts, with its unit.
        y: the same of the vertical one.
        subtitle: whose figure it is: the run, the text, the place.
        height: in pixels.
        width: in pixels; None for that of the page.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    figure = graph_objects().Figure()
    return dress(
        figure,
        title,
        description=description,
        reading=reading,
        x=x,
        y=y,
        subtitle=subtitle,
        height=height,
        width=width,
    )


def dress(
    figure: Figure,
    title: str,
    *,
    description: str,
    reading: str,
    x: str = "",
    y: str = "",
    subtitle: str = "",
    height: int = 420,
    width: int | None = None,
) -> Figure:
    """Give a figure (one of subplots, perhaps) the look of the house; see ``new_figure``."""
    figure.update_layout(
        template=template(),
        # As far from the upper edge, however tall the figure is.
        title={"text": title, "subtitle": {"text": subtitle}, "y": 1 - _ABOVE_TITLE / height},
        height=height,
        width=width,
        meta={"description": description, "reading": reading},
    )
    if x:
        figure.update_xaxes(title_text=x)
    if y:
        figure.update_yaxes(title_text=y)
    return figure


def description_of(figure: Figure) -> str:
    """Return what a figure shows, in words: its text for those who cannot see it."""
    return _meta(figure, "description")


def reading_of(figure: Figure) -> str:
    """Return the sentence that says how to read a figure."""
    return _meta(figure, "reading")


def title_of(figure: Figure) -> str:
    """Return the title of a figure."""
    drawn = cast("Any", figure)
    return str(drawn.layout.title.text or "")


def _meta(figure: Figure, key: str) -> str:
    drawn: Any = cast("Any", figure)
    meta: dict[str, str] = drawn.layout.meta or {}
    return meta.get(key, "")


@cache
def template() -> Any:
    """Return the template of every figure, for plotly.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    axis = {
        "showgrid": True,
        "gridcolor": GRID,
        "zeroline": False,
        "showline": True,
        "linecolor": MUTED,
        "ticks": "outside",
        "tickcolor": MUTED,
        "automargin": True,
        "title": {"standoff": 8},
        "exponentformat": "power",
    }
    layout = {
        "font": {"family": FONTS, "size": 13, "color": INK},
        "title": {
            "font": {"size": 17},
            "subtitle": {"font": {"size": 12, "color": MUTED}},
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "yanchor": "top",
        },
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "colorway": list(LINE_COLOURS),
        "colorscale": {
            "sequential": ONE_SIDED,
            "sequentialminus": ONE_SIDED,
            "diverging": [list(stop) for stop in DIVERGING],
        },
        "xaxis": axis,
        "yaxis": axis,
        "legend": {"bgcolor": "rgba(255,255,255,0.8)", "itemwidth": 40},
        "hoverlabel": {"font": {"family": FONTS}},
        "margin": {"l": 64, "r": 24, "t": 84, "b": 56},
    }
    return graph_objects().layout.Template(layout=layout)


def diverging_scale() -> list[list[Any]]:
    """Return the map of signed values as plotly takes it; give it ``zmid=0`` beside."""
    return [list(stop) for stop in DIVERGING]


def graph_objects() -> Any:
    """Return ``plotly.graph_objects``.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    try:
        import plotly.graph_objects
    except ModuleNotFoundError as error:
        raise MissingExtraError("figures", "lens") from error
    return plotly.graph_objects


def grid_figure(num_rows: int, num_columns: int = 1, **options: Any) -> Figure:
    """Return an empty figure of several plots, without the look of the house: see ``dress``.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    graph_objects()
    from plotly import subplots

    make = cast("Any", subplots).make_subplots
    return make(rows=num_rows, cols=num_columns, **options)
