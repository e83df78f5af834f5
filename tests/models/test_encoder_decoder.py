"""Networks that write: padding, single steps, gradients, free running."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError, ShapeError
from ostinato.models.encoder_decoder import EncoderDecoder
from tests.models.writing_helpers import (
    END,
    LENGTHS,
    NUM_SYMBOLS,
    START,
    Batch,
    batch,
    build,
    by_steps,
    gradients,
)

TOLERANCE = 1e-10

ATTENTIONS: list[dict[str, object]] = [
    {"attention": "none"},
    {"attention": "none", "context": "start"},
    {"attention": "dot"},
    {"attention": "general"},
    {"attention": "concat"},
    {"attention": "bahdanau"},
    {"attention": "general", "input_feeding": True},
    {"attention": "concat", "input_feeding": True},
    {"attention": "bahdanau", "input_feeding": True},
    {"attention": "general", "pointer": True},
    {"attention": "bahdanau", "pointer": True, "input_feeding": True},
]
WAYS: list[dict[str, object]] = [
    {},
    {"bidirectional": True, "hidden_size": 3, "decoder_hidden_size": 6, "num_layers": 2},
    {"cell": "lstm", "residual": True, "num_layers": 3},
    {"tied": True, "embedding_size": 6},
]
OTHERS: list[dict[str, object]] = [
    {"cell": "lstm", "decoder_cell": "gru", "num_layers": 1, "decoder_num_layers": 2},
    {"cell": "elman", "decoder_cell": "slstm", "num_layers": 3, "decoder_num_layers": 1},
    {"cell": "lstm_projected", "output_size": 4, "attention": "dot"},
    {"cell": "jordan", "input_feeding": True, "output_size": 3},
    {"cell": "gru", "layer_norm": True},
    {
        "cell": "lstm",
        "bidirectional": True,
        "residual": True,
        "num_layers": 2,
        "hidden_size": 3,
        "decoder_hidden_size": 6,
        "embedding_size": 6,
    },
    {"cell": "lstm", "engine": "eager", "input_feeding": True},
    {"cell": "lstm", "start": "chrono", "start_steps": 9},
    {"decoder_embedding_size": "one-hot"},
    {"cell": "h = tanh(W @ h + A @ (B @ x))", "sizes": {"B": 3}},
    {"decoder_cell": "h = tanh(W @ h + U @ x); y = V @ h", "decoder_output_size": 2},
]
CELLS: list[dict[str, object]] = [
    {"cell": cell, "embedding_size": 6, "attention": "none", "context": "start"}
    for cell in cells.names()
]
ALL = [
    *(("tokens", {**kind, **way}) for kind in ATTENTIONS for way in WAYS),
    *(("tokens", given) for given in (*OTHERS, *CELLS)),
    *(
        (source, {**kind, "decoder_hidden_size": 6, "hidden_size": 6})
        for source in ("frames", "pictures")
        for kind in ATTENTIONS
        if not (source == "pictures" and "pointer" in kind)
    ),
]
# Two directions of 3 are as wide as a decoder of 6, so that `dot` fits too.


def named(values: tuple[str, dict[str, object]]) -> str:
    source, given = values
    return "-".join([source, *(f"{key}={value}" for key, value in given.items())])


@pytest.mark.parametrize("values", ALL, ids=named)
def test_batched_is_one_by_one_and_step_by_step(values: tuple[str, dict[str, object]]):
    source, given = values
    model = build(source, **given)
    whole = batch(source, copied="pointer" in given)
    rows = whole.rows()

    found = model.log_probabilities(*whole.arguments, **whole.options)
    torch.testing.assert_close(by_steps(model, whole), found, atol=TOLERANCE, rtol=0)
    for index, row in enumerate(rows):
        alone = model.log_probabilities(*row.arguments, **row.options)
        length = len(row.targets)
        torch.testing.assert_close(found[:length, [index]], alone, atol=TOLERANCE, rtol=0)
        assert not found[length:, index].any()

    loss, grads = gradients(model, [whole])
    expected_loss, expected = gradients(model, rows)
    torch.testing.assert_close(loss, -found.sum(), atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(loss, expected_loss, atol=TOLERANCE, rtol=0)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], atol=TOLERANCE, rtol=0, msg=name)
        assert grad.abs().max() > 1e-9, f"no gradient reaches {name}"


FREE: list[dict[str, object]] = [
    {"attention": "none"},
    {"attention": "general", "cell": "lstm"},
    {"attention": "general", "input_feeding": True},
    {"attention": "bahdanau", "input_feeding": True, "num_layers": 2},
    {"attention": "concat", "pointer": True},
]


def running_free(model: EncoderDecoder, given: Batch, forced: torch.Tensor) -> torch.Tensor:
    """Log-probabilities ``[T, B]``, with the network's own units where they are not forced."""
    state = model.begin(model.read(given.inputs, given.lengths, given.copied))
    units = torch.full_like(given.targets[0], START)
    found: list[torch.Tensor] = []
    for step, right in enumerate(given.targets):
        log_probabilities, state = model.step(units, state)
        is_there = step < given.target_lengths
        aims = right.masked_fill(~is_there, 0)
        found.append(log_probabilities.gather(1, aims[:, None])[:, 0].masked_fill(~is_there, 0))
        if step + 1 < len(given.targets):
            units = torch.where(forced[step + 1], aims, log_probabilities.argmax(-1))
    return torch.stack(found)


