"""Figures become pages that need no network, and pictures."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ostinato.core.errors import MissingExtraError, OptionError, StorageError
from ostinato.lens.figures import theme
from ostinato.lens.figures.writing import BrowserError, fragment, page, picture, write_figure


class Page(HTMLParser):
    """What a page holds and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "data", "action"):
                self.addresses.append(value or "")
            if name == "aria-label":
                self.labels.append(value or "")


@pytest.fixture
def figure():
    made = theme.new_figure(
        "Norms <of> 기울기", description="Two lines: 1 and 2.", reading="Lower is less.", x="steps"
    )
    made.add_scatter(x=[0, 1], y=[1.0, 2.0], line=theme.line_style(0))
    return made


def test_a_page_needs_no_network_and_says_what_it_shows(figure, tmp_path: Path):
    path = write_figure(figure, tmp_path / "norms.html")
    read = Page(path.read_text(encoding="utf-8"))
    assert not [address for address in read.addresses if not address.startswith("#")]
    assert read.labels == ["Norms <of> 기울기", "Two lines: 1 and 2."]
    assert "figcaption" in read.tags
    assert page(figure).count("<script") == fragment(figure).count("<script") + 2


def test_another_suffix_is_refused(figure, tmp_path: Path):
    with pytest.raises(OptionError, match=r"norms\.jpeg.*\n.*norms\.html"):
        write_figure(figure, tmp_path / "norms.jpeg")


@pytest.mark.parametrize("path", ["/", ".", ""])
def test_a_path_without_a_name_is_refused(figure, path: str):
    with pytest.raises(OptionError, match=r"mend: .*figure\.html"):
        write_figure(figure, path)


def test_a_folder_that_is_not_there(figure, tmp_path: Path):
    with pytest.raises(StorageError, match="cannot write"):
        write_figure(figure, tmp_path / "no" / "norms.html")


def test_without_a_browser_the_mend_is_named(figure, monkeypatch: pytest.MonkeyPatch):
    kaleido = pytest.importorskip("kaleido")
    errors = pytest.importorskip("kaleido.errors")

    def absent(*_: object, **__: object) -> bytes:
        raise errors.ChromeNotFoundError("none")

    monkeypatch.setattr(kaleido, "calc_fig_sync", absent)
    with pytest.raises(BrowserError, match=r"no Chrome(.|\n)*mend: write it as \.html"):
        picture(figure, "png")


def test_without_plotly_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtraError, match=r"ostinato\[lens\]"):
        theme.new_figure("t", description="d", reading="r")


def test_lines_differ_by_more_than_their_colour():
    styles = [theme.line_style(index) for index in range(20)]
    assert len({(style["color"], style["dash"]) for style in styles}) == 20
    assert len({style["dash"] for style in styles[:7]}) == 7


def test_the_diverging_map_is_white_at_nought_and_symmetric():
    places = [place for place, _ in theme.DIVERGING]
    assert places == sorted(places)
    assert [round(1 - place, 9) for place in reversed(places)] == places
    assert dict(theme.DIVERGING)[0.5] == "#f7f7f7"
