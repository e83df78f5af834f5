"""Options as rewrites: what each does to the equations of a step."""

from __future__ import annotations

import math

import pytest

from ostinato import cells
from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.equations import Cell
from ostinato.equations.graph import Graph
from ostinato.equations.rewrites import (
    RESET,
    VALID,
    Options,
    drop_parameters,
    drop_recurrent,
    hold_past_end,
    learn_initial_state,
    normalise_preactivations,
    reset_states,
    transform,
    zone_out,
)
from ostinato.equations.schedule import compile_graph


def _tree(graph: Graph, index: int) -> object:
    """Return a value as a nested tuple, whatever the order in which values were made."""
    value = graph.values[index]
    return value.op, value.attribute, *(_tree(graph, a) for a in value.args)


def _same(graph: Graph, text: str) -> bool:
    """Whether a graph computes what other equations do."""
    other = Cell(text).graph
    mine, theirs = (
        {"output": _tree(g, g.outputs[0][1]), **{s.name: _tree(g, s.next) for s in g.states}}
        for g in (graph, other)
    )
    return mine == theirs


def test_no_option_changes_nothing() -> None:
    for name in cells.names():
        assert transform(cells.get(name).graph, Options()) == cells.get(name).graph


def test_without_biases() -> None:
    graph = drop_parameters(cells.get("gru").graph, ["b_r", "b_z", "b_in", "b_hn"])
    assert _same(
        graph,
        """
        r = sigmoid(W_ir @ x + W_hr @ h)
        z = sigmoid(W_iz @ x + W_hz @ h)
        n = tanh(W_in @ x + r * (W_hn @ h))
        h = (1 - z) * n + z * h
        """,
    )
    assert not [p for p in graph.parameters if p.name.startswith("b_")]


def test_layer_norm_takes_the_products_and_leaves_the_rest() -> None:
    graph = normalise_preactivations(Cell("h = tanh(W @ h - U @ x + b)").graph)
    assert _same(graph, "h = tanh(gain_W * layer_norm(W @ h - U @ x) + b)")
    assert graph.parameter("gain_W").role == "gain"
    lone = normalise_preactivations(Cell("h = tanh(W @ h) * x").graph)
    assert _same(lone, "h = tanh(gain_W * layer_norm(W @ h)) * x")
    inner = normalise_preactivations(cells.get("gru").graph)
    assert [p.name for p in inner.parameters if p.role == "gain"] == [
        "gain_W_ir",
        "gain_W_iz",
        "gain_W_hn",
        "gain_W_in",
    ]
    with pytest.raises(OptionError, match=r"no product below a nonlinearity.*\nmend: "):
        normalise_preactivations(Cell("h = W @ h + U @ x").graph)


def test_recurrent_dropout_masks_each_operand_once() -> None:
    graph = drop_recurrent(cells.get("lstm").graph, 0.25, training=True)
    masks = [v for v in graph.values if v.op == "random"]
    assert len(masks) == 1
    assert masks[0].attribute.probability == 0.75
    assert not masks[0].attribute.per_step
    two = drop_recurrent(cells.get("gru_2014").graph, 0.25, training=True)
    assert len([v for v in two.values if v.op == "random"]) == 2
    plain = cells.get("lstm").graph
    assert drop_recurrent(plain, 0.25, training=False) == plain
    readout = Cell("h = tanh(W @ h + U @ x)\ny = V @ h")
    assert (
        len(
            [
                v
                for v in drop_recurrent(readout.graph, 0.1, training=True).values
                if v.op == "random"
            ]
        )
        == 1
    )


def test_resets_return_to_the_cells_own_start() -> None:
    graph = reset_states(cells.get("slstm").graph)
    starts = {
        graph.values[v.args[2]].attribute: graph.values[v.args[1]].attribute
        for v in graph.values
        if v.op == "select"
    }
    assert starts == {"h": 0.0, "c": 0.0, "n": 0.0, "m": -math.inf}
    assert [i.name for i in graph.inputs] == ["x", RESET]
    learned = reset_states(learn_initial_state(Cell("h = tanh(W @ h + U @ x)").graph))
    (select,) = [v for v in learned.values if v.op == "select"]
    assert learned.values[select.args[1]].attribute == "h_init"


def test_zoneout_changes_what_is_carried_not_what_is_read() -> None:
    graph = zone_out(cells.get("cifg").graph, {"c": 0.25}, training=False)
    assert _same(
        graph,
        """
        f = sigmoid(W_f @ [h, x] + b_f)
        g = tanh(W_g @ [h, x] + b_g)
        o = sigmoid(W_o @ [h, x] + b_o)
        c_new = f * c + (1 - f) * g
        c = 0.25 * c + 0.75 * c_new
        h = o * tanh(c_new)
        """,
    )
    with pytest.raises(UnknownNameError, match="unknown state in `zoneout` 'k'"):
        zone_out(cells.get("lstm").graph, {"k": 0.2}, training=True)
    with pytest.raises(OptionError, match=r"'m' starts at -inf.*\nmend: name the states"):
        zone_out(cells.get("slstm").graph, {"m": 0.2}, training=True)


def test_an_output_that_is_a_state_follows_it() -> None:
    graph = zone_out(cells.get("elman").graph, {"h": 0.2}, training=True)
    assert dict(graph.outputs)["h"] == graph.state("h").next
    assert graph.values[graph.state("h").next].op == "select"


def test_lengths_hold_the_state_and_silence_the_padding() -> None:
    graph = hold_past_end(cells.get("elman").graph)
    assert [i.name for i in graph.inputs] == ["x", VALID]
    held = graph.values[graph.state("h").next]
    assert held.op == "select"
    assert held.args[2] == graph.state("h").read
    output = graph.values[dict(graph.outputs)["h"]]
    assert output.op == "select"
    assert graph.values[output.args[2]].attribute == 0.0
    assert any(v.op == "select" and graph.values[v.args[1]].attribute == "x" for v in graph.values)


def test_every_option_keeps_the_class_of_a_recurrence() -> None:
    options = Options(resets=True, lengths=True, zoneout=(("h", 0.1),), training=True)
    for name in ("mingru", "indrnn", "gru"):
        cell = cells.get(name)
        rewritten = transform(cell.graph, options)
        assert compile_graph(rewritten).kind == cell.analysis.kind


@pytest.mark.parametrize("chance", [-0.1, 1.0, 2.0])
def test_chances_out_of_range(chance: float) -> None:
    with pytest.raises(OptionError, match="recurrent_dropout must lie in"):
        drop_recurrent(cells.get("lstm").graph, chance, training=False)
    with pytest.raises(OptionError, match="zoneout must lie in"):
        zone_out(cells.get("lstm").graph, {"h": chance}, training=False)
