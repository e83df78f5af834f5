"""What clients send and get, for validation and for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from ostinato.serving.settings import Settings

_L = Settings()

_Verdict = Literal["vanishing", "healthy", "exploding", "unknown"]

Text = Annotated[str, Field(max_length=_L.max_text)]
Tokens = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=_L.max_text)]
_Sized = Field(max_length=_L.max_text, min_length=1)
Numbers = Annotated[list[float | None], _Sized]
Rows = Annotated[list[list[float | None]], _Sized]
Equations = Annotated[str, Field(min_length=1, max_length=_L.max_equations)]
Functions = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=40)]],
    Field(max_length=16),
]
Size = Annotated[int, Field(ge=1, le=_L.max_size)]
Index = Annotated[int, Field(ge=0, le=2**31)]


def _kind_of(value: object) -> str | None:
    """Say what an input is meant to be, by its first element that is not missing."""
    if isinstance(value, str):
        return "<text>"
    if not isinstance(value, list):
        return None
    elements = cast("list[object]", value)
    first = next((each for each in elements if each is not None), None)
    if isinstance(first, str) or not elements:
        return "<tokens>"
    return "<rows>" if isinstance(first, list) else "<numbers>"


# A mistake is told of the kind that was given, not of every one that it might have been.
Input = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[Tokens, Tag("<tokens>")]
    | Annotated[Numbers, Tag("<numbers>")]
    | Annotated[Rows, Tag("<rows>")],
    Discriminator(_kind_of),
]


class Asked(BaseModel):
    """A request: no other fields, nothing converted, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Problem(BaseModel):
    """What is wrong."""

    code: str = Field(description="For programs: invalid, input, equations, busy, timeout, …")
    message: str = Field(description="What was got, and what was expected.")
    mend: str | None = Field(description="How to put it right.")
    details: Any = Field(
        default=None, description="Of invalid fields: field, message and mend of each."
    )


class ErrorAnswer(BaseModel):
    """Every error has this form."""

    error: Problem


class Health(BaseModel):
    """The server runs."""

    status: Literal["ok"]
    model: str


class CellInfo(BaseModel):
    """The cell of the recurrent layers."""

    name: str | None
    text: str
    latex: str
    mathml: str
    states: list[str]
    values: list[str] = Field(description="Assigned names, in the order of the equations.")


class Limits(BaseModel):
    """How much one request may ask for."""

    text: int
    length: int
    window: int
    inputs: int
    equations: int


class ModelInfo(BaseModel):
    """What is served."""

    name: str
    task: str
    writes: bool
    predicts: bool
    reads: Literal["text", "tokens", "arrays"]
    unit: str
    vocabulary_size: int | None
    labels: list[str]
    cell: CellInfo | None = Field(description="None where the network has no recurrent layer.")
    num_layers: int
    num_directions: int
    hidden_size: int
    num_parameters: int
    prompt: str = Field(description="A good first text; may be empty.")
    samples: list[str | list[float | None] | list[list[float | None]]] = Field(
        description="Of a model that predicts: up to 3 inputs of the dev part of its run, tokens "
        "with spaces between them, arrays cut after 200 steps; empty where the data are gone."
    )
    limits: Limits


class PredictAsked(Asked):
    """Inputs to label, tag, or estimate."""

    inputs: Annotated[list[Input], Field(min_length=1, max_length=_L.max_inputs)] = Field(
        description="Texts, lists of tokens, or arrays [T, I]; null is a missing number."
    )
    influence: bool = Field(
        default=False, description="Also how much each step pushed the decision; see the answer."
    )


class Prediction(BaseModel):
    """What the model says of one input; what does not belong to its task is null."""

    label: str | None = Field(description="Of a classification.")
    labels: list[str] | None = Field(description="Of a multi-label classification.")
    tags: list[str] | None = Field(description="Of each step.")
    numbers: list[float] | None = Field(description="Of a regression.")
    probability: float | None = Field(description="Of the label.")
    probabilities: dict[str, float] | list[dict[str, float]] | None = Field(
        description="Of every label; of tags, and of the notes after each step, for each step."
    )
    tokens: list[str] = Field(description="What each step reads; what was cut off is missing.")
    influence: list[float] | None = Field(
        description="For each step: the integrated gradient of the decision's score along the "
        "step's vector, from a vector of zeros (Sundararajan et al. 2017). Positive pushed towards "
        "the decision; together they are the score less that of a sequence of zeros. The score is "
        "the logarithm of the label's odds; of tags, labels and notes, the sum over what each was "
        "decided to be; of a regression, the first number. Null where no recurrent layer reads."
    )
    notes: list[str] = Field(description="What of the input was lost.")


class PredictAnswer(BaseModel):
    """A prediction for each input, in their order."""

    predictions: list[Prediction]
    labels: list[str]


class GenerateAsked(Asked):
    """What shall be written."""

    prompt: Text | None = Field(default=None, description="None for the beginning of a text.")
    length: Annotated[int, Field(ge=0, le=_L.max_length)] = Field(
        default=500, description="Characters to write."
    )
    temperature: Annotated[float, Field(ge=0, le=100)] = Field(
        default=0.8, description="1: as learned; less: more careful; 0: the most likely."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="Keep the likeliest units of this share of the probability."
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        default=None, description="Same seed, same text, whoever else is served; None: another."
    )
    stream: bool = Field(default=True, description="Events as they come, or one answer.")


class GenerateAnswer(BaseModel):
    """A text, with `"stream": false`."""

    id: int
    prompt: str = Field(description="What of it stands before the text.")
    text: str
    seed: int
    reason: Literal["length", "slow", "stopping"]
    num_characters: int
    seconds: float