@pytest.mark.parametrize("given", FREE, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_scheduled_sampling(given: dict[str, object], share: float):
    model = build(**given)
    whole = batch(copied="pointer" in given)
    draw = torch.Generator().manual_seed(2)
    forced = torch.rand(whole.targets.shape, generator=draw) < share
    whole = whole.with_forced(forced)
    found = model.log_probabilities(*whole.arguments, **whole.options)
    expected = running_free(model, whole, forced)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)

    taught = model.log_probabilities(*whole.arguments, copied=whole.copied)
    assert torch.equal(found, taught) == (share == 1)
    assert torch.equal(found[0], taught[0]), "the first step always reads the start"

    loss, grads = gradients(model, [whole])
    expected_loss, expected_grads = gradients(model, whole.rows())
    torch.testing.assert_close(loss, -found.sum(), atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(loss, expected_loss, atol=TOLERANCE, rtol=0)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected_grads[name], atol=TOLERANCE, rtol=0, msg=name)


@pytest.mark.parametrize("given", FREE, ids=str)
def test_all_steps_are_one_scan_but_with_input_feeding(
    given: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    model = build(**given)
    whole = batch(copied="pointer" in given)
    calls: list[int] = []
    run, step = model.decoder.layers.run, model.decoder.layers.step

    def counted_run(vectors: torch.Tensor, *others: object):
        calls.append(len(vectors))
        return run(vectors, *others)

    def counted_step(*arguments: object):
        calls.append(1)
        return step(*arguments)

    monkeypatch.setattr(model.decoder.layers, "run", counted_run)
    monkeypatch.setattr(model.decoder.layers, "step", counted_step)
    model(*whole.arguments, **whole.options)
    num_steps = len(whole.targets)
    assert calls == ([1] * num_steps if "input_feeding" in given else [num_steps])


@pytest.mark.parametrize("choice", ["argmax", "sample"])
def test_what_is_never_written_is_never_chosen(choice: str):
    model = build(attention="none")
    model.free_choice = choice
    units = torch.zeros(200, NUM_SYMBOLS)
    units[:, :3] = 9.0
    assert model._choose(units.log_softmax(-1)).lt(3).all()
    model.never_written = (0, 1, 2, START)
    found = model._choose(units.log_softmax(-1))
    assert not torch.isin(found, torch.tensor(model.never_written)).any()
    assert len(found.unique()) == (1 if choice == "argmax" else NUM_SYMBOLS - 4)


def test_bahdanau_s_score_without_his_order_is_said_to_be_concat():
    (note,) = build(attention="bahdanau").notes
    assert "as concat does" in note
    assert not build(attention="bahdanau", input_feeding=True).notes


def test_free_units_may_be_drawn():
    model = build(attention="none")
    model.free_choice = "sample"
    given = Batch({"ids": torch.tensor([[5]])}, torch.tensor([1]), *targets_of_two_steps())
    wide = Batch(
        {"ids": torch.full((1, 20_000), 5)},
        torch.ones(20_000, dtype=torch.int64),
        given.targets.expand(-1, 20_000),
        given.target_lengths.expand(20_000),
        forced=torch.zeros(2, 20_000, dtype=torch.bool),
    )
    torch.manual_seed(3)
    second = model.log_probabilities(*wide.arguments, **wide.options)[1]
    first, state = model.step(torch.tensor([START]), model.begin(model.read(*given.arguments[:2])))
    expected = torch.zeros(())
    for unit, chance in enumerate(first[0].exp()):
        after, _ = model.step(torch.tensor([unit]), state)
        share = (second - after[0, END]).abs().lt(1e-9).double().mean()
        assert share.item() == pytest.approx(chance.item(), abs=0.015)
        expected = expected + share
    assert expected.item() == pytest.approx(1)


def targets_of_two_steps() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[6], [END]]), torch.tensor([2])


