"""``ostinato init``: strangers' files become recipes that work as they are, or clear errors."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.drawing_task import DrawingTask
from ostinato.training.example_task import ExampleTask
from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_files import load_recipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.survey import survey
from ostinato.training.tasks import task_of
from ostinato.training.writing_recipe import WritingRecipe
from ostinato.training.writing_task import WritingTask
from tests.cli.helpers import ask, refuse
from tests.training.drawing_helpers import write_drawings

Rows = Sequence[Sequence[Any]]
SENTENCES = [
    f"The {what} was {how} and I would {again} buy number {number} of it"
    for number in range(10)
    for what in ("lamp", "chair", "table")
    for how, again in (("good", "gladly"), ("broken", "never"))
]
LABELS = ["good" if "good" in sentence else "bad" for sentence in SENTENCES]


def table(path: Path, rows: Rows, separator: str = ",", encoding: str = "utf-8") -> Path:
    lines = [separator.join(map(str, row)) for row in rows]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def inferred(capsys: pytest.CaptureFixture[str], data: Path, *options: str) -> Recipe:
    """Write a recipe beside the data and read it back."""
    output = data.parent / "inferred.yaml"
    answer = ask(capsys, "init", str(data), "--output", str(output), "--force", *options)
    assert answer.code == 0, answer.errors
    text = output.read_text("utf-8")
    assert answer.output.startswith(text)
    return load_recipe(str(output))


def examples(recipe: Recipe) -> ExampleTask:
    """Read the data as ``ostinato train`` does."""
    task = task_of(recipe, torch.device("cpu"))
    assert isinstance(task, ExampleTask)
    assert task.train
    assert task.dev
    return task


def test_every_key_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    data = table(tmp_path / "r.csv", [["text", "label"], *zip(SENTENCES, LABELS, strict=True)])
    recipe = inferred(capsys, data)
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.task, recipe.data.input, recipe.data.target) == (
        "classification",
        "text",
        "label",
    )
    assert len(examples(recipe).pipeline.labels or ()) == 2
    lines = (tmp_path / "inferred.yaml").read_text("utf-8").splitlines()
    assert any("2 labels, each 30 times" in line for line in lines)
    # A comment stands beside its key, or in the line before.
    before = ["", *lines]
    keys = [n for n, line in enumerate(lines) if line.startswith("  ") and ": " in line]
    bare = [lines[n] for n in keys if "#" not in lines[n] + before[n].split(": ")[0]]
    assert not [line for line in bare if line.lstrip()[0] != "#"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_separators_and_encodings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, separator: str, encoding: str
):
    texts = [f"이 영화는 정말 {'재미있다' if n % 2 else '지루하다'} 번호 {n}" for n in range(60)]
    rows = [["번호", "리뷰", "라벨"], *([n, t, n % 2] for n, t in enumerate(texts))]
    recipe = inferred(capsys, table(tmp_path / "r.csv", rows, separator, encoding))
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.data.input, recipe.data.target) == ("리뷰", "라벨")
    assert recipe.data.encoding == encoding.removesuffix("-sig")
    assert recipe.text.unit == "syllables"
    assert examples(recipe).pipeline.encoder is not None


def test_quotes_ids_dates_and_empty_columns(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [
        [1000 + n, f"2024-01-{n % 28 + 1:02}", f'"{sentence}, ""yes""\nor so"', "", label]
        for n, (sentence, label) in enumerate(zip(SENTENCES, LABELS, strict=True))
    ]
    recipe = inferred(
        capsys, table(tmp_path / "r.csv", [["id", "when", "what", "note", "verdict"], *rows])
    )
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.data.input, recipe.data.target) == ("what", "verdict")
    task = examples(recipe)
    assert '"yes"\nor so' in str(task.train[0].content)


def test_names_that_occur_twice_are_numbered(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [[s, "x", label] for s, label in zip(SENTENCES, LABELS, strict=True)]
    recipe = inferred(capsys, table(tmp_path / "r.csv", [["text", "text", "label"], *rows]))
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.columns == ["text", "text_2", "label"]
    assert len(examples(recipe).train) + len(examples(recipe).dev) < len(rows)


def test_no_header(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    recipe = inferred(capsys, table(tmp_path / "r.csv", [*zip(LABELS, SENTENCES, strict=True)]))
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.header is False
    assert (recipe.data.input, recipe.data.target) == ("column_2", "column_1")
    examples(recipe)


def test_five_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [["text", "label"], *zip(SENTENCES[:5], LABELS[:5], strict=True)]
    recipe = inferred(capsys, table(tmp_path / "r.csv", rows))
    assert len(examples(recipe).dev) == 1


@pytest.mark.parametrize(
    ("rows", "said", "mend"),
    [
        ([["text", "label"], *([s, "ham"] for s in SENTENCES)], "single label, 'ham'", "second"),
        ([["text", "label"], ["a b", "x"], ["b c", "y"]], "2 examples: too few", "4 at least"),
        ([["open", "close"], *([n, n * 1.5] for n in range(60))], "one step, not a seq", "series"),
        (
            [["text", "one", "two"], *([s, n % 3, n % 2] for n, s in enumerate(SENTENCES))],
            "2 columns of r.csv could be what is learned: `one` (3 different numbers)",
            "--target 'one'",
        ),
        (
            [["text", "other", "third"], *([s, s[::-1], s.upper()] for s in SENTENCES)],
            "no column",
            "--target COLUMN",
        ),
    ],
)
def test_what_cannot_be_told_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: Rows, said: str, mend: str
):
    data = table(tmp_path / "r.csv", rows)
    errors = refuse(capsys, "init", str(data), "--output", str(tmp_path / "out.yaml"))
    assert said in errors
    assert mend in errors.splitlines()[-1]
    assert not (tmp_path / "out.yaml").exists()


def test_options_decide(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [["text", "one", "two"], *([s, n % 3, n % 2] for n, s in enumerate(SENTENCES))]
    data = table(tmp_path / "r.csv", rows)
    recipe = inferred(capsys, data, "--target", "two")
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.target == "two"
    recipe = inferred(capsys, data, "--target", "one", "--task", "regression", "--force")
    assert recipe.task == "regression"
    examples(recipe)
    recipe = inferred(capsys, data, "--task", "language-model", "--force")
    assert isinstance(recipe, LanguageModelRecipe)
    errors = refuse(capsys, "init", str(data), "--target", "tow", "--output", str(tmp_path / "x"))
    assert "unknown column 'tow'; did you mean 'two'" in errors
    assert "unknown task" in refuse(
        capsys, "init", str(data), "--task", "tag", "--output", str(tmp_path / "x")
    )


def test_regression_and_several_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [["text", "price"], *([s, round(n * 1.37, 2)] for n, s in enumerate(SENTENCES))]
    recipe = inferred(capsys, table(tmp_path / "r.csv", rows))
    assert recipe.task == "regression"
    examples(recipe)
    kinds = ["red|big", "red", "big|new|red", "new", "big", "new|big"]
    rows = [["text", "tags"], *([s, kinds[n % 6]] for n, s in enumerate(SENTENCES))]
    recipe = inferred(capsys, table(tmp_path / "r.csv", rows), "--force")
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.task, recipe.data.label_separator) == ("multi-label", "|")
    assert len(examples(recipe).pipeline.labels or ()) == 3


def test_sequences_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    data = tmp_path / "r.jsonl"
    tagged = [
        {"tokens": sentence.split(), "pos": ["N" if w[0] == "t" else "O" for w in sentence.split()]}
        for sentence in SENTENCES
    ]
    data.write_text("\n".join(map(json.dumps, tagged)), "utf-8")
    recipe = inferred(capsys, data)
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.task, recipe.data.input, recipe.data.target) == ("tagging", "tokens", "pos")
    examples(recipe)
    random = np.random.default_rng(0)
    series = [
        {"series": random.normal(n % 2, 1, (5 + n % 4, 3)).tolist(), "y": "ab"[n % 2]}
        for n in range(60)
    ]
    data.write_text("\n".join(map(json.dumps, series)), "utf-8")
    recipe = inferred(capsys, data, "--force")
    assert recipe.task == "classification"
    assert examples(recipe).pipeline.num_features == 3


@pytest.mark.parametrize("form", ["0.1 {:.3f} {:.3f}", "[0.1, {:.3f}, {:.3f}]", "1;{:.3f};{:.3f}"])
def test_series_in_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str):
    random = np.random.default_rng(0)
    rows = [["id", "course", "kind"]]
    for n in range(60):
        rows.append([str(n), f'"{form.format(*random.normal(n % 2, 1, 2))}"', "ab"[n % 2]])
    recipe = inferred(capsys, table(tmp_path / "r.csv", rows))
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.data.input, recipe.text.unit) == ("course", "numbers")
    task = examples(recipe)
    assert (task.pipeline.kind, task.pipeline.num_features) == ("frames", 1)
    assert len(task.train[0]) == 3
    assert not any("without effect" in note for note in task.notes())


@pytest.mark.parametrize("form", ["1,234,567", "12,5", "010-1234-{:03}", "2020-01-02", "{} 5"])
def test_numbers_that_are_no_series(tmp_path: Path, form: str):
    rows = [["text", "code", "label"]]
    rows += [[s, f'"{form.format(n)}"', "ab"[n % 2]] for n, s in enumerate(SENTENCES)]
    seen = survey(table(tmp_path / "r.csv", rows))
    assert not seen.columns["code"].is_series
    assert not seen.columns["text"].is_series


def test_tags_that_mark_spans(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    data = tmp_path / "ner.conll"
    sentence = "Kim\tB-PER\nMin\tI-PER\nlives\tO\nin\tO\nSeoul\tB-LOC\n\n"
    other = "It\tO\nrains\tO\nhard\tO\n\n"
    data.write_text((sentence + other) * 30, "utf-8")
    recipe = inferred(capsys, data)
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.task, recipe.evaluation.metric) == ("tagging", "span_f1")
    assert recipe.evaluation.scheme == "BIO"
    assert recipe.model.crf


def test_malformed_and_unlabelled_rows_are_tolerated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    rows: list[Sequence[Any]] = [["text", "label"], *zip(SENTENCES, LABELS, strict=True)]
    rows[9] = ["too", "many", "fields"]
    rows[20] = ["no label", ""]
    recipe = inferred(capsys, table(tmp_path / "r.csv", rows))
    assert isinstance(recipe, ExampleRecipe)
    assert 2 / 60 < recipe.data.malformed < 0.1
    examples(recipe)


def test_very_unequal_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [[f"{s} {n}", "spam" if n % 20 == 0 else "ham"] for n, s in enumerate(SENTENCES * 10)]
    recipe = inferred(capsys, table(tmp_path / "r.csv", [["text", "label"], *rows]))
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.training.class_weights == "balanced"
    assert recipe.evaluation.metric == "macro_f1"


def test_plain_text_and_lists_of_names(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    data = tmp_path / "text.txt"
    data.write_text("It was a dark night, and nobody slept.\n\nThen the rain came.\n" * 30, "utf-8")
    recipe = inferred(capsys, data)
    assert isinstance(recipe, LanguageModelRecipe)
    assert recipe.data.documents == "whole"
    data.write_text("\n".join(f"anna{chr(97 + n % 26)}" for n in range(60)), "utf-8")
    recipe = inferred(capsys, data, "--force")
    assert isinstance(recipe, LanguageModelRecipe)
    assert recipe.data.documents == "lines"
    assert "plain text" in refuse(
        capsys, "init", str(data), "--task", "tagging", "--output", str(tmp_path / "x")
    )


def test_files_beside_each_other(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        rows = [[label, sentence] for label, sentence in zip(LABELS, SENTENCES, strict=True)]
        table(folder / f"x_{part}.tsv", rows, "\t")
    (folder / "README.md").write_text("not data")
    output = tmp_path / "out.yaml"
    assert ask(capsys, "init", str(folder), "--output", str(output)).code == 0
    recipe = load_recipe(str(output))
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.dev == folder / "x_valid.tsv"
    assert recipe.data.test == folder / "x_test.tsv"
    assert len(examples(recipe).train) == len(SENTENCES)


def test_a_folder_with_a_file_for_each_label(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / "cats.txt").write_text("\n".join(f"miau{n}" for n in range(40)))
    (folder / "dogs.txt").write_text("\n".join(f"wuff{n}" for n in range(40)))
    recipe = inferred(capsys, folder)
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.text.unit == "characters"
    assert len(examples(recipe).pipeline.labels or ()) == 2


def test_nothing_is_overwritten(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "r.csv", [["text", "label"], *zip(SENTENCES, LABELS, strict=True)])
    assert ask(capsys, "init", "r.csv").code == 0
    (tmp_path / "r.yaml").write_text("mine")
    assert "r.yaml exists already" in refuse(capsys, "init", "r.csv")
    assert (tmp_path / "r.yaml").read_text() == "mine"
    assert ask(capsys, "init", "r.csv", "--force").code == 0
    assert load_recipe("r.yaml").task == "classification"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02\x03" * 50, "looks binary"),
        (b"text,label\n", "1 example: too few"),
    ],
)
def test_files_without_examples(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, said: str
):
    (tmp_path / "r.csv").write_bytes(content)
    output = str(tmp_path / "out.yaml")
    assert said in refuse(capsys, "init", str(tmp_path / "r.csv"), "--output", output)
    assert "no such file" in refuse(capsys, "init", str(tmp_path / "q.csv"), "--output", output)


@pytest.mark.parametrize(
    ("data", "task"),
    [
        ("sms_spam", "classification"),
        ("ud_english_ewt/en_ewt-ud-dev.conllu.gz", "tagging"),
        ("ucr_uea_ts/JapaneseVowels_TRAIN.ts.gz", "classification"),
        ("music_jsb/jsb_chorales.npz", "polyphony"),
        ("names_18_nationalities", "classification"),
        ("trec_questions/TREC.train", "classification"),
    ],
)
def test_real_data(
    capsys: pytest.CaptureFixture[str], ostinato_data: Path, tmp_path: Path, data: str, task: str
):
    output = tmp_path / "out.yaml"
    assert ask(capsys, "init", str(ostinato_data / data), "--output", str(output)).code == 0
    recipe = load_recipe(str(output))
    assert recipe.task == task
    examples(recipe)


def test_prices_of_several_shares_below_each_other_are_no_sequences(
    capsys: pytest.CaptureFixture[str], ostinato_data: Path, tmp_path: Path
):
    for path in sorted((ostinato_data / "stocks").glob("*.csv")):
        # Dates beside numbers alone: those are series.
        if path.name in ("stockdata.csv", "tesla-stock-price.csv"):
            continue
        errors = refuse(capsys, "init", str(path), "--output", str(tmp_path / "x"))
        assert "one step, not a sequence" in errors


def test_a_series_whose_first_row_is_of_another_form_names_it(
    capsys: pytest.CaptureFixture[str], ostinato_data: Path, tmp_path: Path
):
    path = ostinato_data / "stocks" / "tesla-stock-price.csv"
    errors = refuse(capsys, "init", str(path), "--output", str(tmp_path / "x"))
    assert "1 value that is no finite number: tesla-stock-price.csv, line 2, volume" in errors
    mended = tmp_path / "tesla.csv"
    mended.write_text(path.read_text().replace("4,787,699", "4787699"))
    errors = refuse(capsys, "init", str(mended), "--output", str(tmp_path / "x"))
    assert "1 date that cannot be read: tesla.csv, line 2 (11:34)" in errors


def test_prices_of_dates_are_a_series(
    capsys: pytest.CaptureFixture[str], ostinato_data: Path, tmp_path: Path
):
    recipe = inferred(capsys, ostinato_data / "stocks" / "stockdata.csv")
    assert recipe.task == "forecasting"


def test_sounds_images_and_parquet(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    image = pytest.importorskip("PIL.Image")
    parquet = pytest.importorskip("pyarrow.parquet")
    random = np.random.default_rng(0)
    for label in ("left", "right"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(30):
            sound = random.normal(0, 1000, 2000).astype(np.int16)
            wavfile.write(tmp_path / "sounds" / label / f"{number}.wav", 8000, sound)
            pixels = random.integers(0, 256, (6, 5), np.uint8)
            image.fromarray(pixels).save(tmp_path / "images" / label / f"{number}.png")
    recipe = inferred(capsys, tmp_path / "sounds")
    assert examples(recipe).pipeline.num_features == 40
    recipe = inferred(capsys, tmp_path / "images", "--force")
    assert examples(recipe).pipeline.num_features == 5
    arrow = pytest.importorskip("pyarrow")
    values = arrow.table({"review": SENTENCES, "stars": [n % 5 for n in range(60)]})
    parquet.write_table(values, tmp_path / "r.parquet")
    recipe = inferred(capsys, tmp_path / "r.parquet", "--force")
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.data.input, recipe.data.target) == ("review", "stars")
    examples(recipe)


def test_compressed_tables(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    data = table(tmp_path / "r.csv", [["text", "label"], *zip(SENTENCES, LABELS, strict=True)])
    packed = tmp_path / "r.csv.gz"
    packed.write_bytes(gzip.compress(data.read_bytes()))
    recipe = inferred(capsys, packed)
    assert isinstance(recipe, ExampleRecipe)
    assert recipe.data.train == packed
    examples(recipe)


def test_a_table_that_cannot_be_read_is_no_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    rows = ["text,label"]
    for number in range(50):
        rows += [f"good {number},a", f"bad, no {number},b"]
    (tmp_path / "commas.csv").write_text("\n".join(rows) + "\n")
    said = refuse(capsys, "init", "commas.csv")
    assert "50 malformed rows of 100" in said.replace("\n", " ")
    assert "line 3" in said
    assert not (tmp_path / "commas.yaml").exists()


def pairs(recipe: Recipe) -> WritingTask:
    """Read texts that become texts as ``ostinato train`` does."""
    task = task_of(recipe, torch.device("cpu"))
    assert isinstance(task, WritingTask)
    assert task.train
    assert task.dev
    task.build_model()
    return task


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("de", "en"), ("de", "en")),
        (("answer", "question"), ("question", "answer")),
        (("id", "target_text", "source_text"), ("source_text", "target_text")),
    ],
)
def test_two_columns_of_texts(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    names: tuple[str, ...],
    expected: tuple[str, str],
):
    rows = [
        [number, sentence, f"Reply: {sentence.upper()}"][-len(names) :]
        for number, sentence in enumerate(SENTENCES)
    ]
    recipe = inferred(capsys, table(tmp_path / "p.csv", [names, *rows]))
    assert isinstance(recipe, WritingRecipe)
    assert (recipe.data.input, recipe.data.target) == expected
    assert not recipe.target_text.lowercase
    pairs(recipe)
    back = inferred(capsys, tmp_path / "p.csv", "--input", expected[1], "--target", expected[0])
    assert isinstance(back, WritingRecipe)
    assert back.data.input == expected[1]
    text = (tmp_path / "inferred.yaml").read_text("utf-8")
    assert "also possible: bleu, exact, unit_error, loss" in text


def test_two_parallel_files(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part, first in (("train", 0), ("dev", 7), ("test", 13)):
        for language, change in (("de", str.lower), ("en", str.title)):
            lines = "".join(f"{change(each)}\n" for each in SENTENCES[first:])
            (folder / f"{part}.{language}").write_text(lines)
    recipe = inferred(capsys, folder)
    assert isinstance(recipe, WritingRecipe)
    assert (recipe.data.input, recipe.data.target) == ("de", "en")
    task = pairs(recipe)
    assert (len(task.train), len(task.dev)) == (60, 53)


def test_one_of_two_parallel_files(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    for language, change in (("ko", str.lower), ("en", str.title)):
        (tmp_path / f"lines.{language}").write_text(
            "".join(f"{change(each)}\n" for each in SENTENCES)
        )
    recipe = inferred(capsys, tmp_path / "lines.ko")
    assert isinstance(recipe, WritingRecipe)
    assert (recipe.data.input, recipe.data.target) == ("ko", "en")
    assert all(
        each.content == each.labels[0].lower() != each.labels[0] for each in pairs(recipe).train
    )


def test_a_label_beside_two_texts_is_learned(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [
        [sentence, f"Reply: {sentence}", label]
        for sentence, label in zip(SENTENCES, LABELS, strict=True)
    ]
    path = table(tmp_path / "q.csv", [["Q", "A", "label"], *rows])
    assert inferred(capsys, path).task == "classification"
    recipe = inferred(capsys, path, "--task", "text-to-text", "--input", "Q", "--target", "A")
    assert isinstance(recipe, WritingRecipe)
    pairs(recipe)
    said = refuse(
        capsys, "init", str(path), "--force", "--task", "text-to-text", "--target", "label"
    )
    assert "mend: " in said


def test_texts_that_cannot_be_told_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = [[each, each.upper(), each.title()] for each in SENTENCES]
    path = table(tmp_path / "three.csv", [["a b", "c d", "e f"], *rows])
    said = refuse(capsys, "init", str(path), "--task", "text-to-text")
    assert "mend: name the columns: --input COLUMN --target COLUMN" in said


def test_strokes_become_a_recipe_that_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path, output = write_drawings(tmp_path), tmp_path / "out.yaml"
    answer = ask(capsys, "init", str(path), "--output", str(output))
    assert answer.code == 0, answer.errors
    recipe = load_recipe(str(output))
    assert isinstance(recipe, DrawingRecipe)
    files = [recipe.data.train, recipe.data.dev, recipe.data.test]
    assert files == [Path(f"{path}#{part}") for part in ("train", "valid", "test")]
    task = DrawingTask.from_recipe(recipe, torch.device("cpu"))
    assert (len(task.train), len(task.dev)) == (120, 30)
    other = str(tmp_path / "other.yaml")
    said = refuse(capsys, "init", str(path), "--output", other, "--task", "classification")
    assert "strokes have no labels" in said
    table = tmp_path / "t.csv"
    table.write_text("text,label\n" + "".join(f"word {n},{'ab'[n % 2]}\n" for n in range(30)))
    said = refuse(capsys, "init", str(table), "--output", other, "--task", "drawing")
    assert "holds no strokes" in said
