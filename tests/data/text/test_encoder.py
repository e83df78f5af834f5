"""From texts to numbers, for every unit."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.errors import MissingExtraError, UnknownNameError
from ostinato.data import DataError
from ostinato.data.text import (
    EMPTY_ID,
    PADDING_ID,
    UNKNOWN_ID,
    EncodingCounts,
    TextEncoder,
    TextOptions,
)
from ostinato.data.text.options import SUBWORD_UNITS, TEXT_UNITS

TEXTS = [
    "이 영화는 정말 재미있었어요 ㅋㅋㅋ 😀",
    "이 영화를 두 번 봤습니다. 정말 좋네요!",
    "a charming and often affecting journey .",
    "Hello, charming world! été \0 ... 👩\u200d👧",
]
EDGES = {
    "empty": "",
    "spaces": " \t\n\u3000 ",
    "emoji": "👨\u200d👩\u200d👧❤️ 🇰🇷👍🏽",
    "mixed": "영화movieキネマкино",
    "nul": "a\0b\0",
    "marks": "\u0301e\u0301\u0301 हिन्दी",
    "special": "<unknown> <padding> <empty> ▁ ##a [UNK]",
    "long": "abc 영화 " * 12_500,
    "long word": "영a" * 50_000,
}


def _needed(unit: str) -> str:
    if unit == "morphemes":
        pytest.importorskip("kiwipiepy")
    return unit


@pytest.fixture(scope="module", params=TEXT_UNITS)
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return TextEncoder.train(TEXTS, TextOptions(_needed(request.param), vocabulary_size=300))


@pytest.mark.parametrize("edge", EDGES)
def test_odd_texts_have_steps_that_are_shown_and_counted(encoder: TextEncoder, edge: str):
    # Morphemes take a hundred times longer than the rest.
    text = EDGES[edge][: 5_000 if encoder.options.unit == "morphemes" else None]
    counts = EncodingCounts()
    begin = time.perf_counter()
    ids = encoder.encode(text, counts)
    assert time.perf_counter() - begin < 20
    assert ids.dtype == np.int64
    assert 1 <= len(ids) <= encoder.options.max_length
    assert ids.min() > PADDING_ID
    assert ids.max() < encoder.num_symbols
    units = encoder.units(text)
    assert len(units) == len(ids)
    for unit, number in zip(units, ids, strict=True):
        if number != UNKNOWN_ID:
            assert unit == encoder.symbols[number]
    assert counts.num_texts == 1
    assert counts.num_unknown == (ids == UNKNOWN_ID).sum()
    assert counts.num_empty == (EMPTY_ID in ids)
    assert counts.num_units == len(ids) - counts.num_empty
    assert counts.num_truncated == (counts.num_cut_units > 0)


@given(text=st.text(max_size=60))
def test_any_text_after_saving_and_reading(encoder: TextEncoder, text: str):
    again = TextEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again.options == encoder.options
    assert again.symbols == encoder.symbols
    np.testing.assert_array_equal(again.encode(text), encoder.encode(text))
    assert len(encoder.units(text)) == len(encoder.encode(text))


def test_encoders_go_to_other_processes(encoder: TextEncoder):
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.encode(TEXTS[0]), encoder.encode(TEXTS[0]))


def test_the_order_of_texts_does_not_matter(encoder: TextEncoder):
    again = TextEncoder.train(reversed(TEXTS), encoder.options)
    assert again.to_json() == encoder.to_json()


def test_the_vocabulary_has_its_size(encoder: TextEncoder):
    assert encoder.num_symbols == len(encoder.symbols) <= encoder.options.vocabulary_size
    assert len(set(encoder.symbols)) == encoder.num_symbols


def test_a_lone_surrogate_is_refused(encoder: TextEncoder):
    with pytest.raises(DataError, match="lone surrogate"):
        encoder.encode("ab\ud800")


@pytest.mark.parametrize("unit", TEXT_UNITS)
def test_texts_without_a_unit_teach_nothing(unit: str):
    options = TextOptions(_needed(unit))
    if unit == "bytes":
        assert TextEncoder.train([], options).num_symbols == 259
        return
    for texts in ([], ["", ""]):
        with pytest.raises(DataError, match="training part"):
            TextEncoder.train(texts, options)


_OTHER_PROCESS = """
import json, sys
from ostinato.data.text import TextEncoder, TextOptions
given = json.load(sys.stdin)
for unit in given["units"]:
    options = TextOptions(unit, vocabulary_size=given["size"])
    print(json.dumps(TextEncoder.train(given["texts"], options).to_json()))
