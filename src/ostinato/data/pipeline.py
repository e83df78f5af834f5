"""From rows to examples: what is learned from the training part, and applied to any other."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import compress
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import did_you_mean, nearest, warn
from ostinato.data.batches import NO_TARGET, Example
from ostinato.data.errors import DataError
from ostinato.data.frames import FrameOptions, Frames, frames_of, numbers_in, sample_rate_of
from ostinato.data.labels import UNSEEN, LabelSet
from ostinato.data.pictures import Picture, PictureForm, bytes_of, picture_of
from ostinato.data.rows import ALSO, LAST_TARGET, Malformed, Row
from ostinato.data.text import (
    EncodingCounts,
    SpellingEncoder,
    TargetEncoder,
    TextEncoder,
    TextOptions,
)
from ostinato.data.text.options import NUM_SPECIAL, refuse_surrogates
from ostinato.data.text.words import split_words
from ostinato.data.wording import counted

Kind = Literal["text", "words", "frames", "pictures"]
Cut = Literal["spaces", "words", "characters"]
Task = Literal[
    "classification",
    "multi-label",
    "regression",
    "tagging",
    "polyphony",
    "text-to-text",
    "image-to-text",
    "suggestion",
]

Value = str | list[str] | Frames | Picture
"""What is read of a row: a text, tokens, steps ``[T, I]``, or the pixels of an image."""

_NUM_LOOKED_AT = 1000
_ENDLESS = 2**62
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class PipelineOptions:
    """How rows become examples.

    Attributes:
        task: what the targets are.
        input: the column that is read.
        target: the column that is learned; None for polyphony, where it is the next step.
        text: how a text becomes steps.
        frames: how an array becomes steps.
        spelling: whether words are read by their letters, too.
        label_separator: between several labels in one field.
        target_text: how a text that is learned becomes steps; None where none is.
        also: the column of further right answers; None for none but the data's own.
        copies: whether units of the source can be copied into what is written.
        image_size: height and width of pictures; None for what suits those of training.
        may_read_nothing: whether the input may be missing or empty: a text is written all the same.
    """

    task: Task
    input: str
    target: str | None
    text: TextOptions
    frames: FrameOptions
    spelling: bool = False
    label_separator: str | None = None
    target_text: TextOptions | None = None
    also: str | None = None
    copies: bool = False
    image_size: tuple[int, int] | None = None
    may_read_nothing: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PipelineOptions:
        """Read what ``dataclasses.asdict`` returned."""
        values: dict[str, Any] = dict(data)
        text, frames = TextOptions(**values.pop("text")), FrameOptions(**values.pop("frames"))
        written = values.pop("target_text", None)
        target_text = None if written is None else TextOptions(**written)
        size = _as_size(values.pop("image_size", None))
        return cls(text=text, frames=frames, target_text=target_text, image_size=size, **values)


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each of ``I`` numbers in training; 1 where all are equal."""

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]

    @classmethod
    def of(cls, arrays: Iterable[npt.NDArray[np.generic]]) -> Scaling:
        """Measure ``[T, I]`` arrays; NaN is left out."""
        total = squares = count = np.zeros(1)
        for array in arrays:
            values = array.astype(np.float64)
            known = ~np.isnan(values)
            values = np.where(known, values, 0.0)
            total = total + values.sum(0)
            squares = squares + (values**2).sum(0)
            count = count + known.sum(0)
        count = np.maximum(count, 1)
        mean = total / count
        scale = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        # A number that never changes carries rounding alone.
        scale = np.where(scale > 1e-7 * (1 + np.abs(mean)), scale, 1.0)
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    def to_json(self) -> dict[str, list[float]]:
        """Return what ``from_json`` reads."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Scaling | None:
        """Read what ``to_json`` returned."""
        if data is None:
            return None
        return cls(np.array(data["mean"], np.float32), np.array(data["scale"], np.float32))


@dataclass
class PartCounts:
    """What encoding a part found.

    Attributes:
        text: units, unknown ones, cut texts.
        num_cut: arrays that were longer than the limit.
        num_numbers: of arrays.
        num_missing: of those, NaN: they are read as the mean.
        num_unseen_labels: labels that training does not have.
        unseen_labels: some of them.
        target: of texts that are learned.
        num_longer: inputs of a writer that are longer than any of training.
        longest: steps of the longest of training; 0 as long as none was longer.
    """

    text: EncodingCounts = field(default_factory=EncodingCounts)
    num_cut: int = 0
    num_numbers: int = 0
    num_missing: int = 0
    num_unseen_labels: int = 0
    unseen_labels: dict[str, None] = field(default_factory=dict[str, None])
    target: EncodingCounts = field(default_factory=EncodingCounts)
    num_longer: int = 0
    longest: int = 0

    def notes(self, part: str) -> tuple[str, ...]:
        """Return sentences about what is lost."""
        notes = [*self.text.notes(part)]
        if self.num_cut:
            notes.append(f"{part}: {counted(self.num_cut, 'sequence')} cut at frames.max_length")
        if self.num_missing:
            notes.append(
                f"{part}: {self.num_missing:,} of {counted(self.num_numbers, 'number')} "
                f"{'is' if self.num_missing == 1 else 'are'} missing: the mean of training "
                "is read in their place, or 0 without frames.standardize"
            )
        if self.num_unseen_labels:
            shown = ", ".join(list(self.unseen_labels)[:5])
            notes.append(
                f"{part}: {counted(self.num_unseen_labels, 'target')} with a label that training "
                f"never has ({shown}), always wrong"
            )
        notes += self.target.notes(f"{part}, to be written")
        if self.num_longer:
            notes.append(
                f"{part}: {counted(self.num_longer, 'input')} longer than any of training "
                f"({counted(self.longest, 'step')}): what is written for "
                f"{'it' if self.num_longer == 1 else 'them'} is a guess"
            )
        return tuple(notes)

    def warn(self, part: str = "input") -> None:
        """Warn of what is cut, missing, empty or longer than all of training.

        Unknown units are usual in texts of others, and no reason to warn each time.
        """
        for note in replace(self, text=replace(self.text, num_unknown=0)).notes(part):
            warn(note)


@dataclass(frozen=True)
class Pipeline:
    """Everything between a row and its numbers, learned from the training part alone.

    Attributes:
        options: how.
        kind: text, words (tokens that stand ready), frames or pictures.
        encoder: of text and words.
        spelling: of the letters of words.
        cut: how a text without tags becomes the tokens of words: as those of training look.
        labels: of classification, multi-label and tagging.
        num_features: ``I`` of frames.
        picture: height and width of frames that are pictures.
        scaling: of frames, or of the channels of pictures, whose bytes are 0 to 255.
        form: of pictures.
        target_scaling: of regression.
        target: of texts that are written.
        longest: steps of the longest source that a writer learned from; 0 where it is not known.
        longest_target: steps of the longest text that it learned to write, the end included.
    """

    options: PipelineOptions
    kind: Kind
    encoder: TextEncoder | None = None
    spelling: SpellingEncoder | None = None
    cut: Cut = "spaces"
    labels: LabelSet | None = None
    num_features: int = 0
    picture: tuple[int, int] | None = None
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    form: PictureForm | None = None
    target: TargetEncoder | None = None
    longest: int = 0
    longest_target: int = 0

    @classmethod
    def learn(cls, rows: Sequence[Row], options: PipelineOptions) -> Pipeline:
        """Learn vocabulary, labels and scales from the training rows.

        Raises:
            DataError: a column is missing everywhere, or nothing can be learned.
        """
        check_columns(rows, None if options.may_read_nothing else options.input, options.target)
        learned = cls(options, _kind(rows, options))
        if learned.kind == "pictures":
            learned = replace(learned, form=_form(rows, options))
        inputs, targets = _usable(rows, learned)
        if options.task == "regression":
            numbers = [np.array([each], np.float64) for each in targets]
            learned = replace(learned, target_scaling=Scaling.of(numbers))
        elif options.target_text is not None:
            written = TextEncoder.train((str(each[0]) for each in targets), options.target_text)
            learned = replace(learned, target=TargetEncoder(written))
        elif options.task != "polyphony":
            labels = (label for each in targets for label in each)
            learned = replace(learned, labels=LabelSet.of(cast("Iterable[str]", labels)))
        if learned.kind == "frames":
            frames = cast("list[Frames]", inputs)
            return replace(
                learned,
                num_features=frames[0].shape[1],
                picture=_picture(rows, options.input),
                scaling=Scaling.of(frames),
            )
        if learned.kind == "pictures":
            pictures = cast("list[Picture]", inputs)
            channels = (picture.reshape(len(picture), -1).T for picture in pictures)
            return replace(learned, scaling=Scaling.of(channels))
        if learned.kind == "text":
            texts = cast("list[str]", inputs)
            is_nothing = options.may_read_nothing and not any(map(str.strip, texts))
            encoder = (
                TextEncoder.of_nothing(options.text)
                if is_nothing
                else TextEncoder.train(texts, options.text)
            )
            sentences: Iterable[list[str]] = map(encoder.units, texts)
        else:
            sentences = cast("list[list[str]]", inputs)
            encoder = TextEncoder.of_tokens(sentences, options.text)
            learned = replace(learned, cut=_cut_of(rows, options.input))
        learned = replace(learned, encoder=encoder)
        # Only words have letters: other units are read whole, and the model refuses to spell them.
        if options.spelling and options.text.unit == "words":
            words = (word for sentence in sentences for word in sentence)
            learned = replace(learned, spelling=SpellingEncoder.train(words))
        return learned

    @property
    def reads_nothing(self) -> bool:
        """Whether no row of training had an input."""
        return self.encoder is not None and self.encoder.num_symbols == NUM_SPECIAL

    @property
    def unit_name(self) -> str:
        """What one step is, in words."""
        if self.kind == "text":
            names = {"bpe": "byte pairs", "wordpiece": "word pieces", "unigram": "word pieces"}
            unit = self.options.text.unit
            return names.get(unit, unit)
        return "images" if self.kind == "pictures" else self.kind

    def examples(
        self,
        rows: Iterable[Row],
        malformed: Malformed,
        counts: PartCounts | None = None,
        *,
        with_target: bool = True,
    ) -> list[Example]:
        """Encode rows; what cannot be is reported as malformed.

        Args:
            rows: of one part.
            malformed: is told of rows without input or target.
            counts: is told what is lost.
            with_target: whether they have one.
        """
        counts = PartCounts() if counts is None else counts
        examples: list[Example] = []
        for row in rows:
            try:
                examples.append(self.example(row, counts, with_target=with_target))
            except DataError as error:
                malformed.report(row.place, _without_mend(error))
        return examples

    def encode(self, values: Sequence[Any], counts: PartCounts | None = None) -> list[Example]:
        """Return inputs as examples without targets.

        Args:
            values: texts, lists of tokens, arrays ``[T, I]``, or rows of columns, by name.
            counts: is told of unknown units and of what is cut.

        Raises:
            DataError: an input cannot be read; it is named by its place.
        """
        counts = PartCounts() if counts is None else counts
        examples: list[Example] = []
        for place, value in enumerate(values, 1):
            row = self._row(value, f"input {place}")
            try:
                examples.append(self.example(row, counts, with_target=False))
            except DataError as error:
                raise DataError(f"{row.place}: {error}") from error
        return examples

    def _row(self, value: Any, place: str) -> Row:
        if isinstance(value, Row):
            return value
        if isinstance(value, Mapping):
            return Row(place, cast("Mapping[str, Any]", value))
        return Row(place, {self.options.input: value})

    def example(self, row: Row, counts: PartCounts, *, with_target: bool = True) -> Example:
        """Encode one row.

        Raises:
            DataError: the input or the target cannot be used.
        """
        value = self.input_of(row, with_target=with_target)
        example = self._copying(self._encoded(row.place, value, counts), value)
        if 0 < self.longest < len(example):
            counts.num_longer += 1
            counts.longest = self.longest
        before = row.values.get(LAST_TARGET)
        if before is not None:
            example = replace(example, before=str(before))
        if not with_target:
            return example
        return self._with_target(example, self.target_of(row, value), counts)

    def input_of(self, row: Row, *, with_target: bool = True) -> Value:
        """Return what is read of a row: see ``Value``.

        Args:
            row: the row.
            with_target: the tokens of a text with tags stand between spaces; those of a text alone
                look like the ones in training.

        Raises:
            DataError: it is missing, or of another kind.
        """
        value = row.values.get(self.options.input)
        if value is None and self.options.may_read_nothing:
            return ""
        if value is None:
            columns = ", ".join(row.values) or "none"
            raise DataError(
                f"the column `{self.options.input}` is missing; the columns are {columns}\n"
                "mend: give it, or say what it is called: data.input=COLUMN"
            )
        if self.kind == "pictures":
            assert self.form is not None
            return picture_of(value, self.form)
        if self.kind == "frames":
            return frames_of(
                numbers_in(value) if isinstance(value, str) else value,
                replace(self.options.frames, max_length=_ENDLESS),
                sample_rate_of(row.values),
            )
        if self.kind == "text":
            if not isinstance(value, str):
                raise DataError(
                    f"expected a text, got {type(value).__name__}\nmend: check data.input"
                )
            refuse_surrogates(value)
            return value
        is_text = isinstance(value, str) and not with_target
        tokens = self._tokens_of(value) if is_text else _tokens(value)
        if not tokens:
            raise DataError("it holds no tokens\nmend: give at least one token")
        refuse_surrogates(" ".join(tokens))
        return tokens

    def _tokens_of(self, text: str) -> list[str]:
        refuse_surrogates(text)
        if self.cut == "characters":
            return list(text)
        return split_words(text) if self.cut == "words" else text.split()

    def target_of(self, row: Row, value: Value) -> list[str] | list[float]:
        """Return what is learned of a row: labels, tags or numbers; nothing for polyphony.

        Args:
            row: the row.
            value: its input.

        Raises:
            DataError: a label is missing or is no number, or does not fit the input.
        """
        task = self.options.task
        if task == "regression":
            return self.numbers_of(row)
        if task == "polyphony":
            if len(value) < 2:
                raise DataError("one step has no next one\nmend: give at least two steps")
            return []
        if self.options.target_text is not None:
            return self._answers_of(row, value)
        labels = self.labels_of(row)
        if task == "tagging" and len(labels) != len(value):
            raise DataError(
                f"{counted(len(value), 'step')}, but {counted(len(labels), 'tag')}\n"
                "mend: give every step one tag"
            )
        return labels

    def _answers_of(self, row: Row, value: Value) -> list[str]:
        """Return the right answers, that which is learned first; there is something to read."""
        is_empty = isinstance(value, str) and not value.strip()
        if is_empty and not self.options.may_read_nothing:
            raise DataError("there is nothing to read\nmend: give a text in each row")
        target = row.values.get(self.options.target or "")
        also = row.values.get(self.options.also or ALSO)
        answers = [*_texts(target), *_texts(also)]
        if not answers or not answers[0].strip():
            raise DataError("there is nothing to write\nmend: give a right answer in each row")
        for answer in answers:
            refuse_surrogates(answer)
        return list(dict.fromkeys(answer for answer in answers if answer.strip()))

    def numbers_of(self, row: Row) -> list[float]:
        """Return the targets of a regression."""
        value = row.values.get(self.options.target or "")
        separator = self.options.label_separator
        if isinstance(value, str) and separator is not None:
            value = value.split(separator)
        is_sequence = isinstance(value, list | tuple | np.ndarray)
        try:
            numbers = [float(each) for each in cast("Any", value if is_sequence else [value])]
        except (TypeError, ValueError, OverflowError):
            numbers = [float("nan")]
        if not numbers or not all(abs(number) < _LARGEST for number in numbers):
            raise DataError(f"the target {value!r} is no finite number\nmend: give a number")
        scaling = self.target_scaling
        if scaling is not None and len(numbers) != len(scaling.mean):
            raise DataError(
                f"the target has {counted(len(numbers), 'number')}, expected {len(scaling.mean)}\n"
                "mend: give every example as many"
            )
        return numbers

    def labels_of(self, row: Row) -> list[str]:
        """Return the labels of a row: one, any number, or one for each step.

        Raises:
            DataError: a label is missing.
        """
        value = row.values.get(self.options.target or "")
        task = self.options.task
        if task == "classification":
            if isinstance(value, list | tuple):
                raise DataError(
                    "there is a list of labels, expected one\n"
                    "mend: give one label, or set task: multi-label"
                )
            label = "" if value is None else str(value).strip()
            if not label:
                raise DataError("the label is empty\nmend: give a label")
            return [label]
        if task == "multi-label":
            separator = self.options.label_separator or ","
            if isinstance(value, list | tuple):
                parts = list(cast("Sequence[object]", value))
            else:
                parts = [] if value is None else str(value).split(separator)
            found = (label for part in parts if (label := str(part).strip()))
            return list(dict.fromkeys(found))
        labels = _tokens(value)
        if not all(labels):
            raise DataError(f"step {labels.index('') + 1} has no tag\nmend: give every step a tag")
        return labels

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        return {
            "options": asdict(self.options),
            "kind": self.kind,
            "cut": self.cut,
            "encoder": self.encoder and self.encoder.to_json(),
            "spelling": self.spelling and self.spelling.to_json(),
            "labels": None if self.labels is None else list(self.labels.names),
            "num_features": self.num_features,
            "picture": None if self.picture is None else list(self.picture),
            "scaling": self.scaling and self.scaling.to_json(),
            "target_scaling": self.target_scaling and self.target_scaling.to_json(),
            "form": self.form and self.form.to_json(),
            "target": self.target and self.target.encoder.to_json(),
            "longest": self.longest,
            "longest_target": self.longest_target,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pipeline:
        """Read what ``to_json`` returned."""
        encoder, spelling, labels = data["encoder"], data["spelling"], data["labels"]
        target, form = data.get("target"), data.get("form")
        return cls(
            PipelineOptions.from_json(data["options"]),
            data["kind"],
            encoder=encoder and TextEncoder.from_json(encoder),
            spelling=spelling and SpellingEncoder.from_json(spelling),
            cut=data["cut"],
            labels=None if labels is None else LabelSet(tuple(labels)),
            num_features=data["num_features"],
            picture=_as_size(data.get("picture")),
            scaling=Scaling.from_json(data["scaling"]),
            form=form and PictureForm(**form),
            target_scaling=Scaling.from_json(data["target_scaling"]),
            target=target and TargetEncoder(TextEncoder.from_json(target)),
            longest=data.get("longest", 0),
            longest_target=data.get("longest_target", 0),
        )

    def _encoded(self, place: str, value: Value, counts: PartCounts) -> Example:
        if self.kind == "pictures":
            return Example(place, cast("Picture", value)[None])
        if isinstance(value, np.ndarray):
            limit = self.options.frames.max_length
            if value.shape[1] != self.num_features:
                raise DataError(
                    f"it has {counted(value.shape[1], 'number')} a step, expected "
                    f"{self.num_features}\nmend: give steps of the same size everywhere"
                )
            num_missing = int(np.isnan(value).sum())
            if num_missing == value.size:
                raise DataError("all its numbers are missing\nmend: give at least one")
            counts.num_cut += len(value) > limit
            counts.num_numbers += value.size
            counts.num_missing += num_missing
            return Example(place, value[:limit])
        assert self.encoder is not None
        if isinstance(value, str):
            is_told = value or not self.options.may_read_nothing
            steps = self.encoder.encode(value, counts.text if is_told else None)
            words = self.encoder.units(value) if self.spelling else ()
            return Example(place, steps, spellings=self._spelled(words), content=value)
        limit = self.options.text.max_length
        if len(value) > limit:
            counts.text.num_truncated += 1
            counts.text.num_cut_units += len(value) - limit
            counts.text.max_length = limit
        tokens = value[:limit]
        return Example(
            place,
            self.encoder.encode_tokens(tokens, counts.text),
            spellings=self._spelled(tokens),
            content=tuple(tokens),
        )

    def _copying(self, example: Example, value: Value) -> Example:
        """Return an example that knows which of its units can be written, and how."""
        if self.target is None or not self.options.copies or isinstance(value, np.ndarray):
            return example
        assert self.encoder is not None
        units = self.encoder.units(value) if isinstance(value, str) else value[: len(example)]
        numbers, copied = self.target.copies(units)
        return replace(example, copies=numbers, copied=copied)

    def _spelled(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], ...] | None:
        spelling = self.spelling
        return None if spelling is None else tuple(spelling.encode(word) for word in words)

    def _with_target(
        self, example: Example, target: list[str] | list[float], counts: PartCounts
    ) -> Example:
        task = self.options.task
        if task == "regression":
            return replace(example, target=np.array(target, np.float32))
        if task == "polyphony":
            frames = example.steps
            return replace(example, steps=frames[:-1], target=frames[1:])
        if self.target is not None:
            answers = cast("list[str]", target)
            numbers = self.target.encode(answers[0], counts.target, example.copied)
            return replace(example, target=numbers, labels=tuple(answers))
        assert self.labels is not None
        labels = cast("list[str]", target)
        numbers = np.array([self.labels.number(label) for label in labels], np.int64)
        for label, number in zip(labels, numbers, strict=True):
            if number == UNSEEN:
                counts.num_unseen_labels += 1
                counts.unseen_labels[label] = None
        if task in ("classification", "tagging"):
            found = np.where(numbers == UNSEEN, NO_TARGET, numbers)
            found = found[0] if task == "classification" else found[: len(example)]
        else:
            found = np.zeros(len(self.labels), np.float32)
            found[numbers[numbers != UNSEEN]] = 1
        return replace(example, target=np.asarray(found), labels=tuple(labels))


def fingerprint(examples: Iterable[Example]) -> str:
    """Return the sha256 of what the examples hold."""
    digest = hashlib.sha256()
    for example in examples:
        for array in (example.steps, example.target):
            if array is not None:
                digest.update(f"{array.shape}{array.dtype}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        # Other words, or other names of labels, may have the same numbers.
        digest.update(repr((example.content, example.labels)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _usable(
    rows: Sequence[Row], pipeline: Pipeline
) -> tuple[list[Value], list[list[str] | list[float]]]:
    """Return inputs and targets of the rows that have both; the others are told when encoded."""
    inputs: list[Value] = []
    targets: list[list[str] | list[float]] = []
    reason = "no row"
    for row in rows:
        try:
            value = pipeline.input_of(row)
            target = pipeline.target_of(row, value)
        except DataError as error:
            if reason == "no row":
                reason = f"{row.place}: {_without_mend(error)}"
            continue
        inputs.append(value)
        targets.append(target)
    if not inputs:
        options = pipeline.options
        raise DataError(
            f"no usable example to learn from: {reason}\n"
            f"mend: check data.input and data.target ({options.input}, {options.target})"
        )
    kept = np.ones(len(inputs), bool)
    if pipeline.kind == "frames":
        kept &= _usual([each.shape[1] for each in cast("list[Frames]", inputs)])
    if pipeline.options.task == "regression":
        kept &= _usual([len(each) for each in targets])
    return list(compress(inputs, kept)), list(compress(targets, kept))


def _usual(sizes: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return which sizes are the most frequent one; rows of another are told when encoded."""
    ((size, _),) = Counter(sizes).most_common(1)
    return np.array(sizes) == size


