"""Words of texts in any script."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data.text.words import split_words, split_words_at_spaces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!!!", ["Hello", ",", "world", "!!!"]),
        ('(the "best")', ["(", "the", '"', "best", '"', ")"]),
        ("don't it's rock'n'roll", ["don't", "it's", "rock'n'roll"]),
        ("'quoted text'", ["'", "quoted", "text", "'"]),
        ("ca n't , it 's `` odd '' ...", ["ca", "n't", ",", "it", "'s", "``", "odd", "''", "..."]),
        ("-lrb- 1982 -rrb- --", ["-lrb-", "1982", "-rrb-", "--"]),
        ("well-made, 3.14 1,000 10:30 -5 '70s", "well-made , 3.14 1,000 10:30 -5 '70s".split()),
        ("the U.S. and u.k.", ["the", "U.S.", "and", "u.k."]),
        (
            "재밌어요!!추천~~^^ 끝...다시",
            ["재밌어요", "!!", "추천", "~~", "^^", "끝", "...", "다시"],
        ),
        ("ㅋㅋㅋ 굿. :-)", ["ㅋㅋㅋ", "굿", ".", ":-)"]),
        ("good😀😀 ❤️", ["good", "😀😀", "❤️"]),
        ("a👨\u200d👩\u200d👧b 👍🏽", ["a", "👨\u200d👩\u200d👧", "b", "👍🏽"]),
        ("x🇰🇷🇺🇸", ["x", "🇰🇷", "🇺🇸"]),
        ("हिन्दी में किताबें।", ["हिन्दी", "में", "किताबें", "।"]),
        ("e\u0301te\u0301 \u0301x", ["e\u0301te\u0301", "\u0301", "x"]),
        ("你好，世界。", ["你好", "，", "世界", "。"]),
        ("a\0b", ["a", "\0", "b"]),
        ("one\u3000two\u2028three\t\n", ["one", "two", "three"]),
        ("", []),
        (" \t\r\n\u3000", []),
    ],
)
def test_words(text: str, words: list[str]):
    assert split_words(text) == words


_TRICKY = st.text(st.sampled_from("ab가1.,-'’!_ \u0301\u200d😀👩🇰🇷\u1100/lrb\0"), max_size=30)


@given(text=st.one_of(st.text(), _TRICKY))
def test_nothing_is_lost_and_spaced_text_is_not_changed(text: str):
    words = split_words(text)
    assert "".join(words) == "".join(text.split())
    assert split_words(" ".join(words)) == words


@given(text=st.one_of(st.text(), _TRICKY))
def test_words_know_what_stands_before_them(text: str):
    marked = split_words_at_spaces(text)
    written = "".join((" " if after_space else "") + word for word, after_space in marked)
    assert [word for word, _ in marked] == split_words(text)
    assert written.split() == text.split()


def test_tokenized_english_stays_as_it_is(ostinato_data: Path):
    text = (ostinato_data / "sst" / "stsa.binary.dev.txt").read_text(encoding="utf-8")
    words = [word for line in text.splitlines() for word in line.split()[1:]]
    changed = [word for word in words if split_words(word) != [word]]
    assert len(words) > 10_000
    # Titles such as `mr.`, and slashes.
    assert len(changed) < 0.003 * len(words)
    assert all("." in word or "/" in word or "'" in word or "-" in word for word in changed)
