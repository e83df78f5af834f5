"""Sets of texts that become other texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from ostinato.data.dealing import PartName
from ostinato.data.readers import ReadOptions
from ostinato.data.rows import Row
from ostinato.data.sets.answers import by, dealt, families_of, with_also
from ostinato.data.sets.named_set import NamedSet, Part
from ostinato.data.sets.sources import public_files

_PARTS: tuple[PartName, ...] = ("train", "dev", "test")
_TEXT = ReadOptions(format="text")
_LANGUAGES = {"cs": "Czech", "de": "German", "en": "English", "fr": "French", "ko": "Korean"}
_VARIANT = re.compile(r"\(\d+\)$")
_STRESS = re.compile(r"(?<=[A-Z])[012](?= |$)")
_COMMAND = re.compile(r"IN: (?P<command>.+) OUT: (?P<actions>.+)")


def pairs() -> Iterator[NamedSet]:
    """Yield the sets."""
    yield from _captions()
    yield from _sentences()
    yield _answers()
    yield _pronunciations()
    yield from _commands()


def _captions() -> Iterator[NamedSet]:
    commit = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
    files = public_files("multi30k", "multi30k/dataset", commit, "data/task1/raw/{}".format)
    stems = {"train": "train", "dev": "val", "test": "test_2016_flickr"}
    for other in ("de", "fr", "cs"):
        for source, target in ((other, "en"), ("en", other)):
            parts = {
                part: {"source": f"{stem}.{source}.gz", "target": f"{stem}.{target}.gz"}
                for part, stem in stems.items()
            }
            yield NamedSet(
                f"multi30k_{source}_{target}",
                f"Multi30k: captions of photographs, {_LANGUAGES[source]} into "
                f"{_LANGUAGES[target]}; tested on test_2016_flickr",
                "none stated for the texts (Flickr30k, WMT): research only",
                f"github.com/multi30k/dataset@{commit}",
                "multi30k",
                {name: files[name] for names in parts.values() for name in names.values()},
                {part: Part(names, _TEXT, _stripped) for part, names in parts.items()},
                input="source",
                target="target",
                task="text-to-text",
            )


def _sentences() -> Iterator[NamedSet]:
    commit = "06f46fc00f18edb08b49677e2edfa35ec521b387"
    table = ReadOptions(
        format="tsv", header=False, columns=("en", "ko", "attribution"), quoting=False
    )
    for source, target in (("ko", "en"), ("en", "ko")):
        yield NamedSet(
            f"tatoeba_{source}_{target}",
            f"Tatoeba: sentences, {_LANGUAGES[source]} into {_LANGUAGES[target]}; no sentence "
            "of either language is in two parts",
            "CC BY 2.0 FR (tatoeba.org)",
            f"github.com/park-cheol/NLP-Seq2Seq@{commit}",
            "tatoeba_kor_eng",
            public_files("tatoeba_kor_eng", "park-cheol/NLP-Seq2Seq", commit, "data/{}".format),
            {
                part: Part("kor.txt", table, partial(_translated, part=part, source=source))
                for part in _PARTS
            },
            input="source",
            target="target",
            task="text-to-text",
        )


def _answers() -> NamedSet:
    commit = "4cf20d13fc46f5037fd1c531cd566e2dd9f72974"
    table = ReadOptions(format="csv", header=True)
    return NamedSet(
        "chatbot_ko_answers",
        "what a Korean chatbot answers; split by question",
        "MIT",
        f"github.com/songys/Chatbot_data@{commit}",
        "chatbot_ko",
        public_files("chatbot_ko", "songys/Chatbot_data", commit),
        {part: Part("ChatbotData.csv", table, partial(_replies, part=part)) for part in _PARTS},
        input="question",
        target="answer",
        task="text-to-text",
    )


def _pronunciations() -> NamedSet:
    commit = "0f8072f814306c5ee4fbf992ed853601b12c01f9"
    table = ReadOptions(format="csv", columns=("word", "phonemes"), separator=" ", header=False)
    return NamedSet(
        "cmudict_g2p",
        "CMU pronouncing dictionary: words to 39 phonemes, without stress; split by word",
        "BSD-style (Carnegie Mellon University)",
        f"github.com/cmusphinx/cmudict@{commit}",
        "cmudict_g2p",
        public_files("cmudict_g2p", "cmusphinx/cmudict", commit),
        {part: Part("cmudict.dict", table, partial(_pronounced, part=part)) for part in _PARTS},
        input="word",
        target="phonemes",
        task="text-to-text",
    )


def _commands() -> Iterator[NamedSet]:
    commit = "c4b756cbc010d75c912f16c42c8f15dc6b7e6c8f"
    for split, folder, title in (
        ("simple", "simple_split", "tested on other commands"),
        ("length", "length_split", "tested on more actions than any command of training has"),
        ("addprim_jump", "add_prim_split", "tested on `jump` within commands, learned alone"),
    ):
        names = {part: f"tasks_{part}_{split}.txt" for part in ("train", "test")}
        files = public_files("scan", "brendenlake/SCAN", commit, f"{folder}/{{}}".format)
        yield NamedSet(
            f"scan_{split}",
            f"SCAN: commands to actions; {title}",
            "BSD (Facebook)",
            f"github.com/brendenlake/SCAN@{commit}",
            "scan",
            {name: files[name] for name in names.values()},
            {
                part: Part(
                    names["test" if part == "test" else "train"],
                    _TEXT,
                    partial(_commanded, part=part),
                )
                for part in _PARTS
            },
            input="command",
            target="actions",
            task="text-to-text",
        )


def _stripped(rows: Iterator[Row]) -> Iterator[Row]:
    """Take off the spaces around some lines."""
    return (
        replace(row, values={name: text.strip() for name, text in row.values.items()})
        for row in rows
    )


def _translated(rows: Iterator[Row], *, part: PartName, source: str) -> Iterator[Row]:
    """Deal pairs by family: a Korean sentence may stand beside several English ones, and back."""
    target = "ko" if source == "en" else "en"
    sides = [_renamed(row, {source: "source", target: "target"}) for row in rows]
    english, korean = ("source", "target") if source == "en" else ("target", "source")
    families = families_of([(row.values[english], row.values[korean]) for row in sides])
    found = dealt(sides, part, lambda row: families[row.values[english]], dev=0.1, test=0.1)
    return with_also(found, by("source"), "target", once=part != "train")


def _renamed(row: Row, names: Mapping[str, str]) -> Row:
    """Keep some columns, under new names and without spaces around them."""
    return replace(row, values={new: row.values[old].strip() for old, new in names.items()})


def _replies(rows: Iterator[Row], *, part: PartName) -> Iterator[Row]:
    sides = (_renamed(row, {"Q": "question", "A": "answer"}) for row in rows)
    found = dealt(sides, part, by("question"), dev=0.05, test=0.05)
    return with_also(found, by("question"), "answer", once=part != "train")


def _pronounced(rows: Iterator[Row], *, part: PartName) -> Iterator[Row]:
    """Read ``word(2)`` as another way to say ``word``; comments and stress are left out."""
    found = dealt(map(_bare_entry, rows), part, by("word"), dev=0.05, test=0.05)
    return with_also(found, by("word"), "phonemes", once=part != "train")


def _bare_entry(row: Row) -> Row:
    phonemes = row.values["phonemes"].partition("#")[0].strip()
    return replace(
        row,
        values={
            "word": _VARIANT.sub("", row.values["word"]),
            "phonemes": _STRESS.sub("", phonemes),
        },
    )


def _commanded(rows: Iterator[Row], *, part: PartName) -> Iterator[Row]:
    """Read ``IN: … OUT: …``; a twentieth of the training commands chooses the model."""
    found = (replace(row, values=_cut(row)) for row in rows)
    return found if part == "test" else dealt(found, part, by("command"), dev=0.05, test=0.0)


def _cut(row: Row) -> dict[str, str]:
    matched = _COMMAND.fullmatch(row.values["text"].strip())
    assert matched is not None, f"{row.place}: the file is checked by its sha256"
    return matched.groupdict()
