"""Networks that write from plain values, and what does not go together."""

from __future__ import annotations

import pytest
import torch

from ostinato.core.errors import EquationError, OptionError
from ostinato.models.building import Words
from ostinato.models.building_writers import build_encoder_decoder
from ostinato.models.inputs import SpelledWordInputs
from ostinato.models.one_to_many import OneToMany
from ostinato.models.readers import ImageReader, SequenceReader
from tests.models.writing_helpers import END, NUM_SYMBOLS, SOURCES, START, build, options


def test_the_decoder_is_as_the_model_unless_it_says_otherwise():
    model = build(cell="lstm", num_layers=2, dropout=0.3, bidirectional=True, recurrent_dropout=0.1)
    layers = model.decoder.layers
    [recurrent] = layers.recurrent_layers
    assert recurrent.cell.name == "lstm"
    assert recurrent.hidden_size == 6
    assert recurrent.num_layers == 2
    assert recurrent.stack.options.recurrent_dropout == 0.1
    assert layers.num_directions == 1
    assert layers.dropout.p == model.decoder.dropout.p == 0.3
    assert model.decoder.inputs.output_size == 5
    assert recurrent.input_size == 5
    assert isinstance(model.reader, SequenceReader)
    assert model.reader.memory_size == 12

    other = build(
        cell="lstm",
        num_layers=2,
        dropout=0.3,
        decoder_cell="gru",
        decoder_hidden_size=7,
        decoder_num_layers=1,
        decoder_dropout=0.0,
        decoder_embedding_size=4,
        input_feeding=True,
    )
    [recurrent] = other.decoder.layers.recurrent_layers
    assert recurrent.cell.name == "gru"
    assert (recurrent.input_size, recurrent.hidden_size) == (4 + 7, 7)
    assert (recurrent.num_layers, other.decoder.dropout.p) == (1, 0)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"attention": "none"}, 5 + 6),
        ({"attention": "none", "context": "start"}, 5),
        ({"attention": "general"}, 5),
        ({"attention": "general", "input_feeding": True}, 5 + 6),
        ({"attention": "general", "input_feeding": True, "bidirectional": True}, 5 + 6),
        ({"attention": "bahdanau", "input_feeding": True, "bidirectional": True}, 5 + 12),
        ({"decoder_embedding_size": "one-hot"}, NUM_SYMBOLS),
    ],
    ids=str,
)
def test_what_a_step_reads(given: dict[str, object], size: int):
    assert build(**given).decoder.layers.recurrent_layers[0].input_size == size


def test_sources():
    assert isinstance(build("pictures").reader, ImageReader)
    assert isinstance(build("pictures"), OneToMany)
    assert not isinstance(build("frames"), OneToMany)
    spelled = build_encoder_decoder(Words(9, 6), 7, options(spelling="cnn"), start=START, end=END)
    assert isinstance(spelled.reader.inputs, SpelledWordInputs)
    assert spelled.decoder.num_symbols == 7
    assert (spelled.start, spelled.end) == (START, END)


def test_equations_of_both():
    text = "a = A @ x; h = tanh(W @ h + B @ a); y = V @ h"
    same = build(cell=text, sizes={"a": 3}, output_size=2)
    decoder = same.decoder.layers.recurrent_layers[0]
    assert decoder.cell_parameters()["B"].shape == (6, 3)
    other = build(decoder_cell=text, decoder_sizes={"a": 4}, decoder_output_size=2)
    assert other.decoder.layers.recurrent_layers[0].cell_parameters()["B"].shape == (6, 4)
    slide = r"h_t = \phi(W h_{t-1} + U x_t)"
    made = build(decoder_cell=slide, decoder_functions={r"\phi": "tanh"})
    assert made.decoder.layers.recurrent_layers[0].cell.states == ("h",)


def test_notes_of_both():
    model = build(residual=True, num_layers=2, input_feeding=True)
    assert model.notes == [
        "layer 1 has no residual connection: it reads 5 and gives 6",
        "decoder: layer 1 has no residual connection: it reads 11 and gives 6",
    ]


def test_weights_start_as_the_scheme_says():
    model = build_encoder_decoder(
        SOURCES["tokens"], NUM_SYMBOLS, options(start="identity"), start=START, end=END
    )
    for layers in (model.reader.encoder, model.decoder.layers):
        weights = layers.recurrent_layers[0].cell_parameters()
        torch.testing.assert_close(weights["W_hr"], torch.eye(6))


@pytest.mark.parametrize(
    ("source", "given", "mend"),
    [
        ("tokens", {"shape": "one-to-one"}, "model.shape=recurrent"),
        ("tokens", {"crf": True}, "model.crf=false"),
        ("tokens", {"pooling": "mean"}, "model.pooling=last"),
        ("tokens", {"spelling": "cnn"}, "model.spelling=none"),
        ("frames", {"unit_dropout": 0.1}, "model.unit_dropout=0"),
        ("tokens", {"decoder_sizes": {"a": 3}}, "model.sizes, or decoder.cell"),
        ("tokens", {"decoder_functions": {"f": "tanh"}}, "model.functions, or decoder.cell"),
        ("tokens", {"attention": "none", "pointer": True}, "decoder.pointer=false"),
        ("tokens", {"attention": "none", "input_feeding": True}, "decoder.input_feeding=false"),
        ("tokens", {"context": "start"}, "decoder.attention=none, or leave decoder.context out"),
        ("tokens", {"attention": "dot", "bidirectional": True}, "decoder.hidden_size=12"),
        ("tokens", {"tied": True, "attention": "none"}, "decoder.embedding_size=6"),
        ("tokens", {"decoder_residual": True}, "decoder.residual=false"),
        ("pictures", {"pointer": True}, "decoder.pointer=false"),
        ("pictures", {"bidirectional": True}, "model.bidirectional=false"),
        ("pictures", {"spelling": "cnn"}, "model.spelling=none"),
    ],
)
def test_what_does_not_go_together(source: str, given: dict[str, object], mend: str):
    with pytest.raises(OptionError, match=f"(?s)mend: .*{mend}"):
        build(source, **given)


def test_a_cell_that_cannot_be_read():
    with pytest.raises(EquationError):
        build(decoder_cell="h = tanh(W @ ")


@pytest.mark.filterwarnings("ignore:.*no state")
@pytest.mark.parametrize("section", ["model", "decoder"])
def test_a_cell_without_a_state(section: str):
    key = "cell" if section == "model" else "decoder_cell"
    with pytest.raises(OptionError, match=f"mend: another {section}.cell"):
        build(**{key: "h = tanh(U @ x)"})
