"""Networks of sequences with targets, from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.equations.saves import SaveVariant
from ostinato.models.aligned import Aligned
from ostinato.models.cell_choice import choose_cell
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.heads import (
    ClassificationHead,
    CRFTaggingHead,
    Head,
    MultiLabelHead,
    PolyphonyHead,
    RegressionHead,
    TaggingHead,
)
from ostinato.models.inputs import (
    FrameInputs,
    PictureInputs,
    SpelledWordInputs,
    StepInputs,
    TokenInputs,
)
from ostinato.models.many_to_one import ManyToOne
from ostinato.models.one_to_one import OneToOne
from ostinato.models.pooling import choose_pooling
from ostinato.models.sequence_model import SequenceModel
from ostinato.models.starting import Start, start_layers
from ostinato.models.tag_schemes import Scheme, allowed_transitions, check_tag_set

TargetKind = Literal["classification", "multi-label", "regression", "tagging", "polyphony"]

_ALIGNED = ("tagging", "polyphony")
_WEIGHTED = ("classification", "multi-label", "tagging")
_SMOOTHED = ("classification", "tagging")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Ids as inputs.

    Attributes:
        num_symbols: ``V``, with padding (0) and the unknown (1).
    """

    num_symbols: int


@dataclass(frozen=True, slots=True)
class Words:
    """Words as inputs, whose letters can be read.

    Attributes:
        num_words: ``V``, with padding (0) and the unknown (1).
        num_characters: different letters, with padding (0).
    """

    num_words: int
    num_characters: int


@dataclass(frozen=True, slots=True)
class Frames:
    """Arrays as inputs.

    Attributes:
        num_features: ``I``.
        mean: of each feature in training; None for 0.
        scale: standard deviation of each feature in training; None for 1.
        picture: height and width where each step is a picture.
    """

    num_features: int
    mean: Sequence[float] | None = None
    scale: Sequence[float] | None = None
    picture: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """What is to be said of a sequence or a step.

    Attributes:
        kind: the task.
        num_outputs: ``O``: classes, labels, numbers, or notes.
        class_weights: ``[O]``, how much each class counts in training; None for 1.
        label_smoothing: share of a target that is spread over all classes in training.
        labels: the tags in the order of the outputs; needed with a scheme.
        scheme: how tags mark spans: what a CRF never predicts follows from it.
        mean: of each number in training; None for 0.
        scale: standard deviation of each number in training; None for 1.
    """

    kind: TargetKind
    num_outputs: int
    class_weights: Sequence[float] | None = None
    label_smoothing: float = 0.0
    labels: Sequence[str] = ()
    scheme: Scheme | Literal["none"] = "none"
    mean: Sequence[float] | None = None
    scale: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceModelOptions:
    """The network between inputs and targets, named as the section ``model`` of a recipe.

    Attributes:
        cell: a name of the catalogue, equations, or a slide's LaTeX.
        functions: meaning of a slide's letters.
        sizes: sizes that the equations leave open.
        hidden_size: ``H``, of each direction.
        output_size: of a cell that projects its output.
        num_layers: ``L``.
        dropout: of every layer's input and output.
        recurrent_dropout: of the recurrent products.
        zoneout: chance that a unit keeps its state for a step.
        layer_norm: normalise the pre-activations.
        engine: what runs the equations.
        memory: what the native engine keeps for the backward pass.
        checkpoint_every: steps between the states that it keeps; 0 for every step.
        start: how the weights of the recurrent layers start.
        start_steps: the longest memory at the start, for ``chrono``.
        shape: with recurrence, or without.
        bidirectional: read in both directions.
        residual: add each layer's input to its output.
        embedding_size: length of a unit's vector.
        embedding_dropout: of the vectors, before the first layer.
        unit_dropout: chance that a unit is unknown in training.
        projection_size: of a dense layer in front of arrays.
        pictures: how each picture of a clip is read.
        pooling: how the steps become one vector.
        spelling: how the letters of words are read.
        spelling_size: length of what is read from a word's letters.
        character_size: length of a letter's vector.
        crf: tags depend on the tag before.
    """

    cell: str
    hidden_size: int
    functions: Mapping[str, str] = field(default_factory=dict[str, str])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    output_size: int | None = None
    num_layers: int = 1
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False
    engine: str = "auto"
    memory: SaveVariant = "fast"
    checkpoint_every: int = 0
    start: Start = "roles"
    start_steps: int | None = None
    shape: Literal["recurrent", "one-to-one"] = "recurrent"
    bidirectional: bool = False
    residual: bool = False
    embedding_size: int | Literal["one-hot"]
    embedding_dropout: float = 0.0
    unit_dropout: float = 0.0
    projection_size: int | None = None
    pictures: Literal["flat", "cnn"] = "flat"
    pooling: str = "last"
    spelling: Literal["none", "cnn", "rnn"] = "none"
    spelling_size: int
    character_size: int
    crf: bool = False


InputKind = Tokens | Words | Frames


def build_sequence_model(
    inputs: InputKind, targets: Targets, options: SequenceModelOptions
) -> SequenceModel:
    """Return a new network.

    Args:
        inputs: what a step reads.
        targets: what is said.
        options: all that lies between.

    Raises:
        OptionError: options that do not go together; the mend names the key of the recipe.
        EquationError: the cell's equations mean nothing.
    """
    check_inputs(inputs, options)
    _check_targets(targets, options)
    cell = choose_cell(options.cell, options.functions)
    steps = make_inputs(inputs, options, cell)
    if options.shape == "one-to-one":
        head = _head(targets, options, options.hidden_size)
        return OneToOne(steps, options.hidden_size, head, dropout=options.dropout)
    encoder = make_encoder(cell, steps.output_size, options)
    head = _head(targets, options, encoder.output_size)
    if head.is_aligned:
        return Aligned(steps, encoder, head)
    pooling = choose_pooling(options.pooling, encoder.output_size, encoder.num_directions)
    return ManyToOne(steps, encoder, pooling, head)


