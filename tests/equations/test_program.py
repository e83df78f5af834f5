"""From a graph to a program: what is hoisted, what waits for what, what is kept."""

from __future__ import annotations

import copy
import pickle

import pytest

from ostinato import cells
from ostinato.equations import Cell, Program
from ostinato.equations.adjoint import adjoint
from ostinato.equations.graph import Graph
from ostinato.equations.program import Loop, Parallel
from ostinato.equations.schedule import compile_graph, factors


def _compile(text: str) -> Program:
    return Cell(text).analysis.program


def _products(program: Program, section: Parallel | Loop) -> list[str]:
    """Name the matrices of a section, in order."""
    return [
        f"{f.parameter}{'T' if f.transposed else ''}"
        for phase in section.phases
        for group in phase.products
        for v in group.products
        for f in factors(program.graph, v)
    ]


def _ops(graph: Graph, section: Parallel | Loop) -> list[str]:
    return [graph.values[v].op for phase in section.phases for v in phase.values]


def test_input_products_and_biases_leave_the_loop() -> None:
    program = _compile("h = tanh(W @ h + b + U @ x - c)")
    once, before, loop = program.sections
    assert isinstance(once, Parallel)
    assert isinstance(before, Parallel)
    assert isinstance(loop, Loop)
    assert _ops(program.graph, once) == ["sub"]
    assert _products(program, before) == ["U"]
    assert _ops(program.graph, before) == ["product", "add"]
    assert _products(program, loop) == ["W"]
    assert _ops(program.graph, loop) == ["product", "add", "tanh"]
    assert len(loop.reads) == 1


def test_a_concatenation_is_split_between_loop_and_input() -> None:
    program = _compile("h = tanh(W @ [h, x] + b)")
    before, loop = program.sections
    assert _products(program, before) == _products(program, loop) == ["W"]


def test_what_hangs_behind_the_state_sinks_below_the_loop() -> None:
    program = _compile("h = tanh(W @ h + U @ x)\ny = V @ h + c")
    assert [type(s).__name__ for s in program.sections] == ["Parallel", "Loop", "Parallel"]
    assert _products(program, program.sections[-1]) == ["V"]
    assert _ops(program.graph, program.sections[-1]) == ["product", "add"]


def test_what_has_no_time_is_computed_once() -> None:
    program = _compile("h = exp(-exp(a)) * h + x")
    once, loop = program.sections
    assert isinstance(once, Parallel)
    assert once.once
    assert _ops(program.graph, once) == ["exp", "neg", "exp"]
    assert _ops(program.graph, loop) == ["mul", "add"]


def test_gates_on_one_operand_are_one_product() -> None:
    (loop,) = cells.get("lstm").analysis.program.loops
    groups = [g for phase in loop.phases for g in phase.products]
    assert [len(g.products) for g in groups] == [4]


def test_phases_follow_dependence() -> None:
    (loop,) = cells.get("gru_2014").analysis.program.loops
    stacked = [[len(g.products) for g in phase.products] for phase in loop.phases]
    assert stacked == [[2], [1]]
    backward = adjoint(cells.get("gru_2014").analysis.program).program
    (loop,) = backward.loops
    waits = [_products(backward, Parallel((p,))) for p in loop.phases if p.products]
    assert [sorted(names) for names in waits] == [["W_nT"], ["W_rT", "W_zT"]]


def test_loops_of_independent_states_are_separate() -> None:
    program = _compile("u = a * u + x\nh = tanh(W @ h + U @ u)")
    assert [loop.states for loop in program.loops] == [("u",), ("h",)]
    assert [loop.kind for loop in program.loops] == ["linear", "dense"]


def test_the_adjoint_of_a_program_runs_against_it() -> None:
    for reverse in (False, True):
        program = compile_graph(cells.get("lstm").graph, reverse=reverse)
        assert adjoint(program).program.reverse is not reverse


def test_the_adjoint_reduces_every_parameter_after_the_loop() -> None:
    for name in cells.names():
        cell = cells.get(name)
        program = adjoint(cell.analysis.program).program
        reduced = {(r.parameter, r.piece) for group in program.reductions for r in group}
        expected = {(p.name, k) for p in cell.parameters for k in range(max(1, len(p.pieces)))}
        assert reduced == expected, name


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("h = a * h + U @ x", "linear"),
        ("h = (1 - sigmoid(U @ x)) * h + h / exp(x)", "linear"),
        ("h = -h + c\nc = a * c + h + x", "linear"),
        ("h = h * h + x", "element-wise"),
        ("h = tanh(h) + x", "element-wise"),
        ("h = x / h", "element-wise"),
        ("h = minimum(h, x)", "element-wise"),
        ("h = layer_norm(h) + x", "dense"),
        ("h = W @ h + x", "dense"),
        ("h = a * h + W @ x\ny = tanh(V @ h)", "linear"),
    ],
)
def test_the_class_of_a_recurrence(text: str, kind: str) -> None:
    assert Cell(text).analysis.kind == kind


def test_costs_are_counted() -> None:
    cell = Cell("h = tanh(W @ h + U @ x + b)")
    sizes = cell.sizes(3, 5)
    analysis = cell.analysis
    products, elements = 2 * 5 * 5 + 2 * 5 * 3, 5 + 5 + 5
    assert analysis.flops(sizes) == products + elements
    assert analysis.loop_flops(sizes) == 2 * 5 * 5 + 5 + 5
    weights, stream, output, state = 5 * 5, 5, 5, 2 * 5
    assert analysis.bytes_per_step(sizes) == 4 * (weights + stream + output + state)
    assert analysis.bytes_per_step(sizes, itemsize=2) == 2 * (weights + stream + output + state)
    assert cells.get("lstm").analysis.saved_bytes(sizes, "lean") == 4 * 4 * 5


def test_keeping_states_only_moves_recomputation_out_of_the_loop() -> None:
    derived = adjoint(cells.get("lstm").analysis.program, "states")
    assert derived.saved == ()
    before = derived.program.sections[0]
    assert sorted(_products(derived.program, before)) == sorted(
        f"W_{k}{g}" for k in "ih" for g in "ifgo"
    )


def test_a_program_prints_itself() -> None:
    text = str(cells.get("gru").analysis.program)
    assert "all steps at once" in text
    assert "loop over h (dense), step by step" in text
    assert "W_hr @ h[t-1]  (stacked)" in text
    back = str(adjoint(cells.get("gru").analysis.program).program)
    assert "last step to first" in back
    assert "d W_hr" in back
    assert "d:h[t+1]" in back


def test_cells_and_programs_copy_and_pickle() -> None:
    cell = cells.get("slstm")
    for copied in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert copied == cell
        assert hash(copied) == hash(cell)
        assert str(copied.analysis.program) == str(cell.analysis.program)


def test_a_long_chain_needs_no_recursion() -> None:
    lines = ["a0 = tanh(W @ h + U @ x)"]
    lines += [f"a{k} = a{k - 1} * a{k - 1} + sin_{k}" for k in range(1, 450)]
    cell = Cell("\n".join([*lines, "h = tanh(a449)"]))
    for variant in ("fast", "lean", "states"):
        assert adjoint(cell.analysis.program, variant).program.reductions
