"""Bad equations are the normal case: the line, the place, what was found, how to mend it."""

from __future__ import annotations

import warnings

import pytest

from ostinato.core.errors import EquationError, EquationHint, OptionError, Span
from ostinato.equations.cell import Cell

GRU = """\
r = sigmoid(W_r @ [h, x] + b_r)
z = sigmoid(W_z @ [h, x] + b_z)
n = tanh(W_n @ [r * h, x] + b_n)
h = (1 - z) * h + z * n"""


def error_of(text: str, **options: object) -> EquationError:
    with pytest.raises(EquationError) as caught:
        Cell(text, **options)
    return caught.value


def hints_of(text: str, **options: object) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Cell(text, **options)
    assert all(isinstance(hint.message, EquationHint) for hint in caught)
    return "\n".join(str(hint.message) for hint in caught)


def check(error: EquationError, text: str, line: int, at: str, message: str, mend: str) -> None:
    """The caret stands below ``at`` on ``line``, in the span and in the printed message."""
    assert message in error.message
    assert mend in str(error.mend)
    source = text.split("\n")[line - 1]
    assert error.span
    assert error.span.line == line
    assert source[error.span.column : error.span.end_column] == at
    shown = str(error).split("\n")
    assert shown[0] == f"line {line}: {error.message}"
    place = repr(at)[1:-1] if at and not at.isprintable() else at
    assert shown[1] == f"    {source}".replace(at or "\n", place)
    assert shown[2] == " " * (4 + error.span.column) + "^" * max(1, len(place))
    assert shown[-1] == f"mend: {error.mend}"


