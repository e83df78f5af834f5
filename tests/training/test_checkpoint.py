"""Checkpoints are whole or absent, and damage is noticed."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from ostinato.core.errors import StorageError
from ostinato.training import checkpoint as module
from ostinato.training.checkpoint import Checkpoint, CheckpointStore
from ostinato.training.errors import CheckpointError
from ostinato.training.loop import load_weights, weights


def make(value: float) -> Checkpoint:
    return Checkpoint(
        model={"w": torch.tensor([value, -0.0, float("nan")])},
        training={"random.cpu": torch.get_rng_state(), "count": torch.tensor(value)},
        progress={"step": value, "score": 0.1 + 0.2},
    )


def names(store: CheckpointStore) -> set[str]:
    return {entry.name for entry in store.folder.glob("step-*")}


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


def test_what_is_written_is_read_bit_by_bit(store: CheckpointStore):
    saved = make(1.5)
    store.save(saved, step=3)
    loaded = store.load("last")
    for name, tensor in {**saved.model, **saved.training}.items():
        found = {**loaded.model, **loaded.training}[name]
        assert found.dtype == tensor.dtype
        assert found.numpy().tobytes() == tensor.numpy().tobytes()
    assert loaded.progress == saved.progress
    assert store.load("last", with_training=False).training == {}


def test_the_newest_and_the_best_are_kept(store: CheckpointStore):
    for step, is_best in ((0, True), (1, False), (2, True), (3, False), (4, False)):
        store.save(make(step), step=step, place=0 if is_best else None)
    assert store.load("last").progress["step"] == 4
    assert store.load("best").progress["step"] == 2
    assert names(store) == {"step-00000002", "step-00000004"}


def test_several_of_the_best_are_kept_in_order(store: CheckpointStore):
    for step, place in ((0, 0), (1, 0), (2, None), (3, 1), (4, 2), (5, None), (6, 0), (7, None)):
        store.save(make(step), step=step, place=place, keep=3)
    index = json.loads((store.folder / "index.json").read_text())
    assert index == {
        "best": "step-00000006",
        "best-2": "step-00000001",
        "best-3": "step-00000003",
        "last": "step-00000007",
    }
    assert names(store) == set(index.values())
    assert store.load("best").progress["step"] == 6


def test_before_the_first_evaluation_the_newest_is_the_best(store: CheckpointStore):
    store.save(make(7), step=7)
    assert store.load("best").progress["step"] == 7


def test_there_is_none(store: CheckpointStore):
    with pytest.raises(CheckpointError, match=r"stopped before its first step\nmend: .*--force"):
        store.load("last")


@pytest.mark.parametrize(
    "file", ["model.safetensors", "training.safetensors", "progress.json", "../index.json"]
)
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "remove"])
def test_damage_is_noticed(store: CheckpointStore, file: str, damage: str):
    store.save(make(1), step=1, place=0)
    path = store.folder / "step-00000001" / file
    content = path.read_bytes()
    middle = len(content) // 2
    match damage:
        case "cut":
            path.write_bytes(content[:middle])
        case "flip":
            path.write_bytes(content[:-3] + bytes([content[-3] ^ 0xFF]) + content[-2:])
        case "empty":
            path.write_bytes(b"")
        case _:
            path.unlink()
    with pytest.raises(CheckpointError, match="mend:"):
        store.load("last")


@pytest.mark.parametrize("index", ["[]", '{"best": "step-1"}', '{"last": "../../x"}', "{}"])
def test_an_index_of_something_else(store: CheckpointStore, index: str):
    store.save(make(1), step=1, place=0)
    (store.folder / "index.json").write_text(index)
    with pytest.raises(CheckpointError, match="damaged"):
        store.load("last")


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_full_disk_leaves_the_checkpoint_before(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch, failing: int
):
    store.save(make(1), step=1, place=0)
    written = 0

    def write_half(path: Path, content: bytes) -> None:
        nonlocal written
        written += 1
        path.write_bytes(content if written < failing else content[: len(content) // 2])
        if written == failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_file", write_half)
        patched.setattr("ostinato.core.files.write_file", write_half)
        with pytest.raises(StorageError, match=r"no space left to write [^\n]*\nmend: free some"):
            store.save(make(2), step=2, place=0)
    assert store.load("last").progress["step"] == 1
    assert not list(store.folder.rglob("*.new"))
    store.save(make(2), step=2, place=0)
    assert store.load("best").progress["step"] == 2


def test_what_a_kill_left_behind_is_cleared_away(store: CheckpointStore):
    store.save(make(1), step=1, place=0)
    for name in ("step-00000002", "step-00000002.new", "step-00000005.new"):
        (store.folder / name).mkdir()
        (store.folder / name / "model.safetensors").write_text("half")
    store.save(make(2), step=2, place=0)
    assert names(store) == {"step-00000002"}
    assert store.load("last").progress["step"] == 2


def test_the_index_is_json(store: CheckpointStore):
    store.save(make(1), step=1, place=0)
    assert json.loads((store.folder / "index.json").read_text()) == {
        "best": "step-00000001",
        "last": "step-00000001",
    }


def test_tied_weights_are_stored_once():
    model = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 3, bias=False))
    model[1].weight = model[0].weight
    assert list(weights(model)) == ["0.weight"]
    load_weights(model, {"0.weight": torch.ones(3, 2)})
    assert torch.equal(model[1].weight.detach(), torch.ones(3, 2))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.ones(2, 2)}, r"`bias` is absent in it and \(2,\)"),
        ({"weight": torch.ones(3, 2), "bias": torch.ones(2)}, r"`weight` is \(3, 2\)"),
        ({"weight": torch.ones(2, 2), "bias": torch.ones(2), "z": torch.ones(1)}, "`z`"),
    ],
)
def test_weights_of_another_model(tensors: dict[str, torch.Tensor], message: str):
    with pytest.raises(CheckpointError, match=message):
        load_weights(nn.Linear(2, 2), tensors)
