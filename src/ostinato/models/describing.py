"""Everything about a network that writes but its weights, for a runtime without torch."""

from __future__ import annotations

from typing import Any, Final

from ostinato.models.encoder import SequenceEncoder
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.models.inputs import FrameInputs, PictureInputs, SpelledWordInputs, TokenInputs
from ostinato.models.readers import ImageReader, NoReader, Reader, SequenceReader
from ostinato.nn.saving import describe

FORMAT: Final = 1
"""Raised with every change that an older reader would read wrongly."""


def describe_writer(model: EncoderDecoder) -> dict[str, Any]:
    """Return what ``runtime.Writer`` is built from, with the weights beside it.

    Args:
        model: any of ``build_encoder_decoder``. Of one that only torch can read with, ``source``
            says so.
    """
    decoder, reader = model.decoder, model.reader
    return {
        "format": FORMAT,
        "start": model.start,
        "end": model.end,
        "num_symbols": decoder.num_symbols,
        "source": _source(reader),
        "encoder": _layers(reader.encoder) if isinstance(reader, SequenceReader) else None,
        "decoder": {
            **_layers(decoder.layers),
            "attention": None if decoder.attention is None else decoder.attention.score,
            "reads_summary": decoder.reads_summary,
            "input_feeding": decoder.fed_size > 0,
            "pointer": decoder.pointer is not None,
        },
    }


def _layers(encoder: SequenceEncoder) -> dict[str, Any]:
    return {
        "layers": [describe(layer).to_json() for layer in encoder.recurrent_layers],
        "residual": list(encoder.is_residual),
    }


def _source(reader: Reader) -> dict[str, Any]:
    if isinstance(reader, NoReader):
        return {"kind": "nothing"}
    if isinstance(reader, ImageReader):
        height, width = reader.picture
        return {
            "kind": "pictures",
            "num_channels": reader.num_channels,
            "height": height,
            "width": width,
        }
    assert isinstance(reader, SequenceReader)
    inputs = reader.inputs
    if isinstance(inputs, TokenInputs):
        return {"kind": "units", "num_symbols": inputs.num_symbols}
    if isinstance(inputs, PictureInputs):
        return {"kind": "clips"}
    if isinstance(inputs, FrameInputs):
        return {"kind": "frames"}
    assert isinstance(inputs, SpelledWordInputs)
    return {"kind": "spelled words"}
