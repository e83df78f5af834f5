"""Draws: frequencies follow the shares, and depend on nothing but their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ostinato.models.sampling import draw, uniforms

NUM = 20_000
with np.errstate(divide="ignore"):
    LOG_PROBABILITIES = np.log([0.30, 0.05, 0.25, 0.0, 0.28, 0.12])


def shares(temperature: float = 1, top_k: int | None = None, top_p: float = 1) -> np.ndarray:
    found = np.exp(LOG_PROBABILITIES / temperature)
    found /= found.sum()
    order = sorted(range(6), key=lambda unit: -found[unit])
    kept, total = [], 0.0
    for unit in order[:top_k]:
        kept.append(unit)
        total += float(found[unit] / found[order[:top_k]].sum())
        if total >= top_p:
            break
    mask = np.zeros(6)
    mask[kept] = 1
    return found * mask / (found * mask).sum()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"temperature": 0.4},
        {"temperature": 3.0},
        {"top_k": 2},
        {"top_k": 1},
        {"top_k": 100},
        {"top_p": 0.55},
        {"top_p": 0.1},
        {"top_p": 0.83},
        {"temperature": 2.0, "top_k": 4, "top_p": 0.7},
    ],
    ids=str,
)
def test_frequencies(given: dict[str, float]):
    examples = np.arange(NUM)
    chance = uniforms(5, examples, np.zeros_like(examples), 3)
    units = draw(np.tile(LOG_PROBABILITIES, (NUM, 1)), chance, **given)
    expected = shares(**given)
    counts = np.bincount(units, minlength=6)
    possible = expected > 0
    assert not counts[~possible].any()
    if possible.sum() > 1:
        found = stats.chisquare(counts[possible], expected[possible] * NUM)
        assert found.pvalue > 0.01


def test_uniforms():
    examples = np.array([0, 1, 2, 7, 2**40 + 7])
    draws = np.array([0, 0, 1, 0, 0])
    found = uniforms(2**62 + 3, examples, draws, 4)
    assert found.dtype == np.float64
    assert len(set(found.tolist())) == 5
    for row in range(5):
        one = slice(row, row + 1)
        assert uniforms(2**62 + 3, examples[one], draws[one], 4) == found[row]
    assert not np.array_equal(uniforms(3, examples, draws, 4), found)
    assert not np.array_equal(uniforms(2**62 + 3, examples, draws, 5), found)
    many = uniforms(0, np.arange(NUM), np.ones(NUM, np.int64), 0)
    assert many.min() >= 0
    assert many.max() < 1
    assert stats.kstest(many, "uniform").pvalue > 0.01
    following = uniforms(0, np.arange(NUM), np.ones(NUM, np.int64), 1)
    assert abs(np.corrcoef(many, following)[0, 1]) < 0.03


def test_the_ends_of_the_range():
    chance = np.array([0.0, 1 - 2**-53])
    units = draw(np.tile(LOG_PROBABILITIES, (2, 1)), chance)
    assert units.tolist() == [0, 5]
    behind = np.array([[np.log(0.5), np.log(0.5), -np.inf, -np.inf]])
    assert draw(behind, np.array([1 - 2**-53])).tolist() == [1]
    tiny = draw(np.tile(LOG_PROBABILITIES, (2, 1)), chance, temperature=1e-300)
    assert tiny.tolist() == [0, 0]
