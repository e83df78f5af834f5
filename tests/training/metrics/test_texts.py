"""Scores of texts beside sacreBLEU itself, and beside cases counted by hand."""

from __future__ import annotations

import random
from functools import lru_cache

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from ostinato.core.errors import UnknownNameError
from ostinato.training.metrics import texts
from ostinato.training.metrics.intervals import bootstrap_interval
from ostinato.training.metrics.per_example import ExampleScores

GOT = ["the cat sat on the mat .", "a dog", "", "no word in common", "개가 달린다."]
ANSWERS = [
    ["the cat sat on a mat .", "there is a cat on the mat ."],
    ["a dog runs"],
    ["something"],
    ["quite another thing", "yet another", "and one more"],
    ["개가 달린다."],
]


def made(seed: int, num: int = 40) -> tuple[list[str], list[list[str]]]:
    """Return texts of few words, some empty, some right, with one to three right answers."""
    draw = random.Random(seed)

    def text(most: int) -> str:
        return " ".join(draw.choice("the cat sat on a mat , right !".split()) for _ in range(most))

    answers = [[text(draw.randint(1, 12)) for _ in range(draw.randint(1, 3))] for _ in range(num)]
    got = [draw.choice([text(draw.randint(0, 12)), draw.choice(right)]) for right in answers]
    return got, answers


def columns(answers: list[list[str]]) -> list[list[str | None]]:
    """Return right answers as sacreBLEU takes them."""
    most = max(map(len, answers))
    return [[each[i] if i < len(each) else None for each in answers] for i in range(most)]


def by_sacrebleu(metric: BLEU | CHRF, got: list[str], answers: list[list[str]]) -> float:
    return metric.corpus_score(got, columns(answers)).score


@pytest.mark.parametrize("tokenizer", texts.BLEU_TOKENIZERS)
def test_bleu_is_that_of_sacrebleu(tokenizer: str):
    expected = by_sacrebleu(BLEU(tokenize=tokenizer), GOT, ANSWERS)
    assert texts.bleu(GOT, ANSWERS, tokenizer).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_both_are_those_of_sacrebleu_on_any_texts(seed: int):
    got, answers = made(seed)
    assert texts.bleu(got, answers).value == pytest.approx(by_sacrebleu(BLEU(), got, answers))
    assert texts.chrf(got, answers).value == pytest.approx(by_sacrebleu(CHRF(), got, answers))


@pytest.mark.parametrize("num", range(len(GOT)))
def test_texts_by_themselves(num: int):
    got, answers = GOT[num : num + 1], ANSWERS[num : num + 1]
    assert texts.bleu(got, answers).value == pytest.approx(by_sacrebleu(BLEU(), got, answers))
    assert texts.chrf(got, answers).value == pytest.approx(by_sacrebleu(CHRF(), got, answers))


def test_a_text_without_the_longer_runs_is_smoothed_as_sacrebleu_smooths_it():
    got, answers = ["the cat x y z the mat"], [["the cat sat on the mat"]]
    found = texts.bleu(got, answers)
    assert found.table.tolist()[0][2:] == [4, 2, 0, 0, 7, 6, 5, 4]
    # The brevity penalty is 1; the two precisions of 0 become 1/2 and 1/4 of a run.
    expected = 100 * (4 / 7 * 2 / 6 * 0.5 / 5 * 0.25 / 4) ** 0.25
    assert found.value == pytest.approx(expected)
    assert found.value == pytest.approx(by_sacrebleu(BLEU(), got, answers))


def test_the_score_of_a_resample_is_that_of_its_texts():
    got, answers = made(3, 12)
    rows = np.array([0, 0, 3, 5, 5, 5, 7, 11])
    for score, metric in ((texts.bleu, BLEU()), (texts.chrf, CHRF())):
        found = score(got, answers)
        drawn = found.score(found.table[rows].sum(0, dtype=np.float64)[None])
        expected = by_sacrebleu(metric, [got[r] for r in rows], [answers[r] for r in rows])
        assert drawn.shape == (1,)
        assert drawn[0] == pytest.approx(expected)


def test_intervals_hold_the_score():
    got, answers = made(4)
    for found in (texts.bleu(got, answers), texts.chrf(got, answers), texts.exact(got, answers)):
        low, high = bootstrap_interval(found)
        assert low < found.value < high


def test_the_signature_is_that_of_sacrebleu():
    signature = texts.bleu_signature(GOT, ANSWERS)
    assert signature.startswith("nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    single = texts.bleu_signature(GOT, [right[:1] for right in ANSWERS], "char")
    assert single.startswith("nrefs:1|case:mixed|eff:no|tok:char|smooth:exp|version:")


def test_an_unknown_tokenizer_is_refused():
    with pytest.raises(UnknownNameError, match="13a"):
        texts.bleu(GOT, ANSWERS, "13b")


def test_exact_knows_every_right_answer_and_no_white_space():
    got = ["b", " a  c ", "a c", "ac", ""]
    answers = [["a", "b"], ["a c"], ["a d", "a c"], ["a c"], ["x"]]
    assert texts.exact(got, answers).table[:, 0].tolist() == [1, 1, 1, 0, 0]
    assert texts.exact(got, answers).value == 0.6
    found = texts.word_error(got, answers)
    assert found.value == pytest.approx(0.4)
    assert not found.higher_is_better


@pytest.mark.parametrize(
    ("got", "expected", "number"),
    [
        ("", "", 0),
        ("abc", "", 3),
        ("", "ab", 2),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("abcdef", "abcdef", 0),
        ("xabcdef", "abcdefx", 2),
    ],
)
def test_edits(got: str, expected: str, number: int):
    assert texts.edits(list(got), list(expected)) == number
    assert texts.edits(list(expected), list(got)) == number


@pytest.mark.parametrize("seed", range(20))
def test_edits_are_those_of_the_definition(seed: int):
    draw = random.Random(seed)
    first, second = ("".join(draw.choice("abc") for _ in range(draw.randint(0, 9))) for _ in "ab")

    @lru_cache(None)
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        changed = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(changed, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    assert texts.edits(first, second) == distance(len(first), len(second))


def test_unit_error_takes_the_nearest_answer():
    got = ["B AW1 T", "AH0"]
    answers = [["B AW1 T S", "K AO1 R S"], ["EY1", "AH0 N"]]
    found = texts.unit_error(got, answers, str.split)
    assert isinstance(found, ExampleScores)
    # One mistake each; of two answers as near, the longer one.
    assert found.table.tolist() == [[1, 4], [1, 2]]
    assert found.value == pytest.approx(2 / 6)
    assert not found.higher_is_better
