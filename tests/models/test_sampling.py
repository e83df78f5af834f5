"""Draws: frequencies follow the shares, and depend on nothing but their numbers."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from ostinato.models.sampling import draw, uniforms

NUM = 20_000
LOG_PROBABILITIES = torch.tensor([0.30, 0.05, 0.25, 0.0, 0.28, 0.12]).log()


def shares(temperature: float = 1, top_k: int | None = None, top_p: float = 1) -> torch.Tensor:
    found = (LOG_PROBABILITIES.double() / temperature).softmax(-1)
    order = sorted(range(6), key=lambda unit: -found[unit])
    kept, total = [], 0.0
    for unit in order[:top_k]:
        kept.append(unit)
        total += float(found[unit] / found[order[:top_k]].sum())
        if total >= top_p:
            break
    mask = torch.zeros(6).double()
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
    examples = torch.arange(NUM)
    chance = uniforms(5, examples, torch.zeros_like(examples), 3)
    units = draw(LOG_PROBABILITIES.expand(NUM, -1), chance, **given)
    expected = shares(**given)
    counts = units.bincount(minlength=6)
    possible = expected > 0
    assert not counts[~possible].any()
    if possible.sum() > 1:
        found = stats.chisquare(counts[possible].numpy(), (expected[possible] * NUM).numpy())
        assert found.pvalue > 0.01


def test_uniforms():
    examples = torch.tensor([0, 1, 2, 7, 2**40 + 7])
    draws = torch.tensor([0, 0, 1, 0, 0])
    found = uniforms(2**62 + 3, examples, draws, 4)
    assert found.dtype == torch.float64
    assert len(set(found.tolist())) == 5
    for row in range(5):
        one = slice(row, row + 1)
        assert uniforms(2**62 + 3, examples[one], draws[one], 4) == found[row]
    assert not torch.equal(uniforms(3, examples, draws, 4), found)
    assert not torch.equal(uniforms(2**62 + 3, examples, draws, 5), found)
    many = uniforms(0, torch.arange(NUM), torch.ones(NUM, dtype=torch.int64), 0)
    assert many.min() >= 0
    assert many.max() < 1
    assert stats.kstest(many.numpy(), "uniform").pvalue > 0.01
    following = uniforms(0, torch.arange(NUM), torch.ones(NUM, dtype=torch.int64), 1)
    assert abs(torch.corrcoef(torch.stack([many, following]))[0, 1]) < 0.03


def test_the_ends_of_the_range():
    chance = torch.tensor([0.0, 1 - 2**-53])
    units = draw(LOG_PROBABILITIES.expand(2, -1), chance)
    assert units.tolist() == [0, 5]
    behind = torch.tensor([[0.5, 0.5, 0.0, 0.0]]).log()
    assert draw(behind, torch.tensor([1 - 2**-53]).double()).tolist() == [1]
    tiny = draw(LOG_PROBABILITIES.expand(2, -1), chance, temperature=1e-300)
    assert tiny.tolist() == [0, 0]
