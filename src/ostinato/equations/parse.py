"""Text to ``Syntax``: equations are read with the standard ``ast`` module against a white list.

Nothing is ever executed: a cell from a stranger's file or web form is data.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import unicodedata
import warnings
from typing import Final, NoReturn

from ostinato.core.errors import EquationError, Span, did_you_mean
from ostinato.equations.syntax import (
    ALIASES,
    ARITY,
    Assignment,
    Binary,
    BinaryOperator,
    Call,
    Concatenation,
    DeclarationKind,
    Expression,
    Name,
    Negative,
    Number,
    Syntax,
)

MAX_LINES: Final = 500
MAX_CHARACTERS: Final = 50_000
MAX_LINE_CHARACTERS: Final = 4_000
MAX_DEPTH: Final = 100
MAX_BRACKETS: Final = 50
"""Brackets inside each other; a chain such as a long sum is as deep without any."""

_OPERATORS: Final[dict[type[ast.operator], BinaryOperator]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
}
_OTHER_OPERATORS: Final[dict[type[ast.operator | ast.unaryop], str]] = {
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Invert: "~",
    ast.Not: "not",
}
_SPACES: Final = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")
"""Spaces of other widths, which come along when text is pasted."""

_PLAIN: Final[dict[str, str]] = {
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014", "-"),
    **dict.fromkeys("\u00d7\u00b7\u0387\u22c5\u2219\u2022\u2217\u2299\u2218\u2297", "*"),
    **dict.fromkeys("\u00f7\u2215\u2044", "/"),
    "\u221e": "inf",
    "\u2032": "_prime",
}
"""What a keyboard has for characters that pages and slides print."""

_QUOTES: Final = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a"
_STATEMENT: Final = re.compile(
    r"(assert|async|break|case|class|continue|def|del|elif|for|from|global|if|import|match|nonlocal"
    r"|pass|raise|return|type|while|with)\b\s*(?![\s=:\[])|(try|except|else|finally)\s*:"
)
"""How a line begins that is a statement of Python, rather than one with a reserved name."""

_LATEX: Final = re.compile(r"\\[A-Za-z]+|[_^]\{")
"""What stands in LaTeX only: a command, or an index in braces."""

_CALLED_TIME: Final = re.compile(r"(\w+)\s*\(\s*t\s*\)\s*=")
"""How a line begins that writes its time as ``h(t) = …``."""

_LATEX_MEND: Final = "this is LaTeX: read it with `ost.Cell.from_latex`"
_CONDITION_MEND: Final = (
    "there are no conditions: choose with `minimum`, `maximum`, `clip` or a gate, as in "
    "`z * a + (1 - z) * b`"
)

_KINDS: Final[tuple[DeclarationKind, ...]] = (
    "input",
    "state",
    "output",
    "matrix",
    "vector",
    "scalar",
)
_REFUSED: Final[dict[type[ast.AST], str]] = {
    ast.Attribute: "attribute access (`.`)",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Lambda: "a lambda",
    ast.JoinedStr: "a string",
    ast.IfExp: "a conditional",
    ast.Compare: "a comparison",
    ast.BoolOp: "a logical operator",
    ast.NamedExpr: "an assignment inside an expression",
    ast.Starred: "a starred expression",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.Tuple: "a tuple",
    ast.Subscript: "indexing",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.Import: "an import",
    ast.ImportFrom: "an import",
    ast.FunctionDef: "a function definition",
    ast.ClassDef: "a class definition",
    ast.For: "a loop",
    ast.While: "a loop",
    ast.If: "a conditional",
    ast.Delete: "`del`",
}
SOFTMAX_MEND: Final = (
    "let the cell return what stands inside: a softmax sums over units and belongs to the loss "
    "behind the cell"
)
_FUNCTION_MENDS: Final[dict[str, str]] = {
    "max": "maximum",
    "min": "minimum",
    "sigma": "sigmoid",
    "swish": "silu",
    "ln": "log",
    "clamp": "clip",
    "concat": "W @ [a, b]",
    "cat": "W @ [a, b]",
}


def parse(text: str) -> Syntax:
    """Read equations, one assignment a line (or ``;``), into a syntax tree.

    Raises:
        EquationError: the text is not a list of assignments over the language's white list, or
            is absurdly large; the message shows the line with a caret.
    """
    lines = _lines(checked_text(text, "a str"))
    return _Reader(lines).read()


def checked_text(text: object, expected: str) -> str:
    """Return what was given as equations, without the mark that some editors begin a file with.

    Raises:
        EquationError: it is no str.
    """
    if not isinstance(text, str):
        raise EquationError(
            f"the equations are of type {type(text).__name__}, expected {expected}",
            mend="pass the text itself: bytes with `.decode()`, a file with `.read_text()`",
        )
    return text.removeprefix("\ufeff")


def check_size(lines: tuple[str, ...], num_characters: int) -> None:
    """Refuse what no cell needs before any parser sees it."""
    if len(lines) > MAX_LINES:
        raise EquationError(
            f"the equations have {len(lines):,} lines, at most {MAX_LINES} are read",
            source=lines,
            span=Span(MAX_LINES + 1, 0, len(lines[MAX_LINES])),
            mend="a cell is a few lines; is this the right file?",
        )
    if num_characters > MAX_CHARACTERS:
        raise EquationError(
            f"the equations are {num_characters:,} characters long, at most {MAX_CHARACTERS:,} are "
            "read",
            source=lines,
            span=Span(1, 0, len(lines[0])),
            mend="a cell is a few lines; is this the right file?",
        )


def _lines(text: str) -> tuple[str, ...]:
    """Split into stripped lines and refuse what the language has no use for."""
    plain = text.translate(_SPACES).replace("\r\n", "\n")
    lines = tuple(line.strip() for line in plain.split("\n"))
    check_size(lines, len(text))
    for number, line in enumerate(lines, 1):
        _check_line(number, line, lines)
    return lines


def _check_line(number: int, line: str, lines: tuple[str, ...]) -> None:
    if len(line) > MAX_LINE_CHARACTERS:
        raise EquationError(
            f"the line has {len(line):,} characters, at most {MAX_LINE_CHARACTERS:,} are read",
            source=lines,
            span=Span(number, 0, 1),
            mend="split it with named intermediate values",
        )
    bad = re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", line)
    if bad:
        raise EquationError(
            f"control character {bad.group()!r} in the equations",
            source=lines,
            span=Span(number, bad.start(), bad.end()),
            mend="remove it",
        )
    for column, character in enumerate(line.partition("#")[0]):
        # The middle dot may stand in Python's names, where `a·b` would be one name.
        if character in _PLAIN or not (character.isascii() or f"a{character}".isidentifier()):
            raise _unknown_character(character, lines, Span(number, column, column + 1))
    depth = 0
    for column, character in enumerate(line):
        depth += (character in "([{") - (character in ")]}")
        if depth > MAX_BRACKETS:
            raise _too_deep(lines, Span(number, column, column + 1), MAX_BRACKETS)


def _unknown_character(character: str, lines: tuple[str, ...], span: Span) -> EquationError:
    name = unicodedata.name(character, "no name").lower()
    plain = unicodedata.normalize("NFKC", character)
    mend = "remove it"
    if character in _PLAIN:
        mend = f"write `{_PLAIN[character]}`"
    elif character in _QUOTES:
        mend = "remove it: names stand without quotes"
    elif len(plain) == 1 and plain.isascii():
        power = unicodedata.decomposition(character).startswith("<super>")
        mend = f"write `** {plain}`" if power else f"write `{plain}`"
    return EquationError(
        f"the character {character!r} (U+{ord(character):04X}, {name}) is not part of the equation "
        "language",
        source=lines,
        span=span,
        mend=mend,
    )


def _too_deep(lines: tuple[str, ...], span: Span, levels: int = MAX_DEPTH) -> EquationError:
    return EquationError(
        f"nested more than {levels} levels deep",
        source=lines,
        span=span,
        mend="split it with named intermediate values",
    )


class _Reader:
    """One pass over Python's own tree; everything outside the white list is refused."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.assignments: list[Assignment] = []
        self.initial: dict[str, Number | Name] = {}
        self.declarations: dict[str, DeclarationKind] = {}

    def read(self) -> Syntax:
        for statement in self._module().body:
            self._statement(statement)
        if not self.assignments:
            raise EquationError(
                "no equations were found",
                mend="write at least one line such as `h = tanh(W @ [h, x] + b)`",
            )
        return Syntax(tuple(self.assignments), self.initial, self.declarations, source=self.lines)

    def _module(self) -> ast.Module:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse("\n".join(self.lines))
        except SyntaxError as error:
            raise self._from_syntax_error(error) from None
        except (RecursionError, MemoryError):
            raise _too_deep(self.lines, Span(1, 0, 1)) from None

    def _from_syntax_error(self, error: SyntaxError) -> EquationError:
        line = min(max(error.lineno or 1, 1), len(self.lines))
        for number, text in enumerate(self.lines[:line], 1):
            if statement := _STATEMENT.match(text):
                word = statement[1] or statement[2]
                return self._not_a_line(f"`{word}`", Span(number, 0, len(word)))
        for number, text in enumerate(self.lines, 1):
            if latex := _LATEX.search(text.partition("#")[0]):
                return EquationError(
                    f"`{latex.group()}` is not part of the text form",
                    source=self.lines,
                    span=Span(number, *latex.span()),
                    mend=_LATEX_MEND,
                )
        shown = self.lines[line - 1].partition("#")[0]
        column = min(max((error.offset or 1) - 1, 0), len(shown))
        if not shown[column : column + 1].isascii():
            return _unknown_character(shown[column], self.lines, Span(line, column, column + 1))
        reserved = [word for word in re.findall(r"[^\W\d]\w*", shown) if keyword.iskeyword(word)]
        mend = _syntax_mend(error.msg, shown)
        if reserved:
            mend = f"`{reserved[0]}` is a reserved word: call it `{reserved[0]}_`"
        return EquationError(
            # What follows the first sentence is advice for programs: `==`, a comma.
            f"this is not an equation ({error.msg.partition('. ')[0]})",
            source=self.lines,
            span=Span(line, column, column + 1),
            mend=mend,
        )

    def _not_a_line(self, what: str, span: Span) -> EquationError:
        mend = "a cell is a list of lines, each one assignment: `name = expression`"
        if self.lines[span.line - 1][span.column :].startswith(("if", "elif", "else")):
            mend = _CONDITION_MEND
        return EquationError(
            f"{what} is not part of the equation language",
            source=self.lines,
            span=span,
            mend=mend,
        )

    def _span(self, node: ast.expr | ast.stmt) -> Span:
        start = self._column(node.lineno, node.col_offset)
        same_line = node.end_lineno == node.lineno and node.end_col_offset is not None
        text = self.lines[node.lineno - 1]
        end = self._column(node.lineno, node.end_col_offset or 0) if same_line else len(text)
        return Span(node.lineno, start, end)

    def _column(self, line: int, byte_offset: int) -> int:
        return len(self.lines[line - 1].encode()[:byte_offset].decode(errors="ignore"))

    def _fail(self, node: ast.expr | ast.stmt, message: str, mend: str) -> NoReturn:
        raise EquationError(message, source=self.lines, span=self._span(node), mend=mend)

    def _source(self, node: ast.expr) -> str:
        span = self._span(node)
        return self.lines[span.line - 1][span.column : span.end_column]

    # Statements

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                self._check_target(node, target)
                expression = self._assigned(value)
                self.assignments.append(Assignment(target, expression, self._span(node)))
            case ast.Assign(targets=[ast.Subscript() as place], value=value):
                self._initial_value(node, place, value)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=None):
                self._declaration(node, name, annotation)
            case ast.Expr(value=value):
                self._fail(
                    node,
                    f"`{self._source(value)}` is not assigned to a name",
                    "write `name = expression`",
                )
            case ast.AugAssign(target=place):
                target = self._source(place)
                self._fail(
                    node,
                    "augmented assignment is not part of the language",
                    f"write it out: `{target} = {target} …`",
                )
            case ast.AnnAssign():
                self._fail(
                    node,
                    "a declaration is a name and its kind, and nothing else",
                    "write `name: kind`, and the assignment on a line of its own",
                )
            case ast.Assign():
                self._fail(
                    node,
                    "the left side must be one name",
                    "write one assignment a line: `name = expression`",
                )
            case _:
                span = self._span(node)
                word = self.lines[span.line - 1][span.column :].split()[0].rstrip(":")
                raise self._not_a_line(_REFUSED.get(type(node), f"`{word}`"), span)

    def _check_target(self, node: ast.Assign, target: str) -> None:
        if target in ARITY or target in ALIASES or target == "inf":
            self._fail(
                node,
                f"`{target}` is the name of a function or constant and cannot be assigned",
                f"choose another name, such as `{target}_t`",
            )

    def _assigned(self, value: ast.expr) -> Expression:
        if isinstance(value, ast.List):
            return self._concatenation(value, 0)
        return self._expression(value, 0)

    def _initial_value(self, node: ast.Assign, place: ast.Subscript, value: ast.expr) -> None:
        if not isinstance(place.value, ast.Name) or not (
            isinstance(place.slice, ast.Constant) and place.slice.value == 0
        ):
            self._fail(
                node,
                "only index 0 may stand on the left, for the value before the first step",
                "write `h[0] = 0`, or plain `h = …` for the value of this step",
            )
        name = place.value.id
        if name in self.initial:
            self._fail(
                node, f"the initial value of `{name}` is given twice", "keep one of the lines"
            )
        self.initial[name] = self._number_or_name(node, value)

    def _number_or_name(self, node: ast.Assign, value: ast.expr) -> Number | Name:
        span = self._span(value)
        match value:
            case ast.Name(id="inf"):
                return Number(math.inf, span)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
                return Number(-math.inf, span)
            case ast.Name(id=name):
                return Name(name, span)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as constant):
                return Number(-self._number(constant), span)
            case ast.Constant():
                return Number(self._number(value), span)
            case _:
                self._fail(
                    node,
                    "an initial value is a number, `-inf`, or the name of a parameter",
                    "write `m[0] = -inf` or `h[0] = h_init`",
                )

    def _declaration(self, node: ast.AnnAssign, name: str, annotation: ast.expr) -> None:
        kind = annotation.id if isinstance(annotation, ast.Name) else ""
        if kind not in _KINDS:
            near = did_you_mean(kind, _KINDS)
            self._fail(
                node,
                f"`{self._source(annotation)}` is not a kind of name{near}",
                f"write `name: kind` with one of {', '.join(_KINDS)}",
            )
        if self.declarations.get(name, kind) != kind:
            self._fail(
                node,
                f"`{name}` is declared {self.declarations[name]} above and {kind} here",
                "keep one of the lines",
            )
        self.declarations[name] = kind

    # Expressions

    def _expression(self, node: ast.expr, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise _too_deep(self.lines, self._span(node))
        span = self._span(node)
        match node:
            case ast.Constant():
                return Number(self._number(node), span)
            case ast.Name(id=name):
                return self._name(node, name, span)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negative(self._expression(operand, depth + 1), span)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._expression(operand, depth + 1)
            case ast.BinOp(op=ast.MatMult()):
                return self._product(node, depth)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                operands = (self._expression(left, depth + 1), self._expression(right, depth + 1))
                return Binary(_OPERATORS[type(op)], *operands, span)
            case ast.Call():
                return self._call(node, depth)
            case ast.List():
                self._fail(
                    node,
                    "a concatenation stands outside `@`",
                    "multiply it by a matrix: `W @ [h, x]`, or name it alone: `v = [h, x]`",
                )
            case _:
                self._refuse(node)

    def _refuse(self, node: ast.expr) -> NoReturn:
        if isinstance(node, ast.Attribute) and node.attr == "T":
            self._fail(
                node,
                "a transposed matrix is not part of the equation language",
                "name a matrix of its own: its shape is inferred from what stands on its two sides",
            )
        name = f"`{type(node).__name__}`"
        if isinstance(node, ast.BinOp | ast.UnaryOp):
            name = f"the operator `{_OTHER_OPERATORS[type(node.op)]}`"
        what = _REFUSED.get(type(node), name)
        mend = self._refused_mend(node)
        self._fail(
            node,
            f"{what} is not part of the equation language",
            mend or "use names, numbers, + - * / ** @, [a, b] right of @, and the known functions",
        )

    def _refused_mend(self, node: ast.expr) -> str | None:
        """Return what was probably meant by a form that the language does not have."""
        match node:
            case ast.Attribute(attr=name):
                return _function_mend(ALIASES.get(name, name))
            case ast.IfExp():
                return _CONDITION_MEND
            case ast.BinOp(op=ast.BitXor(), right=ast.Set()):
                return _LATEX_MEND
            case ast.BinOp(op=ast.BitXor()):
                return "a power is written `**`"
            case ast.Subscript(value=ast.Name(id=name), slice=ast.List() as pieces):
                return f"`@` is missing: `{name} @ {self._source(pieces)}`"
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Tuple() as pieces):
                return f"`@` is missing: `{name} @ [{self._source(pieces)}]`"
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                mend = self._time_mend(name, index)
                if not mend and isinstance(index, ast.Name) and name[0].isupper():
                    mend = f"`@` is missing: `{name} @ {index.id}`"
                return mend
            case _:
                return None

    def _time_mend(self, name: str, index: ast.expr) -> str | None:
        """Say how the text form writes ``h[t-1]`` and ``h(t)``."""
        match "".join(self._source(index).split()):
            case "t":
                return f"write `{name}`: a plain name is the value at t"
            case "t-1" | "-1" if name == "x":
                return "an input is read at t only: a state of its own can carry the value before"
            case "t-1" | "-1":
                return f"write `{name}`: read before it is assigned, it is the value at t-1"
            case _:
                return None

    def _number(self, node: ast.Constant) -> float:
        value = node.value
        if isinstance(value, str | bytes):
            self._fail(
                node, "a string is not part of the equation language", "write a name or a number"
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fail(node, f"`{value}` is not a real number", "write a finite decimal number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._fail(node, "the number is too large for a float", "write a finite decimal number")
        return number

    def _name(self, node: ast.Name, name: str, span: Span) -> Name:
        if name == "inf":
            self._fail(
                node,
                "infinity may stand in an initial value only",
                "write `m[0] = -inf` on a line of its own",
            )
        if name in ARITY or name in ALIASES:
            self._fail(node, f"the function `{name}` has no arguments", f"write `{name}(…)`")
        return Name(name, span)

    def _product(self, node: ast.BinOp, depth: int) -> Expression:
        """Read ``W @ v``; a chain ``A @ B @ h`` means ``A @ (B @ h)``, ``-W @ h`` ``-(W @ h)``."""
        span = self._span(node)
        match node.right:
            case ast.Attribute(value=ast.Name(id=matrix), attr="T"):
                self._fail(
                    node.right,
                    "a transposed matrix is not part of the equation language",
                    f"the matrix stands left: `{matrix} @ {self._operand_source(node.left)}`",
                )
            case _:
                factors = [node.right]
        left = node.left
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.MatMult):
            factors.append(left.right)
            left = left.left
        num_signs = 0
        while isinstance(left, ast.UnaryOp) and isinstance(left.op, ast.USub):
            num_signs += 1
            left = left.operand
        if len(factors) + num_signs + depth > MAX_DEPTH:
            raise _too_deep(self.lines, span)
        value = self._operand(factors[0], depth + len(factors) + num_signs)
        for factor in (*factors[1:], left):
            value = Binary("@", self._matrix(factor, node), value, span)
        for _ in range(num_signs):
            value = Negative(value, span)
        return value

    def _matrix(self, node: ast.expr, product: ast.BinOp) -> Name:
        if isinstance(node, ast.Name):
            return self._name(node, node.id, self._span(node))
        if isinstance(node, ast.BinOp):
            first, last = self._source(node.left), self._source(node.right)
            rest = self._source(product.right)
            operator = _OPERATORS.get(type(node.op), "*")
            if operator in ("+", "-"):
                self._fail(
                    node,
                    f"the sum `{self._source(node)}` stands left of `@`, where only a matrix name "
                    "may stand",
                    f"write `{first} @ {rest} {operator} {last} @ {rest}`",
                )
            self._fail(
                node,
                f"`{self._source(node)}` stands left of `@`, where only a matrix name may stand "
                "(`*`, `/` and `@` bind equally, from the left)",
                f"write `{first} {operator} ({last} @ {rest})`",
            )
        self._refuse_matrix(node, product)

    def _refuse_matrix(self, node: ast.expr, product: ast.BinOp) -> NoReturn:
        if isinstance(node, ast.Attribute | ast.Subscript):
            self._refuse(node)
        mend = "write `W @ v` with a name `W`; it becomes a parameter"
        if isinstance(node, ast.List) and isinstance(product.right, ast.Name):
            mend = f"the matrix stands left: `{product.right.id} @ {self._operand_source(node)}`"
        self._fail(
            node,
            f"`{self._source(node)}` stands left of `@`, where only a matrix name may stand",
            mend,
        )

    def _operand(self, node: ast.expr, depth: int) -> Expression:
        if isinstance(node, ast.List):
            return self._concatenation(node, depth)
        if isinstance(node, ast.Constant):
            self._number(node)
            self._fail(
                node, "a matrix is multiplied by a number", "write `W @ v` with a vector `v`"
            )
        return self._expression(node, depth)

    def _concatenation(self, node: ast.List, depth: int) -> Concatenation:
        pieces: list[Expression] = []
        for element in node.elts:
            if depth > MAX_DEPTH:
                raise _too_deep(self.lines, self._span(node))
            if isinstance(element, ast.List):
                pieces.extend(self._concatenation(element, depth + 1).pieces)
            else:
                pieces.append(self._expression(element, depth + 1))
        if not pieces:
            self._fail(node, "the concatenation is empty", "write `W @ [h, x]`")
        return Concatenation(tuple(pieces), self._span(node))

    def _call(self, node: ast.Call, depth: int) -> Expression:
        if not isinstance(node.func, ast.Name):
            self._refuse(node.func)
        name = ALIASES.get(node.func.id, node.func.id)
        if name not in ARITY and name != "identity":
            self._unknown_function(node, name)
        arity = ARITY.get(name, 1)
        if node.keywords or len(node.args) != arity:
            found = len(node.args) + len(node.keywords)
            named = ", by name" if node.keywords else ""
            self._fail(
                node,
                f"`{name}` takes {arity} argument{'s' * (arity != 1)} and was given {found}{named}",
                f"write `{name}({', '.join('abc'[:arity])})`",
            )
        arguments = tuple(self._expression(argument, depth + 1) for argument in node.args)
        if name == "identity":
            return arguments[0]
        return Call(name, arguments, self._span(node))

    def _unknown_function(self, node: ast.Call, name: str) -> NoReturn:
        near = did_you_mean(name, ARITY)
        mend = _function_mend(name)
        if len(node.args) == 1:
            mend = mend or self._time_mend(name, node.args[0])
        if not mend and not near and name[0].isupper() and node.args:
            pieces = ", ".join(self._source(argument) for argument in node.args)
            operand = f"[{pieces}]" if node.args[1:] else self._operand_source(node.args[0])
            mend = f"a product with a matrix is written `{name} @ {operand}`"
        self._fail(
            node,
            f"unknown function `{name}`{near}",
            mend or f"the known functions are {', '.join(ARITY)}",
        )

    def _operand_source(self, node: ast.expr) -> str:
        """Return the source of a node so that it may stand right of ``@``."""
        source = self._source(node)
        return source if isinstance(node, ast.Name | ast.List) else f"({source})"


def _function_mend(name: str) -> str | None:
    """Return the known function that a name of another library or of a slide means."""
    if name == "softmax":
        return SOFTMAX_MEND
    known = name.casefold() if name.casefold() in ARITY else _FUNCTION_MENDS.get(name)
    others = f"the known functions are {', '.join(ARITY)}"
    return f"write `{known}`; {others}" if known else None


def _syntax_mend(message: str, shown: str) -> str:
    """Say what a line needs that Python's parser gave up on."""
    if opened := re.match(r"'([(\[{])' was never closed", message):
        closer = {"(": ")", "[": "]", "{": "}"}[opened[1]]
        return f"write `{closer}` where the bracket that opens here ends"
    if message.startswith("unmatched"):
        return "remove the bracket, or open it before"
    if "does not match opening" in message:
        return "close each bracket with its own kind"
    if re.search(r"\w'", shown):
        return (
            "a prime is written `_prime`; a transposed matrix is a matrix of its own, whose shape "
            "is inferred"
        )
    if called := _CALLED_TIME.match(shown):
        return (
            f"write `{called[1]} = …`: a plain name is the value at t and, read before it is "
            "assigned, at t-1"
        )
    if product := re.search(r"\b([^\W\d]\w*)\s+([^\W\d]\w*)", shown.partition("=")[2]):
        first, second = product.groups()
        return f"an operator is missing: write `{first} @ {second}` or `{first} * {second}`"
    return "one assignment a line: `name = expression`"
