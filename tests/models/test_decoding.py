"""How texts are chosen: against exhaustive search, naive loops, and one row at a time."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass

import pytest
import torch
from scipy import stats
from torch import Tensor

from ostinato import cells
from ostinato.core.errors import OptionError, ShapeError, UnknownNameError
from ostinato.models.decoding import decode
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.language_model import LanguageModel
from ostinato.models.search import Hypothesis, WritingError
from ostinato.models.trie import Trie
from tests.models.writing_helpers import END, LENGTHS, NUM_SYMBOLS, START, Batch, batch, build

METHODS: list[dict[str, object]] = [
    {"method": "greedy"},
    {"method": "sample"},
    {"method": "sample", "num_best": 3, "temperature": 0.7, "top_k": 5, "top_p": 0.9},
    {"method": "beam", "beam_size": 1},
    {"method": "beam", "beam_size": 4, "num_best": 3},
    {"method": "beam", "beam_size": 12, "num_best": 12, "length_penalty": 0.0},
]
MODELS: list[dict[str, object]] = [
    {"attention": "none", "cell": "lstm"},
    {"attention": "general"},
    {"attention": "bahdanau", "input_feeding": True},
    {"attention": "concat", "pointer": True, "input_feeding": True},
]


def make(**given: object):
    """A network whose choices are not all alike."""
    model = build(**given).eval()
    with torch.no_grad():
        model.decoder.head.weight.mul_(3)
        model.decoder.inputs.embedding.weight.mul_(4)
        model.reader.inputs.embedding.weight.mul_(4)
        for layers in (model.decoder.layers, model.reader.encoder):
            for parameter in layers.parameters():
                parameter.mul_(3)
        model.decoder.head.bias[END] = 1.0
    return model


def written(model, given: Batch, options: DecodingOptions, **more: object):
    state = model.begin(model.read(given.inputs, given.lengths, given.copied))
    return decode(model, state, len(given.lengths), options, **more)


def tokens(found: list[list[Hypothesis]]) -> list[list[tuple[int, ...]]]:
    return [[text.tokens for text in texts] for texts in found]


def log_probability(model, given: Batch, text: Hypothesis) -> float:
    """Of a text of a batch with one row, from the teacher-forced network."""
    units = [*text.tokens, END] if text.is_ended else list(text.tokens)
    targets = torch.tensor(units)[:, None]
    found = model.log_probabilities(
        given.inputs, given.lengths, targets, torch.tensor([len(units)]), copied=given.copied
    )
    return found.sum().item()


@pytest.mark.parametrize("chosen", METHODS, ids=str)
@pytest.mark.parametrize("given", MODELS, ids=str)
def test_the_same_texts_whichever_the_batch(given: dict[str, object], chosen: dict[str, object]):
    model = make(**given)
    options = DecodingOptions(max_length=7, **chosen)
    whole = batch(copied="pointer" in given)
    found = written(model, whole, options)
    assert {len(texts) for texts in found} == {options.num_best}
    for index, row in enumerate(whole.rows()):
        alone = written(model, row, options, numbers=[index])
        assert tokens(alone) == tokens(found[index : index + 1])
        for text, other in zip(alone[0], found[index], strict=True):
            assert text.log_probability == pytest.approx(other.log_probability, abs=1e-9)
            assert text.is_ended == other.is_ended
            assert text.log_probability == pytest.approx(
                log_probability(model, row, text), abs=1e-9
            )
            num_steps = len(text.tokens) + text.is_ended
            expected = text.log_probability / num_steps**options.length_penalty
            assert text.score == pytest.approx(expected)
            assert len(text.tokens) <= 7 - text.is_ended
            assert text.is_ended or len(text.tokens) == 7
            assert END not in text.tokens


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("chosen", METHODS, ids=str)
def test_single_precision_in_batches_of_any_size(chosen: dict[str, object], size: int):
    model = make(attention="general", cell="lstm", hidden_size=32).float()
    draw = torch.Generator().manual_seed(7)
    lengths = torch.randint(1, 9, (14,), generator=draw)
    ids = torch.randint(11, (8, 14), generator=draw)
    options = DecodingOptions(max_length=9, **chosen)
    whole = written(model, Batch({"ids": ids}, lengths, ids, lengths), options)
    assert len(set(map(str, tokens(whole)))) > 7, "the texts are not all alike"
    for first in range(0, 14, size):
        part = slice(first, first + size)
        some = Batch({"ids": ids[:, part]}, lengths[part], ids, lengths)
        found = written(model, some, options, numbers=range(14)[part])
        assert tokens(found) == tokens(whole[part])
        for text, other in zip(itertools.chain(*found), itertools.chain(*whole[part]), strict=True):
            assert text.log_probability == pytest.approx(other.log_probability, abs=1e-5)


@pytest.mark.parametrize("given", MODELS, ids=str)
def test_greedy(given: dict[str, object]):
    model = make(**given)
    for row in batch(copied="pointer" in given).rows():
        state = model.begin(model.read(row.inputs, row.lengths, row.copied))
        unit, units, total = START, [], 0.0
        while len(units) < 8 and unit != END:
            log_probabilities, state = model.step(torch.tensor([unit]), state)
            total += log_probabilities.max().item()
            unit = int(log_probabilities.argmax())
            units.append(unit)
        [[found]] = written(model, row, DecodingOptions(method="greedy", max_length=8))
        [[beam]] = written(model, row, DecodingOptions(beam_size=1, max_length=8))
        assert found.tokens == beam.tokens == tuple(unit for unit in units if unit != END)
        assert found.is_ended == beam.is_ended == (unit == END)
        assert found.log_probability == pytest.approx(total)
        assert beam.log_probability == pytest.approx(total)


def test_a_wider_beam_finds_likelier_texts():
    model = make(attention="general")
    whole = batch()
    found = []
    for size in (1, 2, 4, 9, 81):
        options = DecodingOptions(max_length=5, beam_size=size, length_penalty=0)
        best = [texts[0] for texts in written(model, whole, options)]
        found.append(sum(text.log_probability - 100 * (not text.is_ended) for text in best))
    assert found == sorted(found)
    assert found[-1] > found[0]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("given", MODELS, ids=str)
def test_a_beam_as_wide_as_everything_is_exhaustive(
    given: dict[str, object], length_penalty: float
):
    model = make(**given)
    units = (END, 5, 6, 7)
    forbidden = [unit for unit in range(NUM_SYMBOLS) if unit not in units]
    row = batch(copied="pointer" in given).row(0)
    if row.copied is not None:
        row.copied.clamp_(max=NUM_SYMBOLS - 1)
    options = DecodingOptions(
        max_length=4, beam_size=200, num_best=200, length_penalty=length_penalty
    )
    [found] = written(model, row, options, forbidden=forbidden)
    ended = [(*text, END) for n in range(4) for text in itertools.product((5, 6, 7), repeat=n)]
    others = list(itertools.product((5, 6, 7), repeat=4))
    expected = [
        (not is_ended, -(total / len(text) ** length_penalty), text[:-1] if is_ended else text)
        for texts, is_ended in ((ended, True), (others, False))
        for text in texts
        for total in [
            log_probability(
                model, row, Hypothesis(text[:-1] if is_ended else text, 0.0, 0.0, is_ended)
            )
        ]
    ]
    expected.sort()
    assert [text.tokens for text in found] == [text for _, _, text in expected]
    for text, (_, score, _) in zip(found, expected, strict=True):
        assert text.score == pytest.approx(-score)


@pytest.mark.parametrize("given", MODELS, ids=str)
def test_several_best_are_sorted_and_distinct(given: dict[str, object]):
    model = make(**given)
    options = DecodingOptions(max_length=6, beam_size=8, num_best=6)
    for texts in written(model, batch(copied="pointer" in given), options):
        assert len({(text.tokens, text.is_ended) for text in texts}) == 6
        order = [(not text.is_ended, -text.score) for text in texts]
        assert order == sorted(order)
        assert texts[0].is_ended


@dataclass
class TableState:
    """The units so far."""

    rows: Tensor

    def select(self, rows: Tensor) -> TableState:
        return TableState(self.rows[rows])


class Table:
    """A writer whose next unit depends on the last one alone, and that counts its steps."""

    start, end = 0, 1
    device = torch.device("cpu")

    def __init__(self, probabilities: list[list[float]]) -> None:
        self.table = torch.tensor(probabilities).log()
        self.num_rows: list[int] = []

    def step(self, tokens: Tensor, state: TableState) -> tuple[Tensor, TableState]:
        self.num_rows.append(len(tokens))
        assert len(tokens) == len(state.rows)
        return self.table[tokens], state


def test_what_is_drawn_follows_the_probabilities():
    writer = Table([[0, 0.2, 0.5, 0.3], [0, 1, 0, 0], [0, 0.5, 0, 0.5], [0, 0.9, 0.1, 0]])
    num = 6000
    options = DecodingOptions(method="sample", max_length=9, seed=11)
    found = decode(writer, TableState(torch.arange(num)), num, options)
    counts = Counter(texts[0].tokens for texts in found)
    expected = {(): 0.2, (2,): 0.25, (3,): 0.27, (2, 3): 0.225, (3, 2): 0.015}
    rest = 1 - sum(expected.values())
    observed = [*(counts[text] for text in expected), num - sum(counts[t] for t in expected)]
    shares = [*(share * num for share in expected.values()), rest * num]
    assert stats.chisquare(observed, shares).pvalue > 0.01

    several = DecodingOptions(method="sample", max_length=9, seed=11, num_best=3)
    again = decode(writer, TableState(torch.arange(5)), 5, several, numbers=[0, 3, 9, 7, 1])
    for number, texts in zip([0, 3, 9, 7, 1], again, strict=True):
        assert found[number][0] in texts
        assert [text.score for text in texts] == sorted((t.score for t in texts), reverse=True)
    other = decode(
        writer,
        TableState(torch.arange(num)),
        num,
        DecodingOptions(method="sample", max_length=9, seed=12),
    )
    assert tokens(other) != tokens(found)


def test_rows_that_have_ended_leave_the_batch():
    # Unit n is followed by n + 1, and the last by the end.
    chain = torch.zeros(8, 8)
    for unit in range(2, 7):
        chain[unit, unit + 1] = 1
    chain[7, 1] = chain[0, 2] = chain[1, 1] = 1
    writer = Table(chain.tolist())
    begun = [[7], [5], [7], [2]]
    for options in (DecodingOptions(method="greedy"), DecodingOptions(beam_size=1)):
        writer.num_rows.clear()
        found = decode(writer, TableState(torch.arange(4)), 4, options, begun=begun)
        assert tokens(found) == [[()], [(6, 7)], [()], [(3, 4, 5, 6, 7)]]
        assert writer.num_rows == [4, 2, 2, 1, 1, 1]


def test_a_beam_is_done_with_as_many_texts_as_it_is_wide():
    writer = Table([[0, 0.4, 0.6], [0, 1, 0], [0, 0.5, 0.5]])
    [texts] = decode(
        writer, TableState(torch.zeros(1)), 1, DecodingOptions(beam_size=2, num_best=2)
    )
    assert [text.tokens for text in texts] == [(2,), ()]
    assert len(writer.num_rows) == 2
    assert [text.log_probability for text in texts] == pytest.approx([math.log(0.3), math.log(0.4)])


def test_lengths():
    writer = Table([[0, 0.9, 0.1], [0, 1, 0], [0, 0.9, 0.1]])
    state = TableState(torch.zeros(1))
    for options in ({"method": "greedy"}, {"method": "sample"}, {"beam_size": 3}):
        [[text]] = decode(writer, state, 1, DecodingOptions(min_length=3, max_length=4, **options))
        assert text.tokens == (2, 2, 2)
        assert text.is_ended
        assert text.log_probability == pytest.approx(3 * math.log(0.1) + math.log(0.9), abs=1e-5)
        [[short]] = decode(
            writer, state, 1, DecodingOptions(min_length=1, max_length=2, **options), forbidden=[1]
        )
        assert short.tokens == (2, 2)
        assert not short.is_ended


def test_only_texts_of_a_trie():
    model = make(attention="general")
    texts = [(5, 6), (5, 6, 7), (8,), (6, 6, 6)]
    trie = Trie(texts, END)
    options = DecodingOptions(max_length=6, beam_size=7, num_best=7)
    for row, found in zip(
        batch().rows(), written(model, batch(), options, allowed=trie), strict=True
    ):
        expected = sorted(
            (Hypothesis(text, 0.0, 0.0, True) for text in texts),
            key=lambda text: -log_probability(model, row, text) / (len(text.tokens) + 1),
        )
        assert [text.tokens for text in found] == [text.tokens for text in expected]
        for text in found:
            assert text.is_ended
            assert text.log_probability == pytest.approx(log_probability(model, row, text))
    for method in ("greedy", "sample"):
        for [text] in written(model, batch(), DecodingOptions(method=method), allowed=trie):
            assert text.tokens in texts


@dataclass(frozen=True)
class Histories:
    """Everything that each row has read."""

    rows: tuple[tuple[int, ...], ...]

    def select(self, rows: torch.Tensor) -> Histories:
        return Histories(tuple(self.rows[row] for row in rows.tolist()))


@dataclass(frozen=True)
class Rereader:
    """A language model that reads everything anew at every step."""

    model: LanguageModel
    start: int = START
    end: int = END

    @property
    def device(self) -> torch.device:
        return self.model.head.weight.device

    def step(self, tokens: torch.Tensor, state: Histories) -> tuple[torch.Tensor, Histories]:
        rows = tuple((*old, new) for old, new in zip(state.rows, tokens.tolist(), strict=True))
        logits = [self.model(torch.tensor(row)[:, None])[0][-1, 0] for row in rows]
        return torch.stack(logits).log_softmax(-1), Histories(rows)


def test_completions_of_beginnings():
    torch.manual_seed(0)
    model = LanguageModel(NUM_SYMBOLS, cells.get("lstm"), 6, embedding_size=5).double().eval()
    writer = Rereader(model)
    begun = [[5, 6], [5, 8], [7, 6, 6], [], [8]]
    trie = Trie([(5, 6), (5, 6, 7), (5, 6, 8, 8), (7, 6, 6, 5), (8,), (8, 8)], END)
    options = DecodingOptions(beam_size=4, num_best=4, length_penalty=0.5)
    read = Histories(tuple((START, *units)[:-1] for units in begun))
    found = decode(writer, read, 5, options, begun=begun, allowed=trie)
    assert [set(texts) for texts in tokens(found[:3])] == [{(), (7,), (8, 8)}, set(), {(5,)}]
    assert set(tokens(found)[4]) == {(), (8,)}
    assert set(tokens(found)[3]) < {(5, 6), (5, 6, 7), (5, 6, 8, 8), (7, 6, 6, 5), (8,), (8, 8)}
    assert len(found[3]) == 4
    for units, texts in zip(begun, found, strict=True):
        for text in texts:
            after = [*text.tokens, END]
            ids = torch.tensor([START, *units, *after])
            log_probabilities = model(ids[:-1, None])[0][:, 0].log_softmax(-1)
            total = log_probabilities[range(len(ids) - 1), ids[1:]][len(units) :].sum().item()
            assert text.log_probability == pytest.approx(total)
            assert text.score == pytest.approx(total / len(after) ** 0.5)

    [[free]] = decode(
        writer, Histories(((),)), 1, DecodingOptions(method="greedy", max_length=5), forbidden=[0]
    )
    ids = torch.tensor([START, *free.tokens])
    likeliest = model(ids[:, None])[0][:, 0, 1:].argmax(-1) + 1
    assert tuple(likeliest.tolist()[: len(free.tokens)]) == free.tokens


def test_nothing_to_write():
    model = make(attention="general")
    none = torch.zeros(0, dtype=torch.int64)
    empty = Batch({"ids": torch.zeros(3, 0, dtype=torch.int64)}, none, none, none)
    for method in ("greedy", "sample", "beam"):
        assert written(model, empty, DecodingOptions(method=method)) == []
        assert written(model, batch(), DecodingOptions(method=method), allowed=Trie([], END)) == [
            [] for _ in LENGTHS
        ]


def test_a_network_that_diverged():
    model = make(attention="general")
    with torch.no_grad():
        model.decoder.head.bias[5] = torch.nan
    for method in ("greedy", "sample", "beam"):
        with pytest.raises(WritingError, match="mend: train with a cell whose state stays bounded"):
            written(model, batch(), DecodingOptions(method=method))


@pytest.mark.parametrize("more", [{"numbers": [1]}, {"begun": [[1], [2]]}], ids=str)
def test_other_numbers_of_rows(more: dict[str, object]):
    with pytest.raises(ShapeError, match="expected 5"):
        written(make(attention="general"), batch(), DecodingOptions(), **more)


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        ({"max_length": 0}, "1 or more"),
        ({"beam_size": 1.5}, "1 or more"),
        ({"num_best": 6}, "decoding.num_best=5"),
        ({"method": "greedy", "num_best": 2}, "decoding.num_best=1"),
        ({"min_length": 100}, "decoding.min_length"),
        ({"length_penalty": -1}, "decoding.length_penalty"),
        ({"length_penalty": math.nan}, "decoding.length_penalty"),
        ({"method": "sample", "temperature": 0}, "decoding.temperature"),
        ({"method": "sample", "top_k": 0}, "1 or more"),
        ({"method": "sample", "top_p": 0}, "decoding.top_p"),
        ({"method": "sample", "top_p": 1.1}, "decoding.top_p"),
        ({"seed": -1}, "decoding.seed"),
        ({"temperature": 0.5}, "decoding.method=sample, or decoding.temperature=1.0"),
        ({"top_k": 3}, "decoding.method=sample, or decoding.top_k=null"),
    ],
)
def test_options_out_of_range(given: dict[str, object], mend: str):
    with pytest.raises(OptionError, match=f"mend: .*{mend}"):
        DecodingOptions(**given)


def test_unknown_methods():
    with pytest.raises(UnknownNameError, match="did you mean 'beam'"):
        DecodingOptions(method="bean")
