"""Where a network looks in a picture, in numbers and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ostinato.core.errors import OptionError
from ostinato.lens.attention import END
from ostinato.lens.figures.theme import description_of
from ostinato.lens.picture_attention import PictureAttention, picture_attention
from ostinato.training.session import train
from ostinato.training.trained_writer import TrainedWriter, load_writer
from tests.training.caption_helpers import HEIGHT, WIDTH, fields, tiny_captions, write_captions


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedWriter:
    folder = tmp_path_factory.mktemp("looks")
    images = write_captions(folder / "fields", 20)
    train(tiny_captions(images, training={"max_epochs": 1}), folder / "run")
    return load_writer(folder / "run")


def test_each_unit_has_a_weight_for_each_place(trained: TrainedWriter):
    found = picture_attention(trained, fields(0, 2), "dark light")
    assert found.units == ("dark", "light", END)
    assert found.picture.shape == (1, HEIGHT, WIDTH)
    # Two blocks of convolutions, each of which halves.
    assert found.weights.shape == (3, HEIGHT // 4, WIDTH // 4)
    np.testing.assert_allclose(found.weights.sum((1, 2)), 1, rtol=1e-5)


def test_the_mean_place():
    weights = np.zeros((2, 2, 4), np.float32)
    weights[0, 0, 3] = 1
    weights[1] = 1 / 8
    picture = np.zeros((3, 8, 16), np.uint8)
    found = PictureAttention("x", picture, ("a", END), weights, "a")
    np.testing.assert_allclose(found.centers, [[0.25, 0.875], [0.5, 0.5]])
    figure: Any = cast("Any", found.figure())
    assert "a 25 % down and 88 % across" in description_of(figure)
    kinds = [trace.type for trace in figure.data]
    assert kinds == ["image", "image", "heatmap", "image", "heatmap"]
    assert figure.data[0].z.shape == (8, 16, 3)
    # The places lie over the whole picture: a column is four pixels wide.
    assert figure.data[2].x == (1.5, 5.5, 9.5, 13.5)


def test_a_plain_network_looks_at_nothing(tmp_path: Path):
    images = write_captions(tmp_path / "fields", 20)
    plain = {"attention": "none", "context": "start"}
    train(tiny_captions(images, decoder=plain, training={"max_epochs": 1}), tmp_path / "run")
    with pytest.raises(OptionError, match="looks at nothing while it writes"):
        picture_attention(load_writer(tmp_path / "run"), fields(0, 0))
