"""Networks that read something and write, from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ostinato.models.attention import Score
from ostinato.models.building import InputKind, SequenceModelOptions
from ostinato.models.encoder_decoder import EncoderDecoder, FreeChoice


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images as inputs, ``[B, C, H, W]``.

    Attributes:
        num_channels: ``C``.
        height: ``H``.
        width: ``W``.
        mean: of each channel in training; None for 0.
        scale: standard deviation of each channel in training; None for 1.
    """

    num_channels: int
    height: int
    width: int
    mean: Sequence[float] | None = None
    scale: Sequence[float] | None = None


SourceKind = InputKind | Pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderOptions:
    """The part that writes, named as the section ``decoder`` of a recipe; None: as ``model`` says.

    Attributes:
        cell: a name of the catalogue, equations, or a slide's LaTeX.
        functions: meaning of a slide's letters.
        sizes: sizes that the equations leave open.
        hidden_size: ``H``.
        output_size: of a cell that projects its output.
        num_layers: ``L``.
        embedding_size: length of the vector of a unit that was written.
        attention: how each step looks at the source; ``none``: the context vector alone.
        context: without attention: whether the context vector only starts the state, or is also
            read with every step.
        input_feeding: each step reads what the step before it looked at; slower.
        pointer: units of the source can be copied.
        tied: the weights of the output are the vectors of the units.
        dropout: of every layer's input and output.
        embedding_dropout: of the vectors, before the first layer.
        unit_dropout: chance that a unit that was written is read as unknown in training.
        recurrent_dropout: of the recurrent products.
        zoneout: chance that a unit keeps its state for a step.
        layer_norm: normalise the pre-activations.
        residual: add each layer's input to its output.
    """

    cell: str | None = None
    functions: Mapping[str, str] = field(default_factory=dict[str, str])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    hidden_size: int | None = None
    output_size: int | None = None
    num_layers: int | None = None
    embedding_size: int | Literal["one-hot"] | None = None
    attention: Literal["none"] | Score = "general"
    context: Literal["start", "every-step"] = "every-step"
    input_feeding: bool = False
    pointer: bool = False
    tied: bool = False
    dropout: float | None = None
    embedding_dropout: float | None = None
    unit_dropout: float = 0.0
    recurrent_dropout: float | None = None
    zoneout: float | None = None
    layer_norm: bool | None = None
    residual: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterOptions:
    """The network, named as the sections of a recipe.

    Attributes:
        model: what reads; ``pooling``, ``crf`` and ``shape`` keep their defaults.
        decoder: what writes.
    """

    model: SequenceModelOptions
    decoder: DecoderOptions


def build_encoder_decoder(
    source: SourceKind,
    num_symbols: int,
    options: WriterOptions,
    *,
    start: int,
    end: int,
    label_smoothing: float = 0.0,
    free_choice: FreeChoice = "argmax",
) -> EncoderDecoder:
    """Return a new network.

    Args:
        source: what is read.
        num_symbols: ``V`` of the target, with padding (0), the unknown (1), start and end.
        options: all that lies between.
        start: the target unit that is read before the first is written.
        end: the target unit that ends a text.
        label_smoothing: share of a target that is spread over all units in training.
        free_choice: how a unit is chosen where a step reads the network's own.

    Raises:
        OptionError: options that do not go together; the mend names the key of the recipe.
        EquationError: a cell's equations mean nothing.
    """
    raise NotImplementedError
