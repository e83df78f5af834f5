"""The card of a saved model: what it learned, from what, how well, and how to load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from ostinato.training.memory import MEMORY
from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_parts import DataRecipe, Files, Recipe
from ostinato.training.results_of_run import Results

_PIPELINE_TAGS = {
    "classification": "text-classification",
    "multi-label": "text-classification",
    "tagging": "token-classification",
    "language-model": "text-generation",
}


@dataclass(frozen=True)
class Loader:
    """What loads a saved model.

    Attributes:
        line: that imports it.
        function: that takes the name.
    """

    line: str
    function: str


USUAL: Final = Loader("import ostinato as ost", "ost.from_pretrained")


def model_card(
    recipe: Recipe,
    facts: Mapping[str, Any],
    results: Results,
    name: str,
    loader: Loader = USUAL,
) -> str:
    """Return the text of a card.

    Args:
        recipe: the model was trained by.
        facts: of the run.
        results: its scores.
        name: by which it is loaded: a folder, or ``user/repository``.
        loader: what loads it.
    """
    model = recipe.model
    head = {"library_name": "ostinato", "tags": ["ostinato", "recurrent", recipe.task]}
    if (tag := _pipeline_tag(recipe, facts)) is not None:
        head["pipeline_tag"] = tag
    cell = model.cell if "\n" not in model.cell and "=" not in model.cell else "own equations"
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False).strip(),
        "---",
        "",
        f"# {name.rstrip('/').rpartition('/')[2]}",
        "",
        f"A recurrent network for {recipe.task}, trained with ostinato.",
        "",
        f"- task: {recipe.task}",
        f"- data: {_data(recipe)}",
        f"- cell: {cell}; hidden size {model.hidden_size}, layers {model.num_layers}",
        *_labels(facts),
        "",
    ]
    if cell == "own equations":
        lines += ["```text", model.cell.strip(), "```", ""]
    lines += [*_scores(results), "## Use", "", "```python", loader.line, ""]
    lines += [f"model = {loader.function}({name!r})", _call(recipe, facts), "```", ""]
    return "\n".join(lines)


def _pipeline_tag(recipe: Recipe, facts: Mapping[str, Any]) -> str | None:
    is_frames = _pipeline(facts).get("kind") == "frames"
    return None if is_frames else _PIPELINE_TAGS.get(recipe.task)


def _pipeline(facts: Mapping[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", facts.get("pipeline") or {})


def _data(recipe: Recipe) -> str:
    match recipe:
        case LanguageModelRecipe():
            data = recipe.data
            return _named(data.name) or (data.path.name if data.path else "a text in the recipe")
        case ExampleRecipe():
            return _named(recipe.data.name) or _made(recipe.data) or _file_names(recipe.data)
        case _:
            return "unknown"


def _named(name: str | None) -> str:
    return "examples given in Python" if name == MEMORY else name or ""


def _made(data: DataRecipe) -> str:
    made = data.made
    return "" if made is None else f"made: {made.problem}, {made.steps:,} steps"


def _file_names(data: DataRecipe) -> str:
    def names(files: Files) -> list[str]:
        match files:
            case list():
                return [path.name for path in files]
            case dict():
                return [path.name for path in files.values()]
            case _:
                return [files.name]

    return ", ".join(names(data.train)) if data.train is not None else "unknown"


def _labels(facts: Mapping[str, Any]) -> list[str]:
    labels = cast("list[str] | None", _pipeline(facts).get("labels"))
    if not labels:
        return []
    shown = ", ".join(f"`{label}`" for label in labels[:20])
    return [f"- labels: {shown}" + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")]


def _scores(results: Results) -> list[str]:
    if not results.scores:
        return []
    deciding = results.score_name
    lines = [
        f"## Scores ({results.scored_on})",
        "",
        f"| | {deciding} |",
        "|---|---|",
        f"| this model, step {results.step:,} | {results.scores.get(deciding, float('nan')):.4f} |",
    ]
    lines += [f"| {name} (baseline) | {score:.4f} |" for name, score in results.baselines.items()]
    others = {name: score for name, score in results.scores.items() if name != deciding}
    if others:
        listed = ", ".join(f"{name} {score:.4f}" for name, score in others.items())
        lines += ["", f"Also: {listed}."]
    return [*lines, ""]


def _call(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    if isinstance(recipe, LanguageModelRecipe):
        return "print(model.generate())"
    inputs = {"text": '["a text"]', "words": '[["some", "words"]]'}
    value = inputs.get(_pipeline(facts).get("kind", ""))
    return f"model.predict({value})" if value else "model.predict([array])  # [T, I]"
