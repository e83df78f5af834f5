"""Words of a text in any script: what white space and punctuation separate."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby

_WHERE_MARKS_ARE = ((0x300, 0x1F000), (0xE0100, 0xE0200))


def split_words(text: str) -> list[str]:
    """Return the words of ``text``.

    White space separates words. Within what it leaves,

    - a run without any letter or digit stays whole: ``...``, ``:-)``, ``--``, an emoji;
    - punctuation and symbols are words of their own, the same one repeated being one word:
      ``good!!!)`` is ``good``, ``!!!``, ``)``; also without spaces: ``끝...다시``;
    - kept inside a word are one hyphen or apostrophe between letters (``well-made``, ``don't``),
      a point, comma or colon between digits (``3.14``, ``1,000``) and the points of initials
      (``u.s.``);
    - kept before a word are the sign of a number (``-5``) and the apostrophe of at most three
      letters or digits (``'s``, ``'ll``, ``'70s``);
    - brackets of tokenized English (``-lrb-``) stay whole.

    So the words of a text joined by spaces are the same words again, and what treebanks separate
    (``ca n't``, ``it 's``) stays as it is. Accents and vowel signs belong to their letter. Scripts
    that write no spaces between words, such as Chinese, have few words in this sense: characters
    or pieces of words suit them better.
    """
    return [match[0] for match in _pattern().finditer(text)]


def split_words_at_spaces(text: str) -> list[tuple[str, bool]]:
    """Return the words of ``text``, each with whether white space or nothing stands before it."""
    return [
        (match[0], match.start() == 0 or text[match.start() - 1].isspace())
        for match in _pattern().finditer(text)
    ]


@cache
def _pattern() -> re.Pattern[str]:
    """Compile the rules on first use: the marks of all scripts take a moment to collect."""
    # Marks, and the joiners within words of Persian and Indic scripts and within emoji.
    marks = f"{_marks()}\u200c\u200d"
    word = rf"\w[\w{marks}]*"
    joined = r"(?:[-'’](?=\w)|(?<=\d)[.,:](?=\d))"
    letter = r"[^\W\d_]"
    return re.compile(
        rf"(?<!\S)(?:[^\w\s])+(?!\S)"
        rf"|(?<!\S)-(?i:[lr][rcs]b)-(?!\S)"
        rf"|{letter}(?:\.{letter})+(?![\w{marks}])\.?"
        rf"|(?:(?<!\S)-(?=\d)|(?<!\S)['’](?=\w{{1,3}}(?![\w{marks}])))?{word}(?:{joined}{word})*"
        rf"|[\U0001f1e6-\U0001f1ff]{{2}}"
        rf"|(\S)(?:[{marks}\U0001f3fb-\U0001f3ff]|(?<=\u200d)[^\w\s]|\1)*"
    )


def _marks() -> str:
    """Return the combining marks of Unicode as ranges of a character class."""
    ranges: list[str] = []
    for start, end in _WHERE_MARKS_ARE:
        codes = (code for code in range(start, end) if unicodedata.category(chr(code))[0] == "M")
        for _, run in groupby(enumerate(codes), lambda item: item[1] - item[0]):
            members = [chr(code) for _, code in run]
            ranges.append(f"{members[0]}-{members[-1]}")
    return "".join(ranges)
