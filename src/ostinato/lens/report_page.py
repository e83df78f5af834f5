"""A report as a page: findings first, then figures with how to read them, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from ostinato.data.wording import counted
from ostinato.lens.figures import theme
from ostinato.lens.figures.features import coloured_text, coloured_text_style, sentence, window
from ostinato.lens.figures.writing import fragment
from ostinato.lens.findings import shown_text, start_of_document
from ostinato.lens.wording import number, percent, place_name, signed

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from ostinato.lens.reports import Report

MOST_MAPS: Final = 10
"""Maps of values on a page: each is a large picture."""
_MOST_COLOURED: Final = 800
"""Steps of a coloured text."""
_MOST_TEXTS: Final = 4


@dataclass(frozen=True)
class _Section:
    """A part of the page."""

    key: str
    heading: str
    intro: str
    figures: Sequence[Figure]
    table: str = ""
    more: str = ""


def report_page(report: Report) -> str:
    """Return the page of a report, complete: it needs no network."""
    facts = report.facts
    title = f"What {facts.name} remembers"
    sections = list(_sections(report))
    body = [_header(report, title, sections)]
    has_library = False
    for section in sections:
        drawn: list[str] = []
        for figure in section.figures:
            drawn.append(fragment(figure, with_library=not has_library))
            has_library = True
        body.append(
            f'<section id="{section.key}" aria-labelledby="{section.key}-title">\n'
            f'<h2 id="{section.key}-title">{escape(section.heading)}</h2>\n'
            f"<p>{escape(section.intro)}</p>\n{''.join(drawn)}{section.more}{section.table}"
            "</section>"
        )
    body.append(_notes(report))
    content = "\n".join(body)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{coloured_text_style()}</style>\n"
        f"</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )


def report_fragment(report: Report) -> str:
    """Return the page in a frame of its own, as notebooks show it."""
    return (
        f'<iframe title="{escape(f"What {report.facts.name} remembers")}" '
        'style="width: 100%; height: 48rem; border: 1px solid #d8dee4" '
        f'srcdoc="{escape(report_page(report))}"></iframe>'
    )


def _header(report: Report, title: str, sections: Sequence[_Section]) -> str:
    facts = report.facts
    rows = [
        ("task", facts.task),
        ("network", f"{facts.layers}, {facts.num_parameters:,} parameters"),
        ("looked at with", f"{facts.origin}, {counted(facts.num_steps, 'step')}"),
    ]
    listed = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows)
    read = shown_text(report.gates.units)
    found = "".join(f"<li>{_led(words)}</li>" for words in report.summary)
    links = "".join(f'<li><a href="#{s.key}">{escape(s.heading)}</a></li>' for s in sections)
    return (
        f"<header>\n<h1>{escape(title)}</h1>\n<dl>{listed}</dl>\n"
        f'<div class="equations">{facts.mathml}</div>\n'
        f'<p class="read"><span class="label">it read</span> {escape(read)}</p>\n</header>\n'
        f'<section aria-labelledby="findings"><h2 id="findings">Findings</h2>\n'
        f'<ul class="findings">{found}</ul></section>\n'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
    )


def _led(words: str) -> str:
    """Let the first words of a finding stand out."""
    head, colon, rest = words.partition(":")
    return f"<strong>{escape(head)}</strong>{colon}{escape(rest)}" if colon else escape(words)


def _sections(report: Report) -> Iterable[_Section]:
    figures = report.figures
    yield _Section(
        "gradient",
        "The gradient through time",
        "Back-propagation carries what a step's loss teaches back to the steps before it. Where "
        "the gradient fades on the way, what lies further back is not learned from; where it "
        "grows, one step shakes all weights.",
        [figures["gradient"]],
        _gradient_table(report),
    )
    if report.horizons:
        yield _Section(
            "horizon",
            "The memory horizon",
            "How much an input still matters so many steps later: by the gradient of the output, "
            "and by reading another unit in its place and seeing what that changes.",
            [figures["horizon"]],
            _horizon_table(report),
        )
    drawn = _chosen_maps(report)
    yield _Section(
        "gates",
        "Gates and values",
        "A gate is a sigmoid between closed (0) and open (1). Near its ends its slope vanishes: it "
        "passes on no gradient, and what it decides no longer depends on the input.",
        [figures[key] for key in ("saturation", *drawn) if key in figures],
        "" if report.gates.is_short else _idle_table(report),
    )
    if report.jacobian is not None or report.lyapunov:
        keys = [key for key in figures if key == "jacobian" or key.startswith("lyapunov")]
        yield _Section(
            "nudges",
            "What becomes of a nudge",
            "Two copies of the network read the same text, one with its memory nudged a little. "
            "Singular values of the Jacobian say how far apart they are k steps later; Lyapunov "
            "exponents, how fast they part or meet in the long run.",
            [figures[key] for key in keys],
            _lyapunov_table(report),
        )
    if report.features is not None:
        yield _Section(
            "features",
            "Units that mean something",
            "For each feature of the text, the unit of any state that follows it best. It is "
            "chosen on the first half of the text and measured again on the second.",
            [figures["features"]] if report.features.found else [],
            _feature_table(report),
            _coloured_texts(report),
        )


def _chosen_maps(report: Report) -> list[str]:
    """Return the maps that are drawn: gates and states before other values."""
    ranked: list[tuple[bool, int, str]] = []
    for place, maps in report.gates.maps.items():
        for value in maps:
            is_first = value.kind == "gate" or value.name in report.gates.idle[place]
            ranked.append(
                (not is_first, len(ranked), f"{value.name}, {place.layer}.{place.direction}")
            )
    kept = sorted(ranked)[:MOST_MAPS]
    return [key for _, _, key in sorted(kept, key=lambda each: each[1])]


def _gradient_table(report: Report) -> str:
    rows = [
        (
            flow.name,
            place_name(*place),
            number(decay.rate),
            number(decay.half_life),
            number(decay.reach) if start_of_document(flow, place) is None else "–",
            decay.verdict,
        )
        for flow in report.gradients
        for place, decay in flow.decays.items()
    ]
    heads = ("network", "layer", "factor a step", "half after", "a thousandth after", "verdict")
    return _table("How the gradient decays", heads, rows)


def _horizon_table(report: Report) -> str:
    rows = [
        (
            horizon.name,
            how,
            number(influence.half_life),
            number(influence.crossing),
            number(influence.reach),
        )
        for horizon in report.horizons
        for how, influence in (
            (f"gradient, {horizon.gradient.measure}", horizon.gradient),
            (f"substitution, {horizon.substitution.measure}", horizon.substitution),
        )
    ]
    heads = ("network", "measured by", "half-life, fitted", "half after", "a hundredth after")
    return _table("How far back an input matters, in steps", heads, rows)


def _idle_table(report: Report) -> str:
    rows = [
        (
            place_name(*place),
            state,
            str(idle.num_units),
            f"{len(idle.still)}{_numbers(idle.still)}",
            f"{len(idle.without_influence)}{_numbers(idle.without_influence)}",
        )
        for place, states in report.gates.idle.items()
        for state, idle in states.items()
    ]
    heads = ("layer", "state", "units", "still", "without influence")
    return _table("Units that do not take part", heads, rows) + _saturation_table(report)


def _saturation_table(report: Report) -> str:
    rows = [
        (
            place_name(*place),
            value.name,
            percent(value.closed) if value.kind == "gate" else "–",
            percent(value.open) if value.kind == "gate" else "–",
            percent(value.flat) if value.kind == "squashed" else "–",
            str(len(value.stuck)) if value.kind == "gate" else "–",
        )
        for place, maps in report.gates.maps.items()
        for value in maps
        if value.kind != "free"
    ]
    heads = ("layer", "value", "closed, < 0.1", "open, > 0.9", "|tanh| > 0.99", "stuck units")
    return _table("Saturated values", heads, rows)


def _numbers(units: Sequence[int]) -> str:
    shown = ", ".join(map(str, units[:12]))
    return f" ({shown}{', …' if len(units) > 12 else ''})" if units else ""


def _lyapunov_table(report: Report) -> str:
    rows = [
        (
            place_name(*place),
            ", ".join(signed(value, 3) for value in spectrum.exponents),
            number(float(spectrum.errors[0]), 1),
            number(spectrum.half_life),
            f"{spectrum.num_steps:,}",
        )
        for place, spectrum in report.lyapunov.items()
    ]
    heads = ("layer", "exponents, nats per step", "error of the first", "half-life", "steps")
    return _table("Lyapunov exponents", heads, rows)


def _feature_table(report: Report) -> str:
    search = report.features
    assert search is not None
    rows = [
        (
            each.feature,
            f"{each.unit} of {each.state}",
            place_name(*each.place),
            signed(each.found),
            signed(each.confirmed),
            "–" if np.isnan(each.auc) else f"{each.auc:.2f}",
            number(each.chance, 2),
            "yes" if each.holds else "no",
        )
        for each in search.found
    ]
    heads = ("feature", "unit", "layer", "r, found", "r, other half", "AUC", "chance", "confirmed")
    skipped = (
        f"<p>Too rare in this text to look for: {escape(', '.join(search.skipped))}.</p>"
        if search.skipped
        else ""
    )
    return _table("The best unit for each feature", heads, rows) + skipped


def _coloured_texts(report: Report) -> str:
    search = report.features
    assert search is not None
    parts: list[str] = []
    for each in search.confirmed[:_MOST_TEXTS]:
        start = window(search, each)
        stop = start + _MOST_COLOURED
        text = coloured_text(search.units[start:stop], each.values[start:stop], sentence(each))
        parts.append(
            f"<h3>{escape(sentence(each))}</h3>\n{text}"
            '<p class="reading">Orange where the unit is up, blue where it is down, white where it '
            "is near 0; rest the pointer on a character to see its value.</p>"
        )
    return "\n".join(parts)


def _notes(report: Report) -> str:
    if not report.notes:
        return ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return f'<section aria-labelledby="notes"><h2 id="notes">Notes</h2><ul>{listed}</ul></section>'


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="table"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>\n"
    )


_STYLE: Final = f"""
:root {{ color-scheme: light }}
body {{ font: 16px/1.55 {theme.FONTS}; color: {theme.INK}; background: {theme.PAPER}; margin: 0 }}
main {{ max-width: 58rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem }}
h2 {{ font-size: 1.35rem; margin: 2.8rem 0 0.6rem }}
h3 {{ font-size: 1rem; margin: 1.8rem 0 0.5rem }}
p {{ max-width: 46rem }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1.2rem; margin: 0 }}
dt {{ color: {theme.MUTED} }} dd {{ margin: 0 }}
.equations {{ margin: 1.2rem 0; overflow-x: auto }}
.read {{ font-family: {theme.MONOSPACE}; font-size: 0.9rem; overflow-wrap: anywhere;
  max-width: none; border-left: 3px solid {theme.GRID}; padding-left: 0.8rem }}
.label {{ font-family: {theme.FONTS}; color: {theme.MUTED} }}
.findings {{ padding-left: 1.2rem }} .findings li {{ margin: 0.5rem 0 }}
nav ul {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem }}
a {{ color: #0a58a8 }}
figure {{ margin: 1.6rem 0; break-inside: avoid }}
figcaption, .reading {{ color: {theme.MUTED}; max-width: 46rem; font-size: 0.95rem }}
.table {{ overflow-x: auto; margin: 1.2rem 0; break-inside: avoid }}
table {{ border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums }}
caption {{ text-align: left; font-weight: 600; padding-bottom: 0.4rem }}
th, td {{ text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; vertical-align: top;
  border-bottom: 1px solid {theme.GRID} }}
@media print {{
  @page {{ margin: 14mm }}
  main {{ max-width: none; padding: 0 }}
  nav, .modebar {{ display: none !important }}
  h2, h3 {{ break-after: avoid }}
  a {{ color: inherit }}
}}
"""
