"""Networks that read something and write, from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.models.attention import Score
from ostinato.models.building import (
    InputKind,
    SequenceModelOptions,
    check_inputs,
    make_encoder,
    make_inputs,
)
from ostinato.models.cell_choice import choose_cell
from ostinato.models.decoder import Context, Decoder
from ostinato.models.encoder_decoder import EncoderDecoder, FreeChoice
from ostinato.models.one_to_many import OneToMany
from ostinato.models.readers import (
    CHANNELS,
    ImageReader,
    NoReader,
    Reader,
    SequenceReader,
)
from ostinato.models.starting import start_layers

_T = TypeVar("_T")


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


@dataclass(frozen=True, slots=True)
class Nothing:
    """No inputs: every row starts from the same state, which is learned."""


SourceKind = InputKind | Pictures | Nothing


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
    context: Context = "every-step"
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
        channels: of pictures, features of each block of convolutions.
    """

    model: SequenceModelOptions
    decoder: DecoderOptions
    channels: Sequence[int] = CHANNELS


def build_encoder_decoder(
    source: SourceKind,
    num_symbols: int,
    options: WriterOptions,
    *,
    start: int,
    end: int,
    label_smoothing: float = 0.0,
    free_choice: FreeChoice = "argmax",
    never_written: Sequence[int] = (),
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
        never_written: units that no text is made of: they are not chosen.

    Raises:
        OptionError: options that do not go together; the mend names the key of the recipe.
        EquationError: a cell's equations mean nothing.
    """
    model, decoder = options.model, options.decoder
    _check(source, options)
    reader = _reader(source, options)
    if decoder.cell is None:
        cell, sizes = _cell(model.cell, model.functions, "model"), model.sizes
    else:
        cell, sizes = _cell(decoder.cell, decoder.functions, "decoder"), decoder.sizes
    embedding_size = decoder.embedding_size or model.embedding_size
    made = Decoder(
        num_symbols,
        cell,
        _or(decoder.hidden_size, model.hidden_size),
        reader,
        output_size=_or(decoder.output_size, model.output_size),
        embedding_size=embedding_size if isinstance(embedding_size, int) else None,
        attention=None if decoder.attention == "none" else decoder.attention,
        context="start" if isinstance(source, Nothing) else decoder.context,
        input_feeding=decoder.input_feeding,
        pointer=decoder.pointer,
        tied=decoder.tied,
        residual=_or(decoder.residual, model.residual),
        dropout=_or(decoder.dropout, model.dropout),
        embedding_dropout=_or(decoder.embedding_dropout, model.embedding_dropout),
        unit_dropout=decoder.unit_dropout,
        num_layers=_or(decoder.num_layers, model.num_layers),
        recurrent_dropout=_or(decoder.recurrent_dropout, model.recurrent_dropout),
        zoneout=_or(decoder.zoneout, model.zoneout),
        layer_norm=_or(decoder.layer_norm, model.layer_norm),
        sizes=sizes,
        engine=model.engine,
        memory=model.memory,
        checkpoint_every=model.checkpoint_every,
    )
    start_layers(made.layers.recurrent_layers, model.start, model.start_steps)
    if isinstance(source, Nothing):
        made.bridge.start_at_zero()
    shape = OneToMany if isinstance(source, Pictures) else EncoderDecoder
    return shape(
        reader,
        made,
        start=start,
        end=end,
        label_smoothing=label_smoothing,
        free_choice=free_choice,
        never_written=never_written,
    )


def _or(own: _T | None, model: _T) -> _T:
    """Return the decoder's own value, or the model's."""
    return model if own is None else own


def _cell(text: str, functions: Mapping[str, str], section: str) -> Cell:
    """Return a cell that carries something from step to step.

    Raises:
        OptionError: it has no state; the message names the key.
    """
    cell = choose_cell(text, functions)
    if not cell.states:
        _refuse(
            "a cell without a state carries nothing from what was read to what is written",
            f"another {section}.cell",
        )
    return cell


def _check(source: SourceKind, options: WriterOptions) -> None:
    """Refuse keys that the network does not have.

    Raises:
        OptionError: the message names the key.
    """
    model, decoder = options.model, options.decoder
    for key, value, kept in (
        ("shape", model.shape, "recurrent"),
        ("crf", model.crf, False),
        ("pooling", model.pooling, "last"),
    ):
        if value != kept:
            shown = "false" if kept is False else kept
            _refuse(f"a network that writes has no model.{key}", f"model.{key}={shown}")
    if decoder.cell is None:
        for key, value in (("functions", decoder.functions), ("sizes", decoder.sizes)):
            if value:
                _refuse(
                    f"decoder.{key} is of a decoder.cell, and there is none",
                    f"model.{key}, or decoder.cell",
                )
    if decoder.attention != "none" and decoder.context != "every-step":
        _refuse(
            f"decoder.context={decoder.context} is of the plain context vector, got "
            f"decoder.attention={decoder.attention}",
            "decoder.attention=none, or leave decoder.context out",
        )
    if isinstance(source, Pictures):
        _check_pictures(options)
    elif isinstance(source, Nothing):
        _check_nothing(options)
    else:
        check_inputs(source, model)


def _check_pictures(options: WriterOptions) -> None:
    model = options.model
    for key, value, kept in (
        ("bidirectional", model.bidirectional, False),
        ("residual", model.residual, False),
        ("unit_dropout", model.unit_dropout, 0),
        ("spelling", model.spelling, "none"),
        ("pictures", model.pictures, "flat"),
    ):
        if value != kept:
            shown = "false" if kept is False else kept
            _refuse(f"an image is no sequence: model.{key} does nothing", f"model.{key}={shown}")
    if options.decoder.pointer:
        _refuse("an image has no units that could be copied", "decoder.pointer=false")


def _check_nothing(options: WriterOptions) -> None:
    for key, value, kept in (
        ("decoder.attention", options.decoder.attention, "none"),
        ("model.bidirectional", options.model.bidirectional, False),
    ):
        if value != kept:
            shown = "false" if kept is False else kept
            _refuse(f"nothing is read: {key}={value} has nothing to look at", f"{key}={shown}")


def _refuse(reason: str, mend: str) -> None:
    raise OptionError(f"{reason}\nmend: {mend}")


def _reader(source: SourceKind, options: WriterOptions) -> Reader:
    model = options.model
    if isinstance(source, Nothing):
        return NoReader()
    if isinstance(source, Pictures):
        return ImageReader(
            source.num_channels,
            (source.height, source.width),
            model.projection_size or model.hidden_size,
            mean=source.mean,
            scale=source.scale,
            channels=options.channels,
            dropout=model.dropout,
        )
    cell = _cell(model.cell, model.functions, "model")
    steps = make_inputs(source, model, cell)
    encoder = make_encoder(cell, steps.output_size, model)
    return SequenceReader(steps, encoder)
