"""What written texts are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline
from ostinato.training.example_scores import Metric
from ostinato.training.metrics import per_example, texts
from ostinato.training.metrics.consensus import cider
from ostinato.training.metrics.per_example import ExampleScores
from ostinato.training.writing_recipe import WritingRecipe

_LOWER_IS_BETTER = ("loss", "unit_error", "word_error")
_USUAL = {"image-to-text": "cider"}


@dataclass(frozen=True)
class Writings:
    """What a predictor writes for ``N`` examples.

    Attributes:
        texts: of each; empty where it only says how likely the right ones are.
        losses: ``[N]`` in nats, of each right text; None where it has none.
    """

    texts: Sequence[str] = ()
    losses: npt.NDArray[np.float64] | None = None


def writing_metric(recipe: WritingRecipe) -> Metric:
    """Return the score that chooses the weights."""
    name = recipe.evaluation.metric
    name = _USUAL.get(recipe.task, "chrf") if name == "auto" else name
    return Metric(name, name not in _LOWER_IS_BETTER)


class WritingScorer:
    """Scores texts beside every right answer of their examples.

    Args:
        pipeline: that made the examples.
        tokenizer: of BLEU.
    """

    def __init__(self, pipeline: Pipeline, tokenizer: str) -> None:
        assert pipeline.target is not None
        self._units = pipeline.target.encoder.whole_units
        self._tokenizer = tokenizer
        self._are_captions = pipeline.kind == "pictures"

    def by_example(self, examples: Sequence[Example], found: Writings) -> dict[str, ExampleScores]:
        """Return, by name, what each example adds to the scores."""
        scores: list[ExampleScores] = []
        if len(found.texts):
            answers = [example.labels for example in examples]
            scores += [
                texts.bleu(found.texts, answers, self._tokenizer),
                texts.chrf(found.texts, answers),
                texts.exact(found.texts, answers),
                texts.unit_error(found.texts, answers, self._units),
                texts.word_error(found.texts, answers),
            ]
            if self._are_captions:
                scores.append(cider(found.texts, answers))
        if found.losses is not None:
            counts = [num_targets(example) for example in examples]
            scores.append(per_example.mean_loss(found.losses, counts))
            scores.append(per_example.perplexity(found.losses, counts))
        return {score.name: score for score in scores}

    def scores(self, examples: Sequence[Example], found: Writings) -> dict[str, float]:
        """Return every score, by name; ``loss`` in nats a unit."""
        return {name: each.value for name, each in self.by_example(examples, found).items()}

    def signature(self, examples: Sequence[Example], found: Writings) -> str:
        """Return how sacreBLEU says which BLEU this is."""
        answers = [example.labels for example in examples]
        return texts.bleu_signature(found.texts, answers, self._tokenizer)


def num_targets(example: Example) -> int:
    """Return the units of the text that is learned, the end included."""
    return 0 if example.target is None else len(example.target)