class SuggestAsked(Asked):
    """The beginning of what shall be completed."""

    prefix: Text
    k: Annotated[int, Field(ge=1, le=20)] = 5
    length: Annotated[int, Field(ge=1, le=64)] = Field(
        default=12, description="Units of a completion, at most."
    )


class Suggestion(BaseModel):
    """One completion."""

    text: str = Field(description="What follows the prefix.")
    probability: float
    replaces: int = Field(
        description="Characters at the end of the prefix that the text stands for, too: 하 may "
        "become 한 where a model writes letters of syllables."
    )


class SuggestAnswer(BaseModel):
    """The likeliest completions that a beam finds, the likeliest first."""

    suggestions: list[Suggestion]


class CellAsked(Asked):
    """Equations."""

    equations: Equations
    notation: Literal["auto", "text", "latex"] = "auto"
    functions: Functions = Field(
        default_factory=dict[str, str], description='What a letter stands for: {"f": "tanh"}.'
    )
    input_size: Size = 16
    hidden_size: Size = 32


class CellParameter(BaseModel):
    """One weight."""

    name: str
    shape: list[int]


class CellMistake(BaseModel):
    """Where the equations cannot be read, and why."""

    line: int | None = Field(description="From 1.")
    column: int | None = Field(description="From 0, in characters.")
    end_column: int | None
    message: str
    mend: str | None


class CellAnswer(BaseModel):
    """What is inferred from equations; with `"ok": false`, the mistakes alone."""

    ok: bool
    errors: list[CellMistake] = []
    hints: list[str] = Field(default=[], description="Valid, but probably not what was meant.")
    states: list[str] | None = None
    inputs: list[str] | None = None
    output: str | None = None
    parameters: list[CellParameter] | None = None
    kind: Literal["linear", "element-wise", "dense", "feed-forward"] | None = None
    num_parameters: int | None = None
    flops_per_step: int | None = None
    bytes_per_step: int | None = None
    text: str | None = None
    latex: str | None = None
    mathml: str | None = None
    explain: str | None = None


class TrialAsked(Asked):
    """A cell that learns a toy problem beside others."""

    equations: Equations
    notation: Literal["auto", "text", "latex"] = "auto"
    functions: Functions = Field(default_factory=dict[str, str])
    problem: Literal["adding", "copy", "latch", "text"] = "adding"
    steps: Annotated[int, Field(ge=4, le=200)] = Field(
        default=50, description="T of the problem's sequences."
    )
    beside: Annotated[list[Literal["lstm", "gru", "elman"]], Field(max_length=3)] = Field(
        default=["lstm", "gru"]
    )
    seconds: Annotated[float, Field(ge=1, le=_L.trial_seconds)] = Field(
        default=_L.trial_seconds, description="For all cells together."
    )
    hidden_size: Annotated[int, Field(ge=1, le=128)] = 32


class TraceAsked(Asked):
    """A text to look into."""

    text: Input
    start: Index = Field(default=0, description="First step of the window.")
    stop: Index | None = Field(
        default=None,
        description=f"Behind its last step; cut off at the end of the text, and {_L.max_window} "
        "steps behind start, which is the default.",
    )
    top_k: Annotated[int, Field(ge=1, le=20)] = 5


class TracePlace(BaseModel):
    """One layer and direction, each counted from 0."""

    layer: int
    direction: int


class Likely(BaseModel):
    """One thing that may follow, or be said."""

    text: str
    probability: float


class TraceWindow(BaseModel):
    """The steps from start to stop in full."""

    start: int
    stop: int
    values: dict[str, dict[str, list[list[float | None]]]] = Field(
        description='"layer.direction" to name to steps to units; null is no finite number.'
    )
    top: list[list[Likely]] = Field(description="What the model says after each step.")
    target: list[str | None] = Field(description="What follows, of language models.")


class TraceAnswer(BaseModel):
    """What a network did with one text."""

    num_steps: int
    units: list[str]
    loss: list[float | None] = Field(description="Nats of the unit after each step.")
    places: list[TracePlace]
    names: list[str]
    states: list[str]
    overview: dict[str, dict[str, list[float | None]]] = Field(
        description="The mean of |value| over units, for every step."
    )
    window: TraceWindow


class StepAsked(Asked):
    """One step of one place."""

    text: Input
    step: Index
    layer: Index = 0
    direction: Index = 0
    unit: Index = 0


class FilledLine(BaseModel):
    """One equation, as it stands and with its numbers."""

    name: str
    mathml: str
    filled: str
    value: float | None


class StepAnswer(BaseModel):
    """The equations of a step with the numbers of one unit."""

    equations: list[FilledLine]
    unit: int
    num_units: int


class GradientAsked(Asked):
    """A step whose loss is traced back."""

    text: Input
    step: Index | None = Field(default=None, description="The last one by default.")


class GradientAnswer(BaseModel):
    """How the gradient fares on its way back through time."""

    step: int
    places: list[TracePlace]
    norms: dict[str, dict[str, list[float | None]]] = Field(
        description='"layer.direction" to state to the norm of dL/ds_t, t = 0 … step.'
    )
    rate: dict[str, float | None] = Field(description="Factor of one step back, for each place.")
    rates: dict[str, float | None] = Field(description="The same as rate.")
    half_lives: dict[str, float | None] = Field(
        description="Steps back after which the gradient is half as large for the first time; null "
        "where it never is."
    )
    reaches: dict[str, float | None] = Field(
        description="Steps back after which it is 1,000 times smaller; null where it never is."
    )
    verdicts: dict[str, _Verdict] = Field(description="For each place.")
    verdict: _Verdict = Field(description="Of the place that changes the gradient most.")
    mend: str