@pytest.mark.parametrize(
    ("line", "at", "message", "mend"),
    [
        # Unknown functions
        ("h = tanhh(h + x)", "tanhh(h + x)", "unknown function `tanhh`; did you mean", "sigmoid"),
        ("h = max(h, x)", "max(h, x)", "unknown function `max`", "write `maximum`"),
        ("h = ReLU(h + x)", "ReLU(h + x)", "unknown function `ReLU`", "write `relu`"),
        ("h = W(h) + x", "W(h)", "unknown function `W`", "is written `W @ h`"),
        ("h = W(h + x)", "W(h + x)", "unknown function `W`", "is written `W @ (h + x)`"),
        ("h = W(h, x)", "W(h, x)", "unknown function `W`", "is written `W @ [h, x]`"),
        ("h = softmax(h + x)", "softmax(h + x)", "unknown function `softmax`", "the loss"),
        ("h = tanh(h, x)", "tanh(h, x)", "`tanh` takes 1 argument and was given 2", "`tanh(a)`"),
        ("h = clip(h, x)", "clip(h, x)", "takes 3 arguments and was given 2", "`clip(a, b, c)`"),
        ("h = tanh(a=x) + h", "tanh(a=x)", "was given 1, by name", "`tanh(a)`"),
        ("h = tanh + x", "tanh", "the function `tanh` has no arguments", "`tanh(…)`"),
        # States and values
        ("h = tanh(W @ h_new + x)", "h_new", "neither an input nor assigned", "`h_new = …`"),
        ("h_new = tanh(W @ h + x)", "h", "neither an input nor assigned", "`h = …`"),
        ("h = tanh(W @ H + x)", "H", "nor assigned in the step; did you mean 'h'?", "`H = …`"),
        ("h = tanh(W @ h + U @ x_t)", "x_t", "neither an input", "read at t, by its plain name"),
        ("h = W @ h[t-1] + x", "h[t-1]", "indexing", "write `h`: read before it is assigned"),
        ("h = W @ h(t - 1) + x", "h(t - 1)", "unknown function `h`", "write `h`: read before"),
        ("h = h + x[t]", "x[t]", "indexing", "write `x`: a plain name is the value at t"),
        ("h = h + x[t-1]", "x[t-1]", "indexing", "an input is read at t only"),
        ("h(t) = h + x", "h", "this is not an equation (cannot assign", "write `h = …`"),
        ("x = h + x; h = x", "x = h + x", "is an input and cannot be assigned", "`x_new`"),
        ("tanh = h + x", "tanh = h + x", "is the name of a function", "`tanh_t`"),
        ("g = x; h = h + x", "g = x", "`g` is assigned but never used", "`output=`"),
        # Products
        ("h = x @ h", "x", "`@` between two vectors: `x` is an input", "`W @ v`"),
        ("h = h @ h + x", "h", "`@` between two vectors: `h` is assigned", "`a * b`"),
        ("h = h @ W + x", "h", "a vector stands left of `@`: `h` is assigned", "left: `W @ h`"),
        ("h = [h, x] @ W", "[h, x]", "stands left of `@`", "left: `W @ [h, x]`"),
        ("h = r * W @ h + x", "r * W", "`r * W` stands left of `@`", "`r * (W @ h)`"),
        ("h = (W + U) @ h + x", "W + U", "the sum `W + U` stands left", "`W @ h + U @ h`"),
        ("h = tanh(W) @ h + x", "tanh(W)", "stands left of `@`", "`W @ v` with a name `W`"),
        ("h = W.T @ h + x", "W.T", "a transposed matrix", "name a matrix of its own"),
        ("h = h @ W.T + x", "W.T", "a transposed matrix", "the matrix stands left: `W @ h`"),
        ("h = (r * h) @ W.T + x", "W.T", "a transposed matrix", "left: `W @ (r * h)`"),
        ("h = W() + x", "W()", "unknown function `W`", "the known functions are"),
        ("h = W @ 3 + h + x", "3", "a matrix is multiplied by a number", "`W @ v`"),
        ("h = W @ h + W * x", "W", "used as a vector here and as a matrix", "two names"),
        ("h = W @ a + x + h", "a", "`a` is neither an input nor assigned", "`a = …`"),
        ("h = W @ [h, x] + W @ h", "W @ h", "`W` multiplies 1 piece(s) here and 2", "one matrix"),
        # Concatenation
        ("h = [h, x] + 1", "[h, x]", "a concatenation stands outside `@`", "`W @ [h, x]`"),
        ("v = [h, x]; h = tanh(v)", "v", "the concatenation `v` stands outside", "`W @ v`"),
        ("h = W @ [] + x", "[]", "the concatenation is empty", "`W @ [h, x]`"),
        ("h = W @ [h, 1] + x", "1", "a number stands in a concatenation", "a bias `+ b`"),
        ("v = h + x; v = [v, x]; h = W @ v", "v = h + x", "a concatenation elsewhere", "two names"),
        (
            "h = W @ v + h + x; v = [h, x]; y = h + U @ v",
            "v = [h, x]",
            "cannot be a state",
            "pieces",
        ),
        # Numbers
        ("h = 1e400 * h + x", "1e400", "too large for a float", "finite decimal"),
        ("h = True * h + x", "True", "`True` is not a real number", "finite decimal"),
        ("h = 1j * h + x", "1j", "`1j` is not a real number", "finite decimal"),
        ("h = h + x * 9**9**9", "9**9**9", "this constant evaluates to inf", "finite decimal"),
        ("h = h + x * (-9)**9**9", "(-9)**9**9", "evaluates to -inf", "finite decimal"),
        ("h = h + x * (1e308*1e308)", "1e308*1e308", "evaluates to inf", "finite decimal"),
        ("h = h + x * exp(1e3)", "exp(1e3)", "evaluates to inf", "finite decimal"),
        ("h = h + x * log(0)", "log(0)", "evaluates to -inf", "finite decimal"),
        ("h = h + x * log(-1)", "log(-1)", "evaluates to nan", "name a parameter"),
        ("h = h + x * sqrt(minimum(-1, 0))", "sqrt(minimum(-1, 0))", "to nan", "finite decimal"),
        ("h = h + x * (-8)**(1/3)", "(-8)**(1/3)", "evaluates to nan", "finite decimal"),
        ("h = h + x * 0**-1", "0**-1", "evaluates to inf", "finite decimal"),
        ("h = h + x * (-1/0)", "-1/0", "evaluates to -inf", "finite decimal"),
        ("h = h + x * (0/0)", "0/0", "evaluates to nan", "finite decimal"),
        ("h = h + x/0", "x/0", "a division by zero evaluates to inf or nan", "other than 0"),
        ("h = h + x/(1 - 1)", "x/(1 - 1)", "a division by zero", "or by a parameter"),
        ("a = 1e308; h = h + x * (a * a)", "a * a", "evaluates to inf", "finite decimal"),
        ("h = inf * h + x", "inf", "infinity may stand in an initial value only", "m[0] = -inf"),
        # Initial values
        ("h[1] = 0; h = h + x", "h[1] = 0", "only index 0 may stand on the left", "`h[0] = 0`"),
        ("h[0] = 0; h[0] = 1; h = h + x", "h[0] = 1", "is given twice", "keep one"),
        ("h[0] = x + 1; h = h + x", "h[0] = x + 1", "an initial value is a number", "m[0] = -inf"),
        ("h[0] = x; h = h + x", "x", "changes with time", "a parameter of its own"),
        ("h[0] = W; h = W @ h + x", "W", "is a matrix", "`h_init`"),
        ("c[0] = 0; h = h + x", "0", "has an initial value but is not a state", "are: h"),
        # Declarations
        ("h: matrix2", "h: matrix2", "is not a kind of name; did you mean 'matrix'?", "vector"),
        ("h: state = 3", "h: state = 3", "is a name and its kind", "a line of its own"),
        ("a: scalar; a: vector", "a: vector", "is declared scalar above and vector", "keep one"),
        # Outside the white list
        ("h = x.mean + h", "x.mean", "attribute access (`.`)", "the known functions"),
        (
            "h = np.tanh(x)",
            "np.tanh",
            "attribute access (`.`)",
            "write `tanh`; the known functions",
        ),
        ("h = torch.cat([h, x])", "torch.cat", "attribute access", "write `W @ [a, b]`"),
        ("h = tanh(W [h, x] + b)", "W [h, x]", "indexing", "`@` is missing: `W @ [h, x]`"),
        ("h = W[[h, x]]", "W[[h, x]]", "indexing", "`@` is missing: `W @ [h, x]`"),
        ("h = W[h] + x", "W[h]", "indexing", "`@` is missing: `W @ h`"),
        ("h = x^2 + h", "x^2 + h", "the operator `^` is not part", "a power is written `**`"),
        ("h = h^{t-1}", "h^{t-1}", "the operator `^`", "this is LaTeX"),
        ("h = tanh(W h_{t-1})", "_{", "`_{` is not part of the text form", "ost.Cell.from_latex"),
        ("h = \\tanh(h + x)", "\\tanh", "`\\tanh` is not part of the text", "ost.Cell.from_latex"),
        ("h = W' @ h + x", "'", "this is not an equation", "a prime is written `_prime`"),
        ("h = W'@h + U'@x", "'", "this is not an equation", "a transposed matrix"),
        ("h = tanh(h + x", "(", "this is not an equation", "write `)` where"),
        ("h = tanh(h + x))", ")", "this is not an equation", "remove the bracket, or open it"),
        ("h = W @ [h, x)", ")", "this is not an equation", "each bracket with its own kind"),
        ("h = tanh(W h + x)", "W", "(invalid syntax)", "`W @ h` or `W * h`"),
        ("h = foo(x)", "foo(x)", "unknown function `foo`", "the known functions are"),
        ("h = eval('x')", "eval('x')", "unknown function `eval`", "the known functions are"),
        ("h = __import__('os')", "__import__('os')", "unknown function", "the known functions are"),
        ("h = [i for i in x]", "[i for i in x]", "a comprehension", "the known functions"),
        ("h = W @ {i for i in x}", "{i for i in x}", "a comprehension", "the known functions"),
        ("h = tanh(i for i in x)", "(i for i in x)", "a comprehension", "the known functions"),
        ("h = 'text'", "'text'", "a string", "a name or a number"),
        ("h = f'{x}'", "f'{x}'", "a string", "the known functions"),
        ("h = b'x'", "b'x'", "a string", "a name or a number"),
        ("h = lambda: x", "lambda: x", "a lambda", "the known functions"),
        ("h = x if h else x", "x if h else x", "a conditional", "there are no conditions"),
        ("h = x < h", "x < h", "a comparison", "the known functions"),
        ("h = x and h", "x and h", "a logical operator", "the known functions"),
        ("h = (x := h)", "x := h", "an assignment inside an expression", "the known functions"),
        ("h = x[0] + h", "x[0]", "indexing", "the known functions"),
        ("h = tanh(*x)", "*x", "a starred expression", "the known functions"),
        ("h = {'a': x}", "{'a': x}", "a dictionary", "the known functions"),
        ("h = (x, h)", "(x, h)", "a tuple", "the known functions"),
        ("h = x // h", "x // h", "the operator `//`", "the known functions"),
        ("h = ~x + h", "~x", "the operator `~`", "the known functions"),
        ("try: pass", "try", "`try` is not part of the equation language", "each one assignment"),
        ("match x: h = x", "match", "`match` is not part", "each one assignment"),
        ("match x:\n case 1: pass", "match", "`match` is not part", "each one assignment"),
        ("while x:\nh = h + x", "while", "`while` is not part", "each one assignment"),
        ("if (x): h = h else: h = x", "if", "`if` is not part", "there are no conditions"),
        (
            "if x > 0:\n    h = x",
            "if",
            "`if` is not part",
            "`minimum`, `maximum`, `clip` or a gate",
        ),
        ("if x > 0: h = x", "if x > 0: h = x", "a conditional", "there are no conditions"),
        ("class A(x)", "class", "`class` is not part", "each one assignment"),
        ("with x: pass", "with x: pass", "`with` is not part", "each one assignment"),
        ("async def f(): pass", "async def f(): pass", "`async` is not part", "one assignment"),
        (
            "async for i in x: pass",
            "async for i in x: pass",
            "`async` is not part",
            "one assignment",
        ),
        ("pass", "pass", "`pass` is not part", "each one assignment"),
        ("import os", "import os", "an import", "a list of lines"),
        ("from os import path", "from os import path", "an import", "a list of lines"),
        ("def f(): pass", "def f(): pass", "a function definition", "a list of lines"),
        ("class A: pass", "class A: pass", "a class definition", "a list of lines"),
        ("for i in x: pass", "for i in x: pass", "a loop", "a list of lines"),
        ("while x: pass", "while x: pass", "a loop", "a list of lines"),
        ("del x", "del x", "`del`", "a list of lines"),
        ("h[0] += 1", "h[0] += 1", "augmented assignment", "`h[0] = h[0] …`"),
        ("h += x", "h += x", "augmented assignment", "`h = h …`"),
        ("h, c = x", "h, c = x", "the left side must be one name", "name = expression"),
        ("h = c = x", "h = c = x", "the left side must be one name", "name = expression"),
        ("h.a = x", "h.a = x", "the left side must be one name", "name = expression"),
        ("tanh(x)", "tanh(x)", "`tanh(x)` is not assigned to a name", "name = expression"),
        ("lambda = x", "=", "this is not an equation", "call it `lambda_`"),
        ("class: scalar", ":", "this is not an equation", "call it `class_`"),
        ("h = x +", "", "this is not an equation", "name = expression"),
        ("h = x + # for each", "#", "this is not an equation", "name = expression"),
        # Characters
        ("h = x\x00", "\x00", "control character", "remove it"),
        ("h = x + \x1b[1m h", "\x1b", "control character '\\x1b'", "remove it"),
        ("h = x + \ud800h", "\ud800", "control character '\\ud800'", "remove it"),
        ("h = x \u2212 h", "\u2212", "the character '\u2212' (U+2212, minus sign)", "write `-`"),
        ("h = x \u00d7 h", "\u00d7", "(U+00D7, multiplication sign)", "write `*`"),
        ("h = x\u00b7h", "\u00b7", "(U+00B7, middle dot)", "write `*`"),
        ("h = x \u2044 h", "\u2044", "(U+2044, fraction slash)", "write `/`"),
        ("h = x\u00b2 + h", "\u00b2", "(U+00B2, superscript two)", "write `** 2`"),
        ("h = x\u2081 + h", "\u2081", "(U+2081, subscript one)", "write `1`"),
        ("h = h \uff0b x", "\uff0b", "(U+FF0B, fullwidth plus sign)", "write `+`"),
        ("h = \uff12 * h + x", "\uff12", "(U+FF12, fullwidth digit two)", "write `2`"),
        ("h = \u201cx\u201d + h", "\u201c", "(U+201C, left double quotation", "without quotes"),
        ("h = x +\u200b h", "\u200b", "the character '\\u200b' (U+200B, zero width", "remove it"),
        ("h = x + h\ufeff", "\ufeff", "(U+FEFF, zero width no-break space)", "remove it"),
        ("h = x + \u2026", "\u2026", "(U+2026, horizontal ellipsis)", "remove it"),
    ],
)
def test_each_mistake_has_its_place_and_its_mend(line, at, message, mend):
    text = f"# a cell\n{line}"
    error = error_of(text)
    check(error, text, 2, at, message, mend)
    str(error).encode()


