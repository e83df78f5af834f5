"""The card of a saved model: what it learned, from what, how well, and how to load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from ostinato.training.kinds import kind_of
from ostinato.training.recipe_parts import Recipe
from ostinato.training.results_of_run import Results


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
    kind = kind_of(recipe)
    if (tag := kind.pipeline_tag(recipe, facts)) is not None:
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
        f"- data: {kind.data_in_words(recipe)}",
        f"- cell: {cell}; hidden size {model.hidden_size}, layers {model.num_layers}",
        *_labels(facts),
        "",
    ]
    if cell == "own equations":
        lines += ["```text", model.cell.strip(), "```", ""]
    lines += [*_scores(results), "## Use", "", "```python", loader.line, ""]
    lines += [f"model = {loader.function}({name!r})", kind.call(recipe, facts), "```", ""]
    return "\n".join(lines)


def _pipeline(facts: Mapping[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", facts.get("pipeline") or {})


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
