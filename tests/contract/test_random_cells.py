"""Random valid cells: the program computes the equations, its adjoint their gradients."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings

from ostinato.core.errors import EquationHint
from ostinato.engines import ENGINES, Call
from ostinato.engines.backward import backward, forward_for
from ostinato.equations import Cell
from ostinato.equations.adjoint import adjoint
from ostinato.equations.cell import parameter_shape
from tests.contract.reference import run_reference
from tests.equations.strategies import cells
from tests.tolerances import ADJOINT, WALKED, assert_close

SIZE, NUM_STEPS, NUM_ROWS = 3, 3, 2
SANE = 1e4
"""Random equations explode; beyond this the comparison would measure rounding."""


def _call(cell: Cell) -> Call:
    torch.manual_seed(0)
    sizes = dict.fromkeys(cell.dimensions.classes, SIZE)
    wide = {"dtype": torch.float64}
    parameters = {
        p.name: (torch.rand(parameter_shape(p, sizes), **wide) * 0.8 + 0.1).requires_grad_()
        for p in cell.parameters
    }
    inputs = {
        i: torch.rand(NUM_STEPS, NUM_ROWS, SIZE, **wide).requires_grad_() for i in cell.inputs
    }
    initial = {
        s: (torch.rand(NUM_ROWS, SIZE, **wide) * 0.5 + 0.1).requires_grad_() for s in cell.states
    }
    return Call(inputs, parameters, initial, sizes)


@pytest.mark.parametrize("engine", ["eager", "native"])
@settings(max_examples=40)
@given(text=cells())
def test_program_and_adjoint(engine: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EquationHint)
        cell = Cell(text)
    call, program, run = _call(cell), cell.analysis.program, ENGINES[engine].run
    arrays = [
        {k: v.detach().numpy() for k, v in group.items()}
        for group in (call.inputs, call.parameters, call.initial)
    ]
    with np.errstate(all="ignore"):
        expected, _ = run_reference(cell, arrays[0], arrays[1], call.sizes, arrays[2])
    assume(np.isfinite(expected).all() and np.abs(expected).max() < SANE)
    result = ENGINES["eager"].run(program, call)
    output = result.outputs[cell.output]
    with torch.no_grad():
        assert_close(run(program, call).outputs[cell.output], output, text, WALKED)
    assert_close(output.detach(), torch.from_numpy(expected), text, WALKED)
    leaves = [*call.inputs.values(), *call.parameters.values(), *call.initial.values()]
    reference = torch.autograd.grad(output.square().sum(), leaves, allow_unused=True)
    known = [g for g in reference if g is not None]
    assume(all(g.isfinite().all() and g.abs().max() < SANE**2 for g in known))
    for variant in ("fast", "lean", "states"):
        derived = adjoint(program, variant)
        with torch.no_grad():
            kept = forward_for(derived, program, call, run)
            zeros = {s: torch.zeros_like(v) for s, v in kept.final.items()}
            found = backward(derived, program, call, kept, {cell.output: 2 * output}, zeros, run)
        got = [
            *(found.inputs.get(k) for k in call.inputs),
            *(found.parameters.get(k) for k in call.parameters),
            *(found.initial.get(k) for k in call.initial),
        ]
        for mine, theirs, leaf in zip(got, reference, leaves, strict=True):
            zero = torch.zeros_like(leaf)
            mine, theirs = (zero if g is None else g for g in (mine, theirs))
            assert_close(mine, theirs, f"{variant}\n{text}", ADJOINT)
