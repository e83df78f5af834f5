"""Recipes: everything that decides what a run does, validated before anything is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ostinato.data import Normalization, Unit

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(gt=0)]
Size = Annotated[int, Field(gt=0, le=65_536)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataRecipe(_Section):
    """Where the text comes from and how it is cut. Exactly one of path, name and text is given."""

    path: Path | None = Field(None, description="a text file")
    name: Literal["stdlib"] | None = Field(None, description="a text that is always there")
    text: str | None = Field(None, description="the text itself")
    encoding: str = Field("utf-8", description="of the file")
    unit: Unit = Field("characters", description="what one step reads and predicts")
    normalization: Normalization = Field("NFC", description="Unicode normal form")
    held_out: float = Field(0.1, ge=0, le=0.5, description="share at the end that is never learned")
    distinct_lines: bool = Field(False, description="keep the first of equal lines only")
    max_characters: Count | None = Field(None, description="use only the beginning")

    @field_validator("path", mode="before")
    @classmethod
    def _names_a_file(cls, path: object) -> object:
        if path == "":
            raise ValueError("is empty\nmend: add data=FILE")
        if path == "-":
            raise ValueError(
                "is `-`, which names no file\n"
                "mend: data=/dev/stdin for standard input, data=./- for a file of this name"
            )
        return path

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


class ModelRecipe(_Section):
    """The network."""

    cell: str = Field("lstm", description="a name of `ostinato cells`, or equations")
    functions: dict[str, str] = Field({}, description="meaning of a slide's letters: {f: tanh}")
    sizes: dict[str, Size] = Field({}, description="sizes that the equations leave open")
    hidden_size: Size = Field(256, description="units of the hidden state")
    output_size: Size | None = Field(None, description="of a cell that projects its output")
    num_layers: Count = Field(1, description="recurrent layers on top of each other")
    embedding_size: Size | Literal["one-hot"] = Field(128, description="length of a unit's vector")
    tied: bool = Field(False, description="share the matrix of embedding and softmax")
    dropout: Share = Field(0.0, description="of every layer's input and output")
    recurrent_dropout: Share = Field(0.0, description="of the recurrent products")
    zoneout: Share = Field(0.0, description="chance that a unit keeps its state for a step")
    layer_norm: bool = Field(False, description="normalize the pre-activations")
    engine: str = Field("auto", description="what runs the equations")


class TrainingRecipe(_Section):
    """How the weights are learned. The first of the limits that are given ends the run."""

    batch_size: Count = Field(32, description="streams side by side")
    tbptt_steps: Count = Field(64, description="steps that gradients flow back through")
    learning_rate: float = Field(2e-3, gt=0, description="the highest of the schedule")
    warmup_steps: int = Field(100, ge=0, description="steps over which the rate rises")
    cosine_floor: float = Field(0.05, ge=0, le=1, description="share of the rate at the end")
    weight_decay: float = Field(0.01, ge=0, description="of matrices, decoupled (AdamW)")
    clip_grad_norm: Annotated[float, Field(gt=0)] | None = Field(1.0, description="null: never")
    max_steps: Count | None = Field(None, description="limit: optimizer steps")
    max_epochs: Annotated[float, Field(gt=0)] | None = Field(None, description="limit: passes")
    max_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="limit: time; turned into steps by a measurement at the start"
    )
    log_every: Count = Field(10, description="steps between two lines of the metrics log")
    checkpoint_seconds: float = Field(30.0, ge=0, description="between checkpoints; 0: every step")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if there is one")
    threads: Count | None = Field(None, description="null: as torch decides")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.max_steps is None and self.max_epochs is None and self.max_minutes is None:
            raise ValueError("has no end\nmend: set max_steps, max_epochs or max_minutes")
        return self


class EvaluationRecipe(_Section):
    """When and how the held-out part is scored."""

    every: Count | None = Field(None, description="steps; null: ten times in the run at most")
    patience: Count | None = Field(4, description="evaluations without progress; null: never stop")
    batch_size: Count = Field(64, description="streams side by side")
    window: Count = Field(128, description="steps at a time; does not change the score")


class SampleRecipe(_Section):
    """The text that is written at every evaluation."""

    prompt: str | None = Field(None, description="null: the beginning of a line")
    length: int = Field(200, ge=0, description="characters; 0 for none")
    temperature: float = Field(0.8, ge=0, description="0: always the most likely")
    top_p: float = Field(1.0, gt=0, le=1, description="share of the probability that is kept")


class Recipe(_Section):
    """A whole run."""

    task: Literal["language-model"]
    seed: int = Field(0, ge=0, lt=2**63, description="same seed, same weights")
    show: Literal["progress", "unrolled"] = Field("progress", description="what the screen shows")
    data: DataRecipe
    model: ModelRecipe = ModelRecipe.model_construct()
    training: TrainingRecipe
    evaluation: EvaluationRecipe = EvaluationRecipe.model_construct()
    sample: SampleRecipe = SampleRecipe.model_construct()
