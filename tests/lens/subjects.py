"""Networks to look into: untrained, so that any of them is there at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch

from ostinato.data import Vocabulary
from ostinato.lens.subject import ExampleSubject, WritingSubject
from ostinato.training.language_model import build_language_model
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_files import validate
from ostinato.training.session import Trained, train
from ostinato.training.trained import load_examples
from tests.training.examples import recipe_for

TEXT = "a quick brown fox (and a lazy dog) said: 'so it is.'\n"


def writer(
    cell: str = "gru", text: str = TEXT, *, documents: bool = False, seed: int = 0, **model: object
) -> WritingSubject:
    """A language model with random weights."""
    recipe = validate(
        {
            "task": "language-model",
            "data": {"text": text, "documents": "lines" if documents else "whole"},
            "model": {"cell": cell, "hidden_size": 6, "embedding_size": 6, **model},
            "training": {"max_steps": 1},
        },
        "a test",
    )
    vocabulary = Vocabulary.of(text, "characters")
    torch.manual_seed(seed)
    network = build_language_model(cast("LanguageModelRecipe", recipe).model, len(vocabulary))
    for parameter in network.parameters():
        # Biases begin at 0, where a mistake would not be seen.
        torch.nn.init.normal_(parameter, std=0.4)
    end = int(vocabulary.encode("\n")[0]) if documents else None
    trained = Trained(network.eval(), vocabulary, "\n", end)
    return WritingSubject("writer", cast("LanguageModelRecipe", recipe), trained)


def examples(name: str, folder: Path, **changes: object) -> ExampleSubject:
    """A network of a task of ``tests.training.examples``, after two steps."""
    short = {"training": {"max_steps": 2}, "evaluation": {"every": 2}}
    run = folder / name
    train(recipe_for(name, folder, 60, **{**short, **changes}), run)
    return ExampleSubject(name, load_examples(run))
