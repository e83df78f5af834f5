"""Figures as files: pages that work offline, pictures for slides and papers."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ostinato.core.errors import MissingExtraError, OptionError, OstinatoError
from ostinato.core.files import replace_file, writing
from ostinato.core.outputs import check_output
from ostinato.lens.figures.theme import (
    FONTS,
    INK,
    description_of,
    graph_objects,
    reading_of,
    title_of,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PICTURES: Final = ("png", "svg", "pdf")
SUFFIXES: Final = ("html", *PICTURES)

_PICTURE_WIDTH = 860
_PICTURE_SCALE = 2
"""Pixels of a PNG for each pixel of the figure: sharp in print."""

_SETTINGS: Final = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
}
"""Without the buttons that lead out of the page."""


class BrowserError(OstinatoError, RuntimeError):
    """Pictures are drawn by a browser, and there is none, or it does not start."""


def check_figure(path: Path, option: str) -> None:
    """Refuse what cannot be drawn before the work.

    Args:
        path: where the figure is to go.
        option: of the command that names it.

    Raises:
        OptionError: no kind of figure has this suffix.
        StorageError: it is a folder, or cannot be written there.
        MissingExtraError: plotly is not installed.
    """
    graph_objects()
    if path.is_dir():
        check_output(path, f" ({option} FILE.html)")
    if path.suffix.lower().removeprefix(".") not in SUFFIXES:
        raise OptionError(
            f"cannot write a figure as {path.name!r}, expected a name that ends in "
            f"{', '.join(f'.{known}' for known in SUFFIXES)}\n"
            f"mend: {option} {path.with_suffix('.html')}"
        )
    check_output(path, f" ({option} FILE)")


def write_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure: a page that needs no network, or a picture.

    Args:
        figure: of plotly.
        path: its suffix says as what: ``.html``, ``.png``, ``.svg`` or ``.pdf``.

    Returns:
        The path.

    Raises:
        OptionError: another suffix.
        MissingExtraError: plotly or kaleido is not installed.
        BrowserError: a picture is wanted, and no browser is there to draw it.
        StorageError: it could not be written.
    """
    path = Path(path)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise OptionError(
            f"cannot write a figure as {path.name!r}, expected a name that ends in "
            f"{', '.join(f'.{known}' for known in SUFFIXES)}\n"
            f"mend: {(path if path.name else path / 'figure').with_suffix('.html')}"
        )
    content = page(figure).encode() if suffix == "html" else picture(figure, suffix)
    with writing(path):
        replace_file(path, content)
    return path


def fragment(figure: Figure, *, with_library: bool = False) -> str:
    """Return a figure as a part of a page: ``<figure>`` with the sentence that says how to read it.

    Args:
        figure: of plotly.
        with_library: bring plotly.js along, 5 MB; the first figure of a page needs it.
    """
    drawing = figure.to_html(
        full_html=False,
        include_plotlyjs=with_library,
        include_mathjax=False,
        config=dict(_SETTINGS),
        default_width="100%",
    )
    return (
        f'<figure aria-label="{escape(title_of(figure))}">\n'
        f'<div role="group" aria-label="{escape(description_of(figure))}">{drawing}</div>\n'
        f"<figcaption>{escape(reading_of(figure))}</figcaption>\n</figure>"
    )


def page(figure: Figure) -> str:
    """Return a figure as a page of its own, plotly.js inside."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>{escape(title_of(figure))}</title>\n"
        f"<style>body {{ font-family: {FONTS}; color: {INK}; margin: 1.5rem }} "
        "figure { margin: 0 } figcaption { max-width: 46rem }</style></head>\n"
        f"<body>\n{fragment(figure, with_library=True)}\n</body></html>\n"
    )


def picture(figure: Figure, form: str) -> bytes:
    """Return a figure as the bytes of a picture.

    Args:
        figure: of plotly.
        form: png, svg or pdf.

    Raises:
        MissingExtraError: kaleido is not installed.
        BrowserError: no browser is there to draw it, or it fails.
    """
    try:
        import kaleido
        from kaleido.errors import (
            BrowserClosedError,
            BrowserFailedError,
            ChromeNotFoundError,
            JavascriptError,
            KaleidoError,
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("pictures of figures", "lens") from error
    layout = cast("Any", figure).layout
    options: dict[str, Any] = {
        "format": form,
        "width": layout.width or _PICTURE_WIDTH,
        "height": layout.height or 420,
        "scale": _PICTURE_SCALE if form == "png" else 1,
    }
    try:
        # Without mathjax, which kaleido would fetch from the network.
        drawn = kaleido.calc_fig_sync(figure, opts=options, kopts={"mathjax": False})
    except ChromeNotFoundError as error:
        raise BrowserError(
            f"a figure as {form} is drawn by a browser, and there is no Chrome, Chromium or Edge\n"
            "mend: write it as .html, install one (apt install chromium), or `plotly_get_chrome`"
        ) from error
    except (BrowserClosedError, BrowserFailedError, JavascriptError, KaleidoError) as error:
        raise BrowserError(
            f"the browser that draws a figure as {form} failed: {error}\n"
            "mend: write it as .html, or start the browser by hand to see what it lacks"
        ) from error
    content = bytes(drawn)
    return _described(content, figure) if form == "svg" else content


def _described(svg: bytes, figure: Figure) -> bytes:
    """Give an SVG a title and a description, which screen readers speak."""
    start = svg.index(b">", svg.index(b"<svg")) + 1
    words = (
        f"<title>{escape(title_of(figure))}</title><desc>{escape(description_of(figure))}</desc>"
    )
    return svg[: start - 1] + b' role="img">' + words.encode() + svg[start:]
