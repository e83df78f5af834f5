"""Which format a file has, and what reading is told apart from it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.data.readers import ReadOptions, columns_of, guess_format, read_rows
from ostinato.data.rows import Malformed
from tests.data.readers.helpers import values_of, write


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "x", "csv"),
        ("a.CSV.gz", gzip.compress(b"x", mtime=0), "csv"),
        ("a.jsonl.xz", "x", "jsonl"),
        ("a.json", "x", "jsonl"),
        ("a.parquet", "x", "parquet"),
        ("a.conllu", "x", "conllu"),
        ("a.bio", "x", "conll"),
        ("a.ts", "x", "ts"),
        ("a.mid", "x", "midi"),
        ("a.wav", "x", "audio"),
        ("a.mat#train", "x", "rolls"),
        ("t10k-images-idx3-ubyte.gz", "x", "images"),
        ("a.txt", "some words\nand more\n", "text"),
        ("a.txt", "a\tb\nc\td\n", "tsv"),
        ("a.tsv", "a\tb\nc\td\n", "tsv"),
        ("a.tsv", "## note\ttab\na\tO\nb\tO\n\nc\tO\n", "conll"),
        ("a", '{"a": 1}\n', "jsonl"),
        ("a.txt", "# made by X\n@problemName X\n@data\n", "ts"),
        ("a.data", "# text = x\n1\tx" + "\t_" * 8 + "\n", "conllu"),
        ("a.txt.gz", gzip.compress(b"a\tb\n", mtime=0), "tsv"),
    ],
)
def test_by_name_and_content(tmp_path: Path, name: str, content: str | bytes, expected: str):
    write(tmp_path, name.partition("#")[0], content)
    assert guess_format(tmp_path / name) == expected


def test_folders_and_arrays(tmp_path: Path):
    for name, expected in {"a.wav": "audio", "b.png": "images", "c.txt": "text"}.items():
        folder = tmp_path / expected
        write(folder, f"label/{name}", "x")
        assert guess_format(folder) == expected
    np.savez(tmp_path / "a.npz", audio=[1], length=[1])
    np.savez(tmp_path / "r.npz", train_roll=[1], train_len=[1])
    assert guess_format(tmp_path / "a.npz") == "audio"
    assert guess_format(tmp_path / "r.npz#train") == "rolls"


def test_what_cannot_be_guessed(tmp_path: Path):
    write(tmp_path, "reviews.csv", "a,b\n")
    with pytest.raises(DataError, match=r"did you mean .*reviews\.csv"):
        guess_format(tmp_path / "review.csv")
    with pytest.raises(DataError, match=r"Hugging Face hub: data\.format=hub"):
        guess_format(Path("nobody/nothing"))
    with pytest.raises(UnknownNameError, match=r"unknown format 'cvs'.*did you mean 'csv'"):
        values_of(tmp_path / "reviews.csv", format="cvs")
    with pytest.raises(DataError, match="empty list"):
        values_of([])
    with pytest.raises(DataError, match="no file for any column"):
        values_of({})
    with pytest.raises(DataError, match="no rows in"):
        columns_of(tmp_path / "reviews.csv", ReadOptions(header=True))


def test_reading_is_lazy_and_ends_where_it_is_told(tmp_path: Path):
    path = write(tmp_path, "data.csv", "text,label\n" + "x,1\n" * 1000 + "broken\n")
    malformed = Malformed()
    rows = read_rows(path, ReadOptions(max_examples=3), malformed)
    assert len(list(rows)) == 3
    assert malformed.num_malformed == 0
    assert columns_of(path, ReadOptions()) == ["text", "label"]


def test_a_stream_is_read_once():
    reader, writer = os.pipe()
    os.write(writer, b"text,label\nx,1\n")
    os.close(writer)
    path = Path(f"/dev/fd/{reader}")
    with pytest.raises(DataError, match=r"is a stream.*\nmend: .*data\.format=csv"):
        values_of(path)
    assert values_of(path, format="csv") == [{"text": "x", "label": "1"}]
    os.close(reader)


def test_several_files_follow_each_other(tmp_path: Path):
    paths = [write(tmp_path, f"{name}.csv", f"text,label\n{name},1\n") for name in "ab"]
    assert [row["text"] for row in values_of(paths)] == ["a", "b"]


def test_nothing_heavy_is_imported():
    heavy = "torch scipy datasets pandas pyarrow mido PIL urllib.request".split()
    code = (
        "import sys, ostinato.data.readers, ostinato.data.sets.catalogue\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
