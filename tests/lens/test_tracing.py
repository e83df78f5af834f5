"""Every named value of a trace is what its equation says, of the states that the engine gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.lens.equations import filled_equations, shown_number
from ostinato.lens.subject import Subject
from ostinato.lens.tracing import Trace, trace
from ostinato.nn.probes import Place
from tests.lens.subjects import TEXT, examples, writer

CELLS = [name for name in ost.cells.names() if name != "sru"]


def traced(subject: Subject, value: object) -> Trace:
    return trace(subject, subject.piece(value))


@pytest.mark.parametrize("cell", CELLS)
def test_the_equations_of_every_step_hold(cell: str):
    found = traced(writer(cell, num_layers=2), TEXT)
    assert list(found.places) == [Place(0, 0), Place(1, 0)]
    states = ost.cells.get(cell).states
    for place, one in found.places.items():
        assert set(states) <= set(one.values)
        for name in states:
            np.testing.assert_array_equal(one.before[name][1:], one.values[name][:-1])
        for step in (0, 1, 30):
            for unit in (0, 3):
                for line in filled_equations(found, step, unit, *place):
                    traced_value = one.values[line.name][step]
                    assert line.value == traced_value[min(unit, len(traced_value) - 1)]
    np.testing.assert_array_equal(
        found.places[Place(1, 0)].inputs,
        found.places[Place(0, 0)].values[found.subject.cell.output],
    )


def test_a_line_gives_its_value_from_the_numbers_that_it_shows():
    # h = tanh(c) of one unit, c the sum of two products and a bias: seen in the filled line.
    subject = writer("c = W @ h + U @ x + b; h = tanh(c)")
    found = traced(subject, TEXT)
    step, unit = 7, 2
    place = found.place()
    weights = {n: w.detach().numpy() for n, w in subject.layers[0].cell_parameters().items()}
    products = [
        weights["W"][unit] @ place.before["h"][step],
        weights["U"][unit] @ place.inputs[step],
        weights["b"][unit],
    ]
    first, second = filled_equations(found, step, unit)
    assert first.value == pytest.approx(sum(products), rel=1e-5)
    assert second.value == pytest.approx(np.tanh(sum(products)), rel=1e-5)
    for number in products:
        assert f"<mn>{shown_number(float(number))}</mn>" in first.filled
    assert "<mi>W</mi>" in first.symbols
    assert "<mi>W</mi>" not in first.filled


@pytest.mark.parametrize(
    "options", [{"layer_norm": True}, {"zoneout": 0.3}, {"recurrent_dropout": 0.2}]
)
def test_options_count_in_what_is_traced(options: dict[str, object]):
    subject = writer("lstm", num_layers=2, **options)
    found = traced(subject, TEXT)
    piece = subject.piece(TEXT)
    with torch.no_grad():
        logits, state = subject.writer(piece.inputs["ids"])
    for name, value in state.items():
        for layer in (0, 1):
            np.testing.assert_allclose(
                found.place(layer).values[name][-1], value[layer, 0].numpy(), rtol=1e-5
            )
    np.testing.assert_allclose(found.probabilities, logits[:, 0].softmax(-1).numpy(), rtol=1e-5)


def test_the_loss_is_that_of_the_unit_after_each_step():
    found = traced(writer(), TEXT)
    ids = writer().vocabulary.encode(TEXT)
    assert found.losses is not None
    expected = -np.log(found.probabilities[np.arange(len(ids) - 1), ids[1:]])
    np.testing.assert_allclose(found.losses[:-1], expected, rtol=1e-5)
    assert np.isnan(found.losses[-1])
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-5)


def test_documents_start_afresh():
    subject = writer("lstm", "one\ntwo\nthree\n", documents=True)
    whole = traced(subject, "one\ntwo\n")
    # The state starts afresh before the end of a document is read.
    alone = traced(subject, "\ntwo\n")
    for name, values in alone.place().values.items():
        np.testing.assert_allclose(whole.place().values[name][3:], values, rtol=1e-5, atol=1e-7)
    assert (whole.place().before["c"][3] == 0).all()


@pytest.mark.parametrize(
    ("task", "value"),
    [("texts", "a c b d"), ("arrays", [[1.0], [2.0], [0.5]]), ("spelled tags", "a b c")],
)
def test_both_directions_of_networks_of_examples(task: str, value: object, tmp_path: Path):
    model = {"bidirectional": True, "num_layers": 2, "cell": "lstm"}
    subject = examples(task, tmp_path, model=model)
    found = traced(subject, value)
    assert list(found.places) == [Place(layer, d) for layer in (0, 1) for d in (0, 1)]
    num_steps = len(found.piece)
    back = found.place(0, 1)
    # Time runs the other way: what is before a step comes from the step after it.
    np.testing.assert_array_equal(back.before["h"][:-1], back.values["h"][1:])
    assert (back.before["h"][-1] == 0).all()
    below = np.concatenate([found.place(0, d).values["h"] for d in (0, 1)], 1)
    np.testing.assert_array_equal(found.place(1, 0).inputs, below)
    np.testing.assert_array_equal(found.place(1, 1).inputs, below)
    for direction in (0, 1):
        for line in filled_equations(found, num_steps - 1, 1, 1, direction):
            assert line.value == found.place(1, direction).values[line.name][-1][1]


def test_a_network_of_examples_says_the_same_as_its_run(tmp_path: Path):
    subject = examples("texts", tmp_path)
    piece = subject.piece("a c b d")
    (expected,) = subject.trained.predict(["a c b d"]).probabilities
    np.testing.assert_allclose(trace(subject, piece).probabilities[0], expected, rtol=1e-5)
    prefixes = subject.prefix_probabilities(piece, [0, 2, 3])
    for steps, found in zip(("a", "a c b", "a c b d"), prefixes, strict=True):
        (alone,) = subject.trained.predict([steps]).probabilities
        np.testing.assert_allclose(found.numpy(), alone, rtol=1e-5)
    assert piece.units == ("a", "c", "b", "d")


def test_what_cannot_be_looked_into(tmp_path: Path):
    subject = writer()
    with pytest.raises(DataError, match="empty"):
        subject.piece("")
    with pytest.raises(DataError, match="never occurs"):
        subject.piece("한")
    with pytest.raises(DataError, match="reads text, got list"):
        subject.piece([1, 2])
    found = traced(subject, "a fox")
    with pytest.raises(OptionError, match="no step 5"):
        filled_equations(found, 5, 0)
    with pytest.raises(OptionError, match="no unit 6"):
        filled_equations(found, 0, 6)
    with pytest.raises(OptionError, match=r"places .* 0\.0"):
        filled_equations(found, 0, 0, layer=1)
    bag = examples_without_memory(tmp_path)
    with pytest.raises(OptionError, match="no recurrent layer"):
        Subject.open(bag)


def examples_without_memory(folder: Path) -> Path:
    from ostinato.training.session import train
    from tests.training.examples import recipe_for

    changes = {
        "model": {"shape": "one-to-one"},
        "training": {"max_steps": 1},
        "evaluation": {"every": 1},
    }
    train(recipe_for("texts", folder, 60, **changes), folder / "bag")
    return folder / "bag"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5, "0.500"), (-0.25, "−0.250"), (0.0, "0.000"), (1e-7, "1.00e−07"), (1e9, "1.00e+09")],
)
def test_numbers_as_they_are_shown(value: float, shown: str):
    assert shown_number(value) == shown
    assert shown_number(float("inf")) == "∞"
    assert shown_number(float("nan")) == "NaN"
