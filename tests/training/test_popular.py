"""Completions without a network."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from ostinato.training.popular import PopularEnds, PopularQueries

ASKED = ["cheap flights to rome", "cheap flights to oslo", "cheap flights to oslo", "chess", "che"]
TEXTS = some.lists(some.text("ab ", max_size=6), max_size=12)


def test_the_most_frequent_query_comes_first_and_equal_ones_by_their_letters():
    popular = PopularQueries(ASKED)
    assert popular.complete("che", 9) == [
        "cheap flights to oslo",
        "cheap flights to rome",
        "chess",
    ]
    assert popular.complete("che", 1) == ["cheap flights to oslo"]
    assert popular.complete("", 2) == ["cheap flights to oslo", "che"]
    assert popular.complete("fl", 5) == []


@given(TEXTS, some.text("ab ", max_size=4), some.integers(1, 5))
def test_it_is_what_a_look_at_every_query_finds(queries: list[str], beginning: str, num: int):
    longer = {each for each in queries if each.startswith(beginning) and each != beginning}
    expected = sorted(longer, key=lambda each: (-queries.count(each), each))[:num]
    assert PopularQueries(queries).complete(beginning, num) == expected


def test_what_nobody_asked_goes_on_as_other_queries_end():
    ends = PopularEnds(ASKED)
    assert ends.complete("hotels to o", 5) == ["hotels to oslo"]
    # Two words in common come before one, and frequent ends before rare ones.
    assert ends.complete("late flights to ", 2) == [
        "late flights to oslo",
        "late flights to rome",
    ]
    assert ends.complete("hotels f", 5) == ["hotels flights to oslo", "hotels flights to rome"]
    assert ends.complete("xyz", 5) == []


@given(TEXTS, some.text("ab ", max_size=5), some.integers(1, 5))
def test_every_end_goes_on_with_what_is_begun(queries: list[str], beginning: str, num: int):
    found = PopularEnds(queries).complete(beginning, num)
    assert len(found) == len(set(found)) <= num
    assert all(each.startswith(beginning) and each != beginning for each in found)
    # Whatever a popular query completes, an end does.
    whole = [q for q in PopularQueries(queries).complete(beginning, num) if len(q.split(" ")) <= 8]
    assert not whole or found