def test_names_that_no_stream_encodes_are_escaped():
    error = error_of("h = h + x", inputs=["a\ud800\x1b"])
    assert str(error).startswith("line 1: the input `a\\ud800\\x1b` is never used\n")


@pytest.mark.parametrize("text", [None, b"h = h + x", 3, ["h = h + x"]])
def test_what_is_no_text(text):
    error = error_of(text)
    assert error.message == f"the equations are of type {type(text).__name__}, expected a str"
    assert "`.decode()`" in str(error.mend)


def test_a_name_assigned_twice_shows_both_places():
    text = "h = tanh(W @ h + x)\nh = x"
    error = error_of(text)
    check(error, text, 1, "h = tanh(W @ h + x)", "`h` is assigned twice", "another name")
    assert error.also == Span(2, 0, 5)
    assert str(error).count("^") == len("h = tanh(W @ h + x)") + len("h = x")


def test_a_state_that_is_never_assigned():
    text = GRU.replace("h = (1", "h_new = (1")
    error = error_of(text)
    check(error, text, 1, "h", "`h` is neither an input nor assigned in the step", "`h = …`")


def test_an_input_that_is_never_used():
    text = "h = tanh(W @ h + b + u)"
    check(
        error_of(text), text, 1, text, "the input `x` is never used", "(free names here: `b`, `u`)"
    )
    assert "`v` is never used" in error_of("h = h + u", inputs=["u", "v"]).message


