"""Texts that are begun already: read at once or step by step, alone or side by side; no source."""

from __future__ import annotations

import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.models.building_writers import Nothing, build_encoder_decoder
from ostinato.models.decoding import decode
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.trie import Trie
from tests.models.writing_helpers import (
    END,
    LENGTHS,
    NUM_SYMBOLS,
    START,
    Batch,
    batch,
    build,
    options,
)

BEGUN = [[5, 6, 7], [], [8], [1, 5, 5, 6, 8], [6, 6]]
MODELS: list[dict[str, object]] = [
    {"attention": "none", "cell": "lstm", "context": "start"},
    {"attention": "none", "context": "every-step", "num_layers": 2},
    {"attention": "general"},
    {"attention": "general", "input_feeding": True},
    {"attention": "bahdanau", "input_feeding": True},
    {"attention": "concat", "pointer": True, "input_feeding": True},
]
BEAM = DecodingOptions(beam_size=3, num_best=3, max_length=5, length_penalty=0.0)


def begin(model, given: Batch):
    return model.begin(model.read(given.inputs, given.lengths, given.copied))


def first_answers(model, given: Batch) -> torch.Tensor:
    """What is said behind each beginning of ``BEGUN``, ``[B, V]``."""
    state = model.resume(BEGUN, begin(model, given))
    units = torch.tensor([([START, *units])[-1] for units in BEGUN])
    return model.step(units, state)[0]


@pytest.mark.parametrize("kind", MODELS, ids=str)
def test_what_is_begun_is_read_as_by_single_steps(kind: dict[str, object]):
    model = build(**kind).eval()
    given = batch(copied="pointer" in kind)
    together = first_answers(model, given)
    for row, units in enumerate(BEGUN):
        alone = given.row(row)
        state = begin(model, alone)
        for unit in [START, *units][:-1]:
            _, state = model.step(torch.tensor([unit]), state)
        expected, _ = model.step(torch.tensor([[START, *units][-1]]), state)
        width = expected.shape[1]
        assert torch.allclose(together[row, :width], expected[0], atol=1e-12), row


@pytest.mark.parametrize("kind", MODELS, ids=str)
def test_a_text_is_continued_side_by_side_as_alone(kind: dict[str, object]):
    model = build(**kind).eval()
    given = batch(copied="pointer" in kind)
    state = model.resume(BEGUN, begin(model, given))
    together = decode(model, state, len(LENGTHS), BEAM, begun=BEGUN)
    for row, units in enumerate(BEGUN):
        state = model.resume([units], begin(model, given.row(row)))
        ((*alone,),) = decode(model, state, 1, BEAM, begun=[units])
        assert [each.tokens for each in alone] == [each.tokens for each in together[row]]


def test_a_beginning_costs_what_the_whole_text_says_of_the_rest():
    model = build(attention="general").eval()
    given = batch()
    state = model.resume(BEGUN, begin(model, given))
    for row, found in enumerate(decode(model, state, len(LENGTHS), BEAM, begun=BEGUN)):
        alone = given.row(row)
        for text in found:
            units = [*BEGUN[row], *text.tokens, *([END] if text.is_ended else [])]
            each = model.log_probabilities(
                alone.inputs,
                alone.lengths,
                torch.tensor(units)[:, None],
                torch.tensor([len(units)]),
            )
            rest = each[len(BEGUN[row]) :].sum().item()
            assert text.log_probability == pytest.approx(rest, abs=1e-9)


def test_a_trie_goes_on_from_the_beginning():
    model = build(attention="none", context="start").eval()
    given = batch().row(0)
    texts = [[5, 6, 7], [5, 6, 8, 8], [5, 7]]
    state = model.resume([[5, 6]], begin(model, given))
    ((*found,),) = decode(model, state, 1, BEAM, begun=[[5, 6]], allowed=Trie(texts, END))
    assert {text.tokens for text in found} == {(7,), (8, 8)}
    state = model.resume([[6]], begin(model, given))
    assert decode(model, state, 1, BEAM, begun=[[6]], allowed=Trie(texts, END)) == [[]]


def without_source(**given: object):
    torch.manual_seed(0)
    return build_encoder_decoder(
        Nothing(),
        NUM_SYMBOLS,
        options(attention="none", context="start", **given),
        start=START,
        end=END,
    ).double()


@pytest.mark.parametrize("cell", ["gru", "lstm", "slstm", "elman"])
def test_without_a_source_it_is_a_language_model(cell: str):
    model = without_source(cell=cell)
    given = batch()
    found = model.log_probabilities(*given.arguments)
    # Whatever the source holds, nothing of it is read.
    garbage = {"ids": torch.full_like(given.inputs["ids"], -7)}
    again = model.log_probabilities(
        garbage, torch.zeros_like(given.lengths), given.targets, given.target_lengths
    )
    assert torch.equal(found, again)
    # Probabilities of every first unit, and of every second after it, add up to 1.
    pairs = torch.tensor([[a, b] for a in range(NUM_SYMBOLS) for b in range(NUM_SYMBOLS)]).T
    num = torch.full((pairs.shape[1],), 2)
    logs = model.log_probabilities({}, num, pairs, num)
    assert logs.sum(0).exp().sum().item() == pytest.approx(1)


def test_the_state_without_a_source_is_learned_from_zero():
    model = without_source(cell="slstm")
    reading = model.read({}, torch.zeros(2, dtype=torch.int64))
    states = model.decoder.bridge(reading.state)[0]
    positive = model.decoder.bridge.positive
    assert positive
    assert all(bool((value == (name in positive)).all()) for name, value in states.items())
    model(*batch().arguments).backward()
    (bridge,) = model.decoder.bridge.maps
    assert bridge.bias.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("given", "key"),
    [({"attention": "general"}, "decoder.attention"), ({"bidirectional": True}, "model.bidir")],
)
def test_without_a_source_nothing_is_looked_at(given: dict[str, object], key: str):
    plain = {"attention": "none", **given}
    with pytest.raises(OptionError, match=f"nothing is read: {key}"):
        build_encoder_decoder(Nothing(), NUM_SYMBOLS, options(**plain), start=START, end=END)
