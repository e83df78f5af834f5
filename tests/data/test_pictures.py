"""Pictures of one size and form, from whatever holds an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ostinato.data import DataError
from ostinato.data.pictures import PictureForm, picture_of

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6)
COLOUR = np.stack([RAMP, RAMP + 100, RAMP + 200], axis=2)


def test_the_form_of_the_training_part():
    assert PictureForm.of([RAMP, RAMP]) == PictureForm(4, 6, 1)
    assert PictureForm.of([RAMP, COLOUR]) == PictureForm(4, 6, 3)
    assert PictureForm.of([RAMP, RAMP.T]) == PictureForm(96, 96, 1)
    assert PictureForm.of([np.zeros((300, 20), np.uint8)]) == PictureForm(96, 96, 1)
    assert PictureForm.of([RAMP, RAMP.T], (8, 9)) == PictureForm(8, 9, 1)
    assert PictureForm(**PictureForm(8, 9, 3).to_json()) == PictureForm(8, 9, 3)
    with pytest.raises(DataError, match="there are no images"):
        PictureForm.of([])


def test_channels_come_first():
    assert picture_of(RAMP, PictureForm(4, 6, 1)).tolist() == [RAMP.tolist()]
    assert picture_of(RAMP[:, :, None], PictureForm(4, 6, 1)).tolist() == [RAMP.tolist()]
    found = picture_of(COLOUR, PictureForm(4, 6, 3))
    assert found.tolist() == [(RAMP + add).tolist() for add in (0, 100, 200)]
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous


def test_grey_and_colour():
    three = picture_of(RAMP, PictureForm(4, 6, 3))
    assert (three == RAMP).all()
    grey = picture_of(COLOUR, PictureForm(4, 6, 1))
    brightness = COLOUR.astype(float) @ [0.299, 0.587, 0.114]
    assert abs(grey[0] - brightness).max() <= 1


def test_floats_and_other_numbers():
    form = PictureForm(4, 6, 1)
    assert (picture_of(RAMP / 255, form) == RAMP).all()
    assert (picture_of((RAMP / 255).astype(np.float32), form) == RAMP).all()
    assert (picture_of(RAMP.astype(np.int64), form) == RAMP).all()
    assert (picture_of((RAMP > 5).tolist(), form) == 255 * (RAMP > 5)).all()


def test_shrinking_counts_every_pixel():
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    small = picture_of(checks, PictureForm(8, 8, 1))
    assert abs(small.astype(int) - 127).max() <= 2
    assert picture_of(checks, PictureForm(16, 32, 3)).shape == (3, 16, 32)


def test_files(tmp_path: Path):
    path = tmp_path / "a.png"
    Image.fromarray(COLOUR).save(path)
    expected = picture_of(COLOUR, PictureForm(4, 6, 3))
    assert (picture_of(path, PictureForm(4, 6, 3)) == expected).all()
    assert (picture_of(str(path), PictureForm(4, 6, 3)) == expected).all()
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert (picture_of(tmp_path / "deep.png", PictureForm(4, 6, 1)) == RAMP).all()
    assert picture_of(tmp_path / "deep.png", PictureForm(2, 2, 1)).shape == (1, 2, 2)
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(DataError, match="holds numbers from 0 to 23, expected 0 to 1"):
        picture_of(tmp_path / "float.tiff", PictureForm(4, 6, 1))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"a\.png is no image that can be read"):
        picture_of(path, PictureForm(4, 6, 3))
    with pytest.raises(DataError, match="no such file"):
        picture_of(tmp_path / "none.png", PictureForm(4, 6, 3))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros(5), r"expected an image \[H, W\].*, got \[5\]"),
        (np.zeros((2, 2, 4)), r"got \[2, 2, 4\]"),
        (np.zeros((0, 2)), r"got \[0, 2\]"),
        (None, "got NoneType"),
        ([[1, 2], [3]], "got list of unequal parts"),
        (np.array([["a"]]), "got <U1"),
        (np.full((2, 2), 1.5), r"an image of float64 holds 1\.5 to 1\.5, expected 0 to 1"),
        (np.full((2, 2), np.nan), "holds nan to nan"),
        (np.full((2, 2), 256), "an image of int64 holds 256 to 256, expected 0 to 255"),
    ],
)
def test_what_is_no_image(image: object, message: str):
    with pytest.raises(DataError, match=message):
        picture_of(image, PictureForm(2, 2, 1))
