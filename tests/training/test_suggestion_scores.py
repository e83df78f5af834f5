"""What completions are worth, and which beginnings are completed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ostinato.data.batches import Example
from ostinato.data.frames import FrameOptions
from ostinato.data.pipeline import Pipeline, PipelineOptions
from ostinato.data.rows import Malformed, Row
from ostinato.data.text import TextOptions
from ostinato.training.metrics.intervals import bootstrap_interval
from ostinato.training.suggestion_recipe import SuggestionEvaluationRecipe
from ostinato.training.suggestion_scores import Begun, Completions, begun, by_example, queries_of

EMPTY = Example("here", np.array([2]), target=np.array([5, 6, 4]))


def scored(query: str, *found: list[str]) -> dict[str, float]:
    each = Begun(query, tuple(query[: n + 1] for n in range(len(found))), EMPTY)
    scores = by_example([each], Completions([list(found)]))
    return {name: score.value for name, score in scores.items()}


def test_the_place_of_the_query_is_what_counts():
    found = scored("rome in may", ["x", "rome in may"], ["rome in may"], ["x"], [])
    assert found["mrr@5"] == pytest.approx((1 / 2 + 1 + 0 + 0) / 4)
    assert found["success@1"] == pytest.approx(1 / 4)
    assert found["success@5"] == pytest.approx(2 / 4)


def test_only_five_suggestions_are_looked_at():
    others = ["a", "b", "c", "d", "e"]
    assert scored("q r", [*others[:4], "q r"])["mrr@5"] == pytest.approx(1 / 5)
    assert scored("q r", [*others, "q r"])["mrr@5"] == 0
    assert scored("q r", [*others, "q r"])["success@5"] == 0


def test_partial_scores_take_whole_words_of_the_query():
    found = scored("rome in may", ["rome i", "rome in", "rome in may"])
    assert found["partial_mrr@5"] == pytest.approx(1 / 2)
    assert found["mrr@5"] == pytest.approx(1 / 3)
    assert scored("rome in may", ["rome in may time"])["partial_mrr@5"] == 0
    assert scored("rome in may", ["rome"])["partial_success@1"] == 1


def test_a_query_of_many_beginnings_counts_as_all_of_them():
    rows = [Begun("ab", ("a",), EMPTY), Begun("abcd", ("a", "ab", "abc"), EMPTY)]
    found = by_example(rows, Completions([[["ab"]], [[], [], []]]))["mrr@5"]
    assert found.value == pytest.approx(1 / 4)
    assert bootstrap_interval(found) == (0, 1)


def test_losses_are_of_whole_queries():
    rows = [Begun("ab", ("a",), EMPTY)] * 2
    found = by_example(rows, Completions(losses=np.array([3.0, 6.0])))
    assert found["loss"].value == pytest.approx(9 / 6)
    assert found["perplexity"].value == pytest.approx(np.exp(1.5))
    assert set(found) == {"loss", "perplexity"}


def drawn(queries: list[str], **how: int) -> list[tuple[str, ...]]:
    characters = TextOptions(unit="characters", lowercase=True)
    options = PipelineOptions(
        "suggestion",
        "before",
        "query",
        characters,
        FrameOptions(),
        target_text=characters,
        may_read_nothing=True,
    )
    rows = [Row(f"row {n}", {"query": query}) for n, query in enumerate(queries)]
    pipeline = Pipeline.learn(rows, options)
    examples = pipeline.examples(rows, Malformed())
    assert queries_of(pipeline, examples) == [query.lower() for query in queries]
    how_many = SuggestionEvaluationRecipe(**how)
    return [each.beginnings for each in begun(pipeline, examples, how_many)]


def test_beginnings_are_shorter_than_the_query_all_different_and_drawn_by_the_seed():
    (found,) = drawn(["Rome in May"], prefixes=4)
    assert len(set(found)) == 4
    assert all("rome in may".startswith(each) and 0 < len(each) < 11 for each in found)
    # They depend neither on the queries beside it nor on the case in which it was asked.
    assert drawn(["oslo", "rome in may"], prefixes=4)[1] == found
    assert drawn(["rome in may"], prefixes=4, prefix_seed=1) != [found]
    assert drawn(["a", "ab"], prefixes=4) == [(), ("a",)]


def test_every_length_is_as_likely():
    queries = [f"{number:04}xy" for number in range(3000)]
    counts = Counter(len(each[0]) for each in drawn(queries, prefixes=1))
    assert set(counts) == {1, 2, 3, 4, 5}
    assert all(abs(count - 600) < 4 * 22 for count in counts.values())
