"""Recipes of networks that write: what they refuse, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ostinato.core.errors import OstinatoError
from ostinato.training.errors import RecipeError
from ostinato.training.recipe import recipe_class
from ostinato.training.recipe_files import (
    builtin_recipes,
    dump_recipe,
    load_recipe,
    parse_recipe,
    validate,
)
from ostinato.training.results import GOALS
from ostinato.training.trained_writer import changed_decoding
from ostinato.training.writing_recipe import WritingRecipe
from tests.training.writing_helpers import raw_pairs

WRITERS = [
    name
    for name in builtin_recipes()
    if isinstance(load_recipe(name, ["data=x"] if name == "text" else []), WritingRecipe)
]


def recipe(**changes: Any) -> WritingRecipe:
    found = validate(raw_pairs(Path("x"), **changes), "r")
    assert isinstance(found, WritingRecipe)
    return found


def test_the_task_chooses_the_recipe():
    assert recipe_class("text-to-text") is WritingRecipe


@pytest.mark.parametrize("name", WRITERS)
def test_built_in_ones_are_kept_whole_and_have_a_row_of_results(name: str):
    found = load_recipe(name)
    assert validate(parse_recipe(dump_recipe(found), name), name) == found
    assert name in GOALS


def test_there_are_recipes_for_every_row():
    assert set(WRITERS) >= {
        "translate-de-en",
        "translate-de-en-context",
        "translate-ko-en",
        "chat-ko",
        "pronounce",
        "commands",
        "commands-length",
    }


def test_data_is_a_file():
    assert recipe(data={"train": None, "name": "scan_simple"}).data.name == "scan_simple"
    found = load_recipe("commands", ["data=pairs.tsv", "data.input=a", "data.target=b"])
    assert isinstance(found, WritingRecipe)
    assert found.data.train == Path("pairs.tsv").absolute()
    assert found.data.name is None


@pytest.mark.parametrize(
    ("changes", "reason", "mend"),
    [
        ({"target_text": {"unit": "morphemes"}}, "no text can be joined", "target_text.unit=bpe"),
        ({"target_text": {"unit": "numbers"}}, "no text can be joined", "target_text.unit=bpe"),
        (
            {"decoder": {"pointer": True}, "text": {"unit": "bpe"}},
            "copies bpe into words",
            "text.unit=words",
        ),
        ({"evaluation": {"watch_gradients": True}}, "two sequences", "watch_gradients=false"),
        ({"evaluation": {"metric": "accuracy"}}, "'bleu'", "leave it out"),
        ({"decoder": {"attention": "luong"}}, "'bahdanau'", "leave it out"),
        ({"decoder": {"attnetion": "dot"}}, "did you mean `decoder.attention`", "use that"),
        ({"decoding": {"beam": 3}}, "unknown key `decoding.beam`", "use "),
        ({"decoding": {"temperature": 0}}, "greater than 0", "leave it out"),
        ({"model": {"crf": True}}, "unknown key `model.crf`", "use"),
        (
            {"data": {"train": None, "made": {"problem": "copy", "steps": 5}}},
            "has no texts to write",
            "data.train=FILE",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], reason: str, mend: str):
    with pytest.raises(RecipeError) as caught:
        recipe(**changes)
    said, _, mended = str(caught.value).partition("mend: ")
    assert reason in said
    assert mend in mended


def test_decoding_is_changed_later():
    own = recipe(decoding={"beam_size": 8, "length_penalty": 0.5})
    assert changed_decoding(own, []) == own.decoding
    assert changed_decoding(own, ["decoding.beam_size=2"]).length_penalty == 0.5
    # What is of the other method is left behind.
    sampled = changed_decoding(own, ["decoding.method=sample", "decoding.top_k=3"])
    assert (sampled.method, sampled.top_k, sampled.beam_size) == ("sample", 3, 5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("model.hidden_size=3", "the model has learned"),
        ("decoding.method=best", "'beam', 'greedy' or 'sample'"),
        ("decoding.seeed=1", "unknown key"),
        ("decoding.beam_size=0", "greater than 0"),
    ],
)
def test_other_changes_are_refused(change: str, reason: str):
    with pytest.raises(OstinatoError, match=rf"(?s){reason}.*mend: "):
        changed_decoding(recipe(), [change])