"""


def test_other_processes_learn_the_same_pieces():
    words = [f"{a}{b}{c}" for a in "강남달물" for b in "개비새" for c in ("", "가", "에서", "만")]
    texts = [" ".join(words[i::7]) for i in range(7)]
    given_ = json.dumps({"units": SUBWORD_UNITS, "size": 60, "texts": texts})
    outputs = set[str]()
    for seed, parallel in (("1", "true"), ("2", "false"), ("3", "true")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TOKENIZERS_PARALLELISM": parallel}
        done = subprocess.run(
            [sys.executable, "-c", _OTHER_PROCESS],
            input=given_,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        outputs.add(done.stdout)
    assert len(outputs) == 1
    for unit, line in zip(SUBWORD_UNITS, outputs.pop().splitlines(), strict=True):
        again = TextEncoder.train(texts[::-1], TextOptions(unit, vocabulary_size=60))
        assert json.loads(line) == again.to_json()


def test_symbols_come_by_frequency_then_code_point():
    encoder = TextEncoder.train(["b a b", "z a 가"], TextOptions("words"))
    assert encoder.symbols == ("<padding>", "<unknown>", "<empty>", "a", "b", "z", "가")
    assert encoder.encode("z q b").tolist() == [5, UNKNOWN_ID, 4]


def test_rare_units_and_those_without_room_are_unknown():
    texts = ["a a a b b c c d"]
    assert TextEncoder.train(texts, TextOptions(min_count=2)).symbols[3:] == ("a", "b", "c")
    assert TextEncoder.train(texts, TextOptions(vocabulary_size=5)).symbols[3:] == ("a", "b")
    with pytest.raises(DataError, match=r"occurs 9 times(.|\n)*min_count=1"):
        TextEncoder.train(texts, TextOptions(min_count=9))


@pytest.mark.parametrize("unit", SUBWORD_UNITS)
def test_an_alphabet_without_room_loses_its_rarest_letters(unit: str):
    texts = ["aaaa bbb cc d"]
    encoder = TextEncoder.train(texts, TextOptions(unit, vocabulary_size=9 if "w" in unit else 6))
    assert encoder.num_symbols <= encoder.options.vocabulary_size
    counts = EncodingCounts()
    assert UNKNOWN_ID in encoder.encode("dab", counts)
    assert counts.num_unknown >= 1
    assert any("d" in unit for unit in encoder.units("dab"))


@pytest.mark.parametrize("unit", SUBWORD_UNITS)
def test_pieces_spell_their_words(unit: str):
    encoder = TextEncoder.train(TEXTS, TextOptions(unit, vocabulary_size=300))
    for text in TEXTS:
        pieces = encoder.units(text)
        assert UNKNOWN_ID not in encoder.encode(text)
        spelled = "".join(pieces).replace("▁", "").replace("##", "")
        assert spelled == "".join(text.split())


def test_bytes_have_no_unknowns():
    encoder = TextEncoder.train(["a"], TextOptions("bytes"))
    assert encoder.num_symbols == 259
    assert encoder.encode("é").tolist() == [3 + 0xC3, 3 + 0xA9]
    assert encoder.units("é") == ["C3", "A9"]


def test_characters_keep_spaces_and_syllables_do_not():
    text = unicodedata.normalize("NFD", " 한국 \n 말")
    characters = TextEncoder.train([text], TextOptions("characters"))
    syllables = TextEncoder.train([text], TextOptions("syllables", normalization="none"))
    jamo = TextEncoder.train([text], TextOptions("jamo"))
    assert characters.units(text) == [" ", "한", "국", " ", "\n", " ", "말"]
    assert syllables.units(text) == ["한", "국", " ", "말"]
    assert len(jamo.units("한국")) == 6


def test_case_and_compatibility_forms():
    options = TextOptions(lowercase=True, normalization="NFKC")
    encoder = TextEncoder.train(["ＡＢＣ Ökonomie"], options)
    assert encoder.symbols[3:] == ("abc", "ökonomie")
    assert UNKNOWN_ID not in encoder.encode("Abc O\u0308KONOMIE")
    assert encoder.encode("İ").shape == (1,)


def test_morphemes_tell_homographs_apart():
    pytest.importorskip("kiwipiepy")
    encoder = TextEncoder.train(["나는 하늘을 나는 새를 봤다."], TextOptions("morphemes"))
    assert {"나/NP", "새/NNG", "하늘/NNG"} <= set(encoder.symbols)


def test_morphemes_need_their_extra(monkeypatch: pytest.MonkeyPatch):
    from ostinato.data.text import morphemes

    monkeypatch.setattr(morphemes, "_analyser", morphemes._analyser.__wrapped__)
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    with pytest.raises(MissingExtraError, match=r"ostinato\[korean\]"):
        TextEncoder.train(["말"], TextOptions("morphemes"))


def test_tokens_are_numbered_one_by_one():
    sequences = [["New", "York", "'s", "a b", ""], ["-DOCSTART-", "<unknown>"]]
    encoder = TextEncoder.of_tokens(sequences, TextOptions(max_length=2))
    for tokens in sequences:
        ids = encoder.encode_tokens(tokens)
        assert ids.dtype == np.int64
        assert len(set(ids.tolist())) == len(tokens)
        assert ids.min() > EMPTY_ID
    counts = EncodingCounts()
    assert encoder.encode_tokens(["York", "nowhere"], counts)[1] == UNKNOWN_ID
    assert counts == EncodingCounts(num_texts=1, num_units=2, num_unknown=1)
    assert encoder.encode_tokens([]).shape == (0,)
    again = TextEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(
        again.encode_tokens(sequences[0]), encoder.encode_tokens(sequences[0])
    )


def test_tokens_need_words():
    with pytest.raises(DataError, match="each token has one target"):
        TextEncoder.of_tokens([["a"]], TextOptions("bpe"))
    with pytest.raises(DataError, match="training part"):
        TextEncoder.of_tokens([[]], TextOptions())


def test_counts_add_up_to_sentences():
    encoder = TextEncoder.train(["a b c"], TextOptions(max_length=4))
    total = EncodingCounts()
    for text in ("a b", "a x", "a b c a b c", "", "q b c a b"):
        counts = EncodingCounts()
        encoder.encode(text, counts)
        total.add(counts)
    assert total == EncodingCounts(5, 12, 2, 1, 2, 3, 4)
    assert total.notes("dev") == (
        "dev: 16.7 % of the units are unknown",
        "dev: 2 texts cut at 4 steps (3 units lost)",
        "dev: 1 text without any unit",
    )
    assert EncodingCounts(num_texts=1, num_units=3).notes("dev") == ()
    assert EncodingCounts(1, 5000, 1).notes("x") == ("x: less than 0.1 % of the units are unknown",)


def test_texts_are_read_once():
    def once() -> Iterator[str]:
        yield from TEXTS

    for unit in ("words", "unigram"):
        options = TextOptions(unit, vocabulary_size=300)
        assert TextEncoder.train(once(), options).to_json() == (
            TextEncoder.train(TEXTS, options).to_json()
        )


def test_impossible_options():
    with pytest.raises(UnknownNameError, match="did you mean 'words'"):
        TextOptions("word")
    with pytest.raises(UnknownNameError, match="NFKC"):
        TextOptions(normalization="NFKD")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="259 or more"):
        TextOptions("bytes", vocabulary_size=258)
    with pytest.raises(DataError, match="4 or more"):
        TextOptions(vocabulary_size=3)
    with pytest.raises(DataError, match="max_length=0"):
        TextOptions(max_length=0)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"options": {"unit": "words"}},
        {"options": {"unit": "bpe"}, "tokenizer": "{}"},
        {"options": {"unit": "bpe"}, "tokenizer": None},
        {"options": {"unit": "words", "more": 1}, "symbols": []},
        {"options": {"unit": "no such"}, "symbols": []},
        {"options": {"unit": "words"}, "symbols": [["a"]]},
        {"options": {"unit": "words"}, "symbols": [1, 2]},
        {"options": {"unit": "words"}, "symbols": ["a", "a"]},
        {"options": None},
    ],
)
def test_what_is_no_saved_encoder(data: dict[str, object]):
    with pytest.raises(DataError, match="not a saved text encoder"):
        TextEncoder.from_json(data)


@pytest.mark.parametrize("unit", [unit for unit in TEXT_UNITS if unit != "morphemes"])
def test_real_reviews(unit: str, ostinato_data: Path):
    with gzip.open(ostinato_data / "nsmc" / "ratings_train.txt.gz", "rt", encoding="utf-8") as file:
        lines = [next(file).rstrip("\n").split("\t")[1] for _ in range(3001)][1:]
    encoder = TextEncoder.train(lines[:2500], TextOptions(unit, vocabulary_size=4000))
    counts = EncodingCounts()
    for line in lines[2500:]:
        encoder.encode(line, counts)
    assert counts.num_texts == 500
    # Words of Korean are mostly seen for the first time; letters and pieces of them are not.
    share = counts.num_unknown / counts.num_units
    assert 0.3 < share < 0.7 if unit == "words" else share < 0.01


def test_nothing_heavy_is_imported():
    code = (
        "import sys, ostinato.data.text\n"
        "heavy = {'torch', 'tokenizers', 'kiwipiepy', 'scipy', 'pandas', 'datasets'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