def test_no_state_is_a_hint():
    for make, text in ((Cell, "y = tanh(W @ x + b)"), (Cell.from_latex, r"y_t = \tanh(W x_t + b)")):
        with pytest.warns(EquationHint, match="no state: .* feed-forward") as caught:
            make(text)
        message = str(caught[0].message)
        assert message.startswith("line 1: ")
        assert f"    {text}\n    ^^^" in message
        assert "\nmend: " in message
        assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "name",
    "h_prev prev_h h_last last_h h_old h_previous h_tm1 h_t1 h_t_1 h_t hprev h_t-1".split(),
)
def test_the_value_before_is_written_by_the_plain_name(name):
    error = error_of(f"h = tanh(W @ {name} + U @ x)")
    assert error.mend == "write `h`: read before it is assigned, it is the value at t-1"
    assert ("`h_t-1` is a subtraction" in error.message) == (name == "h_t-1")
    for state in ("h_t", "h_new"):
        if not name.startswith("h_t"):
            assert f"write `{state}`" in str(error_of(f"{state} = W @ {name} + x").mend)
    hint = hints_of(f"h = tanh(W @ h + U @ x) * {name}")
    assert "is a parameter here, although `h` is assigned" in hint
    assert "write `h`: read before it is assigned" in hint


def test_a_time_that_is_a_subtraction_is_a_hint():
    hint = hints_of("h_t = tanh(W @ h_t-1 + U @ x)")
    assert hint.startswith("line 1: `h_t-1` is a subtraction: 1 is taken from `h_t`\n")
    assert "write `h_t`: read before it is assigned" in hint
    for quiet in ("h_t - 1", "h_t-1.5", "h_t-10", "h_t-b"):
        assert not hints_of(f"h_t = tanh(W @ h_t + U @ x) * ({quiet})")


