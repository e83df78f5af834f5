"""Networks from plain values, and what does not go together."""

from __future__ import annotations

import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.models.aligned import Aligned
from ostinato.models.building import Frames, Targets, Tokens, build_sequence_model
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.heads import CRFTaggingHead
from ostinato.models.inputs import FrameInputs, PictureInputs, TokenInputs
from ostinato.models.many_to_one import ManyToOne
from ostinato.models.one_to_one import OneToOne
from ostinato.models.pooling import AttentionPooling
from ostinato.training.recipe_parts import SequenceModelRecipe
from tests.models.helpers import INPUTS, NUM_OUTPUTS, TARGETS, batch, build, options


def test_what_is_made():
    made = build("words", "classification", pooling="attention", bidirectional=True)
    assert isinstance(made, ManyToOne)
    assert isinstance(made.inputs, TokenInputs)
    assert isinstance(made.pooling, AttentionPooling)
    assert made.encoder.output_size == made.head.linear.in_features == 12
    tagger = build("tokens", "tagging", crf=True)
    assert isinstance(tagger, Aligned)
    assert isinstance(tagger.head, CRFTaggingHead)
    assert tagger.head.crf.forbidden_start.tolist() == [False, False, True, False, True]
    free = build_sequence_model(
        Tokens(5), Targets("tagging", NUM_OUTPUTS, scheme="none"), options(crf=True)
    )
    assert isinstance(free.head, CRFTaggingHead)
    assert not free.head.crf.forbidden_transitions.any()
    assert isinstance(build("frames", "regression", shape="one-to-one"), OneToOne)


def test_equations_and_sizes_of_their_own():
    text = "a = A @ x; h = tanh(W @ h + B @ a); y = V @ h"
    made = build("words", "tagging", cell=text, sizes={"a": 3}, output_size=2, spelling="rnn")
    assert made.encoder.layers[0].cell_parameters()["B"].shape == (6, 3)
    assert made.head.linear.in_features == 2


def test_a_cell_of_two_inputs():
    cell = Cell("h = tanh(W @ h + U @ x + V @ z)", inputs=["x", "z"])
    with pytest.raises(OptionError, match="needs a cell with one input, this one has x, z"):
        SequenceEncoder(cell, 3, 4)


def test_options_are_those_of_the_recipe():
    fields = set(type(options()).__dataclass_fields__)
    assert fields == set(SequenceModelRecipe.model_fields)
    build_sequence_model(Tokens(5), TARGETS["tagging"], options())
    given = {**SequenceModelRecipe().model_dump(), "hidden_size": 4}
    build_sequence_model(Tokens(5), TARGETS["tagging"], type(options())(**given))


@pytest.mark.parametrize(
    ("inputs", "targets", "given", "mend"),
    [
        ("tokens", "classification", {"crf": True}, "model.crf=false"),
        ("tokens", "polyphony", {"crf": True}, "model.crf=false"),
        ("tokens", "classification", {"spelling": "cnn"}, "model.spelling=none"),
        ("frames", "classification", {"spelling": "rnn"}, "model.spelling=none"),
        ("words", "tagging", {"spelling": "rnn", "spelling_size": 5}, "model.spelling_size=6"),
        ("frames", "tagging", {"embedding_size": "one-hot"}, "leave model.embedding_size out"),
        ("frames", "tagging", {"unit_dropout": 0.1}, "model.unit_dropout=0"),
        ("tokens", "tagging", {"projection_size": 4}, "model.projection_size=null"),
        ("tokens", "tagging", {"pooling": "mean"}, "model.pooling=last"),
        ("frames", "polyphony", {"bidirectional": True}, "model.bidirectional=false"),
        ("tokens", "tagging", {"residual": True}, "model.residual=false"),
    ],
)
def test_what_does_not_go_together(inputs: str, targets: str, given: dict[str, object], mend: str):
    with pytest.raises(OptionError, match=f"(?s)mend: .*{mend}"):
        build_sequence_model(INPUTS[inputs], TARGETS[targets], options(**given))


@pytest.mark.parametrize(
    ("targets", "crf", "mend"),
    [
        (Targets("regression", 1, class_weights=[1]), False, "training.class_weights=none"),
        (Targets("tagging", 2, class_weights=[1, 2]), True, "training.class_weights=none"),
        (Targets("polyphony", 2, label_smoothing=0.1), False, "training.label_smoothing=0"),
        (Targets("tagging", 2, label_smoothing=0.1), True, "training.label_smoothing=0"),
        (Targets("tagging", 2, labels=["O", "PER"], scheme="BIO"), True, "evaluation.scheme=none"),
        (Targets("tagging", 2, labels=["O", "PER"], scheme="IO"), False, "evaluation.scheme=none"),
        (Targets("regression", 2, mean=[1.0]), False, "one number for each column"),
    ],
)
def test_targets_that_do_not_fit(targets: Targets, crf: bool, mend: str):
    with pytest.raises(OptionError, match=f"mend: .*{mend}"):
        build_sequence_model(Tokens(5), targets, options(crf=crf))