@pytest.mark.parametrize("pointer", [False, True])
def test_label_smoothing_acts_in_training_only(pointer: bool):
    model = build(label_smoothing=0.2, pointer=pointer)
    given = batch(copied=pointer)
    plain = -model.log_probabilities(*given.arguments, **given.options).sum()
    model.eval()
    torch.testing.assert_close(model(*given.arguments, **given.options), plain)
    model.train()
    state = model.begin(model.read(given.inputs, given.lengths, given.copied))
    units = torch.full_like(given.targets[0], START)
    spread = torch.zeros((), dtype=torch.float64)
    for step, right in enumerate(given.targets):
        answers, state = model.decoder.step(units, state)
        is_there = step < given.target_lengths
        each = model.decoder.head(answers.features).log_softmax(-1).mean(-1)
        spread -= each[is_there].sum()
        units = right.masked_fill(~is_there, 0)
    smoothed = model(*given.arguments, **given.options)
    torch.testing.assert_close(smoothed, 0.8 * plain + 0.2 * spread)


@pytest.mark.parametrize("given", [{}, {"input_feeding": True}, {"pointer": True}], ids=str)
def test_where_it_looks(given: dict[str, object]):
    model = build(**given)
    whole = batch(copied="pointer" in given)
    weights = model.attend(*whole.arguments, copied=whole.copied)
    assert weights.shape == (len(whole.targets), len(LENGTHS), len(whole.inputs["ids"]))
    steps = torch.arange(len(whole.targets))[:, None] < whole.target_lengths
    totals = (steps & (whole.lengths > 0)).double()
    torch.testing.assert_close(weights.sum(-1), totals)
    for row, length in enumerate(LENGTHS):
        assert not weights[:, row, length:].any()
    state = model.begin(model.read(whole.inputs, whole.lengths, whole.copied))
    assert state.weights is None
    units = torch.full_like(whole.targets[0], START)
    for step in range(int(whole.target_lengths.min())):
        _, state = model.step(units, state)
        torch.testing.assert_close(state.weights, weights[step])
        units = whole.targets[step].masked_fill(~steps[step], 0)


def test_no_attention_looks_nowhere():
    with pytest.raises(OptionError, match=r"mend: decoder\.attention=general"):
        build(attention="none").attend(*batch().arguments)


@pytest.mark.parametrize("given", FREE, ids=str)
@pytest.mark.parametrize(
    "rows",
    [
        [4, 3, 2, 1, 0],
        [0, 0, 0, 1, 1, 1, 4, 4, 4],
        [2, 0, 2],
        [1, 1, 3],
        [0, 0, 1, 1, 0, 0],
        [3],
        [],
    ],
)
def test_rows_are_chosen_while_writing(given: dict[str, object], rows: list[int]):
    model = build(**given).eval()
    whole = batch(copied="pointer" in given)
    state = model.begin(model.read(whole.inputs, whole.lengths, whole.copied))
    _, state = model.step(torch.tensor([3, 5, 6, 7, 8]), state)
    units = torch.tensor([8, 1, 2, 5, 6])
    expected, after = model.step(units, state)
    chosen = torch.tensor(rows, dtype=torch.int64)
    found, some = model.step(units[chosen], state.select(chosen))
    torch.testing.assert_close(found, expected[chosen])
    if not rows:
        return
    # And again, from rows that share their sources.
    again = torch.arange(len(rows)).flip(0).repeat_interleave(2)
    expected, _ = model.step(units, after)
    found, _ = model.step(units[chosen][again], some.select(again))
    torch.testing.assert_close(found, expected[chosen][again])


