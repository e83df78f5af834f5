"""Printing: what is printed reads back as the same cell, with no more brackets than needed."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from tests.equations.strategies import cells, near_cells

import ostinato.cells
from ostinato.core.errors import EquationError, EquationHint
from ostinato.equations.cell import Cell
from ostinato.equations.latex import read_latex
from ostinato.equations.parse import parse
from ostinato.equations.printing import latex_name, to_latex, to_mathml, to_text

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"

AWKWARD = [
    "h = tanh(W @ h + U @ x)\nh = h * g\nh = V @ h",
    "t: scalar\nh = t * h + h_t * x",
    "v: input\nu: input\nh = h + u * v",
    "lambda_ = x * sigma\nh = h * lambda_ + exp_ + sigmoid(e) ** e + relu(ReLU)",
    "p: state\nh: state\ny: output\ny = W @ p + h\np = U @ x\nh = h + y",
    "w: matrix\nb: vector\nB: vector\nh = w @ h + b + B * x",
    "h[0] = h_init\nm[0] = -inf\nc[0] = inf\nh = h + m + c\nm = m + x\nc = c + h\ny = m + c",
    "h = f_2 @ (h + -x) - (-(-b)) - 1e-07 * x ** -2 ** 0.5",
    "v = [h, x]\nz = W @ v\nh = U @ v + z",
    "c = h\nh = x\nh = c * h\nc_1 = h\ny = c_1 + h",
    "m = maximum(log(sigmoid(f)) + m, i)\nh = clip(m, -1, 1) + x - layer_norm(h) / rms_norm(h)",
    "h = 2 * (3 * h) + 2 * 3 * x + (-2) * x + 2 * (W @ x) + 2 * tanh(x)",
]


def assert_reads_back(cell: Cell) -> None:
    assert parse(cell.to_text()) == cell.syntax
    assert Cell(cell.to_text()) == cell
    latex = cell.to_latex()
    again = Cell.from_latex(latex)
    assert again == cell, latex
    assert again.states == cell.states, latex
    ET.fromstring(cell.to_mathml())


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.filterwarnings("ignore::ostinato.core.errors.EquationHint")
def test_awkward_cells_read_back(text):
    assert_reads_back(Cell(text))


@given(cells())
def test_random_cells_read_back(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EquationHint)
        assert_reads_back(Cell(text))


@given(near_cells())
def test_whatever_is_a_cell_reads_back(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EquationHint)
        try:
            cell = Cell(text)
        except EquationError:
            return
        assert_reads_back(cell)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("tanh(", ")"),
        ("-(", ")"),
        ("x - (", ")"),
        ("x * (", ")"),
        ("x / (", ")"),
        ("(", " / x)"),
        ("x ** (", ")"),
        ("(", ") ** x"),
        ("W @ (", ")"),
        ("V @ tanh(", ")"),
        ("sqrt(", ")"),
        ("abs(", ")"),
        ("maximum(x, ", ")"),
        ("2 * (", ")"),
        ("Y @ [x, ", "]"),
        ("(", " + x)"),
    ],
)
def test_deep_cells_read_back(opening, closing):
    assert_reads_back(Cell("h = h + x\ny = " + opening * 48 + "h" + closing * 48))


def test_long_cells_read_back():
    for operator in (" + ", " - ", " * ", " / "):
        assert_reads_back(Cell("h = h" + f"{operator}x" * 98))


# Text


@pytest.mark.parametrize(
    "text",
    [
        "a + b - c",
        "a - (b - c)",
        "a - (-b)",
        "-a + b",
        "-(a + b)",
        "--a",
        "-a * b",
        "-(a * b)",
        "-W @ h",
        "W @ (-h)",
        "(W @ h) * a",
        "a * (W @ h)",
        "W @ h + U @ x",
        "A @ B @ h",
        "A @ (a * (B @ h))",
        "W @ [h, x + 1]",
        "W @ tanh(h)",
        "a * b / c",
        "a / (b * c)",
        "a ** b ** c",
        "(a ** b) ** c",
        "a ** -b",
        "-a ** 2",
        "(-a) ** 2",
        "(1 - z) * h + z * n",
        "minimum(a, b + 1)",
        "0.1 * a + 1e-07 + 1e+16 + 3",
    ],
)
def test_text_has_no_more_brackets_than_needed(text):
    assert to_text(parse(f"y = {text}")) == f"y = {text}"


def test_text_prints_declarations_and_initial_values():
    text = "a: scalar\nu: input\nh = a * h + u\nh[0] = -inf"
    assert to_text(parse(text)) == text
    assert to_text(parse("h=h+x;h[0]=-0.0")) == "h = h + x\nh[0] = -0.0"


# LaTeX


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("h", "h"),
        ("W_hh", "W_{hh}"),
        ("W_f", "W_f"),
        ("C_tilde", r"\tilde{C}"),
        ("C_tilde_2", r"\tilde{C}_2"),
        ("a_prime", "a'"),
        ("lambda_", r"\lambda"),
        ("alpha_i", r"\alpha_i"),
        ("gate", r"\mathrm{gate}"),
        ("h_init", r"h_{\mathrm{init}}"),
        ("h_1_2", "h_{1,2}"),
        ("t", r"\mathrm{t}"),
        ("h_t", r"\mathrm{h\_t}"),
        ("sigma", r"\mathrm{sigma}"),
        ("_private", r"\mathrm{\_private}"),
        ("한", "한"),
    ],
)
def test_names_in_latex(name, latex):
    assert latex_name(name) == latex


def test_times_in_latex():
    assert latex_name("h", "t") == "h_t"
    assert latex_name("C_tilde", "t-1") == r"\tilde{C}_{t-1}"
    assert latex_name("h_1", "t") == "h_{1,t}"
    assert latex_name("h", "0") == "h_0"


def test_latex_reads_like_a_paper():
    cell = Cell("""
        z = sigmoid(W_z @ [h, x] + b_z)
        n = tanh(W_n @ x + U_n @ (z * h)) / 2
        h = (1 - z) * h + z * n ** 2 - 0.5 * abs(h)
        h[0] = h_init
    """)
    assert cell.to_latex().split("\n") == [
        r"z_t = \sigma(W_z [h_{t-1}, x_t] + b_z)",
        r"n_t = \frac{\tanh(W_n x_t + U_n (z_t \odot h_{t-1}))}{2}",
        r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot {n_t}^{2} - 0.5 \left| h_{t-1} \right|",
        r"h_0 = h_{\mathrm{init}}",
    ]


def test_what_latex_cannot_say_stands_in_comments():
    syntax = parse("b: scalar\nh = w @ h + b * x\nh = h * h")
    assert to_latex(syntax).split("\n") == [
        "% b: scalar",
        "% w: matrix",
        "% h_1: earlier value of h",
        r"h_{1,t} = w h_{t-1} + b \odot x_t",
        r"h_t = h_{1,t} \odot h_{1,t}",
    ]
    assert read_latex(to_latex(syntax)).assignments == syntax.assignments


# MathML


def shown(mathml: str) -> str:
    return "".join(ET.fromstring(mathml).itertext())


def test_mathml_is_one_element_with_a_row_for_each_equation():
    root = ET.fromstring(to_mathml(parse("z = sigmoid(x)\nh = z * h\nh[0] = -inf")))
    assert root.tag == f"{NAMESPACE}math"
    assert len(root.findall(f".//{NAMESPACE}mtr")) == 3


def test_mathml_shows_times_accents_and_forms():
    text = "C_tilde = tanh(W_hh @ C + lambda_)\nC = abs(C) * C_tilde / 2 ** x - sqrt(2 * x)"
    mathml = to_mathml(parse(text))
    invisible = str.maketrans("", "", "\u2061\u2062")
    assert shown(mathml).translate(invisible) == ("C~t=tanh(WhhCt−1+λ)Ct=|Ct−1|⊙C~t2xt−2xt")
    root = ET.fromstring(mathml)
    for tag in ("mover", "msub", "mfrac", "msup", "msqrt"):
        assert root.find(f".//{NAMESPACE}{tag}") is not None, tag


def test_mathml_shows_values_in_the_place_of_names():
    syntax = parse("h = a * h + x")
    mathml = to_mathml(syntax, {"h": "0.5", "h[t-1]": "<0.25>", "a": "a & b"})
    assert shown(mathml) == "0.5=a & b⊙<0.25>+xt"
    assert "&lt;0.25&gt;" in mathml


def test_mathml_escapes_and_brackets():
    assert shown(to_mathml(parse("h = (a + b) * -(c - h) + x"))) == "ht=(a+b)⊙(−(c−ht−1))+xt"


def test_mathml_of_unusual_names_is_valid():
    for text in AWKWARD:
        ET.fromstring(to_mathml(parse(text), {"x": '"<&>"'}))


@pytest.mark.parametrize("name", ostinato.cells.names())
def test_the_named_cells_read_back(name):
    assert_reads_back(ostinato.cells.get(name))
