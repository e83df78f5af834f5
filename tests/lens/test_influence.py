from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.lens.influence import influence_of
from tests.lens.subjects import examples, writer

INPUTS: dict[str, Any] = {
    "texts": "a c d b e",
    "arrays": [0.1, 0.2, 0.3, 1.0],
    "several labels": "a c b",
    "numbers": [0.1, 0.2, 0.3],
    "spelled tags": ["ABD", "abdn", "kkks"],
    "music": np.eye(88)[40:45],
}


@pytest.mark.parametrize("name", list(INPUTS))
def test_influences_add_up_to_what_the_input_changes(name: str, tmp_path: Path) -> None:
    subject = examples(name, tmp_path)
    piece = subject.piece(INPUTS[name])
    found = influence_of(subject, piece, num_points=512)
    assert found.influence.shape == (len(piece),)
    assert found.units == piece.units
    size = abs(found.score - found.baseline) + np.abs(found.influence).sum()
    assert found.error <= 2e-3 * size
    assert size > 1e-4


def test_more_points_come_nearer(tmp_path: Path) -> None:
    subject = examples("texts", tmp_path)
    with torch.no_grad():
        # Far from linear, so that the sum misses the integral.
        for weight in subject.network.parameters():
            weight.mul_(4)
    piece = subject.piece("a c d b e f")
    errors = [influence_of(subject, piece, num_points).error for num_points in (8, 32, 128, 512)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    # The error of the middle of each part falls with the square of their number.
    assert errors[3] < errors[1] / 50


def test_the_score_is_the_logarithm_of_the_odds(tmp_path: Path) -> None:
    subject = examples("texts", tmp_path)
    piece = subject.piece("a b")
    with torch.no_grad():
        chance = float(subject.probabilities(subject.scores(piece), piece).max())
    found = influence_of(subject, piece)
    assert found.score == pytest.approx(np.log(chance / (1 - chance)), abs=1e-5)


def test_what_is_not_read_has_no_influence(tmp_path: Path) -> None:
    subject = examples("arrays", tmp_path)
    # What stands at the mean of training is 0 to the network: it cannot be told from nothing.
    mean = float(subject.network.inputs.get_buffer("mean")[0])
    piece = subject.piece([mean, mean + 1.0, mean])
    found = influence_of(subject, piece)
    assert found.influence[1] != 0
    assert abs(found.influence[[0, 2]]).max() < 1e-6


def test_a_writer_decides_nothing() -> None:
    subject = writer()
    with pytest.raises(OptionError, match="decides nothing"):
        influence_of(subject, subject.piece("a dog"))
