"""Letting a model write."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError
from ostinato.data import DataError, Unit, Vocabulary
from ostinato.models.language_model import LanguageModel
from ostinato.training.errors import DivergedError
from ostinato.training.generate import choose, generate

KOREAN = "안녕하세요 세계 ㅋㅋ hello\n"


def make(text: str = KOREAN, unit: Unit = "characters") -> tuple[LanguageModel, Vocabulary]:
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(text, unit)
    model = LanguageModel(len(vocabulary), cells.get("gru"), 8, embedding_size=4)
    return model.eval(), vocabulary


@pytest.mark.parametrize("unit", ["characters", "bytes", "jamo"])
@pytest.mark.parametrize("length", [0, 1, 37])
def test_length_is_in_characters_after_the_prompt(unit: Unit, length: int):
    pieces = list(generate(*make(unit=unit), "안녕하", length=length, seed=1))
    text = "".join(pieces)
    assert len(text) == 3 + length
    assert text.startswith("안녕")
    if unit != "jamo":
        assert unicodedata.is_normalized("NFC", text)


def test_a_seed_decides():
    def write(seed: int | None) -> str:
        return "".join(generate(*make(), "안", length=60, seed=seed))

    assert write(5) == write(5)
    assert write(5) != write(6)
    assert write(None) != write(None)


def test_temperature_zero_is_the_most_likely_whatever_the_seed():
    texts = {
        "".join(generate(*make(), "안", length=30, temperature=0, seed=seed)) for seed in range(3)
    }
    assert len(texts) == 1
    tiny = "".join(generate(*make(), "안", length=30, temperature=1e-300, seed=9))
    narrow = "".join(generate(*make(), "안", length=30, top_p=1e-300, seed=9))
    assert texts == {tiny} == {narrow}


def test_a_decomposed_prompt_is_composed():
    prompt = unicodedata.normalize("NFD", "안녕")
    assert next(generate(*make(), prompt, length=1)) == "안녕"


def draws(logits: list[float], temperature: float, top_p: float) -> Counter[int]:
    generator = torch.Generator().manual_seed(0)
    return Counter(choose(torch.tensor(logits), temperature, top_p, generator) for _ in range(2000))


def test_draws_follow_the_distribution():
    logits = torch.tensor([0.5, 0.3, 0.2]).log().tolist()
    counts = draws(logits, 1.0, 1.0)
    assert counts[0] == pytest.approx(1000, abs=80)
    assert counts[2] == pytest.approx(400, abs=80)
    hot = draws(logits, 100.0, 1.0)
    assert hot[2] == pytest.approx(667, abs=80)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.4, {0}), (0.5, {0}), (0.6, {0, 1}), (0.9, {0, 1, 2})]
)
def test_top_p_keeps_the_smallest_sufficient_set(top_p: float, kept: set[int]):
    assert set(draws(torch.tensor([0.5, 0.3, 0.2]).log().tolist(), 1.0, top_p)) == kept


def test_huge_logits():
    assert set(draws([1e30, 0.0, -1e30], 0.5, 0.9)) == {0}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("logit", [float("nan"), float("inf")])
def test_logits_that_are_not_finite(logit: float, temperature: float):
    with pytest.raises(DivergedError, match=r"highest logit is (nan|inf)[^$]*\nmend: "):
        draws([0.0, logit], temperature, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1.0}, "temperature: got -1.0"),
        ({"temperature": float("nan")}, "temperature: got nan"),
        ({"temperature": float("inf")}, "temperature: got inf"),
        ({"top_p": 0.0}, "top_p: got 0.0"),
        ({"top_p": 1.5}, "top_p: got 1.5"),
        ({"top_p": float("nan")}, "top_p: got nan"),
        ({"length": -1}, "length: got -1"),
    ],
)
def test_settings_out_of_range(settings: dict[str, float], message: str):
    with pytest.raises(OptionError, match=message):
        generate(*make(), "안", **{"length": 5, **settings})


def test_prompts_that_cannot_be():
    with pytest.raises(OptionError, match="the prompt is empty"):
        generate(*make(), "", length=5)
    with pytest.raises(DataError, match="'Z'"):
        generate(*make(), "Z", length=5)
