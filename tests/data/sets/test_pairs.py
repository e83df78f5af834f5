"""Texts that become other texts: parts that share no question, and every right answer."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path

import pytest

from ostinato.data.rows import ALSO
from tests.data.sets.helpers import PARTS
from tests.data.sets.helpers import read as read_again

pytestmark = pytest.mark.usefixtures("data")

read = cache(read_again)

# Source, target, and the share of dev and of test.
DEALT = {
    "tatoeba_ko_en": ("source", "target", 0.1),
    "tatoeba_en_ko": ("source", "target", 0.1),
    "chatbot_ko_answers": ("question", "answer", 0.05),
    "cmudict_g2p": ("word", "phonemes", 0.05),
}


def pairs_of_file(name: str, folder: Path) -> set[tuple[str, str]]:
    """Read the file of a set without the project's readers."""
    if name == "chatbot_ko_answers":
        with (folder / "chatbot_ko/ChatbotData.csv").open(encoding="utf-8", newline="") as file:
            return {(row["Q"].strip(), row["A"].strip()) for row in csv.DictReader(file)}
    if name == "cmudict_g2p":
        with gzip.open(folder / "cmudict_g2p/cmudict.dict.gz", "rt") as file:
            entries = [line.split("#")[0].split() for line in file]
        return {
            (word.split("(")[0], " ".join(phone.rstrip("012") for phone in phones))
            for word, *phones in entries
        }
    lines = (folder / "tatoeba_kor_eng/kor.txt").read_text("utf-8").splitlines()
    pairs = {tuple(line.split("\t")[:2]) for line in lines}
    return {(ko, en) if name == "tatoeba_ko_en" else (en, ko) for en, ko in pairs}


@pytest.mark.parametrize("name", DEALT)
def test_no_question_is_in_two_parts_and_no_answer_is_lost(name: str, ostinato_data: Path):
    source, target, share = DEALT[name]
    parts = {part: read(name, part) for part in PARTS}
    asked = {part: {row[source] for row in rows} for part, rows in parts.items()}
    total = sum(len(each) for each in asked.values())
    assert len(set.union(*asked.values())) == total
    for part in ("dev", "test"):
        assert len(parts[part]) == len(asked[part])
        assert len(asked[part]) / total == pytest.approx(share, rel=0.2)
    answers = {
        part: {(row[source], each) for row in rows for each in (row[target], *row[ALSO])}
        for part, rows in parts.items()
    }
    assert sum(map(len, answers.values())) == len(set.union(*answers.values()))
    assert set.union(*answers.values()) == pairs_of_file(name, ostinato_data)
    assert len(parts["train"]) == len(answers["train"])
    assert all(row[target] not in row[ALSO] for rows in parts.values() for row in rows)
    assert any(row[ALSO] for row in parts["test"])


@pytest.mark.parametrize("name", ["tatoeba_ko_en", "tatoeba_en_ko"])
def test_no_sentence_of_either_language_is_in_two_parts(name: str):
    for column in ("source", "target"):
        parts = [{each for row in read(name, part) for each in (row[column],)} for part in PARTS]
        assert len(set.union(*parts)) == sum(map(len, parts))


def test_both_directions_have_the_same_parts():
    for part in PARTS:
        there, back = read("tatoeba_ko_en", part), read("tatoeba_en_ko", part)
        pairs = {(row["source"], each) for row in there for each in (row["target"], *row[ALSO])}
        turned = {(each, row["source"]) for row in back for each in (row["target"], *row[ALSO])}
        assert pairs == turned


def test_pronunciations_without_stress_comments_and_numbers(ostinato_data: Path):
    phones = (ostinato_data / "cmudict_g2p/cmudict.phones").read_text().splitlines()
    known = {line.split()[0] for line in phones}
    assert len(known) == 39
    found = {
        row["word"]: row for part in ("train", "dev", "test") for row in read("cmudict_g2p", part)
    }
    assert {each for row in found.values() for each in row["phonemes"].split()} == known
    assert not any("(" in word or " " in word for word in found)
    assert found["aalborg"]["phonemes"] in ("AO L B AO R G", "AA L B AO R G")
    said = {found["tomato"]["phonemes"], *found["tomato"][ALSO]}
    assert said == {"T AH M EY T OW", "T AH M AA T OW"}
    with gzip.open(ostinato_data / "cmudict_g2p/cmudict.dict.gz", "rt") as file:
        words = {line.split()[0].partition("(")[0] for line in file}
    assert set(found) == words


def test_lines_of_translations_belong_together(ostinato_data: Path):
    rows, back = read("multi30k_de_en", "test"), read("multi30k_en_de", "test")
    assert [(row["target"], row["source"]) for row in rows] == [
        (row["source"], row["target"]) for row in back
    ]
    with gzip.open(ostinato_data / "multi30k/test_2016_flickr.de.gz", "rt") as file:
        assert [row["source"] for row in rows] == [line.strip() for line in file]
    assert rows[0] == {
        "source": "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
        "target": "A man in an orange hat starring at something.",
    }


def test_commands():
    rows = read("scan_simple", "train")
    assert rows[0]["command"] == "jump opposite right twice and turn opposite right thrice"
    assert rows[0]["actions"].split()[2] == "I_JUMP"
    lengths = {
        part: [len(row["actions"].split()) for row in read("scan_length", part)] for part in PARTS
    }
    assert max(*lengths["train"], *lengths["dev"]) == 22
    assert min(lengths["test"]) == 24
    jumps = {
        row["command"] for row in read("scan_addprim_jump", "train") if "jump" in row["command"]
    }
    assert jumps == {"jump"}
