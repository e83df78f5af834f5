"""``Syntax`` to text and to LaTeX, with no more brackets than reading needs."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ostinato.core.errors import EquationError
from ostinato.equations.latex_cursor import Cursor
from ostinato.equations.latex_symbols import read_symbol
from ostinato.equations.latex_tokens import tokenise
from ostinato.equations.latex_vocabulary import ACCENTS, FUNCTION_WORDS, GREEK
from ostinato.equations.mathml import to_mathml
from ostinato.equations.notation import Timed, number_text, with_times
from ostinato.equations.syntax import (
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
    Syntax,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["to_latex", "to_mathml", "to_text"]

_SUM, _MATRIX, _PRODUCT, _SIGN, _POWER, _ATOM = range(6)
"""How tightly a printed form holds together, loosest first."""

_LEVELS: Final = {"+": _SUM, "-": _SUM, "@": _MATRIX, "*": _PRODUCT, "/": _PRODUCT, "**": _POWER}


def to_text(syntax: Syntax) -> str:
    """Print equations so that ``parse(to_text(syntax)) == syntax``."""
    lines = [f"{name}: {kind}" for name, kind in syntax.declarations.items()]
    lines.extend(f"{a.target} = {_text(a.value)[0]}" for a in syntax.assignments)
    for state, value in syntax.initial.items():
        shown = value.name if isinstance(value, Name) else number_text(value.value)
        lines.append(f"{state}[0] = {shown}")
    return "\n".join(lines)


def _text(node: Expression) -> tuple[str, int]:
    """Return an expression's text and how tightly it holds together."""
    match node:
        case Number(value=value):
            return number_text(value), _ATOM
        case Name(name=name):
            return name, _ATOM
        case Negative(operand=Binary(operator="@") as product):
            return f"-{_text(product)[0]}", _MATRIX
        case Negative(operand=operand):
            return f"-{_bracketed(operand, _SIGN)}", _SIGN
        case Binary():
            return _binary_text(node)
        case Call(function=function, arguments=arguments):
            return f"{function}({_list_text(arguments)})", _ATOM
        case Concatenation(pieces=pieces):
            return f"[{_list_text(pieces)}]", _ATOM


def _binary_text(node: Binary) -> tuple[str, int]:
    level = _LEVELS[node.operator]
    match node.operator:
        case "+" | "-":
            # A sign on the right would meet the operator: `a - -b`.
            signed = isinstance(node.right, Negative)
            needs = (_SUM, _ATOM if signed else _MATRIX)
        case "*" | "/":
            needs = (_PRODUCT, _POWER)
        case "@":
            nested = isinstance(node.right, Binary) and node.right.operator == "@"
            needs = (_ATOM, _MATRIX if nested else _ATOM)
        case "**":
            needs = (_ATOM, _SIGN)
    left, right = _bracketed(node.left, needs[0]), _bracketed(node.right, needs[1])
    return f"{left} {node.operator} {right}", level


def _list_text(nodes: tuple[Expression, ...]) -> str:
    return ", ".join(_text(node)[0] for node in nodes)


def _bracketed(node: Expression, needed: int) -> str:
    text, level = _text(node)
    return text if level >= needed else f"({text})"


# LaTeX

_FUNCTIONS: Final = {
    "sigmoid": r"\sigma",
    "tanh": r"\tanh",
    "exp": r"\exp",
    "log": r"\log",
    "minimum": r"\min",
    "maximum": r"\max",
    "relu": r"\operatorname{ReLU}",
    "silu": r"\operatorname{SiLU}",
    "gelu": r"\operatorname{GELU}",
    "layer_norm": r"\operatorname{LayerNorm}",
    "rms_norm": r"\operatorname{RMSNorm}",
}


def to_latex(syntax: Syntax) -> str:
    """Print equations so that ``Cell.from_latex`` reads the same cell.

    What printed mathematics cannot say (a lower-case matrix, which input comes first, a name that
    is assigned twice) stands in comments.
    """
    notation = with_times(syntax)
    equations = notation.equations
    lines = [f"% {name}: {kind}" for name, kind in _comments(syntax).items()]
    lines.extend(f"% {n}: earlier value of {of}" for n, of in notation.versions.items())
    lines.extend(f"{latex_name(e.target, 't')} = {_latex(e.value)[0]}" for e in equations)
    for state, value in syntax.initial.items():
        lines.append(f"{latex_name(state, '0')} = {_latex_initial(value)}")
    return "\n".join(lines)


def _comments(syntax: Syntax) -> dict[str, str]:
    """Return the declarations, and the kinds that LaTeX's conventions would read otherwise."""
    kinds: dict[str, str] = dict(syntax.declarations)
    assigned = {a.target for a in syntax.assignments}
    for assignment in syntax.assignments:
        for matrix, name in _parameters(assignment.value):
            reads_as_function = name.rstrip("_") in FUNCTION_WORDS and name not in assigned
            if reads_as_function or (matrix and not name[0].isupper()):
                kinds.setdefault(name, "matrix" if matrix else "vector")
    return kinds


def _parameters(expression: Expression) -> Iterator[tuple[bool, str]]:
    matrices = set[int]()
    for node in walk(expression):
        if isinstance(node, Binary) and node.operator == "@":
            matrices.add(id(node.left))
        if isinstance(node, Name):
            yield id(node) in matrices, node.name