def test_rows_that_share_a_source_do_not_copy_it():
    model = build().eval()
    whole = batch()
    state = model.begin(model.read(whole.inputs, whole.lengths))
    beams = state.select(torch.arange(len(LENGTHS)).repeat_interleave(4))
    assert beams.sources is state.sources
    moved = beams.select(torch.tensor([3, 3, 0, 1, *range(4, 20)]))
    assert moved.sources is state.sources
    assert len(moved.select(torch.arange(8)).sources.looked_at.valid) == 2


def test_what_has_ended_does_not_overflow():
    model = build("tokens", cell="irnn", decoder_cell="irnn", attention="none", context="start")
    decoder = model.decoder.layers.recurrent_layers[0]
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.zero_()
        model.decoder.bridge.maps[0].bias.fill_(1.0)
        model.decoder.bridge.maps[0].weight.normal_()
        decoder.set_cell_parameter("W_hh", 1e40 * torch.eye(6, dtype=torch.float64))
    targets = torch.full((12, 2), END)
    loss = model(
        {"ids": torch.ones(2, 2, dtype=torch.int64)},
        torch.tensor([2, 2]),
        targets,
        torch.tensor([2, 2]),
    )
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_dropout_acts_in_training_only():
    given = batch()
    for option in ("dropout", "embedding_dropout", "unit_dropout", "recurrent_dropout", "zoneout"):
        model = build(num_layers=2, **{f"decoder_{option}": 0.5})
        assert not torch.equal(model(*given.arguments), model(*given.arguments)), option
        model.eval()
        assert torch.equal(model(*given.arguments), model(*given.arguments)), option


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"input_feeding": True},
        {"pointer": True, "attention": "bahdanau"},
        {"attention": "none"},
    ],
    ids=str,
)
def test_half_precision(given: dict[str, object]):
    model = build(**given).float()
    whole = batch(copied="pointer" in given)
    exact = model(*whole.arguments, **whole.options)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(*whole.arguments, **whole.options)
        log_probabilities = model.log_probabilities(*whole.arguments, **whole.options)
        model.log_probabilities(
            *whole.arguments, **whole.options, forced=torch.zeros_like(whole.targets).bool()
        )
    half.backward()
    assert half.dtype == log_probabilities.dtype == torch.float32
    torch.testing.assert_close(half, exact, rtol=0.03, atol=0)


def test_a_tied_output_is_the_embedding():
    model = build(tied=True, embedding_size=4)
    assert model.decoder.head.weight is model.decoder.inputs.embedding.weight
    with pytest.raises(OptionError, match=r"mend: decoder\.embedding_size=6"):
        build(tied=True, attention="none")
    with pytest.raises(OptionError, match=r"one-hot(.|\n)*mend: decoder\.embedding_size=6"):
        build(tied=True, decoder_embedding_size="one-hot")


def test_an_empty_batch_of_sources():
    model = build(pointer=True)
    given = batch(copied=True).row(3)
    assert not len(given.inputs["ids"])
    assert model(*given.arguments, **given.options).isfinite()


def test_units_that_cannot_be_said():
    model = build(pointer=True)
    given = batch(copied=True)
    given.targets[0, 0] = NUM_SYMBOLS
    with pytest.raises(ShapeError, match="mend: give such units the number of the unknown"):
        model(*given.arguments, **given.options)
    with pytest.raises(OptionError, match=r"no copied units for a decoder with a pointer"):
        model(*given.arguments)
    with pytest.raises(OptionError, match=r"copied units for a decoder with no pointer"):
        build()(*given.arguments, **given.options)
