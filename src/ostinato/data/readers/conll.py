"""Sentences with a token a line: CoNLL-U treebanks, and columns of tokens and tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ostinato.data.readers.lines import Line, place_of, read_lines
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row
from ostinato.data.wording import counted

_CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_KEPT = _CONLLU[1:8]
# Several tokens that are one word of the text (3-4), and words that the text leaves out (8.1).
_NOT_A_TOKEN = re.compile(r"\d+(?:-|\.)\d+")
_SENTENCE_TEXT = "# text = "
_NEW_DOCUMENT = "-DOCSTART-"


@dataclass
class _Sentence:
    lines: list[Line] = field(default_factory=list[Line])
    comments: list[str] = field(default_factory=list[str])


def conllu_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield the sentences of a treebank: columns of tokens, and their ``text``.

    Args:
        path: the file.
        options: its encoding.
        malformed: is told of sentences with a line that has not 10 columns or the wrong number.

    Raises:
        DataError: the file cannot be read.
    """
    for sentence in _sentences(path, options, lambda text: text.startswith("#")):
        tokens: list[list[str]] = []
        problem = ""
        number = sentence.lines[0].number
        for line in sentence.lines:
            fields = line.text.split("\t")
            number = line.number
            problem = line.problem or _problem(fields, len(tokens) + 1)
            if problem:
                break
            if fields[0].isdigit():
                tokens.append(fields)
        if not tokens and not problem:
            problem = "a sentence without tokens"
        if problem:
            malformed.report(place_of(path, number), problem)
            continue
        values: dict[str, object] = {
            name: [token[_CONLLU.index(name)] for token in tokens] for name in _KEPT
        }
        values["text"] = _text(sentence, tokens)
        yield Row(place_of(path, sentence.lines[0].number), values)


def conll_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield sentences as columns of tokens, named by ``options.columns``.

    Without names, the first column is ``token`` and the last one ``tag``. Lines that begin with
    ``## ``, or with ``# `` and are not a token of the file's form, are comments.

    Args:
        path: the file.
        options: names of the columns, separator (a tab where there is one, else spaces), encoding.
        malformed: is told of sentences with a line that has too few or too many columns.

    Raises:
        DataError: the file cannot be read.
    """
    width = 0 if options.columns is None else len(options.columns)

    def is_comment(text: str) -> bool:
        if text.startswith("# "):
            return len(_split(text, options.separator)) != (width or 2)
        return text.startswith("## ")

    for sentence in _sentences(path, options, is_comment):
        tokens = [_split(line.text, options.separator) for line in sentence.lines]
        if tokens[0][0] == _NEW_DOCUMENT and len(tokens) == 1:
            continue
        if not width and len(tokens[0]) > 1:
            width = len(tokens[0])
        problem = next(
            (
                (line.number, line.problem or _miscounted(fields, width))
                for line, fields in zip(sentence.lines, tokens, strict=True)
                if line.problem or len(fields) != width
            ),
            None,
        )
        if problem:
            malformed.report(place_of(path, problem[0]), problem[1])
            continue
        place = place_of(path, sentence.lines[0].number)
        columns = [list(column) for column in zip(*tokens, strict=True)]
        if options.columns is None:
            yield Row(place, {"token": columns[0], "tag": columns[-1]})
        else:
            yield Row(place, dict(zip(options.columns, columns, strict=True)))


def _sentences(
    path: Path, options: ReadOptions, is_comment: Callable[[str], bool]
) -> Iterator[_Sentence]:
    """Yield what stands between empty lines; comments stand before the first token."""
    sentence = _Sentence()
    for line in read_lines(path, options.encoding):
        # A tab alone is a token of the text; a bad line must not end its sentence.
        if not line.problem and not line.text.strip(" "):
            if sentence.lines:
                yield sentence
            sentence = _Sentence()
        elif not sentence.lines and is_comment(line.text):
            sentence.comments.append(line.text)
        else:
            sentence.lines.append(line)
    if sentence.lines:
        yield sentence


def _problem(fields: list[str], expected: int) -> str:
    if len(fields) != len(_CONLLU):
        return f"{counted(len(fields), 'column')} (by a tab), expected {len(_CONLLU)}"
    if _NOT_A_TOKEN.fullmatch(fields[0]):
        return ""
    return "" if fields[0] == str(expected) else f"token {fields[0]!r}, expected {expected}"


def _miscounted(fields: list[str], width: int) -> str:
    expected = f"{width}" if width else "a token and a tag"
    return f"{counted(len(fields), 'column')}, expected {expected}"


def _split(text: str, separator: str | None) -> list[str]:
    """Cut a line; next to a tab, a space is a token of the text."""
    if not separator:
        separator = "\t" if "\t" in text else None
    return text.split(separator) or [""]


def _text(sentence: _Sentence, tokens: list[list[str]]) -> str:
    for comment in sentence.comments:
        if comment.startswith(_SENTENCE_TEXT):
            return comment.removeprefix(_SENTENCE_TEXT)
    pieces = [
        token[1] + ("" if "SpaceAfter=No" in token[9].split("|") else " ") for token in tokens
    ]
    return "".join(pieces).rstrip(" ")
