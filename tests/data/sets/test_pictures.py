"""Pictures that become texts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ostinato.data.rows import ALSO
from ostinato.data.sets.digit_captions import WORDS, digit_caption_rows
from tests.data.sets.helpers import PARTS, made, read

# A digit that is a full square of its own shade can be found again.
SHADES = [np.full((28, 28), (digit + 1) / 255, np.float32) for digit in range(10)]
DIGITS = made(*[{"image": shade, "label": str(digit)} for digit, shade in enumerate(SHADES)])


def images(num: int, seed: int = 0, language: str = "en") -> list[dict]:
    found = digit_caption_rows(DIGITS, language=language, num_images=num, seed=seed)
    return [dict(row.values) for row in found]


def test_the_words_say_the_digits_from_left_to_right():
    for row in images(300):
        assert row["image"].dtype == np.uint8
        assert row["image"].shape == (32, 128)
        digits = [WORDS["en"].index(word) for word in row["caption"].split()]
        assert 1 <= len(digits) <= 4
        columns = row["image"].max(axis=0)
        shown = [int(shade) - 1 for shade in columns if shade]
        assert set(shown) <= set(digits)
        # Where two overlap the brighter one is seen, which is 20 columns at least.
        places = {digit: shown.index(digit) for digit in set(shown)}
        if len(set(digits)) == len(digits):
            assert sorted(places, key=lambda digit: places[digit]) == digits
        assert 28 * len(digits) - 12 <= np.count_nonzero(columns) <= 28 * len(digits)


def test_images_are_a_function_of_seed_and_number():
    some, more, other = images(5), images(50), images(5, seed=1)
    assert all(np.array_equal(a["image"], b["image"]) for a, b in zip(some, more, strict=False))
    assert not all(np.array_equal(a["image"], b["image"]) for a, b in zip(some, other, strict=True))
    counts = Counter(len(row["caption"].split()) for row in images(2000))
    assert all(count == pytest.approx(500, rel=0.15) for count in counts.values())
    korean = images(50, language="ko")
    assert [row["caption"].split() for row in korean] == [
        [WORDS["ko"][WORDS["en"].index(word)] for word in row["caption"].split()] for row in more
    ]


@pytest.mark.usefixtures("data")
def test_no_image_of_a_digit_is_in_two_parts():
    single: dict[str, set[bytes]] = {}
    for part in PARTS:
        rows = read("caption_digits_en", part)
        alone = [row["image"] for row in rows if " " not in row["caption"]]
        assert alone
        single[part] = {_cropped(image) for image in alone}
    assert not single["train"] & single["dev"]
    assert not single["train"] & single["test"]
    assert not single["dev"] & single["test"]


def _cropped(image: np.ndarray) -> bytes:
    rows, columns = np.nonzero(image)
    cut = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return cut.tobytes() + bytes(cut.shape)


@pytest.mark.usefixtures("data")
def test_captions_in_both_languages():
    english, korean = read("caption_digits_en", "test"), read("caption_digits_ko", "test")
    assert english[0]["caption"] == "three five five seven"
    assert korean[0]["caption"] == "삼 오 오 칠"
    for here, there in zip(english, korean, strict=True):
        assert np.array_equal(here["image"], there["image"])
        assert here[ALSO] == []


@pytest.mark.usefixtures("data")
def test_true_sentences_about_boxes():
    for part in PARTS:
        rows = read("nlvr_captions", part)
        assert all(row["image"].shape == (50, 200, 3) for row in rows)
        assert all(row["image"].dtype == np.uint8 for row in rows)
        assert all(row["caption"] == row["caption"].strip() != "" for row in rows)
        assert any(row[ALSO] for row in rows)
    dev = {row["caption"]: row for row in read("nlvr_captions", "dev")}
    assert len(dev["There is a tower with four blocks."][ALSO]) == 0
    assert all(row["caption"] not in row[ALSO] for row in dev.values())


@pytest.mark.usefixtures("data")
def test_boxes_to_learn_from_stand_in_every_order():
    six = read("nlvr_captions", "train")[:6]
    assert len({row["caption"] for row in six}) == 1
    boxes = [
        tuple(row["image"][:, left : left + 50].tobytes() for left in (0, 75, 150)) for row in six
    ]
    assert len({frozenset(each) for each in boxes}) == 1
    assert len(set(boxes)) == 6  # no two boxes of this example are alike
    between = [row["image"][:, 50:75].tobytes() for row in six]
    assert len(set(between)) == 1
