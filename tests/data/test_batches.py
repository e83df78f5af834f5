"""Batches: every example once an epoch, little padding, and the seed alone decides."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.data.batches import NO_TARGET, Batch, Batches, Example, make_batch

RANDOM = np.random.default_rng(0)
LENGTHS = [int(n) for n in RANDOM.integers(1, 60, 403)]


def every_batch(batches: Batches, epoch: int) -> list[np.ndarray]:
    return [batches.rows(epoch, index) for index in range(len(batches))]


@pytest.mark.parametrize("tokens", [None, 64, 300, 100_000])
@pytest.mark.parametrize("size", [1, 7, 32, 1000])
@pytest.mark.parametrize("lengths", [LENGTHS, [5], [3] * 8])
def test_every_example_once_an_epoch(lengths: list[int], size: int, tokens: int | None):
    batches = Batches(lengths, size, tokens, seed=3)
    for epoch in range(3):
        found = every_batch(batches, epoch)
        assert all(0 < len(rows) <= size for rows in found)
        assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))


@pytest.mark.parametrize("tokens", [64, 100, 300])
def test_the_budget_counts_padding(tokens: int):
    batches = Batches(LENGTHS, 1000, tokens, seed=0)
    costs: list[int] = []
    for rows in every_batch(batches, 1):
        longest = max(LENGTHS[int(row)] for row in rows)
        assert len(rows) == 1 or len(rows) * longest <= tokens
        costs.append(len(rows) * longest)
    # Nothing but the last one has room for one example more of its own length.
    assert sum(cost < tokens - 60 for cost in costs) <= 1


def test_one_example_is_longer_than_the_budget():
    batches = Batches([3, 500, 2], 10, 8, seed=0)
    assert sorted(map(len, every_batch(batches, 0))) == [1, 2]


@pytest.mark.parametrize("tokens", [None, 200])
def test_seed_and_epoch_alone_decide(tokens: int | None):
    def order(seed: int, epoch: int) -> list[list[int]]:
        return [rows.tolist() for rows in every_batch(Batches(LENGTHS, 8, tokens, seed), epoch)]

    assert order(0, 2) == order(0, 2)
    assert order(0, 2) != order(0, 3)
    assert order(0, 2) != order(1, 2)
    # In whatever order the batches are asked for.
    batches = Batches(LENGTHS, 8, tokens, 0)
    batches.rows(7, 1)
    assert batches.rows(2, 5).tolist() == order(0, 2)[5]


@pytest.mark.parametrize("tokens", [None, 400])
def test_there_is_little_padding(tokens: int | None):
    def padded(rows: np.ndarray) -> int:
        return len(rows) * max(LENGTHS[int(row)] for row in rows)

    found = every_batch(Batches(LENGTHS, 16, tokens, 0), 0)
    assert sum(map(padded, found)) < 1.15 * sum(LENGTHS)


def test_batches_do_not_come_in_order_of_length():
    found = every_batch(Batches(LENGTHS, 16, None, 0), 0)
    means = np.array([np.mean([LENGTHS[int(row)] for row in rows]) for rows in found])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.6


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


TAGGED = [
    Example("a", ids(3, 4, 5), ids(1, 0, NO_TARGET), (ids(7, 8), ids(9), ids(7, 8))),
    Example("b", ids(6), ids(2), (ids(9),)),
    Example("c", ids(3, 6), ids(0, 1), (ids(7, 8), ids(1, 2, 3))),
]


def test_tokens_are_padded_time_first():
    batch = make_batch(TAGGED, [2, 0, 1])
    assert batch.inputs["ids"].tolist() == [[3, 3, 6], [6, 4, 0], [0, 5, 0]]
    assert batch.lengths.tolist() == [2, 3, 1]
    assert batch.rows.tolist() == [2, 0, 1]
    assert batch.targets is not None
    assert batch.targets.tolist() == [[0, 1, 2], [1, 0, NO_TARGET], [NO_TARGET] * 3]
    assert (batch.num_items, batch.num_targets) == (6, 5)


def test_spelled_words_are_numbered_once():
    batch = make_batch(TAGGED, [0, 1, 2])
    assert batch.inputs["spellings"].T.tolist() == [[7, 8, 0], [9, 0, 0], [1, 2, 3]]
    assert batch.inputs["spelling_lengths"].tolist() == [2, 1, 3]
    assert batch.inputs["spelling_of"].tolist() == [[0, 1, 0], [1, 0, 2], [0, 0, 0]]


def test_frames_and_numbers():
    examples = [
        Example("a", np.ones((2, 3), np.float32), np.array([1.5, 2], np.float32)),
        Example("b", np.full((1, 3), 2, np.float32), np.array([3, 4], np.float32)),
    ]
    batch = make_batch(examples, [0, 1])
    assert batch.inputs["frames"].shape == (2, 2, 3)
    assert batch.inputs["frames"].dtype == np.float32
    assert batch.inputs["frames"][:, 1].tolist() == [[2, 2, 2], [0, 0, 0]]
    assert batch.targets is not None
    assert batch.targets.tolist() == [[1.5, 2], [3, 4]]
    assert batch.num_targets == 2


def test_music_has_a_target_at_every_step():
    rolls = [np.ones((n, 88), np.float32) for n in (3, 2)]
    batch = make_batch([Example("a", roll, roll) for roll in rolls], [0, 1])
    assert batch.targets is not None
    assert batch.targets.shape == (3, 2, 88)
    assert batch.targets[2, 1].sum() == 0
    assert batch.num_targets == 5


def test_targets_are_known_of_all_or_of_none():
    batch = make_batch([TAGGED[0], Example("d", ids(3))], [0])
    assert batch.targets is not None
    examples = [Example("a", ids(3), np.array(1)), Example("d", ids(3))]
    assert make_batch(examples, [0, 1]).targets is None
    assert make_batch(examples, [1, 0]).num_targets == 0


KINDS = {
    "classification": [Example(str(n), ids(*range(n)), np.array(n)) for n in range(1, 6)],
    "numbers": [
        Example(str(n), np.full((n, 2), n, np.float32), np.full(3, n, np.float32))
        for n in range(1, 6)
    ],
    "tags": [TAGGED[n % 3] for n in range(5)],
    "music": [
        Example(str(n), np.ones((n, 4), np.float32), np.full((n, 4), n, np.float32))
        for n in range(1, 6)
    ],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num", [1, 2, 3, 7])
def test_processes_share_a_batch(kind: str, num: int):
    whole = make_batch(KINDS[kind], range(5))
    parts = [whole.share(index, num) for index in range(num)]
    assert sum(part.num_items for part in parts) == whole.num_items
    assert sum(part.num_targets for part in parts) == whole.num_targets
    assert whole.targets is not None
    axis = 0 if kind in ("classification", "numbers") else 1
    for index, part in enumerate(parts):
        rows = range(index, 5, num)
        assert part.rows.tolist() == list(rows)
        assert part.lengths.tolist() == [int(whole.lengths[row]) for row in rows]
        assert part.targets is not None
        assert np.array_equal(part.targets, whole.targets.take(rows, axis))
        for name, value in part.inputs.items():
            expected = whole.inputs[name]
            if name not in ("spellings", "spelling_lengths"):
                expected = expected.take(rows, 1)
            assert np.array_equal(value, expected)


def test_without_targets_there_are_none_to_share():
    batch = Batch({"ids": np.ones((1, 2), np.int64)}, ids(1, 1), None, ids(0, 1))
    assert batch.share(0, 2).targets is None
