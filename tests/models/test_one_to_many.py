"""One-to-many: what reads a picture, sized by its options."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from ostinato.models.building_writers import Pictures, build_encoder_decoder
from ostinato.models.one_to_many import OneToMany
from ostinato.models.readers import ImageReader
from tests.models.writing_helpers import END, NUM_SYMBOLS, START, options

SOURCE = Pictures(3, 20, 50)


def built(channels: tuple[int, ...], **given: object) -> OneToMany:
    found = build_encoder_decoder(
        SOURCE,
        NUM_SYMBOLS,
        replace(options(**given), channels=channels),
        start=START,
        end=END,
    )
    assert isinstance(found, OneToMany)
    return found


@pytest.mark.parametrize(
    ("channels", "places"), [((4,), (10, 25)), ((4, 6), (5, 13)), ((8, 16, 5), (3, 7))]
)
def test_each_block_halves_the_picture(channels: tuple[int, ...], places: tuple[int, int]):
    reader = built(channels).reader
    assert reader.places == places
    sizes = [layer.out_channels for layer in reader.convolutions if isinstance(layer, nn.Conv2d)]
    assert sizes == [size for size in channels for _ in range(2)]
    reading = reader({"images": torch.zeros(2, 3, 20, 50)}, torch.ones(2, dtype=torch.long))
    assert reading.memory.shape[:2] == (places[0] * places[1], 2)
    assert reading.lengths.tolist() == [places[0] * places[1]] * 2


def test_bytes_are_read_as_floats_are():
    torch.manual_seed(0)
    reader = built((4, 6)).reader
    images = torch.randint(0, 256, (2, 3, 20, 50), dtype=torch.uint8)
    ones = torch.ones(2, dtype=torch.long)
    assert torch.equal(
        reader({"images": images}, ones).memory, reader({"images": images.float()}, ones).memory
    )


def test_no_picture_depends_on_those_beside_it_in_training_either():
    torch.manual_seed(0)
    reader = ImageReader(1, (16, 24), 6, channels=(8, 16)).double().train()
    images = torch.rand(5, 1, 16, 24, dtype=torch.float64)
    together = reader({"images": images}, torch.ones(5, dtype=torch.long))
    for row in range(5):
        alone = reader({"images": images[row : row + 1]}, torch.ones(1, dtype=torch.long))
        torch.testing.assert_close(alone.memory[:, 0], together.memory[:, row], rtol=0, atol=1e-12)
        torch.testing.assert_close(alone.summary[0], together.summary[row], rtol=0, atol=1e-12)


def test_a_new_network_tells_pictures_apart():
    torch.manual_seed(0)
    reader = ImageReader(1, (32, 64), 64)
    images = torch.rand(8, 1, 32, 64) * torch.linspace(0.1, 1, 8)[:, None, None, None]
    summary = reader({"images": images}, torch.ones(8, dtype=torch.long)).summary.detach()
    assert float(summary.std(0).mean()) > 0.05