@pytest.mark.parametrize(
    ("value", "typo"),
    [
        ("c", "C"),
        ("h", "hh"),
        ("h", "H"),
        ("c_x", "C_x"),
        ("h_new", "h_neww"),
        ("gate", "gatte"),
        ("gate", "gat"),
        ("gate", "gaet"),
        ("forget_gate", "forget_gste"),
        ("x", "X"),
    ],
)
def test_a_parameter_that_is_nearly_a_value_is_a_hint(value, typo):
    text = f"{value} = a * {typo} + b + W @ {value} + U @ x"
    if value == "x":
        text = f"h = tanh(W @ h + U @ x) * {typo}"
    hint = hints_of(text)
    assert f"`{typo}` is a parameter here, although `{value}` is " in hint
    assert f"write `{value}`; if a parameter is meant, say so in a line `{typo}: vector`" in hint
    assert not hints_of(f"{text}\n{typo}: vector")


@pytest.mark.parametrize(
    ("value", "parameter"),
    [
        ("b_r", "b_z"),
        ("w_i", "w_f"),
        ("gate_i", "gate_f"),
        ("gate_in", "gate_on"),
        ("gate_i", "b_gate"),
        ("gate1", "gate2"),
        ("zeta", "beta"),
        ("beta", "eta"),
        ("c", "b"),
        ("h", "hold"),
        ("h", "h2"),
        ("m", "b_m"),
        ("thresh", "threshold"),
    ],
)
def test_parameters_with_names_of_their_own_are_no_hint(value, parameter):
    assert not hints_of(f"{value} = tanh(W @ {value} + U @ x) * {parameter}")


