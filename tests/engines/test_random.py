"""The counter-based generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ostinato.core.philox import philox
from ostinato.engines.random import bernoulli_mask

ALL_ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ALL_ONES,) * 4, (ALL_ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """The vectors for philox4x32-10 that Random123 publishes."""
    for make in (lambda word: torch.tensor([word]), lambda word: np.array([word])):
        words = philox(tuple(map(make, counter)), tuple(map(make, key)))
        assert tuple(int(w[0]) for w in words) == expected


def _mask(probability: float, **arguments: int | None) -> torch.Tensor:
    given = {"steps": 50, "rows": 20, "units": 101, "first_step": 0, "stream": 1, **arguments}
    stream = given.pop("stream")
    return bernoulli_mask(torch.tensor(7), stream, probability, dtype=torch.float64, **given)


def test_shares_and_shapes() -> None:
    for probability in (0.0, 0.1, 0.5, 1.0):
        mask = _mask(probability)
        assert mask.shape == (50, 20, 101)
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert abs(mask.mean() - probability) < 0.005
    assert _mask(0.5, steps=None).shape == (20, 101)


def test_a_mask_depends_on_its_place_alone() -> None:
    whole = _mask(0.5)
    assert torch.equal(_mask(0.5, steps=30, first_step=20), whole[20:])
    assert torch.equal(_mask(0.5, rows=5), whole[:, :5])
    assert torch.equal(_mask(0.5, units=50), whole[..., :50])
    assert torch.equal(_mask(0.5, steps=None), _mask(0.5, steps=None, first_step=9))


def test_streams_seeds_and_neighbours_are_independent() -> None:
    base = _mask(0.5)
    other_stream = _mask(0.5, stream=2)
    other_seed = bernoulli_mask(
        torch.tensor(8), 1, 0.5, steps=50, rows=20, units=101, dtype=torch.float64
    )
    pairs = [(base, other_stream), (base, other_seed)]
    pairs += [
        (base.narrow(d, 0, base.shape[d] - 1), base.narrow(d, 1, base.shape[d] - 1))
        for d in range(3)
    ]
    for a, b in pairs:
        correlation = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
        assert abs(correlation) < 0.02
