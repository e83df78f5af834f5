"""``ostinato recipes``: the built-in recipes and the named sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ostinato.data.sets.catalogue import find_set, named_sets
from ostinato.training.recipe_files import builtin_recipes, parse_recipe
from tests.cli.helpers import ask, refuse


def test_all_recipes_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]):
    answer = ask(capsys, "recipes")
    assert answer.code == 0
    first = [line.split()[0] for line in answer.output.splitlines() if line.strip()]
    assert set(builtin_recipes()) <= set(first)
    spam = next(line for line in answer.output.splitlines() if line.startswith("spam "))
    assert "classification" in spam
    assert "sms_spam" in spam
    assert "8 epochs" in spam
    assert "Is a text message spam?" in spam


@pytest.mark.parametrize("name", builtin_recipes())
def test_one_recipe_as_it_stands(capsys: pytest.CaptureFixture[str], name: str):
    answer = ask(capsys, "recipes", name)
    assert answer.code == 0
    assert answer.output.startswith("# ")
    assert parse_recipe(answer.output, name)["task"]


def test_sets_with_licence_and_whether_they_are_here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OSTINATO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def here(name: str) -> str:
        lines = ask(capsys, "recipes", "--data").output.splitlines()
        row = next(line for line in lines if line.startswith(f"{name} "))
        return row.split("MB" if "MB" in row else "kB")[1].split()[0]

    answer = ask(capsys, "recipes", "--data")
    assert all(name in answer.output for name in named_sets())
    assert "CC BY-SA 4.0" in answer.output
    assert here("names_makemore") == "no"
    assert here("sms_spam") == "no,"
    assert "by hand: no public file" in answer.output
    named = find_set("names_makemore")
    for base in (tmp_path / "cache" / "ostinato", tmp_path / "data"):
        (base / named.folder).mkdir(parents=True)
        for file in named.files:
            (base / named.folder / file).write_bytes(hashlib.sha256().digest())
    assert here("names_makemore") == "yes"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert here("names_makemore") == "no"
    monkeypatch.setenv("OSTINATO_DATA", str(tmp_path / "data"))
    assert here("names_makemore") == "yes"


def test_wrong_names(capsys: pytest.CaptureFixture[str]):
    assert "did you mean 'spam'" in refuse(capsys, "recipes", "spma")
    assert "leave the name of a recipe out" in refuse(capsys, "recipes", "spam", "--data")


@pytest.mark.parametrize("task", ["tagging", "language-model"])
def test_every_key_has_a_meaning(capsys: pytest.CaptureFixture[str], task: str):
    answer = ask(capsys, "recipes", "--keys", task)
    assert answer.code == 0
    rows = [line.split() for line in answer.output.splitlines()[1:] if line.strip()][:-1]
    keys = {row[0]: row[1:] for row in rows if "." in row[0] or row[0] in ("task", "seed")}
    assert keys["training.tbptt_steps"][0] == ("null" if task == "tagging" else "64")
    assert keys["model.cell"][:2] == ["lstm", "a"]
    assert keys["task"][0] == "needed"
    assert all(len(row) >= 2 for key, row in keys.items() if key != "model.functions"), keys
    assert "unknown task 'poetry'" in refuse(capsys, "recipes", "--keys", "poetry")
    assert "leave the rest out" in refuse(capsys, "recipes", "spam", "--keys", task)
