"""Lists of queries: repeated where they are learned, new where they are completed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.data.sets.helpers import PARTS, read

pytestmark = pytest.mark.usefixtures("data")


@pytest.mark.parametrize(("name", "num"), [("trec_queries", 5952), ("ko_title_queries", 9341)])
def test_no_query_of_dev_or_test_is_learned(name: str, num: int):
    parts = {part: [row["query"] for row in read(name, part)] for part in PARTS}
    assert all(query and query == query.strip() for part in parts.values() for query in part)
    distinct = {part: set(queries) for part, queries in parts.items()}
    assert len(set.union(*distinct.values())) == sum(map(len, distinct.values()))
    for part in ("dev", "test"):
        assert len(parts[part]) == len(distinct[part])
    assert len(parts["train"]) > len(distinct["train"])
    assert sum(map(len, parts.values())) <= num


def test_training_keeps_how_often_each_was_asked(ostinato_data: Path):
    folder = ostinato_data / "ko_news_titles"
    lines = [
        line
        for part in PARTS
        for line in (folder / f"{part}.news_title.txt").read_text("utf-8").splitlines()
    ]
    written = Counter(line.strip() for line in lines)
    asked = Counter(row["query"] for row in read("ko_title_queries", "train"))
    plain = [query for query in asked if query in written and f'"{query}"' not in written]
    assert len(plain) > 100
    assert all(asked[query] == written[query] for query in plain)


def test_quotes_of_the_table_are_taken_off():
    titles = [row["query"] for part in PARTS for row in read("ko_title_queries", part)]
    assert "밤새 조문 행렬…故 전미선, 동료들이 그리워하는 따뜻한 배우 [종합]" in titles
    assert not any('""' in title for title in titles)
