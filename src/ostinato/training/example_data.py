"""The parts of a recipe's data: to learn from, to choose by, and to test with once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from ostinato.data import DataError
from ostinato.data.batches import Example
from ostinato.data.dealing import PartName, chance, part_at
from ostinato.data.frames import sample_rate_of
from ostinato.data.pipeline import PartCounts, Pipeline, PipelineOptions, check_columns
from ostinato.data.readers import ReadOptions, columns_of, read_rows
from ostinato.data.readers.captions import CAPTION_FILES, CAPTION_SUFFIXES
from ostinato.data.readers.folders import suffix_of
from ostinato.data.readers.formats import TABLES, format_by_name, guess_format
from ostinato.data.rows import ALSO, Malformed, Row, once_each
from ostinato.data.sets.catalogue import NamedSet, find_set, part_names, rows_of
from ostinato.data.sets.made import INPUT, TARGET, made_rows
from ostinato.training.errors import RecipeError
from ostinato.training.memory import MEMORY, not_kept
from ostinato.training.recipe import RowsRecipe
from ostinato.training.recipe_files import changed, validate
from ostinato.training.recipe_parts import DataRecipe, Files, SplitRecipe
from ostinato.training.suggestion_recipe import QUERY_BEFORE, SuggestionRecipe

PARTS: tuple[PartName, ...] = ("train", "dev", "test")
_WITHOUT_TARGET = ("polyphony", "drawing")  # what comes next is learned


@dataclass(frozen=True)
class Parts:
    """Examples to learn from and to choose by.

    Attributes:
        pipeline: learned from the first.
        train: examples to learn from.
        dev: examples to choose by.
        notes: sentences about what was lost on the way.
        are_sounds: whether the examples are sounds.
    """

    pipeline: Pipeline
    train: list[Example]
    dev: list[Example]
    notes: list[str]
    are_sounds: bool


class Source:
    """Reads the parts that a recipe names; each file once.

    Args:
        recipe: where the examples are.

    Raises:
        UnknownNameError: there is no such named set.
        RecipeError: the recipe does not say which column is read or learned.
    """

    def __init__(self, recipe: RowsRecipe) -> None:
        data = recipe.data
        self.recipe = data
        is_named = data.name not in (None, MEMORY)
        self.named: NamedSet | None = find_set(data.name or "") if is_named else None
        self.made = data.made
        self.malformed = Malformed(data.malformed)
        self._may_read_nothing = isinstance(recipe, SuggestionRecipe)
        self.input, self.target = self._columns(recipe)
        # Equal ones are dealt to the same part.
        self._dealt_by = self.input
        if self._may_read_nothing and self.target is not None:
            self._dealt_by = self.target
        self._whole: dict[PartName, list[Row]] = {}

    def learned(
        self,
        options: PipelineOptions,
        item: str,
        complete: Callable[[Pipeline, Sequence[Example]], Pipeline] | None = None,
    ) -> Parts:
        """Read what is learned from and chosen by, and learn the pipeline from the first.

        Args:
            options: of the pipeline.
            item: what an example is, for messages.
            complete: returns the pipeline with what the examples to learn from say of it.

        Raises:
            DataError: a file cannot be read, or too many rows are malformed.
        """
        rows = {part: self.rows(part) for part in PARTS[:2]}
        self.malformed.check()
        pipeline = Pipeline.learn(rows["train"], options)
        notes: list[str] = []
        parts: list[list[Example]] = []
        encoding = Malformed(self.recipe.malformed)
        for part, each in rows.items():
            counts = PartCounts()
            parts.append(pipeline.examples(encoding.counting(each), encoding, counts))
            notes += counts.notes(part)
            if part == "train" and parts[0] and complete is not None:
                pipeline = complete(pipeline, parts[0])
        encoding.num_rows -= encoding.num_malformed
        encoding.check()
        if not parts[1]:
            raise DataError(
                f"the dev part holds no usable {item}: {encoding.note()}\n"
                f"mend: repair them, or give data.dev=FILE with {item}s"
            )
        notes += [note for each in (self.malformed, encoding) if (note := each.note())]
        are_sounds = any(sample_rate_of(row.values) is not None for row in rows["train"][:1])
        return Parts(pipeline, parts[0], parts[1], notes, are_sounds)

    def rows(self, part: PartName) -> list[Row]:
        """Return the rows of a part, in their order.

        Raises:
            DataError: a file cannot be read, or the part is empty.
            RunError: the examples were given in Python, and are in no file.
        """
        if self.recipe.name == MEMORY:
            raise not_kept()
        if self._is_separate(part):
            rows = self._read(part)
            if part == "train":
                self._check_columns(rows)
            carved = [name for name in PARTS[1:] if not self._is_separate(name)]
            if part == "train" and carved:
                rows = _dealt(rows, self._split(), self._dealt_by)["train"]
        else:
            whole = self._read("train")
            self._check_columns(whole)
            rows = _dealt(whole, self._split(), self._dealt_by)[part]
        if not rows:
            self.malformed.check()
            share = "" if self._is_separate(part) else f" with data.split.{part}"
            raise DataError(
                f"the {part} part holds no examples{share}\n"
                f"mend: give data.{part}=FILE with examples, or a larger data.split.{part}"
            )
        if part != "train" and self.target is not None and ALSO in rows[0].values:
            # Scored once, beside all its right answers.
            rows = once_each(rows, self.input, self.target)
        return rows[: self.recipe.max_examples]

    def _check_columns(self, rows: Sequence[Row]) -> None:
        """Say which columns there are before a missing one has consequences."""
        if rows:
            is_needed = self.recipe.input is not None or not self._may_read_nothing
            check_columns(rows, self.input if is_needed else None, self.target)

    def has(self, part: PartName) -> bool:
        """Whether there is such a part, or a share of training for it."""
        return self._is_separate(part) or getattr(self._split(), part) > 0

    def _split(self) -> SplitRecipe:
        """Return the shares; a part that has its own rows takes none."""
        split = self.recipe.split
        own = {part: 0.0 for part in ("dev", "test") if self._is_separate(part)}
        return split.model_copy(update=own)

    def _is_separate(self, part: PartName) -> bool:
        if self.made is not None:
            return True
        if self.named is not None:
            return part in part_names(self.named)
        return getattr(self.recipe, part) is not None

    def _read(self, part: PartName) -> list[Row]:
        if part not in self._whole:
            if self.named is not None:
                rows = rows_of(self.named, part, self.malformed)
            elif self.made is not None:
                made = self.made
                num = min(getattr(made, part), self.recipe.max_examples or sys.maxsize)
                rows = made_rows(
                    made.problem, made.steps, part, num, seed=made.seed, latch=made.latch
                )
            else:
                files = cast("Files", getattr(self.recipe, part))
                rows = read_rows(files, read_options(self.recipe), self.malformed)
            self._whole[part] = list(self.malformed.counting(rows))
        return self._whole[part]

    def _columns(self, recipe: RowsRecipe) -> tuple[str, str | None]:
        """Return which column is read, and which is learned."""
        data, task = recipe.data, recipe.task
        if isinstance(recipe, SuggestionRecipe):
            usual = None if self.named is None else self.named.target or self.named.input
            if _has_lines(data):
                usual = "text"
            return data.input or QUERY_BEFORE, self._column("target", data.target or usual, task)
        needs_target = task not in _WITHOUT_TARGET
        target = self._column("target", data.target, task) if needs_target else None
        return self._column("input", data.input, task), target

    def _column(self, key: Literal["input", "target"], name: str | None, task: str) -> str:
        if name is not None:
            return name
        usual = None if self.named is None else getattr(self.named, key)
        if self.made is not None:
            usual = {"input": INPUT, "target": TARGET}[key]
        if usual is None:
            raise RecipeError(
                f"`data.{key}` is missing: which column the task {task} "
                f"{'reads' if key == 'input' else 'learns'}\n"
                f"mend: add data.{key}=COLUMN, or let `ostinato init FILE` write the recipe"
            )
        return cast("str", usual)


OF_OTHER_FILES: Final = tuple(
    f"data.{name}"
    for name in (
        "input",
        "target",
        "format",
        "encoding",
        "header",
        "columns",
        "separator",
        "quoting",
        "malformed",
    )
)


def _has_lines(data: DataRecipe) -> bool:
    """Whether each line of the file is a row of its own."""
    if data.format != "auto":
        return data.format == "text"
    return isinstance(data.train, Path) and guess_format(data.train, data.encoding) == "text"


def read_options(data: DataRecipe) -> ReadOptions:
    """Return how the files of a recipe are read."""
    size = data.image_size
    return ReadOptions(
        format=data.format,
        encoding=data.encoding,
        header=data.header,
        columns=None if data.columns is None else tuple(data.columns),
        separator=data.separator,
        quoting=data.quoting,
        streaming=data.streaming,
        image_size=(size, size) if isinstance(size, int) else size,
    )


def data_of_file(recipe: RowsRecipe, changes: Sequence[str], path: Path | None) -> DataRecipe:
    """Return how another file is read: as the run's own, but for some keys of the section data.

    A file whose name says another format has that.

    Args:
        recipe: of the run.
        changes: ``data.key=value`` each.
        path: the file; None for none.

    Raises:
        RecipeError: a key is not of how a file is read, or its value is of no use.
    """
    for change in changes:
        key = change.partition("=")[0]
        if key not in OF_OTHER_FILES:
            raise RecipeError(
                f"{key} cannot be changed now: the model has learned\n"
                f"mend: only how another file is read: {', '.join(OF_OTHER_FILES)}"
            )
    raw = recipe.model_dump(mode="json")
    own = _own_format(recipe.data)
    named = None if path is None else format_by_name(path)
    are_tables = own in TABLES and named in TABLES
    if path is not None and own == "captions" and suffix_of(path) in CAPTION_SUFFIXES:
        raw["data"]["format"] = own
    elif named not in (None, own) and own is not None and not are_tables:
        usual = dict.fromkeys(("header", "columns", "separator"))
        raw["data"] = {**raw["data"], **usual, "format": named, "quoting": True}
    found = validate(changed(raw, changes), "of the run")
    assert isinstance(found, RowsRecipe)
    data = found.data
    is_table = data.format in TABLES or (data.format == "auto" and named in TABLES)
    if path is not None and data.separator is not None and is_table:
        # The separator that the recipe names may be that of its own file alone.
        guessed = data.model_copy(update={"separator": None, "header": None})
        if not _has_input(path, data) and _has_input(path, guessed):
            return guessed
    return data


def _own_format(data: DataRecipe) -> str | None:
    """Return what the run's own files are; None where their names do not say."""
    train = data.train
    if data.format != "auto":
        return data.format
    if isinstance(train, dict):
        return "captions" if sorted(train) == CAPTION_FILES else None
    if not isinstance(train, Path):
        return None
    return guess_format(train) if train.is_dir() else format_by_name(train)


