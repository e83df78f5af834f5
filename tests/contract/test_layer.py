"""What every layer promises, for every cell and option."""

from __future__ import annotations

import copy
import io
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from ostinato.core.errors import OstinatoError
from ostinato.nn import Recurrent
from tests.contract.cases import (
    CELLS,
    COMBINATIONS,
    REFUSALS,
    Option,
    make_input,
    make_layer,
    map_input,
)
from tests.tolerances import assert_close

combinations = pytest.mark.parametrize(
    ("name", "option"), COMBINATIONS, ids=[f"{n}-{o.name}" for n, o in COMBINATIONS]
)
one_way = pytest.mark.parametrize(
    ("name", "option"),
    [(n, o) for n, o in COMBINATIONS if not o.arguments.get("bidirectional")],
    ids=[f"{n}-{o.name}" for n, o in COMBINATIONS if not o.arguments.get("bidirectional")],
)
# Where a case takes a second: every cell, and every option of one cell.
_FEW = [(n, o) for n, o in COMBINATIONS if not o.arguments or n == "lstm"]
each_cell_and_each_option = pytest.mark.parametrize(
    ("name", "option"), _FEW, ids=[f"{n}-{o.name}" for n, o in _FEW]
)
every_cell = pytest.mark.parametrize("name", CELLS)
NUM_STEPS = 6
LENGTHS = (6, 2, 4)


def _make(name: str, option: Option) -> Recurrent:
    layer = make_layer(name, option.arguments).eval()
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return layer


def _rows(x: Any, row: int, steps: slice) -> Any:
    return map_input(x, lambda stream: stream[steps, row : row + 1])


def _compare(got: tuple[Any, dict[str, Tensor]], expected: tuple[Any, dict[str, Tensor]]) -> None:
    assert_close(got[0], expected[0], "output")
    for name in expected[1]:
        assert_close(got[1][name], expected[1][name], f"state {name}")


@pytest.mark.parametrize(("name", "option"), REFUSALS, ids=[f"{n}-{o.name}" for n, o in REFUSALS])
def test_an_option_that_cannot_act_is_refused(name: str, option: Option) -> None:
    with pytest.raises(OstinatoError, match="mend: "):
        make_layer(name, option.arguments)


@one_way
def test_split_equals_whole(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, NUM_STEPS)
    whole = layer(x)
    state, pieces = None, []
    for start, stop in ((0, 1), (1, 4), (4, NUM_STEPS)):
        output, state = layer(map_input(x, lambda s, a=start, b=stop: s[a:b]), state)
        pieces.append(output)
    _compare((torch.cat(pieces), state), whole)
    state, steps = None, []
    for t in range(NUM_STEPS):
        output, state = layer.step(map_input(x, lambda s, t=t: s[t]), state)
        steps.append(output)
    _compare((torch.stack(steps), state), whole)


