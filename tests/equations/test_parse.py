"""The text form: its grammar, and the rules by which a cell is inferred from it."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.equations.strategies import near_cells, text_soups

from ostinato.core.errors import EquationError, EquationHint, OptionError, Span
from ostinato.equations.cell import Cell
from ostinato.equations.parse import parse
from ostinato.equations.syntax import (
    Assignment,
    Binary,
    Call,
    Concatenation,
    Name,
    Negative,
    Number,
    walk,
)

NOWHERE = Span(0, 0, 0)


def name(text):
    return Name(text, NOWHERE)


def value(text):
    """The tree of the right side of `y = text`."""
    (assignment,) = parse(f"y = {text}").assignments
    return assignment.value


def kinds(cell):
    return {p.name: p.kind for p in cell.parameters}


def roles(cell):
    return {p.name: p.role for p in cell.parameters}


# Grammar


def test_a_line_becomes_an_assignment_with_its_place():
    syntax = parse("  h = tanh(W @ h)\n\n  y = h; z = 2")
    assert [a.target for a in syntax.assignments] == ["h", "y", "z"]
    assert [a.span for a in syntax.assignments] == [Span(1, 0, 15), Span(3, 0, 5), Span(3, 7, 12)]
    assert syntax.assignments[0] == Assignment(
        "h", Call("tanh", (Binary("@", name("W"), name("h"), NOWHERE),), NOWHERE), NOWHERE
    )


def test_spans_count_characters_rather_than_bytes():
    syntax = parse("한글 = σ(θ * x)")
    places = {n.name: n.span for n in walk(syntax.assignments[0].value) if isinstance(n, Name)}
    assert places == {"θ": Span(1, 7, 8), "x": Span(1, 11, 12)}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-W @ h", Negative(Binary("@", name("W"), name("h"), NOWHERE), NOWHERE)),
        (
            "A @ B @ h",
            Binary("@", name("A"), Binary("@", name("B"), name("h"), NOWHERE), NOWHERE),
        ),
        (
            "W @ [h, [x, z]]",
            Binary(
                "@", name("W"), Concatenation((name("h"), name("x"), name("z")), NOWHERE), NOWHERE
            ),
        ),
        ("-a ** 2", Negative(Binary("**", name("a"), Number(2.0, NOWHERE), NOWHERE), NOWHERE)),
        ("+a", name("a")),
        ("σ(a)", Call("sigmoid", (name("a"),), NOWHERE)),
        ("identity(a)", name("a")),
        ("[h, x]", Concatenation((name("h"), name("x")), NOWHERE)),
        ("1e-3", Number(0.001, NOWHERE)),
    ],
)
def test_forms(text, tree):
    assert value(text) == tree


def test_comments_and_continued_lines():
    syntax = parse("# a cell\nh = (x +\n     h)  # the sum\n")
    assert syntax == parse("h = x + h")


def test_declarations_and_initial_values():
    syntax = parse("alpha: scalar\nh = alpha * h + x\nh[0] = -inf\nm[0] = h_init")
    assert syntax.declarations == {"alpha": "scalar"}
    assert syntax.initial == {"h": Number(float("-inf"), NOWHERE), "m": name("h_init")}


def test_windows_line_ends_and_tabs():
    assert parse("h =\th + x\r\ny = h\r\n") == parse("h = h + x\ny = h")


def test_pasted_spaces_and_marks_read_as_what_they_look_like():
    plain = parse("h = h + x")
    assert parse("\ufeffh\u00a0= h\u3000+\u2003x") == plain
    assert parse("ｈ = h + x") == plain
    assert parse("h = h + x  # − · “words”") == plain


# Rules


def test_rule_1_the_output_is_the_name_that_nothing_later_reads():
    assert Cell("h = tanh(W @ h + U @ x)\ny = V @ h + c").output == "y"
    assert Cell("y = V @ h + U @ x\nh = y").output == "h"
    assert Cell("h = tanh(W @ h + U @ x)\nc = c + x").output == "c"
    cell = Cell("h = tanh(W @ h + U @ x)\nc = c + h", output="h")
    assert (cell.output, cell.states) == ("h", ("h", "c"))


def test_rule_2_a_state_that_depends_on_no_state_is_a_delay():
    text = "h = tanh(W @ h + V @ g)\ng = sigmoid(U @ x)"
    with pytest.raises(EquationError, match="sees it one step late"):
        Cell(text, output="h")
    cell = Cell(text, output="h", states=["h", "g"])
    assert cell.states == ("h", "g")


def test_rule_2_states_are_checked_against_what_is_inferred():
    with pytest.raises(EquationError, match="declared state but never assigned"):
        Cell("h = h + x", states=["c"])
    with pytest.raises(EquationError, match="`states=` does not name it"):
        Cell("h = h + x\nc = c + h", states=["h"])
    with pytest.raises(EquationError, match="declared a state but never read before"):
        Cell("c = x + h\nh = c", states=["h", "c"])


def test_rule_3_free_names_where_only_values_may_stand():
    with pytest.raises(EquationError, match="`h_new` is neither an input nor assigned"):
        Cell("h = tanh(W @ h_new + U @ x)")
    with pytest.raises(EquationError, match="`b` is neither an input nor assigned"):
        Cell("h = W @ [h, b] + x")
    with pytest.raises(EquationError, match="`g` is assigned but never used"):
        Cell("g = x\nh = h + x")


def test_rule_3_a_parameter_that_looks_like_a_state_is_warned_of():
    with pytest.warns(EquationHint) as caught:
        Cell("h_new = tanh(w * h + U @ x)")
    assert any("`h` is a parameter here, although `h_new`" in str(w.message) for w in caught)


def test_rule_4_reassignment_follows_the_order_of_the_lines():
    cell = Cell("h = tanh(W @ h + U @ x)\nh = h * g")
    assert cell == Cell("n = tanh(W @ h + U @ x)\nh = n * g")
    assert cell.states == ("h",)
    kept = Cell("old = c\nc = f * c + x\nh = c - old")
    assert kept.states == ("c",)


def test_rule_5_precedence_traps():
    assert Cell("h = -W @ h + x") == Cell("h = -(W @ h) + x")
    assert Cell("h = A @ B @ h + x") == Cell("h = A @ (B @ h) + x")
    with pytest.raises(EquationError) as caught:
        Cell("h = r * W @ h + x")
    assert caught.value.mend == "write `r * (W @ h)`"


def test_rule_6_concatenation_flattens_and_may_have_a_name():
    assert Cell("h = W @ [[h], x]") == Cell("v = [h, x]\nh = W @ v") == Cell("h = W @ [h, x]")
    (weight,) = Cell("h = W @ [h, x]").parameters
    assert weight.pieces == ("hidden_size", "input_size")


def test_rule_7_sizes_are_inferred():
    assert Cell("h = tanh(W @ h + U @ x)").sizes(3, 5) == {"input_size": 3, "hidden_size": 5}
    projected = Cell("h = P @ (o * tanh(c))\no = W @ [h, x]\nc = c + o", output="h")
    assert projected.sizes(3, 5, 2) == {"input_size": 3, "hidden_size": 5, "output_size": 2}
    assert Cell("h = tanh(W @ h + x)").sizes(4) == {"input_size": 4}
    inner = Cell("h = A @ B @ h + U @ x")
    with pytest.raises(OptionError, match="neither given nor implied"):
        inner.sizes(3, 5)
    assert inner.sizes(3, 5, sizes={"B": 2})["B"] == 2
    apart = Cell("h = tanh(W @ h + U @ x)\nc = tanh(V @ c + K @ x)\ny = P @ h + Q @ c")
    assert apart.sizes(3, 5, 2, {"c": 4}) == {
        "input_size": 3,
        "hidden_size": 5,
        "output_size": 2,
        "c": 4,
    }


def test_rule_8_scalars_broadcast_and_other_vectors_are_per_unit():
    cell = Cell("h = alpha * h + beta * (W @ x)")
    assert kinds(cell) == {"alpha": "vector", "beta": "vector", "W": "matrix"}
    cell = Cell("h = alpha * h + beta * (W @ x)", scalars=["alpha"])
    assert kinds(cell)["alpha"] == "scalar"
    assert cell.parameter_shapes(cell.sizes(3, 5)) == {"alpha": (), "beta": (5,), "W": (5, 3)}


def test_rule_8_constants_are_folded_where_they_are_finite():
    assert Cell("h = h * 2**-1 + x * abs(-3)") == Cell("h = h * 0.5 + x * 3")
    assert Cell("h = clip(-2, -1, 1) * h + x") == Cell("h = -1 * h + x")


def test_rule_9_initial_values():
    cell = Cell("m = maximum(m, x)\nm[0] = -inf")
    assert cell.state("m").initial == float("-inf")
    assert Cell("h = h + x").state("h").initial == 0.0
    learned = Cell("h = h + x\nh[0] = h_init")
    assert learned.state("h").initial == "h_init"
    assert kinds(learned) == {"h_init": "vector"}


def test_rule_10_roles():
    cell = Cell("h = tanh(g * layer_norm(W @ h + U @ x) + b) * a\nh[0] = h_init")
    assert roles(cell) == {
        "W": "recurrent",
        "U": "input",
        "g": "gain",
        "b": "bias",
        "a": "other",
        "h_init": "initial",
    }


def test_rule_11_the_log_of_a_sigmoid_is_rewritten():
    assert Cell("h = log(sigmoid(h)) + x") == Cell("h = -softplus(-h) + x")


def test_rule_12_the_state_of_the_output_comes_first():
    cell = Cell("c = c + W @ [h, x]\nh = tanh(c)")
    assert cell.states == ("h", "c")


def test_rule_13_one_input_unless_more_are_named():
    cell = Cell("h = W @ h + U @ u + V @ v", inputs=["u", "v"])
    assert cell.inputs == ("u", "v")
    assert Cell("u: input\nv: input\nh = W @ h + U @ u + V @ v") == cell
    assert Cell("h = W @ h + U @ x") != Cell("h = W @ h + V @ x")


# Random text


@given(st.text() | text_soups | near_cells())
def test_random_text_raises_equation_errors_only(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EquationHint)
        try:
            Cell(text)
        except EquationError as error:
            str(error).encode()
