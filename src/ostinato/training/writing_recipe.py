"""The recipe of networks that read something and write a text."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ostinato.training.recipe_parts import (
    Count,
    DataRecipe,
    EvaluationRecipe,
    FramesRecipe,
    ReaderRecipe,
    Recipe,
    Section,
    Share,
    Size,
    TextStepsRecipe,
    TrainingRecipe,
)

_DECAYS = {"linear": 0.0001, "exponential": 0.9999, "inverse-sigmoid": 1000}


class WritingDataRecipe(DataRecipe, frozen=True):
    """Where the pairs come from: what is read, and what is to be written."""

    sources: ClassVar[tuple[str, ...]] = ("train", "name", "dev", "test", "made")

    also: str | None = Field(
        None, description="column with a list of what would be right, too; null: as the set says"
    )

    @model_validator(mode="after")
    def _are_given(self) -> Self:
        if self.made is not None:
            raise ValueError(
                f"is made, but the problem {self.made.problem!r} has no texts to write\n"
                "mend: data.train=FILE with two columns, or data.name=SET"
            )
        return self


class WritingReaderRecipe(ReaderRecipe, frozen=True):
    """The part that reads; of an image, what is of sequences alone does nothing."""

    channels: tuple[Size, ...] = Field(
        (16, 32, 64),
        min_length=1,
        max_length=5,
        description="images: features of each block of convolutions, which halves height and width",
    )


class DecoderRecipe(Section, frozen=True):
    """The part that writes; what is null is as the section model says."""

    cell: str | None = Field(None, description="a name of `ostinato cells`, or equations")
    functions: dict[str, str] = Field({}, description="meaning of a slide's letters: {f: tanh}")
    sizes: dict[str, Size] = Field({}, description="sizes that the equations leave open")
    hidden_size: Size | None = Field(None, description="units of the hidden state")
    output_size: Size | None = Field(None, description="of a cell that projects its output")
    num_layers: Count | None = Field(None, description="recurrent layers on top of each other")
    embedding_size: Size | Literal["one-hot"] | None = Field(
        None, description="length of the vector of a unit that was written"
    )
    attention: Literal["none", "dot", "general", "concat", "bahdanau"] = Field(
        "general", description="how a step looks at the source; none: the context vector alone"
    )
    context: Literal["start", "every-step"] = Field(
        "every-step", description="without attention: where the context vector is read"
    )
    input_feeding: bool = Field(
        False, description="each step reads what the one before looked at; slower"
    )
    pointer: bool = Field(False, description="units of the source can be copied")
    tied: bool = Field(False, description="share the matrix of embedding and softmax")
    dropout: Share | None = Field(None, description="of every layer's input and output")
    embedding_dropout: Share | None = Field(None, description="of the vectors of units")
    unit_dropout: Share = Field(0.0, description="chance that a unit is read as unknown")
    recurrent_dropout: Share | None = Field(None, description="of the recurrent products")
    zoneout: Share | None = Field(None, description="chance that a unit keeps its state")
    layer_norm: bool | None = Field(None, description="normalize the pre-activations")
    residual: bool | None = Field(None, description="add each layer's input to its output")


class WritingTrainingRecipe(TrainingRecipe, frozen=True):
    """Training on pairs, each step of the writer reading the right unit before it, or its own."""

    batch_tokens: Count | None = Field(
        None, description="at most so many steps in a batch, padding included; null: batch_size"
    )
    label_smoothing: Share = Field(0.0, description="share of the target spread over all units")
    teacher_forcing_ratio: float = Field(
        1.0, ge=0, le=1, description="share of steps that read the right unit; decays, if asked for"
    )
    teacher_forcing_decay: Literal["none", "linear", "exponential", "inverse-sigmoid"] = Field(
        "none", description="of the ratio, by training step: scheduled sampling (Bengio 2015)"
    )
    teacher_forcing_speed: Annotated[float, Field(gt=0)] | None = Field(
        None, description="c of ratio - c·i; k of ratio·k^i; k of ratio·k/(k + exp(i/k))"
    )
    teacher_forcing_floor: float = Field(0.0, ge=0, le=1, description="the ratio is never lower")
    free_choice: Literal["argmax", "sample"] = Field(
        "argmax", description="what a step reads that does not read the right unit"
    )

    @model_validator(mode="after")
    def _decays_somehow(self) -> Self:
        decay, speed = self.teacher_forcing_decay, self.teacher_forcing_speed
        if decay == "none":
            if speed is not None or self.teacher_forcing_floor:
                key = "teacher_forcing_floor" if speed is None else "teacher_forcing_speed"
                raise ValueError(
                    f"has {key}, but the ratio stays as it is\n"
                    f"mend: training.teacher_forcing_decay=linear, or leave training.{key} out"
                )
            return self
        if speed is None:
            raise ValueError(
                f"has teacher_forcing_decay={decay} without its speed\n"
                f"mend: training.teacher_forcing_speed=NUMBER, such as {_DECAYS[decay]}"
            )
        if decay == "exponential" and speed >= 1:
            raise ValueError(
                f"has teacher_forcing_speed={speed:g}, but k^i decays for k below 1 alone\n"
                f"mend: training.teacher_forcing_speed={_DECAYS[decay]}"
            )
        if decay == "inverse-sigmoid" and speed < 1:
            raise ValueError(
                f"has teacher_forcing_speed={speed:g}, but k/(k + exp(i/k)) takes k of 1 or more\n"
                f"mend: training.teacher_forcing_speed={_DECAYS[decay]}"
            )
        if self.teacher_forcing_floor > self.teacher_forcing_ratio:
            raise ValueError(
                f"has teacher_forcing_floor={self.teacher_forcing_floor:g} above "
                f"teacher_forcing_ratio={self.teacher_forcing_ratio:g}, from which it decays\n"
                "mend: a lower training.teacher_forcing_floor"
            )
        return self


class DecodingRecipe(Section, frozen=True):
    """How a trained network writes; `ostinato predict RUN decoding.KEY=VALUE` changes it."""

    method: Literal["beam", "greedy", "sample"] = Field(
        "beam", description="the best of several, the likeliest unit each time, or drawn"
    )
    beam_size: Count = Field(5, description="texts that a beam follows side by side")
    length_penalty: float = Field(
        1.0, ge=0, description="score = log P / n^this; 0 prefers short texts, 1 the mean unit"
    )
    num_best: Count = Field(1, description="texts for each input")
    max_length: Count | None = Field(
        None, description="units; null: twice those of the longest text of training"
    )
    min_length: int = Field(0, ge=0, description="units before the end")
    temperature: float = Field(1.0, gt=0, description="of sample; less: more careful")
    top_k: Count | None = Field(None, description="of sample: among so many likeliest units")
    top_p: float = Field(1.0, gt=0, le=1, description="of sample: share of the probability kept")
    seed: int = Field(0, ge=0, lt=2**63, description="of sample")


class WritingEvaluationRecipe(EvaluationRecipe, frozen=True):
    """When and how held-out pairs are scored."""

    metric: Literal[
        "auto", "loss", "bleu", "chrf", "cider", "exact", "unit_error", "word_error"
    ] = Field("auto", description="what chooses the best weights; auto: chrf, or cider of captions")
    tokenizer: Literal["13a", "intl", "char", "zh", "none"] = Field(
        "13a", description="sacreBLEU's, for bleu alone"
    )


class WritingRecipe(Recipe, frozen=True):
    """A run that learns to write a text for what it reads.

    text-to-text: for a text, tokens, or an array, step by step; image-to-text: for a picture.
    """

    may_read_nothing: ClassVar[bool] = False
    """Whether a text is written where there is nothing to read."""

    task: Literal["text-to-text", "image-to-text"]
    data: WritingDataRecipe
    text: TextStepsRecipe = TextStepsRecipe.model_construct()
    frames: FramesRecipe = FramesRecipe.model_construct()
    target_text: TextStepsRecipe = TextStepsRecipe.model_construct()
    model: WritingReaderRecipe = WritingReaderRecipe.model_construct()
    decoder: DecoderRecipe = DecoderRecipe.model_construct()
    training: WritingTrainingRecipe
    decoding: DecodingRecipe = DecodingRecipe.model_construct()
    evaluation: WritingEvaluationRecipe = WritingEvaluationRecipe.model_construct()

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        unit = self.target_text.unit
        if unit in ("morphemes", "numbers"):
            raise ValueError(
                f"has target_text.unit={unit}, of which no text can be joined again\n"
                "mend: target_text.unit=bpe, syllables, jamo, characters or words"
            )
        if self.evaluation.watch_gradients:
            raise ValueError(
                "has evaluation.watch_gradients, but what is read and what is written are two "
                "sequences\nmend: evaluation.watch_gradients=false"
            )
        is_text = self.task != "image-to-text"
        if self.evaluation.metric == "cider" and is_text:
            raise ValueError(
                f"has evaluation.metric=cider, which is of captions, but the task is {self.task}\n"
                "mend: evaluation.metric=chrf"
            )
        if self.decoder.pointer and is_text and self.text.unit != unit:
            raise ValueError(
                f"has decoder.pointer, but copies {self.text.unit} into {unit}\n"
                f"mend: text.unit={unit}, or decoder.pointer=false"
            )
        return self
