"""What sequences and pictures are read as."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import ShapeError
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.inputs import TokenInputs
from ostinato.models.readers import ImageReader, SequenceReader

LENGTHS = torch.tensor([4, 0, 2])
IDS = torch.tensor([[1, -1, 5], [2, -1, 4], [3, -1, -1], [4, -1, -1], [-1, -1, -1]])


def reader(cell: str, **given: object) -> SequenceReader:
    torch.manual_seed(0)
    chosen = cells.get(cell)
    size = 3 if "output_size" in chosen.dimensions.classes else None
    encoder = SequenceEncoder(chosen, 4, 4, output_size=size, bidirectional=True, **given)
    return SequenceReader(TokenInputs(6, 4), encoder)


@pytest.mark.parametrize("cell", cells.names())
def test_sequences(cell: str):
    # The input of an SRU is as wide as its state, which that of a second layer is not here.
    made = reader(cell, num_layers=1 if cell == "sru" else 2)
    found = made({"ids": IDS}, LENGTHS)
    width = made.encoder.output_size
    assert made.memory_size == made.summary_size == width
    assert found.memory.shape == (5, 3, width)
    assert found.summary.shape == (3, width)
    assert tuple(part.shape[1] for part in found.state) == made.state_sizes
    half = width // 2
    for row, length in ((0, 4), (2, 2)):
        expected = [found.memory[length - 1, row, :half], found.memory[0, row, half:]]
        torch.testing.assert_close(found.summary[row], torch.cat(expected))
        assert not found.memory[length:, row].any()
    assert not found.summary[1].any()
    assert not any(part[1].any() for part in found.state)
    assert all(part.isfinite().all() for part in found.state)


def test_the_state_is_that_of_both_directions():
    found = reader("gru")({"ids": IDS}, LENGTHS)
    # The output of a GRU is its state.
    torch.testing.assert_close(found.state[0], found.summary)


def test_an_output_that_is_no_state_is_read_too():
    made = reader("sru")
    assert made.state_sizes == (16,)
    found = made({"ids": IDS}, LENGTHS)
    torch.testing.assert_close(found.state[0][:, 8:], found.summary)


@pytest.mark.parametrize("picture", [(28, 28), (5, 7), (1, 1), (9, 100), (28, 112)])
def test_pictures(picture: tuple[int, int]):
    torch.manual_seed(0)
    made = ImageReader(3, picture, 6, mean=[1.0, 0.0, -1.0], scale=[2.0, 0.0, 1.0])
    images = torch.randn(2, 3, *picture)
    found = made({"images": images}, torch.zeros(2, dtype=torch.int64))
    height, width = (-(-side // 8) for side in picture)
    assert found.memory.shape == (height * width, 2, 6)
    assert found.lengths.tolist() == [height * width] * 2
    assert found.state == (found.summary,)
    alone = made({"images": images[1:]}, torch.ones(1, dtype=torch.int64))
    torch.testing.assert_close(alone.memory[:, 0], found.memory[:, 1])
    torch.testing.assert_close(alone.summary[0], found.summary[1])
    scaled = ImageReader(3, picture, 6)
    weights = {k: v for k, v in made.state_dict().items() if k not in ("mean", "scale")}
    scaled.load_state_dict(weights, strict=False)
    standard = (images - torch.tensor([1.0, 0, -1])[:, None, None]) / torch.tensor([2.0, 1, 1])[
        :, None, None
    ]
    again = scaled({"images": standard}, torch.zeros(2, dtype=torch.int64))
    torch.testing.assert_close(again.memory, found.memory)


def test_places_differ_where_the_picture_does_not():
    made = ImageReader(1, (64, 96), 6)
    memory = made({"images": torch.ones(1, 1, 64, 96)}, torch.zeros(1)).memory[:, 0]
    inside = memory.view(8, 12, 6)[3:5, 4:8].flatten(0, 1)
    assert len(inside.detach().unique(dim=0)) == 8


def test_pictures_of_another_size():
    made = ImageReader(1, (28, 28), 6)
    for shape in ((2, 1, 28, 29), (2, 3, 28, 28), (1, 28, 28)):
        with pytest.raises(ShapeError, match=r"expected \[B, C, H, W\] with \[1, 28, 28\]"):
            made({"images": torch.zeros(shape)}, torch.zeros(2))