def _latex_initial(value: Number | Name) -> str:
    if isinstance(value, Name):
        return latex_name(value.name)
    if math.isinf(value.value):
        return r"\infty" if value.value > 0 else r"-\infty"
    return _latex_number(value.value)


def _latex(node: Expression) -> tuple[str, int]:
    """Return an expression's LaTeX and how tightly it holds together."""
    match node:
        case Number(value=value):
            return _latex_number(value), _ATOM
        case Timed(name=name, before=before):
            return latex_name(name, "t-1" if before else "t"), _ATOM
        case Name(name=name):
            return latex_name(name), _ATOM
        case Negative(operand=operand):
            return f"-{_in_brackets(operand, _MATRIX)}", _SUM
        case Binary():
            return _binary_latex(node)
        case Call(function="abs", arguments=(argument,)):
            return rf"\left| {_latex(argument)[0]} \right|", _ATOM
        case Call(function="sqrt", arguments=(argument,)):
            return rf"\sqrt{{{_latex(argument)[0]}}}", _ATOM
        case Call(function=function, arguments=arguments):
            name = _FUNCTIONS.get(function) or rf"\operatorname{{{function}}}"
            return name + _round(_list_latex(arguments)), _ATOM
        case Concatenation(pieces=pieces):
            return f"[{_list_latex(pieces)}]", _ATOM


def _binary_latex(node: Binary) -> tuple[str, int]:
    match node:
        case Binary(operator="+" | "-" as sign, left=left, right=right):
            first = _latex(left)[0]
            return f"{first} {sign} {_in_brackets(right, _MATRIX)}", _SUM
        case Binary(operator="*", left=Number() as number, right=right):
            if not isinstance(right, Number | Concatenation):
                matrix_first = isinstance(right, Binary) and right.operator == "@"
                factor = _in_brackets(right, _PRODUCT if matrix_first else _ATOM)
                return f"{_latex(number)[0]} {factor}", _PRODUCT
        case Binary(operator="@", left=matrix, right=right):
            nested = isinstance(right, Binary) and right.operator == "@"
            operand = _in_brackets(right, _PRODUCT if nested else _ATOM)
            return f"{_latex(matrix)[0]} {operand}", _PRODUCT
        case Binary(operator="/", left=Binary(operator="/") as left, right=right):
            return f"{_latex(left)[0]} / {_in_brackets(right, _PRODUCT)}", _MATRIX
        case Binary(operator="/", left=left, right=right):
            return rf"\frac{{{_latex(left)[0]}}}{{{_latex(right)[0]}}}", _ATOM
        case Binary(operator="**", left=left, right=right):
            base, level = _latex(left)
            # Without the braces, letters above a letter would read as part of its name.
            shown = f"{{{base}}}" if level == _ATOM else _round(base)
            return f"{shown}^{{{_latex(right)[0]}}}", _ATOM
        case _:
            pass
    left, right = _in_brackets(node.left, _MATRIX), _in_brackets(node.right, _PRODUCT)
    return rf"{left} \odot {right}", _MATRIX


def _list_latex(nodes: tuple[Expression, ...]) -> str:
    return ", ".join(_latex(node)[0] for node in nodes)


def _in_brackets(node: Expression, needed: int) -> str:
    text, level = _latex(node)
    return text if level >= needed else _round(text)


def _round(text: str) -> str:
    """Put brackets around, as tall as what they hold."""
    return rf"\left( {text} \right)" if r"\frac" in text else f"({text})"


def _latex_number(value: float) -> str:
    mantissa, _, power = number_text(value).partition("e")
    return rf"{mantissa} \times 10^{{{int(power)}}}" if power else mantissa


_TAKEN: Final = frozenset({("t", None), ("sigma", None)})
"""Parameters whose plain symbols mean the time and the sigmoid."""


@lru_cache(maxsize=4096)
def latex_name(name: str, time: str | None = None) -> str:
    """Spell a name as slides do, if it reads back as the same name; in roman type otherwise."""
    base, *pieces = [piece for piece in name.split("_") if piece] or [name]
    head = _spelled_piece(base, 2)
    while pieces and pieces[0] in set(ACCENTS.values()):
        head = f"\\{pieces.pop(0)}{{{head}}}"
    while pieces and pieces[0] == "prime":
        pieces.pop(0)
        head += "'"
    pretty = _indexed(head, [_spelled_piece(p, 3) for p in pieces], time)
    if (name, time) not in _TAKEN and _reads_as(pretty, name, time):
        return pretty
    escaped = name.replace("_", r"\_")
    return _indexed(rf"\mathrm{{{escaped}}}", [], time)


def _spelled_piece(piece: str, roman_length: int) -> str:
    if piece in GREEK:
        return f"\\{piece}"
    return rf"\mathrm{{{piece}}}" if len(piece) >= roman_length else piece


def _indexed(head: str, pieces: list[str], time: str | None) -> str:
    index = ",".join([*pieces, time] if time else pieces)
    if not index:
        return head
    return f"{head}_{index}" if len(index) == 1 else f"{head}_{{{index}}}"


def _reads_as(latex: str, name: str, time: str | None) -> bool:
    times = {None: "none", "t": "now", "t-1": "before", "0": "initial"}
    try:
        tokens = tokenise(latex)
        held = tuple(t for t in tokens.lists[0] if t.kind != "break")
        symbol = read_symbol(Cursor(held, tokens.source), target=time == "0")
    except EquationError:
        return False
    return (symbol.name, symbol.time) == (name, times[time])
