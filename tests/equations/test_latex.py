"""LaTeX as slides and papers print it: every convention, and every clear refusal."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.equations.strategies import latex_soups, near_latex

from ostinato.core.errors import EquationError, EquationHint, OptionError, Span
from ostinato.equations.cell import Cell
from ostinato.equations.latex import read_latex
from ostinato.equations.printing import to_text


def text_of(latex: str | list[str], **options: object) -> str:
    """Read LaTeX and print it as text, lines joined by `; `."""
    return to_text(read_latex(latex, **options)).replace("\n", "; ")


def error_of(latex: str | list[str], **options: object) -> EquationError:
    with pytest.raises(EquationError) as caught:
        Cell.from_latex(latex, **options)
    return caught.value


def marked(error: EquationError, latex: str) -> str:
    """What the caret points at."""
    assert error.span
    line = latex.split("\n")[error.span.line - 1]
    return line[error.span.column : error.span.end_column]


# The slides

SLIDES = [
    (
        [r"h_t = f(Ux_t + Wh_{t-1})", r"y_t = f(Vh_t)"],
        {"functions": {"f": "tanh"}},
        Cell("h = tanh(U @ x + W @ h)\ny = tanh(V @ h)"),
    ),
    (
        [r"h_t = \tanh(W_h h_{t-1} + W_x x_t)", r"y_t = W_{hy} h_t"],
        {},
        Cell("h = tanh(W_h @ h + W_x @ x)\ny = W_hy @ h"),
    ),
    (
        [r"H_t = \tanh(WH_{t-1} + UX_t)", r"y_t = VH_t + c"],
        {},
        Cell("H = tanh(W @ H + U @ X)\ny = V @ H + c", inputs=["X"]),
    ),
    (
        [
            r"f_t = \sigma (W_f \cdot [h_{t-1}, x_t] + b_f)",
            r"i_t = \sigma (W_i \cdot [h_{t-1}, x_t] + b_i)",
            r"\tilde{C}_t = \tanh(W_C \cdot [h_{t-1}, x_t] + b_C)",
            r"C_t = f_t * C_{t-1} + i_t * \tilde{C}_t",
            r"o_t = \sigma(W_o [h_{t-1}, x_t] + b_o)",
            r"h_t = o_t * \tanh(C_t)",
        ],
        {},
        Cell("""
            f = sigmoid(W_f @ [h, x] + b_f)
            i = sigmoid(W_i @ [h, x] + b_i)
            C_tilde = tanh(W_C @ [h, x] + b_C)
            C = f * C + i * C_tilde
            o = sigmoid(W_o @ [h, x] + b_o)
            h = o * tanh(C)
        """),
    ),
]


@pytest.mark.parametrize(("lines", "options", "expected"), SLIDES)
@pytest.mark.parametrize(
    "layout",
    [
        list,
        "\n".join,
        r" \\ ".join,
        lambda lines: "$$" + r"\\[4pt] ".join(lines) + "$$",
        lambda lines: r"\begin{align*}" + "\\\\\n".join(lines).replace("=", "&=") + r"\end{align*}",
        lambda lines: "$" + "$,\n$".join(lines) + "$.",
    ],
)
def test_slides_read_as_printed(lines, options, expected, layout):
    cell = Cell.from_latex(layout(lines), **options)
    assert cell == expected
    assert cell.states == expected.states
    assert cell.output == expected.output


def test_the_lstm_of_the_slides_keeps_its_names_apart():
    cell = Cell.from_latex(SLIDES[3][0])
    assert cell.states == ("h", "C")
    assert [p.name for p in cell.parameters if p.kind == "matrix"] == ["W_f", "W_i", "W_C", "W_o"]


WIKIPEDIA = [
    (
        (
            r"{\displaystyle {\begin{aligned}z_{t}&=\sigma _{g}(W_{z}x_{t}+U_{z}h_{t-1}+b_{z})\\"
            r"r_{t}&=\sigma _{g}(W_{r}x_{t}+U_{r}h_{t-1}+b_{r})\\"
            r"{\hat {h}}_{t}&=\phi _{h}(W_{h}x_{t}+U_{h}(r_{t}\odot h_{t-1})+b_{h})\\"
            r"h_{t}&=(1-z_{t})\odot h_{t-1}+z_{t}\odot {\hat {h}}_{t}\end{aligned}}}"
        ),
        {"sigma_g": "sigmoid", "phi_h": "tanh"},
        """
            z = sigmoid(W_z @ x + U_z @ h + b_z)
            r = sigmoid(W_r @ x + U_r @ h + b_r)
            h_hat = tanh(W_h @ x + U_h @ (r * h) + b_h)
            h = (1 - z) * h + z * h_hat
        """,
    ),
    (
        (
            r"{\displaystyle {\begin{aligned}f_{t}&=\sigma _{g}(W_{f}x_{t}+U_{f}h_{t-1}+b_{f})\\"
            r"i_{t}&=\sigma _{g}(W_{i}x_{t}+U_{i}h_{t-1}+b_{i})\\"
            r"o_{t}&=\sigma _{g}(W_{o}x_{t}+U_{o}h_{t-1}+b_{o})\\"
            r"{\tilde {c}}_{t}&=\sigma _{c}(W_{c}x_{t}+U_{c}h_{t-1}+b_{c})\\"
            r"c_{t}&=f_{t}\odot c_{t-1}+i_{t}\odot {\tilde {c}}_{t}\\"
            r"h_{t}&=o_{t}\odot \sigma _{h}(c_{t})\end{aligned}}}"
        ),
        {r"\sigma_g": "sigmoid", r"\sigma_{c}": "tanh", "sigma_h": "tanh"},
        """
            f = sigmoid(W_f @ x + U_f @ h + b_f)
            i = sigmoid(W_i @ x + U_i @ h + b_i)
            o = sigmoid(W_o @ x + U_o @ h + b_o)
            c_tilde = tanh(W_c @ x + U_c @ h + b_c)
            c = f * c + i * c_tilde
            h = o * tanh(c)
        """,
    ),
]


@pytest.mark.parametrize(("latex", "functions", "expected"), WIKIPEDIA)
def test_an_encyclopedia_wraps_its_equations_in_braces(latex, functions, expected):
    assert Cell.from_latex(latex, functions=functions) == Cell(expected)
    error = error_of(latex)
    assert all(name.strip("\\{}").replace("{", "") in str(error.mend) for name in functions)


@pytest.mark.parametrize(
    "latex",
    [
        r"{\displaystyle h_t = \tanh(W h_{t-1} + U x_t)}",
        r"{{\textstyle h_t = {\tanh(W h_{t-1} + {U x_t})}}}",
        r"h_t = \mathop{\tanh}(W h_{t-1} \mathbin{+} \mathstrut U x_t)",
    ],
)
def test_braces_around_equations_and_classes_of_symbols_are_dress(latex):
    assert text_of(latex) == "h = tanh(W @ h + U @ x)"


# Order


def test_subscripts_decide_the_order():
    assert text_of(r"y_t = V h_t \\ h_t = \tanh(W z_t + h_{t-1}) \\ z_t = U x_t") == (
        "z = U @ x; h = tanh(W @ z + h); y = V @ h"
    )


def test_a_line_that_overwrites_waits_for_the_readers_of_the_old_value():
    assert text_of(r"c_t = c_{t-1} + x_t \\ g_t = \tanh(c_{t-1}) \\ h_t = c_t + g_t") == (
        "g = tanh(c); c = c + x; h = c + g"
    )


def test_a_copy_is_made_where_waiting_cannot_help():
    syntax = read_latex(r"a_t = b_{t-1} + x_t \\ b_t = a_{t-1} + x_t \\ y_t = a_t + b_t")
    assert to_text(syntax) == "a_old = a\na = b + x\nb = a_old + x\ny = a + b"
    assert syntax.notes == ("`a_old` keeps `a` at t-1, which later lines read",)
    assert Cell.from_syntax(syntax) == Cell("old = a; a = b + x; b = old + x; y = a + b")


def test_a_copy_takes_a_free_name():
    latex = r"a_t = b_{t-1} + a_{old} \\ b_t = a_{t-1} + x_t \\ y_t = a_t + b_t"
    assert text_of(latex).startswith("a_old_ = a; a = b + a_old;")


def test_a_circle_names_its_members():
    latex = r"h_t = h_{t-1} + a_t \\ a_t = W b_t + x_t \\ b_t = V a_t"
    error = error_of(latex)
    assert "circle: `a` at t needs `b` at t needs `a` at t" in error.message
    assert marked(error, latex) == "a_t = W b_t + x_t"
    assert error.also
    assert "`a_{t-1}`" in str(error.mend)


def test_a_value_that_needs_itself_is_a_circle():
    assert "`h` at t needs `h` at t" in error_of("h_t = W h_t + U x_t").message


def test_a_delay_that_is_written_is_meant():
    cell = Cell.from_latex(r"h_t = \tanh(W h_{t-1} + V p_{t-1}) \\ p_t = U x_t")
    assert cell.states == ("p", "h")
    cell = Cell.from_latex(r"h_t = \tanh(W h_{t-1} + V p_{t-1}) \\ p_t = U x_t", output="h")
    assert (cell.states, cell.output) == (("h", "p"), "h")


# Kinds and times


@pytest.mark.parametrize(
    ("old", "now", "stream"),
    [
        ("h_{t-1}", "h_t", "x_t"),
        ("h_{(t-1)}", "h_{(t)}", "x_{(t)}"),
        ("h^{(t-1)}", "h^{(t)}", "x^{(t)}"),
        ("h^{t-1}", "h^t", "x^t"),
        (r"h^{\langle t-1\rangle}", r"h^{\langle t\rangle}", r"x^{\langle t\rangle}"),
        ("h^{<t-1>}", "h^{<t>}", "x^{<t>}"),
        ("h(t-1)", "h(t)", "x(t)"),
        ("h[t-1]", "h[t]", "x[t]"),
        (r"\mathbf{h}_{t-1}", r"\boldsymbol{h}_t", r"\mathbf x_{t}"),
        (r"\vec{h}_{t - 1}", r"\vec h_{t}", r"{x}_t"),
    ],
)
def test_forms_of_time(old, now, stream):
    assert text_of(rf"{now} = \tanh(W {old} + U {stream})") == "h = tanh(W @ h + U @ x)"


def test_the_last_comma_piece_is_the_time():
    latex = (
        r"h_{1,t} = \tanh(W_1 h_{1,t-1} + U x_t) \\ h_{2,t} = \tanh(W_{2,3} h_{2,t-1} + V h_{1,t})"
    )
    assert text_of(latex) == "h_1 = tanh(W_1 @ h_1 + U @ x); h_2 = tanh(W_2_3 @ h_2 + V @ h_1)"


def test_names_and_times_on_both_sides():
    assert text_of(r"h^{(1)}_t = W^{(1)} h^{(1)}_{t-1} + x_t") == "h_1 = W_1 @ h_1 + x"


def test_superscript_letters_belong_to_the_name_and_a_note_says_so():
    syntax = read_latex("h_t = W^{f} h_{t-1} + x_t")
    assert to_text(syntax) == "h = W_f @ h + x"
    assert "`W_f` is a name" in syntax.notes[0]


def test_inputs_are_the_timed_names_that_nothing_assigns():
    cell = Cell.from_latex(r"h_t = \tanh(W h_{t-1} + U u_t + V v_t)")
    assert cell.inputs == ("u", "v")


@pytest.mark.parametrize(
    ("latex", "at", "message"),
    [
        (r"h_t = \tanh(W h + U x_t)", "h", "`h` is assigned in the step, and has no time here"),
        (r"h_t = h_{t-1} + U x + V x_t", "x", "`x` is an input, and has no time here"),
        (r"h_t = W h_{t+1} + x_t", "h_{t+1}", "a value at `t+1` lies in the future"),
        (r"h_{t+1} = W h_t + x_t", "h_{t+1}", "a value at `t+1` lies in the future"),
        (r"h_t = W h_{t-2} + x_t", "h_{t-2}", "a value at `t-2` is not kept"),
        (r"h_t = W h(t-2) + x_t", "h(t-2)", "a value at `t-2` is not kept"),
        (r"h_t = h_{t-1} + U x_{t-1}", "x_{t-1}", "`x` is an input (it is never assigned)"),
        (r"h_t = h_{t-1} + c_{t-1} + x_t", "c_{t-1}", "`c` is read at t-1 but never assigned"),
        (r"h = \tanh(W h_{t-1} + U x_t)", "h", "`h` on the left has no time"),
        (r"h_{t-1} = x_t", "h_{t-1}", "`h` at t-1 stands on the left"),
        (r"h_t = h_{t,i} + x_t", "h_{t,i}", "the time is not the last part of the index"),
        (r"h^{(t)}_t = x_t", "h^{(t)}_t", "the symbol has two times"),
        (r"h_t = h_{t-1} + t x_t", "t", "the time `t` stands in the equation as a value"),
    ],
)
def test_wrong_times(latex, at, message):
    error = error_of(latex)
    assert message in error.message
    assert marked(error, latex) == at
    assert error.mend


# Matrices and products


def test_upper_case_is_a_matrix_unless_it_multiplies_nothing():
    cell = Cell.from_latex(r"h_t = \tanh(W h_{t-1} + U x_t + B) \odot P")
    assert {p.name: p.kind for p in cell.parameters} == {
        "W": "matrix",
        "U": "matrix",
        "B": "vector",
        "P": "vector",
    }


def test_matrices_and_vectors_override_the_case():
    assert text_of("h_t = w h_{t-1} + U x_t") == "h = w * h + U @ x"
    assert "w @ h" in text_of("h_t = w h_{t-1} + U x_t", matrices=["w"])
    assert "D * h" in text_of("h_t = D h_{t-1} + U x_t", vectors=["D"])
    assert "w_r @ h" in text_of(r"h_t = w_{r} h_{t-1} + U x_t", matrices=[r"w_{r}"])


def test_scalars():
    cell = Cell.from_latex(r"h_t = (1-\alpha) h_{t-1} + \alpha W x_t", scalars=[r"\alpha"])
    assert [(p.name, p.kind) for p in cell.parameters if p.kind == "scalar"] == [
        ("alpha", "scalar")
    ]


def test_case_and_accent_make_three_names():
    latex = r"C_t = C_{t-1} + \tilde C_t \\ \tilde{C}_t = c_t \\ c_t = c_{t-1} + x_t \\ y_t = C_t"
    assert text_of(latex) == "c = c + x; C_tilde = c; C = C + C_tilde; y = C"


@pytest.mark.parametrize(
    ("right", "text"),
    [
        (r"W h_{t-1} \odot z_t", "(W @ h) * z"),
        (r"z_t \circ W h_{t-1}", "z * (W @ h)"),
        (r"z_t \otimes h_{t-1} * z_t", "z * h * z"),
        (r"z_t \cdot h_{t-1} \odot x_t", "z * h * x"),
        (r"z_t \odot 2 \cdot h_{t-1}", "z * (2 * h)"),
        (r"z_t h_{t-1}", "z * h"),
        (r"\alpha W h_{t-1}", "alpha * (W @ h)"),
        (r"W h_{t-1} z_t", "(W @ h) * z"),
        (r"A B h_{t-1}", "A @ B @ h"),
        (r"W(z_t \odot h_{t-1})", "W @ (z * h)"),
        (r"-W h_{t-1} \odot z_t", "-((W @ h) * z)"),
        (r"(-z_t) \odot h_{t-1}", "-z * h"),
        (r"z_t \odot -h_{t-1}", "z * (-h)"),
        (r"h_{t-1} - z_t - 1", "h - z - 1"),
        (r"h_{t-1} / z_t", "h / z"),
        (r"1.5 \times 10^{-3} h_{t-1}", "0.0015 * h"),
        (r"\frac{h_{t-1}}{1 + z_t}", "h / (1 + z)"),
        (r"\sqrt{h_{t-1}}", "sqrt(h)"),
        (r"h_{t-1}^2 + z_t^{-1}", "h ** 2 + z ** -1"),
        (r"{a}^{h_{t-1}}", "a ** h"),
        (r"(1 - z_t)^{2} h_{t-1}", "(1 - z) ** 2 * h"),
        (r"e^{-h_{t-1}}", "exp(-h)"),
        (r"|h_{t-1}| z_t", "abs(h) * z"),
        (r"\left| h_{t-1} - |z_t| \right|", "abs(h - abs(z))"),
        (r"\lvert h_{t-1} \rvert", "abs(h)"),
        (r"1 - h_{t-1}", "1 - h"),
        (r"[1 - z_t] h_{t-1}", "(1 - z) * h"),
        (r"\{h_{t-1} + z_t\}", "h + z"),
    ],
)
def test_products_and_forms(right, text):
    assert text_of(rf"z_t = U x_t \\ h_t = {right}") == f"z = U @ x; h = {text}"


@pytest.mark.parametrize(
    ("right", "text"),
    [
        (r"\tanh(W h_{t-1}) + b", "tanh(W @ h) + b"),
        (r"\tanh W h_{t-1} + b", "tanh(W @ h) + b"),
        (r"\tanh W h_{t-1} \odot b", "tanh(W @ h) * b"),
        (r"\tanh(x_t) h_{t-1}", "tanh(x) * h"),
        (r"\log \sigma(h_{t-1})", "log(sigmoid(h))"),
        (r"\sigma(h_{t-1})", "sigmoid(h)"),
        (r"σ(h_{t−1})", "sigmoid(h)"),
        (r"\operatorname{softplus}(h_{t-1})", "softplus(h)"),
        (r"\mathrm{ReLU}(h_{t-1})", "relu(h)"),
        (r"\text{tanh}\left(h_{t-1}\right)", "tanh(h)"),
        (r"tanh(h_{t-1})", "tanh(h)"),
        (r"\exp\big[h_{t-1}\big]", "exp(h)"),
        (r"\ln{h_{t-1}}", "log(h)"),
        (r"\max(h_{t-1}, 0)", "maximum(h, 0)"),
        (r"\min\{h_{t-1}, 1\}", "minimum(h, 1)"),
        (r"\operatorname{clip}(h_{t-1}, -1, 1)", "clip(h, -1, 1)"),
        (r"\mathrm{LayerNorm}(h_{t-1})", "layer_norm(h)"),
        (r"\mathrm{identity}(h_{t-1})", "h"),
        (r"\tanh(h_{t-1})^2", "tanh(h) ** 2"),
    ],
)
def test_functions(right, text):
    assert text_of(rf"h_t = {right} + x_t") == f"h = {text} + x"


def test_given_functions():
    latex = r"h_t = f(W h_{t-1} + U x_t) + \phi(x_t) + \sigma_g(x_t) + g x_t"
    functions = {"f": "tanh", r"\phi": r"\tanh", "sigma_g": "σ", "g": "identity"}
    assert text_of(latex, functions=functions) == (
        "h = tanh(W @ h + U @ x) + tanh(x) + sigmoid(x) + x"
    )
    assert text_of(r"h_t = \sigma(h_{t-1} + x_t)", functions={"sigma": "relu"}) == "h = relu(h + x)"


@pytest.mark.parametrize("symbol", ["f", r"\phi", r"\sigma_g", "g", r"\sigma_{h}", r"\mathrm{act}"])
def test_an_unknown_function_says_exactly_what_it_needs(symbol):
    latex = rf"h_t = {symbol}(W h_{{t-1}} + U x_t)"
    error = error_of(latex)
    assert (
        error.message == f"`{symbol}` stands where a function stands, and its meaning is not known"
    )
    assert marked(error, latex) == symbol
    name = symbol.replace(r"\mathrm", "").strip("\\{}").replace("{", "").replace("}", "")
    function = "sigmoid" if name == "sigma_g" else "tanh"
    assert f'functions={{"{name}": "{function}"}}' in str(error.mend)


def test_phi_before_a_factor_is_a_function_too():
    assert "`\\phi` stands where a function" in error_of(r"h_t = \phi W h_{t-1} + x_t").message


def test_a_symbol_that_is_a_value_elsewhere_is_no_function():
    assert text_of(r"h_t = a(W h_{t-1}) + (1 - a) x_t") == "h = a * (W @ h) + (1 - a) * x"
    assert text_of(r"h_t = a(h_{t-1} + x_t)", vectors=["a"]).endswith("h = a * (h + x)")


def test_softmax_belongs_behind_the_cell():
    for softmax in (r"\mathrm{softmax}", "softmax", r"\operatorname{softmax}"):
        error = error_of(rf"h_t = \tanh(h_{{t-1}} + x_t) \\ y_t = {softmax}(V h_t)")
        assert error.message == "a softmax is not part of a cell"
        assert "the loss behind the cell" in str(error.mend)


def test_the_row_convention_is_transposed_and_noted():
    syntax = read_latex(r"h_t = \tanh(h_{t-1} W + \alpha x_t U + b)")
    assert to_text(syntax) == "h = tanh(W @ h + (U @ x) * alpha + b)"
    assert "row convention" in syntax.notes[0]
    assert text_of(r"H_t = \tanh([H_{t-1}, X_t] W)") == "X: input; H = tanh(W @ [H, X])"
    assert text_of(r"h_t = h_{t-1} A B + x_t") == "h = B @ A @ h + x"


def test_mixed_conventions_are_an_error_that_shows_both():
    latex = "h_t = \\tanh(h_{t-1} W\n + U x_t)"
    error = error_of(latex)
    assert error.message == "`U` stands left of its vector and `W` right of its own"
    assert marked(error, latex) == "U"
    assert error.also
    assert (error.also.line, error.also.column) == (1, 20)


@pytest.mark.parametrize(
    ("latex", "at", "message"),
    [
        ("h_t = W + W h_{t-1} + x_t", "W", "`W` stands alone here, and multiplies"),
        ("h_t = (U + V) h_{t-1} + x_t", "U + V", "a sum of matrices multiplies a vector"),
        ("h_t = W V + h_{t-1} + x_t", "V", "the matrix `V` multiplies no vector"),
        ("h_t = W [h_{t-1} x_t]", "[h_{t-1} x_t]", "vectors stand side by side in square"),
        ("h_t = [h_{t-1}, x_t] + 1", "[h_{t-1}, x_t]", "a concatenation stands outside a product"),
        ("h_t = a [h_{t-1}, x_t]", "a", "`a` stands where a function stands"),
        (r"h_t = W^\top h_{t-1} + x_t", r"W^\top", "a transposed matrix"),
        (r"h_t = W^{T} h_{t-1} + x_t", "W^{T}", "a transposed matrix"),
        (r"h_t = \tanh + h_{t-1}", r"\tanh", "the function `tanh` has no argument"),
        (r"h_t = \tanh(h_{t-1}, x_t)", r"\tanh(h_{t-1}, x_t)", "`tanh` takes 1 argument and was"),
        (r"h_t = \sqrt[3]{h_{t-1}} + x_t", r"\sqrt", "only the square root is known"),
        (r"m_t = m_{t-1} + x_t - \infty", r"\infty", "infinity may stand in an initial value only"),
        ("h_t = h_{t-1} + x_t^2^2", "^", "two powers of one base"),
        ("h_t = h_{t-1} + --x_t", "-", "two signs stand side by side"),
        ("h_t = (h_{t-1} + x_t]", "]", "`(` on line 1 is not closed: expected `)`, found `]`"),
        ("h_t = h_{t-1} + x_t)", ")", "`)` closes nothing"),
        (r"h_t = h_{t-1} + \foo x_t", r"\foo", r"`\foo` has no meaning here"),
        ("h_t = h_{t-1} ? x_t", "?", "the character '?' has no meaning here"),
        ("h_t = h_{t-1} + W_{} x_t", "x", "an index is empty"),
        (r"h_t = h_{t-1} + x_t \cdot", "", "the equation ends in mid-air"),
        (r"h_t = |h_{t-1} + x_t", "", "`|` on line 1 is not closed"),
        (
            r"h_t = \begin{cases} x_t \end{cases}",
            r"\begin{cases}",
            "the environment `cases` has no meaning here",
        ),
    ],
)
def test_wrong_expressions(latex, at, message):
    error = error_of(latex)
    assert message in error.message
    assert marked(error, latex) == at
    assert error.mend


def test_constants_are_finite():
    latex = r"h_t = h_{t-1} + \frac{1}{0} x_t"
    error = error_of(latex)
    assert error.message.startswith("this constant evaluates to inf")
    assert marked(error, latex) == r"\frac{1}{0}"


def test_gate_stacks_are_refused_clearly():
    latex = (
        r"\begin{pmatrix} i_t \\ f_t \\ o_t \\ g_t \end{pmatrix} = "
        r"\begin{pmatrix} \sigma \\ \sigma \\ \sigma \\ \tanh \end{pmatrix} W [h_{t-1}, x_t]"
    )
    error = error_of(latex)
    assert error.message == "a stack of gates stands on the left"
    assert marked(error, latex).startswith(r"\begin{pmatrix} i_t")
    assert "one equation for each gate" in str(error.mend)


# Concatenation


@pytest.mark.parametrize(
    "brackets",
    [
        "[h_{t-1}, x_t]",
        "[h_{t-1}; x_t]",
        r"\left[h_{t-1},\, x_t\right]",
        "(h_{t-1}, x_t)",
        r"\begin{bmatrix} h_{t-1} \\ x_t \end{bmatrix}",
        "\\begin{pmatrix}\n h_{t-1} \\\\\n x_t\n\\end{pmatrix}",
        r"\begin{bmatrix} h_{t-1} & x_t \end{bmatrix}",
    ],
)
def test_concatenations(brackets):
    assert text_of(rf"h_t = \tanh(W \cdot {brackets} + b)") == "h = tanh(W @ [h, x] + b)"


def test_a_concatenation_may_have_a_name():
    assert text_of(r"v_t = [h_{t-1}, x_t] \\ h_t = W v_t") == "v = [h, x]; h = W @ v"


# Dress


@pytest.mark.parametrize(
    "latex",
    [
        r"h_t = \tanh\left( W h_{t-1} + \bigl(U x_t\bigr) \right).",
        r"\[ h_t = \tanh\!\big( W\,h_{t-1} + U\;x_t \big), \]",
        r"\begin{equation} h_t = \tanh(W h_{t-1} + U x_t) \label{eq:h} \tag{1} \end{equation}",
        "\\begin{align}\n h_t &= \\tanh(W h_{t-1} \\\\\n &\\quad + U x_t) \\notag\n\\end{align}",
        "\\begin{gathered}[t] h_t = \\tanh(W h_{t-1} + U x_t) \\\\[2pt] \\end{gathered}",
        r"\mathbf{h}_t = \tanh(\mathbf{W} \mathbf{h}_{t-1} + \boldsymbol{U} \mathbf{x}_t)",
        r"\textrm{h}_t = \tanh(\mathit{W} h_{t-1} + \textcolor{red}{U} x_t) % a comment = here",
        r"h_t := \displaystyle \tanh(W h_{t-1} + U~x_t)",
        r"h_t \leftarrow \tanh(W h_{t-1} + {U} x_t)",
        "h_t =\n \\tanh(W h_{t-1}\n + U x_t)",
    ],
)
def test_dress_is_stripped(latex):
    assert Cell.from_latex(latex) == Cell("h = tanh(W @ h + U @ x)")


NUMBERED = r"h_t = \tanh(W h_{t-1} + U x_t)"


@pytest.mark.parametrize(
    "number",
    [
        r" \qquad (2)",
        r"\quad(2.1)",
        r" \hspace{2em} (2a)",
        r"\hspace*{1cm}( 2.1a ).",
        "~(2)",
        r"\ (2)",
        r"\;\;(2)",
        r"\, \thickspace (2)",
        "   (2)",
        "\t(2)",
        "\u2003(2)",
        r", \qquad (2)",
        ", (2)",
        r" & (2) \\",
        r" \qquad (2) % the number = 2",
        "\n(2)",
        r" \\ \quad (2)",
    ],
)
def test_a_number_in_brackets_set_apart_is_that_of_the_equation(number):
    syntax = read_latex(NUMBERED + number)
    assert to_text(syntax) == "h = tanh(W @ h + U @ x)"
    (note,) = syntax.notes
    assert re.fullmatch(r"`\([ \d.a]+\)` behind `h` is the number of the equation, .*", note)


@pytest.mark.parametrize("latex", [f"${NUMBERED}$ (2)", rf"\[ {NUMBERED} \qquad (2) \]"])
def test_the_number_may_stand_outside_the_mathematics(latex):
    assert text_of(latex) == "h = tanh(W @ h + U @ x)"


def test_every_equation_may_have_its_number():
    latex = r"z_t = \sigma(U x_t) \quad (1) \qquad h_t = z_t h_{t-1} \quad (2)"
    assert text_of(latex) == "z = sigmoid(U @ x); h = z * h"
    latex = "z_t = U x_t \\qquad (1)\n + b \\\\ h_t = h_{t-1} + z_t ~ (2) \\\\ h_0 = 1 \\qquad (3)"
    assert text_of(latex) == "z = U @ x + b; h = h + z; h[0] = 1"


@pytest.mark.parametrize("number", ["(2)", " (2)", r"\; (2)", r" \left( 2 \right)"])
def test_a_number_in_brackets_that_nothing_sets_apart_is_asked_about(number):
    error = error_of(NUMBERED + number)
    assert "at the end may be a factor, or the number of the equation" in error.message
    assert marked(error, NUMBERED + number) == number[number.index("(") :]
    assert error.mend == r"write `2 \cdot …` for a product, `\tag{…}` for a number"


@pytest.mark.parametrize(
    ("right", "text"),
    [
        (r"x_t \cdot (2)", "x * 2"),
        (r"x_t \odot \qquad (2)", "x * 2"),
        (r"x_t (2) h_{t-1}", "x * 2 * h"),
        (r"x_t (2a)", "x * (2 * a)"),
        (r"x_t (-2)", "x * (-2)"),
        (r"x_t + (2)", "x + 2"),
        ("x_t +\n (2)", "x + 2"),
        (r"x_t + \sigma (2)", "x + sigmoid(2)"),
    ],
)
def test_other_numbers_in_brackets_are_values(right, text):
    syntax = read_latex(rf"h_t = h_{{t-1}} + {right}")
    assert to_text(syntax) == f"h = h + {text}"
    assert syntax.notes == ()


def test_several_equations_on_one_line():
    latex = r"z_t = \sigma(U x_t), \quad h_t = z_t \odot h_{t-1}; \qquad y_t = h_t"
    assert text_of(latex) == "z = sigmoid(U @ x); h = z * h; y = h"


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        (r"\lambda", "lambda_"),
        (r"\Lambda", "Lambda"),
        (r"\alpha_{f}", "alpha_f"),
        ("a'", "a_prime"),
        (r"a^{\prime\prime}", "a_prime_prime"),
        (r"\hat{a}", "a_hat"),
        (r"\bar a_i", "a_bar_i"),
        (r"\widetilde{a}_{i,j}", "a_tilde_i_j"),
        ("a^{*}", "a_star"),
        (r"\mathrm{gain}", "gain"),
        (r"\mathrm{exp\_t}", "exp_t"),
        (r"a_{\text{in}}", "a_in"),
        (r"a_{x \to h}", "a_x_h"),
        (r"a_{h\tilde{c}}", "a_hc_tilde"),
        (r"a_{h_1}", "a_h_1"),
        ("θ", "θ"),
    ],
)
def test_names(symbol, name):
    assert text_of(rf"h_t = h_{{t-1}} + {symbol} \odot x_t") == f"h = h + {name} * x"


# Initial values and declarations


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("h_0 = 0", "h[0] = 0"),
        ("h_{0} = -0.5", "h[0] = -0.5"),
        (r"h^{(0)} = \mathbf{0}", "h[0] = 0"),
        ("h(0) = 1", "h[0] = 1"),
        (r"h_0 = -\infty", "h[0] = -inf"),
        (r"h_0 = h_{init}", "h[0] = h_init"),
    ],
)
def test_initial_values(line, text):
    latex = r"h_t = \tanh(W h_{t-1} + U x_t)"
    expected = f"h = tanh(W @ h + U @ x); {text}"
    assert text_of([line, latex]) == text_of([latex, line]) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("h_0 = W x", "an initial value is a number, -\\infty, or the name of a parameter"),
        ("c_0 = 0", "`c` has an initial value but is never assigned"),
        ("h_0 = 0, h_0 = 1", "the initial value of `h` is given twice"),
    ],
)
def test_wrong_initial_values(line, message):
    assert error_of([r"h_t = h_{t-1} + x_t", line]).message == message


def test_comments_declare():
    latex = "% a: scalar\n% w: matrix\n% just words: here\nh_t = a w h_{t-1} + x_t"
    assert text_of(latex) == "a: scalar; w: matrix; h = a * (w @ h) + x"
    latex = "% h_1: earlier value of h\nh_{1,t} = h_{t-1} + x_t\nh_t = h_{1,t} \\odot h_{1,t}"
    assert text_of(latex) == "h = h + x; h = h * h"


def test_an_earlier_value_cannot_be_read_later():
    latex = "% h_1: earlier value of h\nh_{1,t} = x_t\nh_t = h_{1,t} + h_{t-1}\ny_t = h_t + h_{1,t}"
    assert "is read when" in error_of(latex).message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"functions": {"f": "tan"}}, "unknown function 'tan'; did you mean 'tanh'?"),
        ({"matrices": ["W"], "vectors": ["W"]}, "`W` is declared both matrix and vector"),
        ({"matrices": [""]}, "'' is not a name"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(OptionError, match="mend: ") as caught:
        read_latex("h_t = W h_{t-1} + x_t", **options)
    assert message in str(caught.value)


def test_an_argument_that_names_nothing():
    error = error_of("h_t = W_h h_{t-1} + x_t", vectors=["W_k"])
    assert (
        error.message == "`W_k` is declared vector, but no equation holds it; did you mean 'W_h'?"
    )


# What is no equation


@pytest.mark.parametrize(
    ("latex", "at", "message"),
    [
        ("h_t = h_{t-1} + x_t\nwhere f is odd", "where", "`where` is not followed by `=`"),
        (
            "h_t = h_{t-1} + x_t\n\\text{where } y_t = h_t",
            r"\text{where }",
            "the words `where` stand before the equation",
        ),
        ("h_t = c_t = x_t + h_{t-1}", "=", "two signs of equality on one line"),
        ("h_t = ", "=", "nothing stands right of the sign of equality"),
        (" = x_t", "=", "nothing stands left of the sign of equality"),
        ("h_t = x_t + h_{t-1} \\\\ h_t = x_t", "h_t", "`h` is assigned twice"),
        ("h_0 = 0", "h_0", "only initial values were found, and no equation of a step"),
        ("h_t^2 = x_t", "h_t^2", "the left side must be one name with its time, found `h_t^2`"),
    ],
)
def test_lines_that_are_no_equations(latex, at, message):
    error = error_of(latex)
    assert message in error.message
    assert marked(error, latex) == at
    assert error.mend


@pytest.mark.parametrize("latex", ["", " \n ", r"\begin{aligned}\end{aligned}", "% nothing", []])
def test_nothing_is_an_error(latex):
    assert error_of(latex).message == "no equations were found"


# Absurd sizes


@pytest.mark.parametrize(
    "latex",
    [
        "h_t = h_{t-1} + x_t\n" * 10_000,
        ["h_t = x_t"] * 10_000,
        r"h_t = x_t \\ " * 1_000,
        "a" * 60_000,
        "h_t = x_t + " + "(" * 1_000 + "h_{t-1}" + ")" * 1_000,
        "h_t = x_t + " + "{" * 1_000 + "h_{t-1}" + "}" * 1_000,
        "h_t = x_t + " + "-" * 1_000 + "h_{t-1}",
        "h_t = x_t + " + "-(" * 1_000 + "h_{t-1}" + ")" * 1_000,
        "h_t = x_t + " + "{2}^{" * 1_000 + "h_{t-1}" + "}" * 1_000,
        "h_t = x_t + " + r"\tanh " * 1_000 + "h_{t-1}",
        "h_t = x_t + " + r"\tanh(" * 1_000 + "h_{t-1}" + ")" * 1_000,
        "h_t = x_t + " + r"\sqrt{" * 1_000 + "h_{t-1}" + "}" * 1_000,
        "h_t = x_t + " + r"\frac{1}{" * 1_000 + "h_{t-1}" + "}" * 1_000,
        "h_t = x_t + " + r"\left|" * 1_000 + "h_{t-1}" + r"\right|" * 1_000,
        "h_t = x_t + " + r"\hat{" * 1_000 + "h" + "}" * 1_000,
        "h_t = x_t + " + r"\begin{matrix}" * 1_000 + "h_{t-1}" + r"\end{matrix}" * 1_000,
        "h_t = x_t" + " + h_{t-1}" * 1_000,
        "h_t = x_t" + r" \odot h_{t-1}" * 1_000,
        "h_t = x_t + " + "W " * 1_000 + "h_{t-1}",
    ],
)
def test_absurd_sizes_are_refused(latex):
    error = error_of(latex)
    assert len(str(error)) < 1_000
    assert error.span
    assert "^" in str(error)


def test_too_many_lines_show_the_first_of_them():
    error = error_of(["h_t = x_t"] * 501)
    assert error.message == "the equations have 501 lines, at most 500 are read"
    assert error.span == Span(501, 0, 9)
    error = error_of("h_t = x_t % " + "x" * 1_000_000)
    assert error.message == "the equations are 1,000,012 characters long, at most 50,000 are read"
    assert str(error).split("\n")[1].startswith("    h_t = x_t % xxx")


@pytest.mark.parametrize("latex", [None, b"h_t = x_t", 3, [None], ["h_t = x_t", b""]])
def test_what_is_no_text(latex):
    error = error_of(latex)
    assert "expected a str, or a list of them" in error.message
    assert "`.decode()`" in str(error.mend)


def test_the_mark_at_the_start_of_a_file_is_no_text():
    assert text_of("\ufeffh_t = h_{t-1} + x_t") == "h = h + x"


def test_long_but_sensible_equations_are_read():
    read_latex("h_t = h_{t-1}" + " + x_t" * 90)
    read_latex("h_t = h_{t-1} + " + "(" * 49 + "x_t" + ")" * 49)
    read_latex(r" \\ ".join(f"a_{{{i},t}} = a_{{{i + 1},t}}" for i in range(400)))


@given(st.text() | latex_soups | near_latex())
def test_random_latex_raises_equation_errors_only(latex):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EquationHint)
        try:
            Cell.from_latex(latex)
        except EquationError as error:
            str(error).encode()


@pytest.mark.parametrize(
    ("latex", "at", "mend"),
    [
        ("h = tanh(W @ h + U @ x)", "@", "read by `ost.Cell(…)`"),
        ("h = tanh(W*h + U*x) # a cell", "#", "read by `ost.Cell(…)`"),
        ("h = tanh(W*h + U*x)", "h", "plain text is read by `ost.Cell(…)`"),
        (r"h = \tanh(W h + U x)", "h", "write `h_t = …`, and `h_{t-1}`"),
        ("h_t = W h\u209c\u208b\u2081 + U x_t", "\u209c\u208b\u2081", "write `_{t-1}`"),
        ("h_t = W h_{t-1}\u00b2 + U x_t", "\u00b2", "write `^{2}`"),
        (r"\text{hidden: } h_t = W h_{t-1} + x_t", r"\text{hidden: }", "`h_t = … % hidden`"),
        (r"\text{gate}: h_t = W h_{t-1} + x_t", r"\text{gate}", "`h_t = … % gate`"),
        (r"h_t = W^\top h_{t-1} + x_t", r"W^\top", "sides: `h_t = W h_{t-1} + x_t`"),
        ("h_t = h_{t-1} W^{T} + x_t U^T", "W^{T}", "sides: `h_t = h_{t-1} W + x_t U`"),
        (r"h_t = W^{\mathrm{T}} h_{t-1} + x_t", r"W^{\mathrm{T}}", "`h_t = W h_{t-1} + x_t`"),
        (r"h_t = h_{t-1} + x_t + \dots", r"\dots", "write out what the dots stand for"),
        (r"h_t = W (h_{t-1} \oplus x_t)", r"\oplus", "joined by `[a, b]`"),
        (r"h_t = \sum_j W_j h_{t-1} + x_t", r"\sum", "a product with a matrix"),
    ],
)
def test_what_else_is_pasted_has_a_mend_of_its_own(latex, at, mend):
    error = error_of(latex)
    assert marked(error, latex) == at
    assert mend in str(error.mend)


def test_all_functions_that_are_not_known_are_named_at_once():
    error = error_of(r"z_t = \sigma_g(W h_{t-1}) \\ h_t = z_t * \phi(U x_t) + \sigma_g(V x_t)")
    assert "`\\sigma_g` stands where a function stands" in error.message
    assert error.message.endswith("; nor are those of `\\phi`")
    assert 'functions={"sigma_g": "sigmoid", "phi": "tanh"}' in str(error.mend)
