"""Drawings, stroke by stroke."""

from __future__ import annotations

from collections.abc import Iterator

from ostinato.data.readers import ReadOptions
from ostinato.data.sets.named_set import NamedSet, Part
from ostinato.data.sets.sources import made_files


def sketches() -> Iterator[NamedSet]:
    """Yield the sets."""
    options = ReadOptions(format="strokes")
    yield NamedSet(
        "sketch_kanji",
        "Chinese characters of Japanese, stroke by stroke: KanjiVG",
        "CC BY-SA 3.0",
        "github.com/hardmaru/sketch-rnn-datasets@7c854dee76090aa18c321c7af2cede815bbd475e, "
        "kanji/short_kanji.npz, without pickled objects",
        "sketch_kanji",
        made_files("sketch_kanji"),
        {
            part: Part(f"sketch_kanji.npz#{name}", options)
            for part, name in {"train": "train", "dev": "valid", "test": "test"}.items()
        },
        input="strokes",
        target=None,
        task="drawing",
    )
