"""Made problems: what they hold, that parts differ, and what remembering nothing scores."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.data.sets.made import (
    BLANK,
    GO,
    LATCHED,
    NUM_RECALLED,
    PROBLEMS,
    SYMBOLS,
    LatchOptions,
    find_problem,
    made_rows,
)


def inputs(
    problem: str, steps: int, num: int = 5, part: str = "train", **options: Any
) -> list[Any]:
    return [row.values["input"] for row in made_rows(problem, steps, part, num, **options)]


def targets(problem: str, steps: int, num: int = 5, part: str = "train") -> list[Any]:
    return [row.values["target"] for row in made_rows(problem, steps, part, num)]


@pytest.mark.parametrize("steps", [2, 3, 50, 201])
def test_adding_marks_one_number_of_each_half(steps: int):
    rows = list(made_rows("adding", steps, "train", 200))
    for row in rows:
        numbers, marks = row.values["input"].T
        assert numbers.dtype == np.float32
        assert numbers.shape == (steps,)
        assert ((numbers >= 0) & (numbers < 1)).all()
        (places,) = np.nonzero(marks)
        assert len(places) == 2
        assert places[0] < steps // 2 <= places[1]
        assert set(marks) <= {0, 1}
        assert row.values["target"] == pytest.approx(float(numbers @ marks))
    # Every place is marked sometime.
    marked = np.sum([row.values["input"][:, 1] for row in rows], 0)
    assert steps > 50 or (marked > 0).all()


def test_predicting_the_mean_sum_has_an_error_of_a_sixth():
    sums = np.array(targets("adding", 20, 6000))
    assert sums.mean() == pytest.approx(1, abs=0.02)
    assert ((sums - 1) ** 2).mean() == pytest.approx(1 / 6, abs=0.01)
    # How often the guess 1 is within 0.04, which the laboratory calls right.
    assert (abs(sums - 1) < 0.04).mean() == pytest.approx(1 - 0.96**2, abs=0.015)


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_copy_recalls_its_symbols_at_the_end(steps: int):
    for row in made_rows("copy", steps, "train", 20):
        heard, said = row.values["input"], row.values["target"]
        assert len(heard) == len(said) == steps + 2 * NUM_RECALLED
        symbols = heard[:NUM_RECALLED]
        assert set(symbols) <= set(SYMBOLS)
        assert heard[NUM_RECALLED:] == [BLANK] * (steps - 1) + [GO] + [BLANK] * NUM_RECALLED
        assert said == [BLANK] * (steps + NUM_RECALLED) + symbols
    # The sign to begin stands T steps behind the last symbol, and the first answer right after it.
    assert heard.index(GO) == NUM_RECALLED + steps - 1


def test_symbols_are_equally_frequent():
    found = Counter("".join("".join(each[-NUM_RECALLED:]) for each in targets("copy", 1, 2000)))
    assert set(found) == set(SYMBOLS)
    shares = np.array(list(found.values())) / (2000 * NUM_RECALLED)
    assert shares == pytest.approx(1 / 8, abs=0.01)


@pytest.mark.parametrize("signal", [1, 3])
def test_latch_carries_its_bit_at_the_beginning_alone(signal: int):
    heard = inputs("latch", 400, 100, latch=LatchOptions(signal=signal, noise=0.5))
    for each, label in zip(heard, targets("latch", 400, 100), strict=True):
        bit, noise = each.T
        assert each.dtype == np.float32
        assert (bit[:signal] == 2 * LATCHED.index(label) - 1).all()
        assert not bit[signal:].any()
        assert not noise[:signal].any()
    later = np.concatenate([each[signal:, 1] for each in heard])
    assert later.std() == pytest.approx(0.5, rel=0.02)
    assert later.mean() == pytest.approx(0, abs=0.01)


def test_a_shared_channel_holds_the_sum_of_both():
    own = inputs("latch", 30, 6)
    shared = inputs("latch", 30, 6, latch=LatchOptions(shared=True))
    assert all(each.shape == (30, 1) for each in shared)
    assert all((a.sum(1) == b[:, 0]).all() for a, b in zip(own, shared, strict=True))


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_both_bits_are_equally_frequent_in_every_part(part: str):
    assert Counter(targets("latch", 5, 300, part)) == {"down": 150, "up": 150}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_an_example_is_a_function_of_seed_part_and_number(problem: str):
    def content(part: str, num: int, seed: int = 0) -> list[str]:
        return [
            repr(np.asarray(each).tolist()) for each in inputs(problem, 40, num, part, seed=seed)
        ]

    assert content("train", 8) == content("train", 20)[:8]
    everything = [*content("train", 30), *content("dev", 30), *content("test", 30)]
    everything += content("train", 30, seed=1)
    assert len(set(everything)) == len(everything)
    assert not inputs(problem, 40, 0)


def test_memoryless_copying_costs_what_the_paper_says():
    # Blanks can be known without memory; each of the ten symbols costs log 8 nats.
    (heard,) = inputs("copy", 100, 1)
    assert NUM_RECALLED * math.log(len(SYMBOLS)) / len(heard) == pytest.approx(
        10 * math.log(8) / (100 + 20)
    )


@pytest.mark.parametrize(
    ("problem", "steps", "latch"),
    [
        ("adding", 1, LatchOptions()),
        ("copy", 0, LatchOptions()),
        ("latch", 1, LatchOptions()),
        ("latch", 10, LatchOptions(signal=10)),
        ("adding", -5, LatchOptions()),
    ],
)
def test_too_short_sequences_are_refused_at_once(problem: str, steps: int, latch: LatchOptions):
    with pytest.raises(DataError, match=rf"steps={steps} is too short.*\nmend: steps=\d+"):
        made_rows(problem, steps, "train", 1, latch=latch)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="did you mean 'latch'"):
        find_problem("lach")
    with pytest.raises(UnknownNameError, match="unknown part 'valid'"):
        made_rows("adding", 5, "valid", 1)
