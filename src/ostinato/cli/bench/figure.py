"""The ratios as a bar chart, written as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ostinato.cli.bench.measure import Measurement
from ostinato.cli.bench.report import Report, rounded

# Okabe, Ito 2008, Color Universal Design: told apart with every kind of colour vision.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")
_LABELS, _PLOT, _NUMBER, _MARGIN = 290, 520, 56, 24
_BAR, _GAP, _HEADING, _TOP, _BOTTOM = 13, 7, 30, 104, 34
_STYLE = """<style>
text { font: 12px "Segoe UI", "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif }
text { fill: #24292f }
.title { font-size: 16px; font-weight: 600 }
.cell { font-size: 14px; font-weight: 600 }
.note { font-size: 10px; fill: #57606a }
.number { fill: #57606a }
.tick { stroke: #d0d7de }
.one { stroke: #24292f; stroke-width: 1.5 }
</style>"""
_ROLE = 'role="img" aria-labelledby="title description"'
_TITLE = "time of a rival / time of ours; right of 1, ours is faster"


class _Axis:
    """A logarithmic axis that shows all ratios, and 1, with room for the numbers beside them."""

    def __init__(self, ratios: Sequence[float]) -> None:
        self.low, self.high = min(0.5, *ratios), max(2.0, *ratios)

    def x(self, ratio: float) -> float:
        share = math.log(ratio / self.low) / math.log(self.high / self.low)
        return _LABELS + _NUMBER + share * (_PLOT - 2 * _NUMBER)

    @property
    def ticks(self) -> list[float]:
        """1, 2, 5, 10, … where there is room, else the powers of ten."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1, 2, 5) if last - first <= 4 else (1,)
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        return [tick for tick in ticks if self.low <= tick <= self.high]


def svg(report: Report) -> str:
    """Draw a bar for each ratio: the cells one below the other, a colour for each rival."""
    drawn = {name for m in report.measurements for name in m.rivals}
    names = [name for name in report.rivals if name in drawn]
    axis = _Axis([ratio for m in report.measurements for ratio in m.ratios.values()])
    parts: list[str] = []
    y = _TOP
    for cell in report.cells:
        y += _HEADING
        parts.append(_text(_MARGIN, y - 9, cell, "cell"))
        for m in (m for m in report.measurements if m.cell == cell and m.rivals):
            parts += _bars(m, names, axis, y)
            y += _BAR * len(m.rivals) + _GAP
    height, width = y + _BOTTOM, _LABELS + _PLOT + _MARGIN
    x = {tick: axis.x(tick) for tick in axis.ticks}
    grid = [f'<path class="tick" d="M{x[t]:.1f} {_TOP}V{y}"/>' for t in x]
    grid += [_text(x[t], y + 18, f"{t:g}", "number", "middle") for t in x]
    one = f'<path class="one" d="M{axis.x(1):.1f} {_TOP}V{y}"/>'
    machine = report.machine
    under = f"{machine['cpu']}, threads: {machine['threads']}, torch {machine['torch']}"
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_ROLE}>',
            f'<title id="title">{escape(_TITLE)}</title>',
            f'<desc id="description">{escape(_description(report))}</desc>',
            _STYLE,
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            _text(_MARGIN, 28, _TITLE, "title"),
            _text(_MARGIN, 46, under, "note"),
            _text(_MARGIN, 60, report.command, "note"),
            *_legend(names),
            *grid,
            *parts,
            one,
            "</svg>\n",
        ]
    )


def _bars(m: Measurement, names: Sequence[str], axis: _Axis, y: int) -> list[str]:
    middle = y + _BAR * len(m.rivals) / 2 + 4
    parts = [_text(_LABELS - 12, middle, f"{m.row}, {m.mode}", "row", "end")]
    for name, ratio in m.ratios.items():
        start, end = axis.x(1), axis.x(ratio)
        colour = _COLOURS[names.index(name) % len(_COLOURS)]
        parts.append(
            f'<rect class="bar" x="{min(start, end):.1f}" y="{y}" '
            f'width="{abs(end - start):.1f}" height="{_BAR - 2}" fill="{colour}"/>'
        )
        side, anchor = (5, "start") if ratio >= 1 else (-5, "end")
        parts.append(_text(end + side, y + _BAR - 3, rounded(ratio), "number", anchor))
        y += _BAR
    return parts


def _legend(names: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for number, name in enumerate(names):
        x = _LABELS + 132 * number
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(f'<rect x="{x}" y="76" width="11" height="11" fill="{colour}"/>')
        parts.append(_text(x + 17, 86, name, "row"))
    return parts


def _description(report: Report) -> str:
    return "; ".join(
        f"{m.cell}, {m.row}, {m.mode}: {name} / ours {rounded(ratio)}"
        for m in report.measurements
        for name, ratio in m.ratios.items()
    )


def _text(x: float, y: float, content: str, kind: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(content)}</text>'
