"""The recipe of networks that complete queries."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from ostinato.training.recipe_parts import Count, EvaluationRecipe, TextStepsRecipe, TextUnit
from ostinato.training.writing_recipe import (
    DecoderRecipe,
    DecodingRecipe,
    WritingDataRecipe,
    WritingRecipe,
)

QUERY: Final = "query"
"""The usual column of the queries."""
QUERY_BEFORE: Final = "before"
"""The usual column of the query before."""


class SuggestionDataRecipe(WritingDataRecipe, frozen=True):
    """Where the queries come from; a row for each time that one was asked."""

    input: str | None = Field(
        None, description=f"column of the query before; null: {QUERY_BEFORE}, if there is one"
    )
    target: str | None = Field(
        None, description="column of the query; of a file of lines: text; null: as the set says"
    )

    @model_validator(mode="after")
    def _have_one_answer(self) -> Self:
        if self.also is not None:
            raise ValueError(
                "has `also`, but a beginning belongs to one query\nmend: leave data.also out"
            )
        return self


class BeforeStepsRecipe(TextStepsRecipe, frozen=True):
    """How the query before becomes steps."""

    unit: TextUnit = Field("characters", description="what one step reads")


class QueryStepsRecipe(TextStepsRecipe, frozen=True):
    """How a query becomes steps. Whatever is begun must be the beginning of a longer query."""

    unit: TextUnit = Field(
        "characters", description="characters; jamo: letters of Hangul syllables; bytes"
    )


class QueryDecoderRecipe(DecoderRecipe, frozen=True):
    """The part that writes; what is null is as the section model says."""

    attention: Literal["none", "dot", "general", "concat", "bahdanau"] = Field(
        "none", description="how a step looks at the query before; none: the context vector alone"
    )


class SuggestingRecipe(DecodingRecipe, frozen=True):
    """How queries are completed; `ostinato predict RUN decoding.KEY=VALUE` changes it."""

    beam_size: Count = Field(10, description="completions that a beam follows side by side")
    length_penalty: float = Field(
        0.0, ge=0, description="score = log P / n^this; 0: the likeliest queries"
    )
    num_best: Count = Field(5, description="suggestions for each beginning")
    min_length: int = Field(1, ge=0, description="units; 0: what is begun may be suggested itself")
    trie: bool = Field(False, description="only queries that training has are suggested")

    @model_validator(mode="after")
    def _searches(self) -> Self:
        if self.method != "beam":
            raise ValueError(
                f"has method={self.method}, but suggestions are the likeliest queries\n"
                "mend: decoding.method=beam"
            )
        return self


class SuggestionEvaluationRecipe(EvaluationRecipe, frozen=True):
    """When and how held-out queries are completed."""

    metric: Literal["auto", "loss", "mrr@5", "success@1", "success@5"] = Field(
        "auto", description="what chooses the best weights; auto: loss"
    )
    prefixes: Count = Field(4, description="beginnings of each query that are completed")
    prefix_seed: int = Field(0, ge=0, lt=2**63, description="of their lengths")


class SuggestionRecipe(WritingRecipe, frozen=True):
    """A run that learns to complete queries."""

    may_read_nothing: ClassVar[bool] = True

    task: Literal["suggestion"]  # pyright: ignore[reportIncompatibleVariableOverride]
    data: SuggestionDataRecipe
    text: BeforeStepsRecipe = BeforeStepsRecipe.model_construct()
    target_text: QueryStepsRecipe = QueryStepsRecipe.model_construct()
    decoder: QueryDecoderRecipe = QueryDecoderRecipe.model_construct()
    decoding: SuggestingRecipe = SuggestingRecipe.model_construct()
    evaluation: SuggestionEvaluationRecipe = SuggestionEvaluationRecipe.model_construct()  # pyright: ignore[reportIncompatibleVariableOverride]

    @model_validator(mode="after")
    def _can_be_begun(self) -> Self:
        unit = self.target_text.unit
        if unit not in ("characters", "jamo", "bytes"):
            raise ValueError(
                f"has target_text.unit={unit}, but a query may be begun within one of its {unit}\n"
                "mend: target_text.unit=characters, jamo or bytes"
            )
        return self
