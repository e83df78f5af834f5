"""The sections of recipes, each with its keys, their meaning and their defaults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, cast

from pydantic import BaseModel, Field, field_validator, model_validator

from ostinato.data import Normalization, Unit
from ostinato.data.errors import DataError
from ostinato.data.sets.made import LatchOptions, check_steps, find_problem
from ostinato.equations.saves import SaveVariant

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(gt=0)]
Size = Annotated[int, Field(gt=0, le=65_536)]
TextUnit = Literal[
    "words",
    "characters",
    "bytes",
    "syllables",
    "jamo",
    "bpe",
    "wordpiece",
    "unigram",
    "morphemes",
    "numbers",
]
Format = Literal[
    "auto",
    "csv",
    "tsv",
    "jsonl",
    "text",
    "parquet",
    "conllu",
    "conll",
    "ts",
    "rolls",
    "strokes",
    "midi",
    "audio",
    "images",
    "captions",
    "hub",
]
Files = Path | list[Path] | dict[str, Path]


class Section(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A part of a recipe: its keys are known, its values do not change."""


class SourceRecipe(Section, frozen=True):
    """Where the data of a recipe come from."""

    sources: ClassVar[tuple[str, ...]] = ()
    """What names the data, the key of a file first: ``data=FILE`` sets it, clears the others."""

    def with_paths(self, change: Callable[[Path], Path]) -> Self:
        """Return the section with every path changed."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return self.model_copy(
            update={name: _changed_paths(value, change) for name, value in values.items()}
        )


def _changed_paths(value: object, change: Callable[[Path], Path]) -> object:
    match value:
        case Path():
            return change(value)
        case list():
            return [_changed_paths(each, change) for each in cast("list[object]", value)]
        case dict():
            pairs = cast("dict[str, object]", value).items()
            return {key: _changed_paths(each, change) for key, each in pairs}
        case _:
            return value


def no_dash(path: object) -> object:
    """Return the path of a file as it stands.

    Raises:
        ValueError: it is empty, or means standard input.
    """
    if path == "":
        raise ValueError("is empty\nmend: add data=FILE")
    if path == "-":
        raise ValueError(
            "is `-`, which names no file\n"
            "mend: data=/dev/stdin for standard input, data=./- for a file of this name"
        )
    return path


class TextRecipe(SourceRecipe, frozen=True):
    """Where the text comes from and how it is cut. Exactly one of path, name and text is given."""

    sources: ClassVar[tuple[str, ...]] = ("path", "name", "text")

    path: Path | None = Field(None, description="a text file")
    name: str | None = Field(None, description="a named set, or stdlib, which is always there")
    text: str | None = Field(None, description="the text itself")
    encoding: str = Field("utf-8", description="of the file")
    unit: Unit = Field("characters", description="what one step reads and predicts")
    normalization: Normalization = Field("NFC", description="Unicode normal form")
    documents: Literal["whole", "lines"] = Field(
        "whole", description="lines: each is a text of its own, shuffled; the state starts afresh"
    )
    held_out: float = Field(0.1, ge=0, le=0.5, description="share that is never learned")
    held_out_at: Literal["end", "start"] = Field(
        "end", description="of a whole text: before what is tested, or its beginning"
    )
    tested: float = Field(0.0, ge=0, le=0.5, description="share at the end, for one test")
    distinct_lines: bool = Field(False, description="keep the first of equal lines only")
    max_characters: Count | None = Field(None, description="use only the beginning")

    @field_validator("path", mode="before")
    @classmethod
    def _names_a_file(cls, path: object) -> object:
        return no_dash(path)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("path", "name", "text") if getattr(self, name) is not None]
        if not given:
            raise ValueError("needs a text\nmend: add data=FILE")
        if len(given) > 1:
            raise ValueError(
                f"has {len(given)} sources ({', '.join(given)})\nmend: set all but one to null"
            )
        if self.unit == "jamo" and self.normalization == "none":
            raise ValueError(
                "has unit=jamo with normalization=none, but composing letters is normalizing\n"
                "mend: normalization=NFC"
            )
        return self


class SplitRecipe(Section, frozen=True):
    """How examples of one file are dealt to training, choice of the model, and the test."""

    dev: Share = Field(0.1, description="share that chooses the model")
    test: Share = Field(0.1, description="share that is scored once, at the end")
    by: Literal["hash", "order"] = Field(
        "hash", description="hash: of the input, so that equal ones stay together; order: by place"
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.dev + self.test >= 1:
            raise ValueError("leaves nothing to learn from\nmend: dev + test below 1")
        return self


_LATCH_KEYS = ("signal", "noise", "shared")


class MadeRecipe(Section, frozen=True):
    """Examples that are made: a problem of long memories, of any length."""

    problem: Literal["adding", "copy", "latch"] = Field(
        "latch",
        description="two marked numbers are added; ten symbols are recalled; one bit is kept",
    )
    steps: Count = Field(1000, description="T of the problem: how long something is kept")
    train: Count = Field(2000, description="examples to learn from")
    dev: Count = Field(200, description="examples that choose the model")
    test: Count = Field(1000, description="examples that are scored once, at the end")
    seed: int = Field(0, ge=0, lt=2**63, description="of the examples, whatever the weights' is")
    signal: Count = Field(1, description="latch: steps at the beginning that carry the bit")
    noise: float = Field(0.2, ge=0, description="latch: standard deviation of all later steps")
    shared: bool = Field(False, description="latch: bit and noise in one channel, not in two")

    @model_validator(mode="after")
    def _fits_the_problem(self) -> Self:
        fields = type(self).model_fields
        changed = [key for key in _LATCH_KEYS if getattr(self, key) != fields[key].default]
        if changed and self.problem != "latch":
            raise ValueError(
                f"has {changed[0]}, which the problem {self.problem!r} does not know\n"
                f"mend: leave {changed[0]} out, or data.made.problem=latch"
            )
        try:
            check_steps(self.problem, self.steps, self.latch)
        except DataError as error:
            reason, _, mend = str(error).partition("\nmend: ")
            raise ValueError(f"has {reason}\nmend: data.made.{mend}") from error
        return self

    @property
    def latch(self) -> LatchOptions:
        """What a latch hears."""
        return LatchOptions(self.signal, self.noise, self.shared)

    @property
    def length(self) -> int:
        """Steps of every sequence."""
        return find_problem(self.problem).length(self.steps)


class DataRecipe(SourceRecipe, frozen=True):
    """Where the examples come from: a named set, files, or a problem that is made."""

    sources: ClassVar[tuple[str, ...]] = ("train", "name", "made", "dev", "test")

    name: str | None = Field(None, description="a set of `ostinato recipes --data`")
    made: MadeRecipe | None = Field(None, description="a problem of `ostinato lab`")
    train: Files | None = Field(None, description="a file, several, or one for each column")
    dev: Files | None = Field(None, description="null: a share of train, see split")
    test: Files | None = Field(None, description="null: a share of train, see split")
    format: Format = Field("auto", description="auto: by the file's name")
    input: str | None = Field(None, description="column; null: as the named set says")
    target: str | None = Field(None, description="column; null: as the named set says")
    encoding: str = Field("utf-8", description="of text files")
    header: bool | None = Field(None, description="whether line 1 names the columns; null: look")
    columns: list[str] | None = Field(None, description="names of the columns without a header")
    separator: str | None = Field(None, description="between columns; null: by the format")
    quoting: bool = Field(True, description="whether quotes wrap a field")
    label_separator: str | None = Field(None, description="between several labels in one field")
    split: SplitRecipe = SplitRecipe.model_construct()
    malformed: Share = Field(0.0, description="share of malformed rows that is left out, counted")
    max_examples: Count | None = Field(None, description="of each part: use only the first")
    streaming: bool = Field(False, description="read hub sets and Parquet without a local copy")
    image_size: Size | tuple[Size, Size] | None = Field(
        None,
        description="of image files: 64, or [height, width]; null: as they are, captioned ones "
        "of different sizes, or above 256, at 96",
    )

    @field_validator("train", "dev", "test", mode="before")
    @classmethod
    def _names_a_file(cls, path: object) -> object:
        return no_dash(path)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("name", "made", "train") if getattr(self, name) is not None]
        if not given:
            raise ValueError("needs examples\nmend: add data.train=FILE, or data.name=SET")
        if len(given) > 1:
            raise ValueError(
                f"has {len(given)} sources ({', '.join(given)})\nmend: set all but one to null"
            )
        own = [part for part in ("dev", "test") if getattr(self, part) is not None]
        if self.made is not None and own:
            raise ValueError(
                f"has a file for {own[0]}, but its examples are made\n"
                f"mend: leave data.{own[0]} out; `ostinato evaluate RUN FILE` scores a file"
            )
        return self


class TextStepsRecipe(Section, frozen=True):
    """How a text becomes steps."""

    unit: TextUnit = Field("words", description="what one step reads")
    vocabulary_size: Size = Field(20_000, description="at most so many different units")
    min_count: Count = Field(1, description="units that are rarer in training are unknown")
    lowercase: bool = Field(False, description="ignore case")
    normalization: Normalization = Field("NFC", description="Unicode normal form")
    max_length: Count = Field(512, description="steps; the rest of a text is cut off, counted")


class FramesRecipe(Section, frozen=True):
    """How arrays become steps."""

    standardize: bool = Field(True, description="mean 0, variance 1, measured in training")
    window_ms: float = Field(25.0, gt=0, description="of a sound's spectrum")
    hop_ms: float = Field(10.0, gt=0, description="between two spectra of a sound")
    num_mels: Count = Field(40, description="bands of a sound's spectrum")
    max_length: Count = Field(20_000, description="steps; the rest is cut off, counted")
    shift: int = Field(0, ge=0, description="pictures: move by up to so many pixels in training")
    time_stretch: Share = Field(0.0, description="change of speed in training, at most")
    noise: float = Field(0.0, ge=0, description="standard deviation of noise added in training")
    mask: Share = Field(0.0, description="longest block of steps, and of bands, hidden in training")
    transpose: int = Field(0, ge=0, description="music: move by up to so many semitones")


class ModelRecipe(Section, frozen=True):
    """The recurrent part of any network."""

    cell: str = Field("lstm", description="a name of `ostinato cells`, or equations")
    functions: dict[str, str] = Field({}, description="meaning of a slide's letters: {f: tanh}")
    sizes: dict[str, Size] = Field({}, description="sizes that the equations leave open")
    hidden_size: Size = Field(256, description="units of the hidden state")
    output_size: Size | None = Field(None, description="of a cell that projects its output")
    num_layers: Count = Field(1, description="recurrent layers on top of each other")
    dropout: Share = Field(0.0, description="of every layer's input and output")
    recurrent_dropout: Share = Field(0.0, description="of the recurrent products")
    zoneout: Share = Field(0.0, description="chance that a unit keeps its state for a step")
    layer_norm: bool = Field(False, description="normalize the pre-activations")
    engine: str = Field("auto", description="what runs the equations")
    memory: SaveVariant = Field(
        "fast", description="native engine: what is kept for the backward pass, not recomputed"
    )
    checkpoint_every: int = Field(
        0, ge=0, description="native engine: keep the states only so often; 0: at every step"
    )
    start: Literal["roles", "chrono", "forget-bias", "identity", "orthogonal"] = Field(
        "roles", description="of the recurrent layers' weights; roles: by what each is for"
    )
    start_steps: Count | None = Field(
        None, description="with start: chrono, the longest memory at the start"
    )


class TextModelRecipe(ModelRecipe, frozen=True):
    """The network of a language model."""

    embedding_size: Size | Literal["one-hot"] = Field(128, description="length of a unit's vector")
    tied: bool = Field(False, description="share the matrix of embedding and softmax")


class ReaderRecipe(ModelRecipe, frozen=True):
    """The network that reads sequences."""

    hidden_size: Size = Field(128, description="units of the hidden state, of each direction")
    bidirectional: bool = Field(False, description="read in both directions")
    residual: bool = Field(False, description="add each layer's input to its output")
    embedding_size: Size | Literal["one-hot"] = Field(128, description="length of a unit's vector")
    embedding_dropout: Share = Field(0.0, description="of the vectors, before the first layer")
    unit_dropout: Share = Field(0.0, description="chance that a unit is unknown in training")
    projection_size: Size | None = Field(None, description="arrays: a dense layer in front")
    pictures: Literal["flat", "cnn"] = Field(
        "flat", description="clips: each picture as it stands, or through two convolutions"
    )
    spelling: Literal["none", "cnn", "rnn"] = Field("none", description="words: read their letters")
    spelling_size: Size = Field(64, description="length of what is read from a word's letters")
    character_size: Size = Field(32, description="length of a letter's vector")


class SequenceModelRecipe(ReaderRecipe, frozen=True):
    """The network of sequences with targets."""

    shape: Literal["recurrent", "one-to-one"] = Field(
        "recurrent", description="one-to-one: a mean of the steps, no order; the baseline"
    )
    pooling: Literal["last", "mean", "max", "attention"] = Field(
        "last", description="how the steps become one vector"
    )
    crf: bool = Field(False, description="tags depend on the tag before")


class TrainingRecipe(Section, frozen=True):
    """How the weights are learned. The first of the limits that are given ends the run."""

    batch_size: Count = Field(32, description="sequences, or streams of text, side by side")
    accumulate: Count = Field(1, description="batches to one optimizer step")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="sgd: with momentum")
    momentum: Share = Field(0.9, description="of sgd")
    learning_rate: float = Field(2e-3, gt=0, description="the highest of the schedule")
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="of the rate after the warm-up"
    )
    warmup_steps: int = Field(100, ge=0, description="steps over which the rate rises")
    rate_floor: float = Field(0.05, ge=0, le=1, description="share of the rate at the end")
    weight_decay: float = Field(0.01, ge=0, description="of matrices, decoupled (AdamW)")
    clip_grad_norm: Annotated[float, Field(gt=0)] | None = Field(1.0, description="null: never")
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="score and keep a moving mean of the weights; null: the weights"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16: mixed, weights and sums stay float32"
    )
    max_steps: Count | None = Field(None, description="limit: optimizer steps")
    max_epochs: Annotated[float, Field(gt=0)] | None = Field(None, description="limit: passes")
    max_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="limit: time; turned into steps by a measurement at the start"
    )
    log_every: Count = Field(10, description="steps between two lines of the metrics log")
    checkpoint_seconds: float = Field(30.0, ge=0, description="between checkpoints; 0: every step")
    keep_best: Count = Field(1, description="so many of the best checkpoints are kept")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if there is one")
    threads: Count | None = Field(None, description="null: as torch decides")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.max_steps is None and self.max_epochs is None and self.max_minutes is None:
            raise ValueError("has no end\nmend: set max_steps, max_epochs or max_minutes")
        return self


class StreamTrainingRecipe(TrainingRecipe, frozen=True):
    """Training on streams, by truncated backpropagation through time."""

    tbptt_steps: Count = Field(64, description="k2: steps that gradients flow back through")
    tbptt_stride: Count | None = Field(
        None, description="k1: steps from one update to the next; null: k2"
    )


class ExampleTrainingRecipe(TrainingRecipe, frozen=True):
    """Training on examples."""

    batch_tokens: Count | None = Field(
        None, description="at most so many steps in a batch, padding included; null: batch_size"
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: rare classes count as much as frequent ones"
    )
    label_smoothing: Share = Field(0.0, description="share of the target spread over all classes")
    tbptt_steps: Count | None = Field(
        None, description="k2: steps that gradients flow back through; null: the whole sequence"
    )
    tbptt_stride: Count | None = Field(
        None, description="k1: steps from one update to the next; null: k2"
    )

    @model_validator(mode="after")
    def _streams_are_whole(self) -> Self:
        if self.tbptt_stride is not None and self.tbptt_steps is None:
            raise ValueError(
                "has tbptt_stride, but gradients flow through whole sequences\n"
                "mend: training.tbptt_steps=STEPS"
            )
        if self.tbptt_steps is not None and self.batch_tokens is not None:
            raise ValueError(
                "has tbptt_steps and batch_tokens, but streams are no batches of whole sequences\n"
                "mend: training.batch_tokens=null; a step holds batch_size times tbptt_steps"
            )
        return self


class EvaluationRecipe(Section, frozen=True):
    """When and how the held-out part is scored."""

    every: Count | None = Field(None, description="steps; null: ten times in the run at most")
    patience: Count | None = Field(4, description="evaluations without progress; null: never stop")
    batch_size: Count = Field(64, description="sequences or streams side by side")
    watch_gradients: bool = Field(
        False, description="log how the gradient decays through time, and warn"
    )


class StreamEvaluationRecipe(EvaluationRecipe, frozen=True):
    """When and how a held-out text is scored."""

    window: Count = Field(128, description="steps at a time; does not change the score")


class ExampleEvaluationRecipe(EvaluationRecipe, frozen=True):
    """When and how held-out examples are scored."""

    metric: Literal[
        "auto", "accuracy", "macro_f1", "micro_f1", "f1", "span_f1", "loss", "mse", "mae"
    ] = Field("auto", description="what chooses the best weights")
    positive: str | None = Field(None, description="the label that f1 is of")
    scheme: Literal["BIO", "BIOES", "IO", "none"] = Field(
        "none", description="how tags mark spans; none: tags are single"
    )


class SampleRecipe(Section, frozen=True):
    """The text that is written at every evaluation."""

    prompt: str | None = Field(None, description="null: the beginning of a line")
    length: int = Field(200, ge=0, description="characters; 0 for none")
    temperature: float = Field(0.8, ge=0, description="0: always the most likely")
    top_p: float = Field(1.0, gt=0, le=1, description="share of the probability that is kept")


class Recipe(Section, frozen=True):
    """What every recipe has."""

    task: str
    seed: int = Field(0, ge=0, lt=2**63, description="same seed, same weights")
    data: SourceRecipe
    model: ModelRecipe
    training: TrainingRecipe
    evaluation: EvaluationRecipe