def test_matrices_and_initial_values_are_no_typos():
    assert not hints_of("h[0] = H0\nh = tanh(H @ h + X @ x + b)")
    assert not hints_of("h[0] = H\nh = tanh(W @ h + U @ x + b)")


def test_a_delay_shows_the_line():
    text = "h = tanh(W @ h + V @ g)\ng = sigmoid(U @ x)"
    error = error_of(text, output="h")
    check(error, text, 2, "g = sigmoid(U @ x)", "one step late", "move this line up")


def test_sizes_that_cannot_agree_name_both_sizes_and_the_place():
    cell = Cell("z = sigmoid(W @ h)\nh = z * h + x")
    with pytest.raises(EquationError) as caught:
        cell.sizes(3, 5)
    error = caught.value
    assert "has size 5 (hidden_size)" in error.message
    assert "`x` has size 3 (input_size)" in error.message
    assert error.span == Span(2, 4, 13)
    assert error.mend == "give both the same size, or put a matrix between them: `W @ x`"


def test_sizes_are_shown_by_the_names_that_they_belong_to():
    for text, options in (
        ("h = tanh(W @ h) + x + u", {"inputs": ["x", "u"]}),
        ("z = sigmoid(W @ h) * x\nh = z * h", {}),
        ("p = W @ h + x\ny = p + x\nh = p * y", {"states": ["h"], "output": "y"}),
    ):
        with pytest.raises(EquationError) as caught:
            Cell(text, **options).sizes(3, 5)
        message = caught.value.message
        assert message.startswith("`x` has size 3 (input_size) and `h` has size 5 (hidden_size)")
    cell = Cell("u = W @ [h, x]\nh = tanh(u)\ny = V @ h + u_x * x")
    with pytest.raises(
        EquationError, match=r"`x` has size 3 .* and `y` has size 4 \(output_size\)"
    ):
        cell.sizes(3, 5, 4)


def test_every_line_that_joins_two_sizes_is_named():
    cell = Cell("p = x * 2\nq = p + b\nh = tanh(W @ h) + q")
    with pytest.raises(EquationError) as caught:
        cell.sizes(3, 5)
    error = caught.value
    reasons = [f"line {line} joins `" for line in (1, 2, 3)]
    assert all(reason in error.message for reason in reasons)
    assert error.span
    assert error.also
    assert (error.span.line, error.also.line) == (1, 3)


def test_a_matrix_that_is_joined_as_a_vector():
    cell = Cell("h = tanh(W * h + U * x + b)")
    with pytest.raises(EquationError) as caught:
        cell.sizes(3, 5)
    assert "`W` is a vector, since `*` joins it" in caught.value.message
    assert "a matrix is written `U @ x`, `W @ h`" in str(caught.value.mend)
    with pytest.raises(EquationError) as caught:
        Cell("h = tanh(w * h + x)").sizes(3, 5)
    assert "is a vector" not in caught.value.message


