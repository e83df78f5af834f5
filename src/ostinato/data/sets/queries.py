"""Lists of queries: to learn what people ask for, and to complete what they begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ostinato.data.dealing import PartName
from ostinato.data.readers import ReadOptions
from ostinato.data.rows import Row
from ostinato.data.sets.answers import by, dealt
from ostinato.data.sets.named_set import NamedSet, Part
from ostinato.data.sets.sources import public_files

_PARTS: tuple[PartName, ...] = ("train", "dev", "test")


def queries() -> Iterator[NamedSet]:
    """Yield the sets."""
    commit = "d61ded09c99c0199d8c5bca946cd65864de2b296"
    files = public_files("trec_questions", "harvardnlp/sent-conv-torch", commit, "data/{}".format)
    table = ReadOptions(
        format="csv", columns=("label", "query"), separator=" ", encoding="latin-1", header=False
    )
    yield NamedSet(
        "trec_queries",
        "TREC questions as queries; those of dev and test are in no other part",
        "repository MIT; the data have no stated licence (academic release)",
        f"github.com/harvardnlp/sent-conv-torch@{commit}",
        "trec_questions",
        files,
        {part: Part(tuple(files), table, partial(_asked, part=part)) for part in _PARTS},
        input="query",
        target=None,
        task="language-model",
    )
    commit = "f8d05dce2b22007bb149e5139c0060c68ad8f94b"
    files = public_files(
        "ko_news_titles", "kocohub/korean-hate-speech", commit, "news_title/{}".format
    )
    yield NamedSet(
        "ko_title_queries",
        "titles of Korean entertainment news as queries; those of dev and test are in no other "
        "part",
        "CC BY-SA 4.0",
        f"github.com/kocohub/korean-hate-speech@{commit}",
        "ko_news_titles",
        files,
        {
            part: Part(tuple(files), ReadOptions(format="text"), partial(_titles, part=part))
            for part in _PARTS
        },
        input="query",
        target=None,
        task="language-model",
    )


def _asked(rows: Iterator[Row], *, part: PartName) -> Iterator[Row]:
    """Keep every time that a query of training was asked; the others stand once each.

    Empty ones, of which there are a few titles, ask for nothing.
    """
    asked = (replace(row, values={"query": row.values["query"].strip()}) for row in rows)
    filled = (row for row in asked if row.values["query"])
    found = dealt(filled, part, by("query"), dev=0.1, test=0.1)
    return found if part == "train" else _distinct(found)


def _distinct(rows: Iterator[Row]) -> Iterator[Row]:
    seen: set[str] = set()
    for row in rows:
        if row.values["query"] not in seen:
            seen.add(row.values["query"])
            yield row


def _titles(rows: Iterator[Row], *, part: PartName) -> Iterator[Row]:
    """Take off the quotes of the table that the titles are from."""
    return _asked(
        (
            replace(row, values={"query": _unquoted(row.values["text"].strip()).strip()})
            for row in rows
        ),
        part=part,
    )


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return text[1:-1].replace('""', '"') if is_quoted else text