@combinations
def test_padding_never_changes_a_result(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, NUM_STEPS)
    for row, length in enumerate(LENGTHS):
        for stream in x.values() if isinstance(x, dict) else [x]:
            stream[length:, row] = torch.nan
    output, state = layer(x, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone, end = layer(_rows(x, row, slice(length)))
        assert_close(output[:length, row : row + 1], alone, f"row {row}")
        assert not output[length:, row].any()
        for key, value in end.items():
            assert_close(state[key][:, row : row + 1], value, f"state {key} of row {row}")
    weights = [w for w in layer.parameters() if w.requires_grad]
    both = [
        torch.autograd.grad(loss, weights, allow_unused=True)
        for loss in (
            output.square().sum(),
            sum(layer(_rows(x, r, slice(n)))[0].square().sum() for r, n in enumerate(LENGTHS)),
        )
    ]
    for got, expected in zip(*both, strict=True):
        assert (got is None) == (expected is None)
        if got is not None:
            assert_close(got, expected, "gradient")


@combinations
def test_a_reset_starts_a_document_afresh(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, NUM_STEPS)
    resets = torch.zeros(NUM_STEPS, 3, dtype=torch.bool)
    resets[2, 0] = resets[0, 1] = resets[3, 1] = resets[5, 1] = True
    output, state = layer(x, resets=resets)
    for row in range(3):
        starts = sorted({0, *resets[:, row].nonzero().flatten().tolist()})
        pieces = [
            layer(_rows(x, row, slice(a, b))) for a, b in itertools.pairwise([*starts, NUM_STEPS])
        ]
        assert_close(output[:, row : row + 1], torch.cat([p[0] for p in pieces]), f"row {row}")
        for key, value in state.items():
            ends = [p[1][key] for p in pieces]
            directions = layer.stack.num_directions
            expected = torch.stack(
                [ends[0 if k % directions else -1][k] for k in range(value.shape[0])]
            )
            assert_close(value[:, row : row + 1], expected, f"state {key} of row {row}")


@combinations
def test_resets_and_lengths_together(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, NUM_STEPS)
    resets = torch.zeros(NUM_STEPS, 3, dtype=torch.bool)
    resets[2, 0] = resets[1, 1] = resets[5, 1] = resets[4, 2] = True
    output, state = layer(x, lengths=LENGTHS, resets=resets)
    for row, length in enumerate(LENGTHS):
        alone, end = layer(_rows(x, row, slice(length)), resets=resets[:length, row : row + 1])
        assert_close(output[:length, row : row + 1], alone, f"row {row}")
        for key, value in end.items():
            assert_close(state[key][:, row : row + 1], value, f"state {key} of row {row}")


@one_way
def test_a_reset_ignores_the_state_that_was_passed(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, 2)
    carried = layer(x)[1]
    resets = torch.ones(1, 3, dtype=torch.bool)
    first = map_input(x, lambda s: s[:1])
    _compare(layer(first, carried, resets=resets), layer(first))


@combinations
def test_odd_shapes(name: str, option: Option) -> None:
    layer = _make(name, option)
    for num_steps, num_rows in ((1, 3), (1, 1), (6, 0), (0, 2), (7, 5)):
        x = make_input(layer, num_steps, num_rows)
        output, state = layer(x)
        assert output.shape == (num_steps, num_rows, layer.output_size)
        assert not output.isnan().any()
        for key, value in state.items():
            places = layer.num_layers * layer.stack.num_directions
            assert value.shape == (places, num_rows, layer.stack.state_size(key))
        if num_rows:
            single, end = layer(map_input(x, lambda s: s[:, 0]))
            assert_close(single, output[:, 0], "unbatched")
            for key, value in end.items():
                assert_close(value, state[key][:, 0], f"unbatched state {key}")


@combinations
def test_strides_do_not_matter(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, NUM_STEPS)
    expected = layer(x)
    strided = map_input(x, lambda s: s.permute(2, 1, 0).contiguous().permute(2, 1, 0))
    _compare(layer(strided), expected)
    layer.batch_first = True
    output, state = layer(map_input(x, lambda s: s.transpose(0, 1)))
    _compare((output.transpose(0, 1), state), expected)


@combinations
def test_all_states(name: str, option: Option) -> None:
    layer = _make(name, option)
    if layer.bidirectional:
        option = Option("bidirectional", {"bidirectional": True})
        layer = make_layer(name, option.arguments).eval()
    every = make_layer(name, option.arguments, return_all_states=True).eval()
    every.load_state_dict(layer.state_dict())
    x = make_input(layer, NUM_STEPS)
    output, states = every(x, lengths=LENGTHS)
    expected, final = layer(x, lengths=LENGTHS)
    assert_close(output, expected)
    for key, stream in states.items():
        assert stream.shape[1] == NUM_STEPS
        for place in range(stream.shape[0]):
            last = 0 if place % layer.stack.num_directions else -1
            assert_close(stream[place, last], final[key][place], f"state {key}")
    _, middle = layer(map_input(x, lambda s: s[:3]))
    if not layer.bidirectional:
        full = every(x)[1]
        for key, stream in full.items():
            assert_close(stream[:, 2], middle[key], f"state {key} in the middle")


@combinations
def test_gradients_by_finite_differences(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, 2 if layer.num_layers > 1 else 3, 2)
    streams = tuple((x if isinstance(x, dict) else {"": x}).values())
    names = tuple(x) if isinstance(x, dict) else ()
    weights = dict(layer.named_parameters())

    def run(*arguments: Tensor) -> tuple[Tensor, ...]:
        given = arguments[: len(streams)]
        inputs = dict(zip(names, given, strict=True)) if names else given[0]
        replaced = dict(zip(weights, arguments[len(streams) :], strict=True))
        output, state = torch.func.functional_call(layer, replaced, (inputs,))
        return output, *(s for s in state.values())

    leaves = [t.detach().clone().requires_grad_() for t in (*streams, *weights.values())]
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


@combinations
def test_copies_and_files(name: str, option: Option) -> None:
    layer = _make(name, option)
    x = make_input(layer, NUM_STEPS)
    expected = layer(x)
    copied = copy.deepcopy(layer)
    _compare(copied(x), expected)
    assert all(p is not q for p, q in zip(copied.parameters(), layer.parameters(), strict=True))
    fresh = make_layer(name, option.arguments).eval()
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    _compare(fresh(x), expected)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    _compare(torch.load(file, weights_only=False)(x), expected)


@combinations
def test_training_is_reproducible_by_seed(name: str, option: Option) -> None:
    layer = make_layer(
        name, option.arguments, **({"dropout": 0.2} if "num_layers" in option.arguments else {})
    )
    x = make_input(layer, NUM_STEPS)
    runs = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        runs.append(layer(x)[0])
    assert torch.equal(runs[0], runs[1])
    drops = {"recurrent_dropout", "zoneout"} & option.arguments.keys() or layer.dropout
    assert torch.equal(runs[0], runs[2]) == (not drops)


torch_func = pytest.mark.filterwarnings("ignore::ostinato.core.errors.EngineFallback")
"""Transforms of torch.func run on the eager engine, which the dispatch says once."""


@torch_func
@combinations
def test_functional_transforms(name: str, option: Option) -> None:
    layer = make_layer(name, option.arguments).eval()
    x = make_input(layer, 3, 4)
    weights = {k: w.detach() for k, w in layer.named_parameters()}

    def loss(given: dict[str, Tensor], row: Any) -> Tensor:
        batch = map_input(row, lambda s: s.unsqueeze(1))
        return torch.func.functional_call(layer, given, (batch,))[0].square().sum()

    rows = map_input(x, lambda s: s.transpose(0, 1))
    per_row = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, rows)
    for row in range(4):
        alone = torch.func.grad(loss)(weights, map_input(rows, lambda s, r=row: s[r]))
        for key in weights:
            assert_close(per_row[key][row], alone[key], key)


