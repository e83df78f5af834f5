"""Programs and their adjoints, on every engine: against equations walked in numpy, and autograd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ostinato.engines import ENGINES, Call, Engine
from ostinato.engines.backward import backward, forward_for
from ostinato.equations.adjoint import adjoint
from ostinato.equations.cell import parameter_shape
from ostinato.equations.graph import Graph
from ostinato.equations.program import Program
from ostinato.equations.rewrites import RESET, VALID, Options, transform
from ostinato.equations.schedule import compile_graph
from tests.contract.cases import (
    CELLS,
    HIDDEN_SIZE,
    INPUT_SIZE,
    OUTPUT_SIZE,
    TIED,
    WITHOUT_RECURRENT_PRODUCT,
)
from tests.contract.reference import run_reference
from tests.tolerances import ADJOINT, assert_close

NUM_STEPS, NUM_ROWS = 5, 3
SPECS = {
    "plain": Options(),
    "layer_norm": Options(layer_norm=True),
    "recurrent_dropout": Options(recurrent_dropout=0.3, training=True),
    "zoneout": Options(zoneout=(("", 0.3),), training=True),
    "zoneout_expected": Options(zoneout=(("", 0.3),)),
    "resets": Options(resets=True),
    "lengths": Options(lengths=True),
    "learned_initial_state": Options(learn_initial_state=True),
    "without_biases": Options(without=("",)),
    "everything": Options(
        learn_initial_state=True,
        layer_norm=True,
        zoneout=(("", 0.3),),
        resets=True,
        lengths=True,
        training=True,
    ),
    "everything_and_dropout": Options(
        without=("",),
        learn_initial_state=True,
        layer_norm=True,
        recurrent_dropout=0.3,
        zoneout=(("", 0.3),),
        resets=True,
        lengths=True,
        training=True,
    ),
    "everything_in_use": Options(
        layer_norm=True, recurrent_dropout=0.3, zoneout=(("", 0.3),), resets=True, lengths=True
    ),
}


def _options(name: str, spec: str) -> Options:
    """Fill in the biases, and which states zoneout acts on: those with a finite start."""
    options, graph = SPECS[spec], CELLS[name].graph
    if options.without:
        biases = tuple(p.name for p in graph.parameters if p.role == "bias")
        options = replace(options, without=biases)
    if options.zoneout:
        states = [s.name for s in graph.states if s.initial != -np.inf]
        options = replace(options, zoneout=tuple((s, 0.3) for s in states))
    return options


def _sizes(name: str) -> dict[str, int]:
    cell = CELLS[name]
    hidden = INPUT_SIZE if name in TIED else HIDDEN_SIZE
    output = OUTPUT_SIZE if "output_size" in cell.dimensions.classes else None
    more = {"v": 2} if name == "two_inputs" else {}
    return cell.sizes(INPUT_SIZE, hidden, output, more)


def _call(graph: Graph, sizes: dict[str, int]) -> Call:
    torch.manual_seed(0)
    wide = {"dtype": torch.float64}
    parameters: dict[str, Tensor] = {}
    for p in graph.parameters:
        tensor = torch.rand(parameter_shape(p, sizes), **wide) * 1.2 - 0.6
        parameters[p.name] = (tensor + (p.role == "gain")).requires_grad_()
    initial: dict[str, Tensor] = {}
    for s in graph.states:
        start = torch.rand(NUM_ROWS, sizes[s.dim], **wide) + 0.5
        initial[s.name] = start.requires_grad_()
    inputs: dict[str, Tensor] = {}
    for i in graph.inputs:
        if i.name == RESET:
            inputs[i.name] = torch.rand(NUM_STEPS, NUM_ROWS, 1) < 0.3
        elif i.name == VALID:
            lengths = torch.tensor([NUM_STEPS, 2, 0])
            inputs[i.name] = torch.arange(NUM_STEPS)[:, None, None] < lengths[None, :, None]
        else:
            inputs[i.name] = torch.randn(NUM_STEPS, NUM_ROWS, sizes[i.dim], **wide).requires_grad_()
    return Call(inputs, parameters, initial, sizes, seed=torch.tensor(987654321987))


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.mark.parametrize("name", CELLS)
def test_program_computes_the_equations(name: str, engine: Engine) -> None:
    cell, sizes = CELLS[name], _sizes(name)
    call = _call(cell.graph, sizes)
    with torch.no_grad():
        result = engine.run(compile_graph(cell.graph), call)
    output, states = run_reference(
        cell,
        {k: v.detach().numpy() for k, v in call.inputs.items()},
        {k: v.detach().numpy() for k, v in call.parameters.items()},
        sizes,
        {k: v.detach().numpy() for k, v in call.initial.items()},
    )
    assert_close(result.outputs[cell.output], torch.from_numpy(output), "output")
    for state, value in states.items():
        assert_close(result.final[state], torch.from_numpy(np.array(value)), state)


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        (name, spec)
        for name in CELLS
        for spec in SPECS
        if not (SPECS[spec].recurrent_dropout and name in WITHOUT_RECURRENT_PRODUCT)
    ],
)
def test_adjoint_agrees_with_autograd(name: str, spec: str, engine: Engine) -> None:
    graph = transform(CELLS[name].graph, _options(name, spec))
    for reverse in (False, True):
        _check_adjoint(compile_graph(graph, reverse=reverse), _call(graph, _sizes(name)), engine)


def _check_adjoint(program: Program, call: Call, engine: Engine) -> None:
    for variant in ("fast", "lean", "states"):
        derived = adjoint(program, variant)
        result = forward_for(derived, program, call, engine.run)
        torch.manual_seed(1)
        seeds = [
            {k: torch.randn_like(v) for k, v in group.items()}
            for group in (result.outputs, result.final, result.states)
        ]
        groups = (result.outputs, result.final, result.states)
        loss = sum((s[k] * g[k]).sum() for s, g in zip(seeds, groups, strict=True) for k in g)
        streams = {k: v for k, v in call.inputs.items() if v.is_floating_point()}
        leaves = [*call.parameters.values(), *call.initial.values(), *streams.values()]
        reference = torch.autograd.grad(loss, leaves, allow_unused=True)
        with torch.no_grad():
            found = backward(derived, program, call, result, *seeds[:2], engine.run, seeds[2])
        got = [
            *(found.parameters.get(k) for k in call.parameters),
            *(found.initial.get(k) for k in call.initial),
            *(found.inputs.get(k) for k in streams),
        ]
        names = [*call.parameters, *call.initial, *streams]
        for name, mine, theirs, leaf in zip(names, got, reference, leaves, strict=True):
            zero = torch.zeros_like(leaf)
            mine, theirs = (zero if g is None else g for g in (mine, theirs))
            assert_close(mine, theirs.detach(), f"{variant} {name}", ADJOINT)


@pytest.mark.parametrize("name", CELLS)
def test_runs_are_bitwise_equal(name: str, engine: Engine) -> None:
    program = compile_graph(CELLS[name].graph)
    call = _call(CELLS[name].graph, _sizes(name))
    first, second = (engine.run(program, call).outputs for _ in range(2))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_masks_do_not_depend_on_how_a_sequence_is_cut(engine: Engine) -> None:
    graph = transform(
        CELLS["lstm"].graph,
        Options(recurrent_dropout=0.4, zoneout=(("h", 0.3), ("c", 0.3)), training=True),
    )
    program, call = compile_graph(graph), _call(graph, _sizes("lstm"))
    whole = engine.run(program, call)
    state, parts = call.initial, []
    for start, stop in ((0, 2), (2, NUM_STEPS)):
        inputs = {k: v[start:stop] for k, v in call.inputs.items()}
        part = engine.run(program, replace(call, inputs=inputs, initial=state, first_step=start))
        state = part.final
        parts.append(part.outputs["h"])
    assert_close(torch.cat(parts), whole.outputs["h"])
