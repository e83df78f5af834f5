"""Numbers and places in words, as reports say them."""

from __future__ import annotations

import math


def number(value: float, digits: int = 3) -> str:
    """Return a number with as many digits as tell something.

    >>> number(6.5788), number(1234.5), number(0.00001234), number(float("inf"))
    ('6.58', '1,234', '1.23e-05', '∞')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign, a true minus.

    >>> signed(-0.25), signed(0.3)
    ('−0.25', '+0.30')
    """
    return f"{value:+.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """Return a share in percent.

    >>> percent(0.123), percent(0.0004), percent(0.0)
    ('12 %', '0.04 %', '0 %')
    """
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.5 or not value else f"{value:.2g} %"


def place_name(layer: int, direction: int) -> str:
    """Return a place in words: ``layer 0``, ``layer 1, from the end``."""
    return f"layer {layer}, from the end" if direction else f"layer {layer}"


def shown_unit(unit: str) -> str:
    r"""Return what a step reads so that it can be seen: spaces and line ends have marks.

    >>> shown_unit(" "), shown_unit("\n"), shown_unit("a")
    ('␣', '⏎', 'a')
    """
    marks = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    shown = "".join(marks.get(character, character) for character in unit)
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown) or "∅"
