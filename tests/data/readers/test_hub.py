"""Parquet files and local folders, through the library that also reads the hub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.readers import guess_format
from tests.data.readers.helpers import values_of, write

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@pytest.fixture
def examples() -> object:
    from PIL import Image

    names = datasets.ClassLabel(names=["bad", "good"])
    features = {
        "text": datasets.Value("string"),
        "label": names,
        "tags": datasets.Sequence(names),
        "image": datasets.Image(),
        "number": datasets.Value("float64"),
    }
    columns = {
        "text": ["a", "b"],
        "label": [1, -1],
        "tags": [[0, 1], []],
        "image": [Image.new("L", (3, 2), 51)] * 2,
        "number": [0.5, None],
    }
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


@pytest.mark.parametrize("streaming", [True, False])
def test_parquet(tmp_path: Path, examples: datasets.Dataset, streaming: bool):
    examples.to_parquet(tmp_path / "data/part.parquet")
    for path in (tmp_path / "data", tmp_path / "data/part.parquet"):
        first, second = values_of(path, streaming=streaming)
        assert first["label"] == "good"
        assert first["tags"] == ["bad", "good"]
        np.testing.assert_allclose(first["image"][:2, :3].reshape(2, 3, -1)[..., 0], 0.2)
        assert (first["number"], second["number"], second["label"]) == (0.5, None, None)
    assert any((tmp_path / "cache").rglob("*.arrow")) is not streaming


def test_saved_sets_and_folders(tmp_path: Path, examples: datasets.Dataset):
    examples.save_to_disk(tmp_path / "saved")
    datasets.DatasetDict({"train": examples, "dev": examples}).save_to_disk(tmp_path / "parts")
    assert guess_format(tmp_path / "saved") == guess_format(tmp_path / "parts") == "hub"
    assert len(values_of(tmp_path / "saved")) == 2
    assert len(values_of(tmp_path / "parts#dev", format="hub")) == 2
    with pytest.raises(DataError, match="no part 'test'; known: parts#train, parts#dev"):
        values_of(tmp_path / "parts#test")
    write(tmp_path, "folder/train.csv", "text,label\na,1\n")
    assert values_of(tmp_path / "folder", format="hub") == [{"text": "a", "label": 1}]


def test_what_cannot_be_read(tmp_path: Path):
    path = write(tmp_path, "bad.parquet", "nonsense" * 10)
    with pytest.raises(DataError, match=r"cannot read bad\.parquet: .*\nmend: get or make"):
        values_of(path)
    with pytest.raises(DataError, match=r"(?s)cannot read nothing \(train\).*mend: check the name"):
        values_of(Path("nobody/nothing"), format="hub")
    with pytest.raises(DataError, match="no such file"):
        values_of(tmp_path / "none.parquet")
