"""The laboratory: gated cells remember what a plain one does not, and it is told truly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data.sets.made import PROBLEMS
from ostinato.lens.figures.theme import description_of, reading_of
from ostinato.lens.laboratory import (
    BENCHES,
    Laboratory,
    Learner,
    Trial,
    attempt,
    recipe_of_trial,
    run_laboratory,
)
from ostinato.training.errors import RecipeError
from ostinato.training.interrupt import Stopped, StopRequest

MINIMAL = "z = sigmoid(W_z @ x + b_z)\nh = z * h + (1 - z) * tanh(W @ x)"


def trial(cell: str = "gru", steps: int = 10, seed: int = 0, **changes: object) -> Trial:
    made = Trial(cell, steps, seed, 0.75, None, 100, 2.5, 321)
    return dataclasses.replace(made, **changes)


def test_a_gated_cell_adds_where_a_plain_one_does_not():
    seen: list[Trial] = []
    found = run_laboratory("adding", ["elman", "gru"], [50], budget=300, observe=seen.append)
    assert tuple(seen) == found.trials
    plain, gated = found.trials
    assert (plain.cell, gated.cell) == ("elman", "gru")
    assert gated.solved_at is not None
    assert gated.right > 0.85
    assert gated.num_steps <= 300
    assert plain.solved_at is None
    assert plain.num_steps == 300
    assert plain.right < gated.right / 2


def test_a_trial_is_a_function_of_its_seed():
    recipe = recipe_of_trial("latch", "gru", 30, 3, 20)
    one, two = attempt(recipe), attempt(recipe)
    assert dataclasses.replace(one, seconds=0) == dataclasses.replace(two, seconds=0)
    other = attempt(recipe_of_trial("latch", "gru", 30, 4, 20))
    assert other.right != one.right or other.num_steps == one.num_steps


def test_learning_is_told_from_before_the_first_step():
    learner = Learner(recipe_of_trial("latch", "lstm", 20, 0, 60))
    points = list(learner.points())
    assert points[0].step == 0
    assert np.isnan(points[0].loss)
    assert [point.step for point in points] == sorted({point.step for point in points})
    assert points[-1].right >= BENCHES["latch"].solved
    assert points[-1].step < 60
    assert points[-1].seconds >= points[0].seconds


def test_it_stops_when_asked():
    stop = StopRequest()
    stop.note(2)
    with pytest.raises(Stopped):
        attempt(recipe_of_trial("latch", "lstm", 20, 0, 60), stop)


@pytest.mark.parametrize("problem", BENCHES)
def test_recipes_of_trials(problem: str):
    gated, plain = (recipe_of_trial(problem, cell, 40, 5, 70) for cell in ("lstm", "elman"))
    assert gated.data.made is not None
    assert (gated.data.made.problem, gated.data.made.steps, gated.seed) == (problem, 40, 5)
    assert gated.training.max_steps == 70
    assert gated.model.start == "chrono"
    assert gated.model.start_steps == PROBLEMS[problem].length(40)
    assert (plain.model.start, plain.model.start_steps) == ("roles", None)
    # Long ones are not cut.
    assert recipe_of_trial(problem, "lstm", 50_000).data.made is not None


@pytest.mark.parametrize("problem", ["adding", "copy"])
def test_a_network_that_has_not_learned_is_right_by_chance_at_most(problem: str):
    learner = Learner(recipe_of_trial(problem, "gru", 20, 0, 10))
    assert learner.right(learner.task.dev) < BENCHES[problem].chance + 0.05


def test_equations_are_cells_too():
    found = attempt(recipe_of_trial("latch", MINIMAL, 20, 0, 10))
    assert found.cell == MINIMAL
    line = Laboratory("latch", 10, (found,)).table()[-1]
    assert line.startswith("| z = sigmoid(W_z @ x + b_z); h = ")


def test_a_lost_network_is_told(monkeypatch: pytest.MonkeyPatch):
    learner = Learner(recipe_of_trial("latch", "gru", 20, 0, 50))
    for parameter in learner.model.parameters():
        parameter.data.fill_(float("inf"))
    *_, last = learner.points()
    assert learner.is_lost
    assert last.step == 1


def test_the_table_says_what_was_found():
    found = Laboratory(
        "adding",
        100,
        (
            trial("elman", 100, 0, right=0.125),
            trial("elman", 100, 1, right=0.125),
            trial("lstm", 100, 0, right=1.0, solved_at=40),
            trial("lstm", 100, 1, right=0.5),
            trial("lstm", 1000, 0, right=1.0, solved_at=60),
        ),
    )
    assert found.cells == ("elman", "lstm")
    assert found.lengths == (100, 1000)
    assert found.right("lstm", 100).tolist() == [1.0, 0.5]
    assert found.table() == [
        "| cell | T = 100 | T = 1,000 |",
        "|---|---:|---:|",
        "| elman | 0.12 |  |",
        "| lstm | **0.75** (40 steps, 1 of 2) | **1.00** (60 steps) |",
    ]


@pytest.mark.parametrize("problem", BENCHES)
def test_the_figure_shows_every_network_and_the_literature(problem: str):
    trials = [trial("elman", 10), trial("lstm", 10, right=1.0, solved_at=20), trial("lstm", 300)]
    figure = Laboratory(problem, 100, tuple(trials)).figure()
    lines = {line.name: line for line in figure.data if line.mode != "lines"}
    assert set(lines) == {"elman", "lstm", "published"}
    assert list(lines["lstm"].x) == [10, 300]
    assert list(lines["lstm"].y) == [1.0, 0.75]
    assert "solved after 20 steps" in lines["lstm"].text[0]
    sources = " ".join(lines["published"].hovertext)
    assert any(reference.source in sources for reference in BENCHES[problem].references)
    (chance,) = (line for line in figure.data if line.name == "without memory")
    assert set(chance.y) == {BENCHES[problem].chance}
    assert "lstm: 100% at T = 10, 75% at T = 300 right." in description_of(figure)
    assert BENCHES[problem].right in reading_of(figure)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("lach", ["gru"], [10]), UnknownNameError, "did you mean 'latch'"),
        (("latch", ["grü"], [10]), Exception, "gr"),
        (("latch", [], [10]), OptionError, "nothing to try"),
        (("latch", ["gru"], []), OptionError, "nothing to try"),
        (("latch", ["gru"], [1]), RecipeError, "steps=1 is too short"),
        (("copy", ["gru"], [0]), RecipeError, "`data.made.steps`: got 0"),
        (("adding", ["gru"], [-3]), RecipeError, "`data.made.steps`: got -3"),
    ],
)
def test_mistakes_are_found_before_anything_is_learned(
    arguments: tuple[str, list[str], list[int]], kind: type[Exception], message: str
):
    seen: list[Trial] = []
    with pytest.raises(kind, match=message):
        run_laboratory(*arguments, observe=seen.append)
    assert not seen


def test_a_budget_is_a_number_of_steps():
    with pytest.raises(OptionError, match="budget must be 1 or more, got 0"):
        run_laboratory("latch", ["gru"], [10], budget=0)
