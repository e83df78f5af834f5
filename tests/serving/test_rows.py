"""The numbers of a row are the same whoever stands beside it: to the last bit."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from ostinato import runtime
from ostinato.runtime import LanguageModel
from ostinato.serving.rows import PIECES, Rows, pieces_of, read_budget
from tests.serving.helpers import train_writer

MAX_ROWS = 64


@pytest.fixture(scope="module")
def model(writer_run: Path) -> LanguageModel:
    return cast("LanguageModel", runtime.load(writer_run, num_threads=2))


def _logits(rows: Rows, row: int) -> bytes:
    return rows.logits[row].tobytes()


def test_a_row_alone_and_among_others_has_the_same_bits(model: LanguageModel) -> None:
    random = np.random.default_rng(0)
    units = random.integers(0, len(model.vocabulary), (12, MAX_ROWS))
    alone, together = Rows(model, MAX_ROWS), Rows(model, MAX_ROWS)
    alone.add(None, None)
    for _ in range(MAX_ROWS):
        together.add(None, None)
    for step in units:
        alone.step(step[:1])
        together.step(step)
        assert _logits(alone, 0) == _logits(together, 0)


def test_rows_that_move_keep_their_bits(model: LanguageModel) -> None:
    random = np.random.default_rng(1)
    rows, alone = Rows(model, MAX_ROWS), Rows(model, MAX_ROWS)
    alone.add(None, None)
    followed = 5
    for _ in range(20):
        rows.add(None, None)
    for step in range(30):
        units = random.integers(0, len(model.vocabulary), rows.num_rows)
        rows.step(units)
        alone.step(units[followed : followed + 1])
        assert _logits(alone, 0) == _logits(rows, followed)
        if step % 3 == 0:
            for _ in range(7):
                rows.add(None, None)
        elif step % 3 == 1:
            # Every other row leaves, and the one that is followed stays.
            kept = np.array([r for r in range(rows.num_rows) if r % 2 == 0 or r == followed])
            rows.keep(kept)
            followed = int(np.flatnonzero(kept == followed)[0])


def test_prompts_read_side_by_side_have_the_bits_of_one_alone(model: LanguageModel) -> None:
    random = np.random.default_rng(2)
    rows = Rows(model, MAX_ROWS)
    for num_steps in PIECES:
        pieces = [random.integers(0, len(model.vocabulary), num_steps) for _ in range(9)]
        states, logits = rows.read([None] * 9, pieces)
        for number, piece in enumerate(pieces):
            (state,), own = rows.read([None], [piece])
            assert own[0].tobytes() == logits[number].tobytes()
            assert all(state[name].tobytes() == states[number][name].tobytes() for name in state)


def test_a_prompt_in_pieces_is_the_prompt(model: LanguageModel) -> None:
    ids = np.random.default_rng(3).integers(0, len(model.vocabulary), 2 * 64 + 3 * 8 + 5)
    pieces, rest = pieces_of(ids)
    assert [len(piece) for piece in pieces] == [64, 64, 8, 8, 8]
    assert len(rest) == 5
    rows = Rows(model, MAX_ROWS)
    state = None
    for piece in pieces:
        (state,), _ = rows.read([state], [piece])
    rows.add(state, None)
    for unit in rest:
        rows.step(np.array([unit]))
    expected, _ = model(ids)
    np.testing.assert_allclose(rows.logits[0], expected[-1], atol=2e-5)


def test_a_document_that_ends_starts_its_row_afresh(tmp_path: Path) -> None:
    run = train_writer(tmp_path / "lines", data={"documents": "lines"})
    model = cast("LanguageModel", runtime.load(run))
    end = model.document_end
    assert end is not None
    rows = Rows(model, MAX_ROWS)
    rows.add(None, None)
    rows.add(None, None)
    for unit in (3, 4):
        rows.step(np.array([unit, unit]))
    rows.step(np.array([end, 5]))
    fresh = Rows(model, MAX_ROWS)
    fresh.add(None, None)
    fresh.step(np.array([end]))
    assert _logits(rows, 0) == _logits(fresh, 0)
    assert _logits(rows, 1) != _logits(fresh, 0)


def test_reading_never_takes_long() -> None:
    assert read_budget(64, 32) == 8
    assert read_budget(8, 32) == 32
    assert read_budget(8, 4) == 4