def test_one_name_given_two_sizes():
    cell = Cell("h = tanh(W @ h + U @ x)")
    with pytest.raises(EquationError) as caught:
        cell.sizes(3, 5, sizes={"h": 4})
    assert caught.value.message == "`h` is given size 5 (hidden_size) and size 4 (h)"
    assert caught.value.mend == "give one of the two"


def test_sizes_that_cannot_agree_show_both_places():
    cell = Cell("p = x * 2\nh = tanh(W @ h) + p")
    with pytest.raises(EquationError) as caught:
        cell.sizes(3, sizes={"h": 5})
    error = caught.value
    assert "`x` has size 3 (input_size) and `h` has size 5 (h)" in error.message
    assert error.span == Span(1, 0, 9)
    assert error.also
    assert error.also.line == 2


def test_sizes_given_twice_for_one_class():
    cell = Cell("h = tanh(W @ h + U @ x)\nc = c + h")
    with pytest.raises(EquationError, match=r"`h` has size 5 .* and `c` has size 4") as caught:
        cell.sizes(3, sizes={"h": 5, "c": 4})
    assert caught.value.span
    assert caught.value.span.line == 2


def test_sizes_that_are_unknown_or_missing():
    cell = Cell("h = tanh(W @ h + U @ x)")
    with pytest.raises(OptionError, match="mend: pass hidden_size=n"):
        cell.sizes(3)
    with pytest.raises(OptionError, match="no value called 'g'"):
        cell.sizes(3, 5, sizes={"g": 4})
    for size in (0, -1, True, 2.0):
        with pytest.raises(OptionError, match="must be a positive integer"):
            cell.sizes(3, size)
    with pytest.raises(OptionError, match="leave output_size out"):
        cell.sizes(3, 5, 7)


def test_nothing_is_an_error():
    for text in ("", "\n\n", "# only words", "h: state"):
        assert error_of(text).message == "no equations were found"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h = h + x\n" * 10_000, "10,001 lines, at most 500"),
        ("h = h + x # " + "x" * 60_000, "characters long"),
        ("h=1\n" * 10_000, "10,001 lines, at most 500"),
        ("h = x + " + "h + " * 1_000 + "h", "4,009 characters"),
        ("h = x + " + "(" * 1_000 + "h" + ")" * 1_000, "nested more than 50 levels deep"),
        ("h = x + " + "-" * 1_000 + "h", "nested more than 100 levels deep"),
        ("h = x + " + "+" * 1_000 + "h", "nested more than 100 levels deep"),
        ("h = x + " + "~" * 1_000 + "h", "the operator `~`"),
        ("h = x + " + "h**" * 1_000 + "h", "nested more than 100 levels deep"),
        ("h = x + " + "tanh(" * 700 + "h" + ")" * 700, "characters"),
        ("h = x + " + "abs(" * 700 + "h" + ")" * 700, "nested more than 50 levels deep"),
        ("h = x + " + "h+" * 1_000 + "h", "nested more than 100 levels deep"),
        ("h = x + " + "W@" * 1_000 + "h", "nested more than 100 levels deep"),
        ("h = x + W @ " + "-" * 1_000 + "h", "nested more than 100 levels deep"),
        ("h = x + " + "-" * 1_000 + "W @ h", "nested more than 100 levels deep"),
        ("h = W @ " + "[" * 1_000 + "h, x" + "]" * 1_000, "nested more than 50 levels deep"),
        ("h = x + h" + ".a" * 1_000, "attribute access"),
        ("h = x + h" + "[0]" * 1_000, "indexing"),
        ("h = " + "x if h else " * 300 + "x", "a conditional"),
        ("h = " + "lambda:" * 500 + "x", ""),
        ("h = " + "not " * 900 + "x", ""),
        ("if x:\n" + "if x:\n" * 99, ""),
    ],
)
def test_absurd_sizes_are_refused(text, message):
    error = error_of(text)
    assert message in error.message
    assert len(str(error)) < 1_000


def test_long_lines_are_cut_around_the_place():
    error = error_of("h = " + "h + " * 60 + "foo(x) + " + "h + " * 20 + "h")
    shown, caret = str(error).split("\n")[1:3]
    assert len(shown) <= 104
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "foo(x)"


def test_reading_warns_of_nothing_but_hints():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Cell(GRU)
        with pytest.raises(EquationError):
            Cell("h = 1is x + h")