def test_one_to_one_knows_no_order():
    model = build("tokens", "classification", shape="one-to-one")
    given = batch("tokens", "classification")
    first = int(given.lengths[0])
    turned = {"ids": given.inputs["ids"].clone()}
    turned["ids"][:first, 0] = given.inputs["ids"][:first, 0].flip(0)
    assert not torch.equal(turned["ids"], given.inputs["ids"])
    torch.testing.assert_close(
        model(turned, given.lengths)[0], model(given.inputs, given.lengths)[0]
    )


def test_one_to_one_sees_each_step_alone():
    model = build("frames", "tagging", shape="one-to-one")
    given = batch("frames", "tagging")
    scores = model(given.inputs, given.lengths)
    changed = {"frames": given.inputs["frames"].clone()}
    changed["frames"][1, 0] += 1
    differs = (model(changed, given.lengths) != scores).any(-1)
    assert differs.nonzero().tolist() == [[1, 0]]


def test_a_residual_layer_adds_what_it_read():
    encoder = build("tokens", "tagging", residual=True, num_layers=2, embedding_size=4).encoder
    assert isinstance(encoder, SequenceEncoder)
    assert encoder.is_residual == (False, True)
    assert encoder.notes == ["layer 1 has no residual connection: it reads 4 and gives 6"]
    vectors = torch.randn(5, 2, 4, dtype=torch.float64)
    lengths = torch.tensor([5, 3])
    first, _ = encoder.layers[0](vectors, lengths=lengths)
    second, _ = encoder.layers[1](first, lengths=lengths)
    torch.testing.assert_close(encoder(vectors, lengths), first + second)


def test_dropout_acts_in_training_only():
    given = batch("words", "tagging")
    for option in ("dropout", "embedding_dropout", "unit_dropout", "recurrent_dropout", "zoneout"):
        model = build("words", "tagging", spelling="cnn", num_layers=2, **{option: 0.5})
        assert not torch.equal(
            model(given.inputs, given.lengths), model(given.inputs, given.lengths)
        ), option
        model.eval()
        assert torch.equal(
            model(given.inputs, given.lengths), model(given.inputs, given.lengths)
        ), option


def test_units_become_unknown():
    inputs = TokenInputs(4, 3, unit_dropout=0.25)
    with torch.no_grad():
        inputs.embedding.weight.copy_(torch.arange(12.0).reshape(4, 3))
    read = inputs({"ids": torch.full((100, 100), 3)}, torch.full((100,), 100))[..., 0]
    assert sorted(read.unique().tolist()) == [3, 9]
    assert (read == 3).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_missing_numbers_are_the_mean():
    inputs = FrameInputs(2, mean=[10.0, 0.0], scale=[5.0, 0.0])
    frames = torch.tensor([[[20.0, 3.0]], [[torch.nan, 4.0]]])
    assert inputs({"frames": frames}, torch.tensor([2])).tolist() == [[[2, 3]], [[0, 4]]]


@pytest.mark.parametrize("picture", [(28, 28), (5, 7), (1, 1), (2, 9)])
def test_pictures_go_through_convolutions(picture: tuple[int, int]):
    height, width = picture
    inputs = PictureInputs(picture, 6, mean=[1.0] * (height * width))
    frames = torch.randn(3, 2, height * width)
    frames[0, 0, 0] = torch.nan
    vectors = inputs({"frames": frames}, torch.tensor([3, 2]))
    assert vectors.shape == (3, 2, 6)
    assert not vectors[2, 1].any(), "the padding is nothing"
    alone = inputs({"frames": frames[1:2, :1]}, torch.tensor([1]))
    torch.testing.assert_close(alone[0, 0], vectors[1, 0])
    assert torch.isfinite(vectors).all()


def test_what_is_no_picture():
    frames = Frames(4)
    with pytest.raises(OptionError, match=r"no pictures \[T, H, W\]\nmend: model.pictures=flat"):
        build_sequence_model(frames, Targets("regression", 2), options(pictures="cnn"))


def test_statistics_are_saved_with_the_weights():
    weights = build("frames", "regression").state_dict()
    assert weights["inputs.mean"].tolist() == [1, 0, -2, 0.5]
    assert weights["head.mean"].tolist() == [100, -1]
    plain = build_sequence_model(
        type(INPUTS["frames"])(4), Targets("regression", 2), options()
    ).double()
    plain.load_state_dict(weights)


@pytest.mark.parametrize("targets", ["classification", "tagging"])
def test_half_precision(targets: str):
    model = build("words", targets, spelling="rnn", residual=True, num_layers=2).float()
    given = batch("words", targets)
    whole = model(given.inputs, given.lengths, given.targets)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(given.inputs, given.lengths, given.targets)
    half.backward()
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, whole, rtol=0.03, atol=0)