@torch_func
@every_cell
def test_lengths_and_resets_under_vmap(name: str) -> None:
    layer = make_layer(name).eval()
    x = map_input(make_input(layer, 4, 6), lambda s: s.unflatten(1, (3, 2)).transpose(0, 1))
    lengths = torch.tensor([[4, 1], [2, 3], [4, 0]])
    resets = torch.rand(3, 4, 2) < 0.4

    def run(x: Any, lengths: Tensor, resets: Tensor) -> Tensor:
        return layer(x, lengths=lengths, resets=resets)[0]

    together = torch.func.vmap(run)(x, lengths, resets)
    for k in range(3):
        alone = run(map_input(x, lambda s, k=k: s[k]), lengths[k], resets[k])
        assert_close(together[k], alone, f"group {k}")


# torch.func's own decompositions are still scripted.
@torch_func
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", ["elman", "lstm", "mingru"])
def test_jacobians_and_hessians(name: str) -> None:
    layer = make_layer(name).eval()
    x = make_input(layer, 2, 1)
    assert isinstance(x, Tensor)
    backwards = torch.func.jacrev(lambda s: layer(s)[0])(x)
    assert_close(torch.func.jacfwd(lambda s: layer(s)[0])(x), backwards)
    direction = torch.randn_like(x)
    _, along = torch.func.jvp(lambda s: layer(s)[0], (x,), (direction,))
    assert_close(along, torch.einsum("abcijk,ijk->abc", backwards, direction))
    hessian = torch.func.hessian(lambda s: layer(s)[0].square().sum())(x).reshape(x.numel(), -1)
    assert_close(hessian, hessian.T)


@combinations
def test_the_meta_device(name: str, option: Option) -> None:
    layer = make_layer(name, option.arguments).to("meta")
    x = map_input(make_input(layer, NUM_STEPS), lambda s: s.to("meta"))
    output, state = layer(x, lengths=torch.tensor(LENGTHS, device="meta"))
    assert output.shape == (NUM_STEPS, 3, layer.output_size)
    assert output.is_meta
    assert all(value.is_meta for value in state.values())


@combinations
def test_autocast_decides_the_dtype(name: str, option: Option) -> None:
    layer = make_layer(name, option.arguments).eval().float()
    x = map_input(make_input(layer, 3), lambda s: s.float())
    expected, _ = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        output, state = layer(x)
    assert output.dtype == torch.bfloat16
    assert all(value.dtype == torch.bfloat16 for value in state.values())
    assert output.isfinite().all()
    assert (output.float() - expected).abs().max() <= 0.1 * expected.abs().max()


@each_cell_and_each_option
def test_compile_and_export(name: str, option: Option) -> None:
    layer = make_layer(name, option.arguments).eval()
    x = make_input(layer, 3, 2)
    expected = layer(x)
    torch.compiler.reset()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    _compare(compiled(x), expected)
    lengths = torch.tensor([3, 1])
    _compare(compiled(x, lengths=lengths), layer(x, lengths=lengths))
    exported = torch.export.export(layer, (x,))
    _compare(exported.module()(x), expected)


@pytest.mark.parametrize("name", ["lstm", "mingru"])
def test_compile_with_the_default_backend(name: str) -> None:
    layer = make_layer(name)
    x = make_input(layer, 2, 2).requires_grad_()
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True)
    _compare(compiled(x), layer(x))
    gradients = [torch.autograd.grad(f(x)[0].square().sum(), x)[0] for f in (compiled, layer)]
    assert_close(*gradients)
