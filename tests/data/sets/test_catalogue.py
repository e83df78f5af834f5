"""Named sets: the counts that their sources state."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.data.rows import Malformed
from ostinato.data.sets.catalogue import (
    file_path,
    find_set,
    named_sets,
    part_names,
    rows_of,
    text_of,
)
from tests.data.sets.helpers import read


@pytest.mark.parametrize("name", named_sets())
def test_every_set_is_whole(name: str):
    named = find_set(name)
    assert named.name == name
    assert named.title
    assert named.licence
    assert re.search(r"@[0-9a-f]{40}", named.source)
    assert part_names(named) == tuple(
        part for part in ("train", "dev", "test") if part in named.parts
    )
    assert "train" in named.parts
    for part in named.parts.values():
        files = part.files
        used = [files] if isinstance(files, str) else files
        used = used.values() if isinstance(used, dict) else used
        assert {each.partition("#")[0] for each in used} <= set(named.files)
    for remote in named.files.values():
        assert re.fullmatch("[0-9a-f]{64}", remote.sha256)
        assert remote.size > 0


def test_unknown_names():
    with pytest.raises(UnknownNameError, match=r"unknown data set 'nmsc'.*did you mean 'nsmc'"):
        find_set("nmsc")
    with pytest.raises(UnknownNameError, match=r"unknown part of sms_spam 'test'"):
        rows_of(find_set("sms_spam"), "test", Malformed())


def test_a_set_that_this_machine_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OSTINATO_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"(?s)was made from .*recordings/\*\.wav.*OSTINATO_DATA"):
        file_path(find_set("fsdd_speech"), "fsdd.npz")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("sst", {"train": 6920, "dev": 872, "test": 1821}),
        ("sst_fine", {"train": 8544, "dev": 1101, "test": 2210}),
        ("sms_spam", {"train": 5574}),
        ("trec_questions", {"train": 5452, "test": 500}),
        ("ud_english_ewt", {"test": 2001}),
        ("ud_korean_gsd", {"dev": 950, "test": 989}),
        ("slots_snips", {"train": 13_084, "dev": 700, "test": 700}),
        ("klue_ner_dev", {"train": 4000, "dev": 500, "test": 500}),
        ("music_jsb", {"train": 229, "dev": 76, "test": 77}),
        ("fsdd_speech", {"train": 2700, "test": 300}),
        ("mnist_t10k", {"train": 8000, "test": 2000}),
        ("japanese_vowels", {"train": 270, "test": 370}),
        ("basic_motions", {"train": 40, "test": 40}),
        ("plaid", {"train": 537, "test": 537}),
        ("names_18_nationalities", {"train": 20_050}),
        ("names_makemore", {"train": 32_033}),
        ("ko_news_titles", {"train": 7896, "dev": 471, "test": 974}),
        ("chatbot_ko", {"train": 11_823}),
        ("sketch_kanji", {"train": 10_000, "dev": 600, "test": 500}),
        ("multi30k_de_en", {"train": 29_000, "dev": 1014, "test": 1000}),
        ("multi30k_en_cs", {"train": 29_000, "dev": 1014, "test": 1000}),
        ("multi30k_fr_en", {"dev": 1014, "test": 1000}),
        ("scan_simple", {"train": 15_894, "dev": 834, "test": 4182}),
        ("scan_length", {"train": 16_158, "dev": 832, "test": 3920}),
        ("scan_addprim_jump", {"train": 14_013, "dev": 657, "test": 7706}),
        ("nlvr_captions", {"train": 6 * 587, "dev": 540, "test": 552}),
        ("caption_digits_ko", {"dev": 1000, "test": 2000}),
        ("etth1", {"train": 8640, "dev": 2880, "test": 2880}),
        ("exchange_rate", {"train": 5311, "dev": 759, "test": 1518}),
        ("airline_passengers", {"train": 100, "dev": 15, "test": 29}),
        ("shampoo_sales", {"train": 25, "dev": 3, "test": 8}),
    ],
)
def test_the_stated_counts(name: str, counts: dict[str, int]):
    assert {part: len(read(name, part)) for part in counts} == counts


@pytest.mark.usefixtures("data")
def test_every_file_is_there_and_the_expected_one():
    for name in named_sets():
        named = find_set(name)
        assert all(file_path(named, relative).is_file() for relative in named.files)


@pytest.mark.usefixtures("data")
def test_what_the_rows_hold():
    reviews = read("nsmc", "test")
    assert Counter(row["label"] for row in reviews) == {"0": 24_827, "1": 25_173}
    assert sum(not row["document"] for row in reviews) == 3
    kinds = Counter(row["label"] for row in read("trec_questions", "train"))
    assert kinds == {"ENTY": 1250, "HUM": 1223, "DESC": 1162, "NUM": 896, "LOC": 835, "ABBR": 86}
    surnames = read("names_18_nationalities", "train")
    assert all(row["text"] == row["text"].strip() for row in surnames)
    assert Counter(row["label"] for row in surnames)["Russian"] == 9384
    assert {row["index"] for row in read("fsdd_speech", "test")} == set(range(5))
    slots = read("slots_snips", "train")
    assert all(len(row["text"].split()) == len(row["slots"].split()) for row in slots)
    assert len({row["intent"] for row in slots}) == 7


@pytest.mark.usefixtures("data")
def test_names_of_question_kinds_are_those_of_the_raw_file(ostinato_data: Path):
    raw = (ostinato_data / "trec_questions/TREC.train").read_text("latin-1").splitlines()
    kinds = [line.partition(":")[0] for line in raw]
    assert [row["label"] for row in read("trec_questions", "train")] == kinds


@pytest.mark.usefixtures("data")
def test_texts(ostinato_data: Path):
    plays = (ostinato_data / "tinyshakespeare/input.txt").read_text()
    assert text_of(find_set("tinyshakespeare")) == plays
    asked = text_of(find_set("trec_queries"))
    assert asked.startswith("How did serfdom develop in and then leave Russia ?\n")
    assert asked.count("\n") == sum(
        len(read("trec_queries", part)) for part in ("train", "dev", "test")
    )
    titles = text_of(find_set("ko_news_titles"))
    assert titles.count("\n") == 7896 + 471 + 974
    assert text_of(find_set("names_makemore")).startswith("emma\nolivia\n")
    assert text_of(find_set("chatbot_ko")).startswith("12시 땡!\n")
    with pytest.raises(UnknownNameError, match="expected one of: ko_news_titles, ko_title_queries"):
        text_of(find_set("music_jsb"))


@pytest.mark.usefixtures("data")
def test_clips_of_digits():
    dev, again = read("mnist_clips", "dev"), read("mnist_clips", "dev")
    assert len(dev) == 500
    for row, same in zip(dev, again, strict=True):
        assert row["frames"].shape == (len(row["label"]), 28, 28)
        assert 8 <= len(row["label"]) <= 16
        assert np.array_equal(row["frames"], same["frames"])
    frames = np.concatenate([row["frames"] for row in dev])
    assert frames.dtype == np.float32
    assert (frames.min(), frames.max()) == (0, 1)
    changes = [
        sum(a != b for a, b in zip(row["label"], row["label"][1:], strict=False)) for row in dev
    ]
    assert 1 < np.mean(changes) < 4
    assert {label for row in dev for label in row["label"]} == set("0123456789")