def _without_mend(error: DataError) -> str:
    return str(error).partition("\nmend: ")[0]


def check_columns(rows: Sequence[Row], input: str | None, target: str | None) -> None:
    """Refuse rows in which what is read, or learned, is nowhere.

    Raises:
        DataError: there are no rows, or no such column; the nearest one is named.
    """
    if not rows:
        raise DataError("the training part holds no examples\nmend: give a file with examples")
    known = list(dict.fromkeys(name for row in rows[:_NUM_LOOKED_AT] for name in row.values))
    for key, name in (("input", input), ("target", target)):
        if name is not None and name not in known:
            near = nearest(name, known)
            mend = f"data.{key}={near}" if near else f"data.{key}=COLUMN, with one of these"
            raise DataError(
                f"no column {name!r} (the columns are {', '.join(known)})"
                f"{did_you_mean(name, known)}\nmend: {mend}"
            )


def _kind(rows: Sequence[Row], options: PipelineOptions) -> Kind:
    """Return what most of the inputs are; the name of an image is a text, too."""
    if options.task == "image-to-text":
        return "pictures"
    found = (row.values.get(options.input) for row in rows[:_NUM_LOOKED_AT])
    kinds: Counter[Kind] = Counter(
        _kind_of(value, options) for value in found if not _is_nothing(value)
    )
    return kinds.most_common(1)[0][0] if kinds else "text"