def make_encoder(cell: Cell, input_size: int, options: SequenceModelOptions) -> SequenceEncoder:
    """Return the recurrent layers, their weights started as the options say.

    Raises:
        OptionError: see ``SequenceEncoder`` and ``start_layers``.
    """
    encoder = SequenceEncoder(
        cell,
        input_size,
        options.hidden_size,
        output_size=options.output_size,
        num_layers=options.num_layers,
        bidirectional=options.bidirectional,
        residual=options.residual,
        dropout=options.dropout,
        recurrent_dropout=options.recurrent_dropout,
        zoneout=options.zoneout,
        layer_norm=options.layer_norm,
        sizes=options.sizes,
        engine=options.engine,
        memory=options.memory,
        checkpoint_every=options.checkpoint_every,
    )
    start_layers(encoder.recurrent_layers, options.start, options.start_steps)
    return encoder


def check_inputs(inputs: InputKind, options: SequenceModelOptions) -> None:
    """Refuse options that these inputs have no use for.

    Raises:
        OptionError: the mend names the key of the recipe.
    """
    if options.spelling != "none" and not isinstance(inputs, Words):
        _refuse("letters can be read of words only", "model.spelling=none, or text.unit=words")
    is_clip = isinstance(inputs, Frames) and inputs.picture is not None
    if options.pictures == "cnn" and not is_clip:
        _refuse("the steps are no pictures [T, H, W]", "model.pictures=flat")
    if isinstance(inputs, Frames):
        if options.embedding_size == "one-hot":
            _refuse("arrays are vectors already, not units", "leave model.embedding_size out")
        if options.unit_dropout:
            _refuse("arrays have no units that could be unknown", "model.unit_dropout=0")
    elif options.projection_size is not None:
        _refuse("units have a vector, and no dense layer in front", "model.projection_size=null")


def _check_targets(targets: Targets, options: SequenceModelOptions) -> None:
    kind = targets.kind
    if targets.scheme != "none":
        check_tag_set(targets.labels, targets.scheme)
    if options.crf and kind != "tagging":
        _refuse(f"a CRF joins the tags of a sequence; {kind} has none", "model.crf=false")
    if kind in _ALIGNED and options.pooling != "last":
        _refuse(f"{kind} says something at every step: nothing is pooled", "model.pooling=last")
    if kind == "polyphony" and options.bidirectional:
        _refuse("the backward direction would see what is predicted", "model.bidirectional=false")
    if targets.class_weights is not None and (kind not in _WEIGHTED or options.crf):
        named = "a CRF" if options.crf else kind
        _refuse(f"{named} has no classes that could be weighted", "training.class_weights=none")
    if targets.label_smoothing and (kind not in _SMOOTHED or options.crf):
        named = "a CRF" if options.crf else kind
        _refuse(f"{named} has no targets that could be smoothed", "training.label_smoothing=0")


def _refuse(reason: str, mend: str) -> None:
    raise OptionError(f"{reason}\nmend: {mend}")


def make_inputs(inputs: InputKind, options: SequenceModelOptions, cell: Cell) -> StepInputs:
    """Return what makes a vector of each step."""
    if isinstance(inputs, Frames) and inputs.picture is not None and options.pictures == "cnn":
        return PictureInputs(
            inputs.picture,
            options.projection_size or options.hidden_size,
            mean=inputs.mean,
            scale=inputs.scale,
            dropout=options.embedding_dropout,
        )
    if isinstance(inputs, Frames):
        return FrameInputs(
            inputs.num_features,
            options.projection_size,
            mean=inputs.mean,
            scale=inputs.scale,
            dropout=options.embedding_dropout,
        )
    size = None if options.embedding_size == "one-hot" else options.embedding_size
    if isinstance(inputs, Tokens) or options.spelling == "none":
        return TokenInputs(
            inputs.num_symbols if isinstance(inputs, Tokens) else inputs.num_words,
            size,
            dropout=options.embedding_dropout,
            unit_dropout=options.unit_dropout,
        )
    return SpelledWordInputs(
        inputs.num_words,
        size,
        inputs.num_characters,
        options.character_size,
        cell=cell,
        spelling=options.spelling,
        spelling_size=options.spelling_size,
        sizes=options.sizes,
        dropout=options.embedding_dropout,
        unit_dropout=options.unit_dropout,
    )


def _head(targets: Targets, options: SequenceModelOptions, num_features: int) -> Head:
    sizes = (num_features, targets.num_outputs)
    weights = targets.class_weights
    match targets.kind:
        case "classification":
            return ClassificationHead(
                *sizes, class_weights=weights, label_smoothing=targets.label_smoothing
            )
        case "tagging" if options.crf:
            scheme = targets.scheme
            allowed = None if scheme == "none" else allowed_transitions(targets.labels, scheme)
            return CRFTaggingHead(*sizes, allowed=allowed)
        case "tagging":
            return TaggingHead(
                *sizes, class_weights=weights, label_smoothing=targets.label_smoothing
            )
        case "multi-label":
            return MultiLabelHead(*sizes, class_weights=weights)
        case "regression":
            return RegressionHead(*sizes, mean=targets.mean, scale=targets.scale)
        case "polyphony":
            return PolyphonyHead(*sizes)