def _has_input(path: Path, data: DataRecipe) -> bool:
    try:
        return data.input in columns_of(path, read_options(data))
    except DataError:
        # Whatever is wrong with the file is said when it is read.
        return False


def other_rows(
    data: DataRecipe, path: Path, malformed: Malformed, options: PipelineOptions
) -> list[Row]:
    """Read a file of the user's.

    Args:
        data: how; its columns may be named otherwise than those that the run learned from.
        path: the file.
        malformed: is told of what cannot be read.
        options: of the run's pipeline, with the names of its columns.

    Raises:
        DataError: the file cannot be read.
    """
    rows = list(malformed.counting(read_rows(path, read_options(data), malformed)))
    return renamed(rows, data, options)


def renamed(rows: list[Row], data: DataRecipe, options: PipelineOptions) -> list[Row]:
    """Return rows with the columns that the run learned from, in the place of those of ``data``."""
    pairs = ((data.input, options.input), (data.target, options.target))
    names = {theirs: ours for theirs, ours in pairs if theirs and ours and theirs != ours}
    if not names:
        return rows
    return [Row(row.place, _renamed(row.values, names)) for row in rows]


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return columns by their new names; another that has such a name already gives way."""
    taken = {new for old, new in names.items() if old in values}
    return {
        names.get(name, name): value
        for name, value in values.items()
        if name in names or name not in taken
    }


def _dealt(rows: Sequence[Row], split: SplitRecipe, column: str) -> Mapping[PartName, list[Row]]:
    """Deal the rows of one file to the parts."""
    parts: dict[PartName, list[Row]] = {"train": [], "dev": [], "test": []}
    num = len(rows)
    for number, row in enumerate(rows):
        # By order: the first are for training, the last for the test.
        place = chance(row.values.get(column)) if split.by == "hash" else 1 - (number + 0.5) / num
        parts[part_at(place, dev=split.dev, test=split.test)].append(row)
    return parts