def _picture(rows: Sequence[Row], column: str) -> tuple[int, int] | None:
    """Return height and width of the steps where the inputs are pictures ``[T, H, W]``."""
    for row in rows[:_NUM_LOOKED_AT]:
        value = row.values.get(column)
        if isinstance(value, np.ndarray):
            shape = cast("npt.NDArray[Any]", value).shape
            return (shape[1], shape[2]) if len(shape) == 3 else None
    return None


def _as_size(data: Sequence[int] | None) -> tuple[int, int] | None:
    return None if data is None else (data[0], data[1])


def _form(rows: Sequence[Row], options: PipelineOptions) -> PictureForm:
    """Return the form that suits the images of training; what is none is told when encoded."""
    images: list[Picture] = []
    reason = ""
    for row in rows:
        try:
            images.append(bytes_of(row.values.get(options.input)))
        except DataError as error:
            reason = reason or f"{row.place}: {_without_mend(error)}"
    if not images:
        raise DataError(
            f"no image to learn from: {reason}\n"
            f"mend: check data.input ({options.input}), a column of images or of their paths"
        )
    return PictureForm.of(images, options.image_size)


def _cut_of(rows: Sequence[Row], column: str) -> Cut:
    """Return what the tokens of training are: letters, words and punctuation, or as they stand."""
    values = [row.values.get(column) for row in rows[:_NUM_LOOKED_AT]]
    lists = [cast("Sequence[str]", value) for value in values if isinstance(value, list | tuple)]
    if not lists:
        return "spaces"
    tokens = [token for each in lists for token in each]
    if all(len(token) == 1 for token in tokens):
        return "characters"
    return "words"


def _kind_of(value: object, options: PipelineOptions) -> Kind:
    if isinstance(value, str):
        if options.text.unit == "numbers":
            return "frames"
        return "words" if options.task == "tagging" else "text"
    is_tokens = isinstance(value, list | tuple) and all(
        isinstance(each, str) for each in cast("Sequence[object]", value)
    )
    return "words" if is_tokens else "frames"


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and not value)


def _texts(value: Any) -> list[str]:
    """Return a text, or several."""
    if value is None:
        return []
    is_list = isinstance(value, list | tuple)
    return [str(each) for each in cast("Sequence[object]", value if is_list else [value])]


def _tokens(value: Any) -> list[str]:
    """Return tokens or tags; in a text they stand between spaces."""
    if value is None:
        return []
    return value.split() if isinstance(value, str) else [str(each) for each in value]
