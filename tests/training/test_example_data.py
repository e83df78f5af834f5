"""Parts of the data: disjoint, stable, and equal inputs together."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.data.rows import ALSO, Malformed, Row
from ostinato.data.sets.catalogue import find_set, rows_of
from ostinato.training.errors import RecipeError
from ostinato.training.example_data import PARTS, Source, data_of_file, other_rows
from ostinato.training.example_task import pipeline_options
from tests.training.examples import Values, recipe_of, write_rows


def rows_of_texts(num: int) -> list[Values]:
    return [{"x": f"text {n // 2}", "y": str(n)} for n in range(num)]


def source(folder: Path, rows: Sequence[Values], **data: Any) -> Source:
    path = write_rows(folder / "train.jsonl", rows)
    return Source(recipe_of("classification", path, data=data))


def values(rows: Sequence[Row], column: str = "y") -> list[Any]:
    return [row.values[column] for row in rows]


def test_parts_are_disjoint_whole_and_about_as_large_as_asked(tmp_path: Path):
    rows = rows_of_texts(2000)
    found = source(tmp_path, rows, split={"dev": 0.2, "test": 0.1})
    parts = {part: values(found.rows(part)) for part in PARTS}
    assert sorted(chain(*parts.values()), key=int) == [row["y"] for row in rows]
    assert abs(len(parts["dev"]) - 400) < 60
    assert abs(len(parts["test"]) - 200) < 60
    for part in PARTS:
        assert parts[part] == sorted(parts[part], key=int)
    texts = [set(values(found.rows(part), "x")) for part in PARTS]
    assert sum(map(len, texts)) == 1000


def test_a_row_stays_in_its_part_whatever_else_there_is(tmp_path: Path):
    rows = rows_of_texts(400)
    before = set(values(source(tmp_path, rows).rows("test"), "x"))
    more = [*rows_of_texts(600)[500:], *rows[::-1][:200]]
    after = set(values(source(tmp_path, more).rows("test"), "x"))
    kept = {row["x"] for row in more}
    assert {text for text in before if text in kept} <= after
    # Another dev part takes nothing from the test part.
    larger = source(tmp_path, rows, split={"dev": 0.5, "test": 0.1})
    assert set(values(larger.rows("test"), "x")) == before


def test_the_hash_of_the_input_alone_decides(tmp_path: Path):
    rows: list[Values] = [{"x": f"글 {n}", "y": str(n)} for n in range(200)]
    shares = [
        int(sha256(f"글 {n}".encode()).hexdigest()[:16], 16) / 2**64 for n in range(len(rows))
    ]
    found = source(tmp_path, rows, split={"dev": 0.3, "test": 0.1})
    assert values(found.rows("test")) == [str(n) for n, x in enumerate(shares) if x < 0.1]
    assert values(found.rows("dev")) == [str(n) for n, x in enumerate(shares) if 0.1 <= x < 0.4]


@pytest.mark.parametrize(
    ("left", "right"),
    [("a b", " a b\n"), ([1.5, 2], [1.5, 2]), (["a", "b"], ["a", "b"])],
)
def test_equal_inputs_stay_together(left: object, right: object, tmp_path: Path):
    for salt in range(30):
        first, second = (
            f"{x}{salt}" if isinstance(x, str) and x == "a b" else x for x in (left, right)
        )
        if isinstance(left, str):
            second = f" {first}\n"
        rows: list[Values] = [{"x": first, "y": "1"}, {"x": second, "y": "2"}]
        rows += [{"x": f"{n}", "y": "0"} for n in range(60)]
        found = source(tmp_path, rows, split={"dev": 0.3, "test": 0.3})
        together = [{"1", "2"} & set(values(found.rows(part))) for part in PARTS]
        assert sorted(map(len, together)) == [0, 0, 2]


def test_equal_arrays_stay_together(tmp_path: Path):
    rolls = np.zeros((4, 3, 88), np.uint8)
    rolls[[0, 2], 0, 5] = 1
    rolls[1, 1, 7] = rolls[3, 2, 9] = 1
    path = tmp_path / "pieces.npz"
    np.savez(path, all_roll=np.tile(rolls, (9, 1, 1)).reshape(-1, 88), all_len=np.full(36, 3))
    recipe = recipe_of("polyphony", path, data={"input": "roll", "split": {"dev": 0.3, "test": 0}})
    found = Source(recipe)
    contents = [{row.values["roll"].tobytes() for row in found.rows(part)} for part in PARTS[:1]]
    rest = 36 - len(found.rows("train"))
    assert rest % 9 == 0
    assert len(contents[0]) <= 3
    assert found.target is None


def test_by_order_the_first_are_learned_and_the_last_are_the_test(tmp_path: Path):
    rows = rows_of_texts(20)
    found = source(tmp_path, rows, split={"dev": 0.25, "test": 0.1, "by": "order"})
    parts = [values(found.rows(part)) for part in PARTS]
    assert [len(part) for part in parts] == [13, 5, 2]
    assert list(chain(*parts)) == [row["y"] for row in rows]


def test_files_of_their_own_are_not_split(tmp_path: Path):
    dev = write_rows(tmp_path / "dev.jsonl", [{"x": "text 0", "y": "dev"}])
    found = source(tmp_path, rows_of_texts(300), dev=str(dev))
    assert values(found.rows("dev")) == ["dev"]
    assert 0 < len(found.rows("test")) < 70
    assert len(found.rows("train")) + len(found.rows("test")) == 300
    test = write_rows(tmp_path / "test.jsonl", [{"x": "text 0", "y": "test"}])
    found = source(tmp_path, rows_of_texts(300), dev=str(dev), test=str(test))
    assert len(found.rows("train")) == 300
    assert values(found.rows("test")) == ["test"]


def test_there_may_be_no_test_part(tmp_path: Path):
    found = source(tmp_path, rows_of_texts(100), split={"test": 0.0})
    assert [found.has(part) for part in PARTS] == [True, True, False]
    with pytest.raises(DataError, match=r"the test part holds no examples with data.split.test\nm"):
        found.rows("test")


@pytest.mark.parametrize(
    ("name", "own"),
    [("sms_spam", PARTS[:1]), ("trec_questions", ("train", "test")), ("stock_direction", PARTS)],
)
def test_named_sets_keep_their_parts(
    ostinato_data: Path, monkeypatch: pytest.MonkeyPatch, name: str, own: Sequence[str]
):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    found = Source(recipe_of("classification", Path("x"), data=NAMED | {"name": name}))
    read = {part: list(rows_of(find_set(name), part, Malformed())) for part in own}
    for part in PARTS[1:]:
        if part in own:
            assert len(found.rows(part)) == len(read[part])
        else:
            assert 0.05 < len(found.rows(part)) / len(read["train"]) < 0.15
    carved = sum(len(found.rows(part)) for part in PARTS[1:] if part not in own)
    assert len(found.rows("train")) == len(read["train"]) - carved
    few = Source(
        recipe_of("classification", Path("x"), data=NAMED | {"name": name, "max_examples": 7})
    )
    for part in PARTS:
        assert [row.place for row in few.rows(part)] == [row.place for row in found.rows(part)[:7]]


NAMED: dict[str, Any] = {"train": None, "input": None, "target": None}


def test_an_unknown_set():
    with pytest.raises(UnknownNameError, match="unknown data set 'trek'"):
        Source(recipe_of("classification", Path("x"), data=NAMED | {"name": "trek"}))


@pytest.mark.parametrize("key", ["input", "target"])
def test_a_column_that_nobody_named(key: str, tmp_path: Path):
    with pytest.raises(RecipeError, match=rf"`data.{key}` is missing.*\nmend: add data.{key}="):
        source(tmp_path, rows_of_texts(3), **{key: None})


def test_a_file_of_malformed_rows_alone_says_what_is_wrong(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    path.write_text("no JSON\n[]\n")
    found = Source(recipe_of("classification", path))
    with pytest.raises(DataError, match=r"(?s)2 malformed rows of 2:.*line 1: not JSON.*\nmend: "):
        found.rows("train")


def test_each_file_is_read_and_counted_once(tmp_path: Path):
    path = write_rows(tmp_path / "train.jsonl", rows_of_texts(50))
    path.write_text(path.read_text() + "no JSON\n")
    found = Source(recipe_of("classification", path, data={"malformed": 0.1}))
    for part in (*PARTS, *PARTS):
        found.rows(part)
    assert (found.malformed.num_rows, found.malformed.num_malformed) == (50, 1)
    found.malformed.check()


def test_another_file_in_the_form_of_the_run(tmp_path: Path):
    path = tmp_path / "new.txt"
    path.write_text("1;some, text\n2;more\n")
    recipe = recipe_of(
        "classification",
        tmp_path,
        data={"separator": ";", "columns": ["y", "x"], "header": False},
    )
    options = pipeline_options(recipe, Source(recipe))
    assert [dict(row.values) for row in other_rows(recipe.data, path, Malformed(), options)] == [
        {"y": "1", "x": "some, text"},
        {"y": "2", "x": "more"},
    ]


def test_captioned_images_are_learned_by_caption_and_scored_by_image(tmp_path: Path):
    folder = tmp_path / "shapes"
    folder.mkdir()
    texts = {f"{number}.png": [f"picture {number}", f"{number} is this"] for number in range(40)}
    for number, name in enumerate(texts):
        Image.new("L", (4, 4), number).save(folder / name)
    (folder / "captions.json").write_text(json.dumps(texts))
    data = {"input": "image", "target": "caption", "split": {"dev": 0.3, "test": 0.3}}
    found = Source(recipe_of("classification", folder, data=data))
    parts = {part: found.rows(part) for part in PARTS}
    numbers = {
        part: [int(row.values["image"][0, 0]) for row in rows] for part, rows in parts.items()
    }
    assert sorted(chain(*(set(each) for each in numbers.values()))) == list(range(40))
    assert len(numbers["train"]) == 2 * len(set(numbers["train"]))
    for part in ("dev", "test"):
        assert len(numbers[part]) == len(set(numbers[part])) > 5
        for row, number in zip(parts[part], numbers[part], strict=True):
            assert [row.values["caption"], *row.values[ALSO]] == texts[f"{number}.png"]


@pytest.mark.parametrize("given", ["format", "folder", "columns"])
def test_another_file_of_captions_is_read_as_one(tmp_path: Path, given: str):
    folder = tmp_path / "shapes"
    folder.mkdir()
    for number in range(3):
        Image.new("L", (4, 4), number).save(folder / f"{number}.png")
    own = folder / "captions.json"
    own.write_text(json.dumps({"0.png": "the first", "1.png": "the second"}))
    other = folder / "new.csv"
    train: Any = {"format": own, "folder": folder, "columns": {"captions": own, "images": folder}}
    data = {"train": train[given], "input": "image", "target": "caption"}
    data["format"] = "captions" if given == "format" else "auto"
    recipe = recipe_of("classification", own, data=data)
    found = data_of_file(recipe, [], other)
    assert found.format == "captions"
    other.write_text("image,caption\n2.png,the third\n")
    options = pipeline_options(recipe, Source(recipe))
    rows = other_rows(found, other, Malformed(), options)
    assert [(row.values["image"].shape, row.values["caption"]) for row in rows] == [
        ((4, 4), "the third")
    ]
    assert data_of_file(recipe, [], tmp_path / "x.parquet").format == "parquet"


def test_files_side_by_side_in_a_recipe(tmp_path: Path):
    files = {"source": tmp_path / "a.de.gz", "target": tmp_path / "a.en"}
    files["source"].write_bytes(gzip.compress(b"eins\n\ndrei\nvier\n"))
    files["target"].write_text("one\ntwo\nthree\nfour\n")
    data = {"train": files, "input": "source", "target": "target", "split": {"dev": 0, "test": 0}}
    found = Source(recipe_of("classification", files["target"], data={**data, "malformed": 0.3}))
    assert values(found.rows("train"), "target") == ["one", "three", "four"]
    found.malformed.check()
    assert found.malformed.note() == (
        "1 malformed row left out: a.de.gz, line 2: it is empty, but that of a.en is not"
    )
    strict = Source(recipe_of("classification", files["target"], data=data))
    strict.rows("train")
    with pytest.raises(DataError, match=r"1 malformed row of 4:\n  a\.de\.gz, line 2: it is empty"):
        strict.malformed.check()
    files["target"].write_text("one\ntwo\nthree\n")
    with pytest.raises(DataError, match=r"a\.de\.gz has 4, .*a\.en has 3; .*line 4: 'vier'"):
        Source(recipe_of("classification", files["target"], data=data)).rows("train")


@pytest.mark.parametrize(("given", "shape"), [(6, (6, 6)), ([5, 7], (5, 7)), (None, (4, 3))])
def test_the_size_of_images_in_a_recipe(tmp_path: Path, given: object, shape: tuple[int, int]):
    (tmp_path / "pets/cat").mkdir(parents=True)
    Image.new("L", (3, 4)).save(tmp_path / "pets/cat/1.png")
    data = {
        "input": "image",
        "target": "label",
        "image_size": given,
        "split": {"dev": 0, "test": 0},
    }
    found = Source(recipe_of("classification", tmp_path / "pets", data=data))
    assert found.rows("train")[0].values["image"].shape == shape


@pytest.mark.parametrize("given", [0, [5], [5, 0], "large"])
def test_sizes_of_images_that_are_none(tmp_path: Path, given: object):
    with pytest.raises(RecipeError, match=r"data\.image_size"):
        recipe_of("classification", tmp_path, data={"image_size": given})
