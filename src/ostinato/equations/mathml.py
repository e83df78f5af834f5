"""``Syntax`` to presentation MathML, which browsers show without any script."""

from __future__ import annotations

import math
from html import escape, unescape
from typing import TYPE_CHECKING, Final

from ostinato.equations.latex_vocabulary import GREEK
from ostinato.equations.notation import Equation, Timed, number_text, with_times
from ostinato.equations.syntax import (
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
    Syntax,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SUM, _ELEMENTWISE, _PRODUCT, _ATOM = range(4)
"""How tightly a shown form holds together, loosest first."""

_ACCENTS: Final = {"tilde": "~", "hat": "^", "bar": "¯", "dot": "˙", "ddot": "¨"}
_FUNCTIONS: Final = {
    "sigmoid": "σ",
    "minimum": "min",
    "maximum": "max",
    "relu": "ReLU",
    "silu": "SiLU",
    "gelu": "GELU",
    "layer_norm": "LayerNorm",
    "rms_norm": "RMSNorm",
}
_APPLIED: Final = "<mo>&#x2061;</mo>"
_BESIDE: Final = "<mo>&#x2062;</mo>"


def to_mathml(syntax: Syntax, values: Mapping[str, str] | None = None) -> str:
    """Print equations as one ``<math>`` element with a row for each.

    Args:
        syntax: the cell.
        values: what is shown in the place of a name, such as its number at this step;
            ``h[t-1]`` stands for the value of ``h`` before the step.
    """
    printer = _Printer(values or {})
    rows = [
        printer.row(printer.name(e.target, "t"), printer.inner(e.value))
        for e in with_times(syntax).equations
    ]
    for state, value in syntax.initial.items():
        rows.append(printer.row(printer.name(state, "0"), printer.inner(value)))
    return (
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
        f'<mtable columnalign="right center left">{"".join(rows)}</mtable></math>'
    )


def equation_mathml(equation: Equation) -> str:
    """Print one line as a ``<math>`` element."""
    return _line(equation, _Printer({}))


def filled_mathml(equation: Equation, number: Callable[[Expression], str | None]) -> str:
    """Print one line as a ``<math>`` element, with numbers in the place of some of its parts.

    Args:
        equation: the line.
        number: returns what is shown in the place of a part, or None to show what it is made of.
    """
    return _line(equation, _Printer({}, number))


def _line(equation: Equation, printer: _Printer) -> str:
    target = printer.name(equation.target, "t")
    return (
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
        f"<mrow>{target}<mo>=</mo>{printer.inner(equation.value)}</mrow></math>"
    )


class _Printer:
    def __init__(
        self,
        values: Mapping[str, str],
        number: Callable[[Expression], str | None] = lambda _: None,
    ) -> None:
        self.values = values
        self.number = number

    @staticmethod
    def row(left: str, right: str) -> str:
        return f"<mtr><mtd>{left}</mtd><mtd><mo>=</mo></mtd><mtd>{right}</mtd></mtr>"

    def inner(self, node: Expression) -> str:
        """Return an expression that nothing stands beside."""
        return f"<mrow>{self._node(node)[0]}</mrow>"

    def name(self, name: str, time: str | None = None) -> str:
        """Return a name with its accent and index, or the value shown in its place."""
        key = f"{name}[t-1]" if time == "t-1" else name
        if time != "0" and key in self.values:
            return f"<mn>{escape(self.values[key])}</mn>"
        base, *pieces = [piece for piece in name.split("_") if piece] or [name]
        head = _letter(base)
        while pieces and pieces[0] in _ACCENTS:
            accent = _ACCENTS[pieces.pop(0)]
            head = f'<mover accent="true">{head}<mo>{accent}</mo></mover>'
        while pieces and pieces[0] == "prime":
            pieces.pop(0)
            head = f"<msup>{head}<mo>′</mo></msup>"
        index = [_letter(piece) for piece in pieces] + ([_TIMES[time]] if time else [])
        if not index:
            return head
        return f"<msub>{head}<mrow>{'<mo>,</mo>'.join(index)}</mrow></msub>"

    def _node(self, node: Expression) -> tuple[str, int]:
        shown = self.number(node)
        if shown is not None:
            # The sign is part of the number: an operator would stand apart from it.
            return f"<mn>{escape(shown)}</mn>", _SUM if shown.startswith("−") else _ATOM
        match node:
            case Number(value=value):
                return _number(value), _ATOM
            case Timed(name=name, before=before):
                return self.name(name, "t-1" if before else "t"), _ATOM
            case Name(name=name):
                return self.name(name), _ATOM
            case Negative(operand=operand):
                return f"<mo>−</mo>{self._bracketed(operand, _ELEMENTWISE)}", _SUM
            case Binary():
                return self._binary(node)
            case Call(function="abs", arguments=(argument,)):
                return f"<mrow><mo>|</mo>{self.inner(argument)}<mo>|</mo></mrow>", _ATOM
            case Call(function="sqrt", arguments=(argument,)):
                return f"<msqrt>{self.inner(argument)}</msqrt>", _ATOM
            case Call(function=function, arguments=arguments):
                shown = _FUNCTIONS.get(function, function)
                return f"<mi>{shown}</mi>{_APPLIED}{self._list('(', arguments, ')')}", _ATOM
            case Concatenation(pieces=pieces):
                return self._list("[", pieces, "]"), _ATOM

    def _binary(self, node: Binary) -> tuple[str, int]:
        left, right = node.left, node.right
        match node.operator:
            case "+" | "-":
                sign = "+" if node.operator == "+" else "−"
                first, second = self._node(left)[0], self._bracketed(right, _ELEMENTWISE)
                return f"{first}<mo>{sign}</mo>{second}", _SUM
            case "*" if isinstance(left, Number) and not isinstance(right, Number):
                return f"{_number(left.value)}{_BESIDE}{self._bracketed(right, _ATOM)}", _PRODUCT
            case "*":
                first, second = (
                    self._bracketed(left, _ELEMENTWISE),
                    self._bracketed(right, _PRODUCT),
                )
                return f"{first}<mo>⊙</mo>{second}", _ELEMENTWISE
            case "/":
                return f"<mfrac>{self.inner(left)}{self.inner(right)}</mfrac>", _ATOM
            case "**":
                base = self._bracketed(left, _ATOM)
                return f"<msup><mrow>{base}</mrow>{self.inner(right)}</msup>", _ATOM
            case "@":
                nested = isinstance(right, Binary) and right.operator == "@"
                operand = self._bracketed(right, _PRODUCT if nested else _ATOM)
                return f"{self._node(left)[0]}{_BESIDE}{operand}", _PRODUCT

    def _bracketed(self, node: Expression, needed: int) -> str:
        shown, level = self._node(node)
        return shown if level >= needed else f"<mrow><mo>(</mo>{shown}<mo>)</mo></mrow>"

    def _list(self, opener: str, nodes: tuple[Expression, ...], closer: str) -> str:
        inside = "<mo>,</mo>".join(self.inner(node) for node in nodes)
        return f"<mrow><mo>{opener}</mo>{inside}<mo>{closer}</mo></mrow>"


_TIMES: Final = {
    "t": "<mi>t</mi>",
    "t-1": "<mi>t</mi><mo>−</mo><mn>1</mn>",
    "0": "<mn>0</mn>",
}


def _letter(piece: str) -> str:
    if piece.isdecimal():
        return f"<mn>{piece}</mn>"
    # Greek letters have the same names in HTML; the variants of LaTeX do not.
    shown = unescape(f"&{piece.removeprefix('var')};") if piece in GREEK else piece
    return f"<mi>{escape(shown)}</mi>"


def _number(value: float) -> str:
    if math.isinf(value):
        return f"{'<mo>−</mo>' if value < 0 else ''}<mi>∞</mi>"
    return f"<mn>{number_text(value)}</mn>"
