"""The text that every machine has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ostinato.data import DataError, standard_library_text


def test_the_same_text_every_time():
    text = standard_library_text(200_000)
    assert len(text) == 200_000
    assert text == standard_library_text(200_000)
    assert standard_library_text(1000) == text[:1000]


def test_order_and_skipped_folders(tmp_path: Path):
    for name in ("b.py", "a/z.py", "a.py", "test/x.py", "a/tests/x.py", "idlelib/x.py", "c.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(f"'{name}'\n")
    text = standard_library_text(10_000, tmp_path)
    assert [ast.literal_eval(line) for line in text.splitlines()] == ["a/z.py", "a.py", "b.py"]


def test_declared_encodings_are_obeyed(tmp_path: Path):
    (tmp_path / "a.py").write_bytes(b"# coding: latin-1\n# caf\xe9\n")
    assert "café" in standard_library_text(100, tmp_path)


def test_a_library_without_sources(tmp_path: Path):
    with pytest.raises(DataError, match="keeps no source text"):
        standard_library_text(100, tmp_path)
