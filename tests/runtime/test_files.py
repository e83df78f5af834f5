"""A layer's file is whole or absent, and what is no such file is said to be none."""

from __future__ import annotations

import errno
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import ModelFileError, OptionError, StorageError
from ostinato.equations.description import LayerDescription
from ostinato.nn.saving import describe
from ostinato.runtime import Layer, load
from ostinato.training.errors import RunError
from ostinato.training.session import train
from tests.contract.cases import CELLS, make_layer
from tests.training.example_helpers import tiny_examples, write_examples


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer.safetensors"
    ost.nn.save(make_layer("lstm", {"num_layers": 2}), path)
    return path


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def join(header: dict[str, Any], numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def describe_anew(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the description in a file."""
    header, numbers = split(path.read_bytes())
    description = json.loads(header["__metadata__"]["ostinato"])
    change(description)
    header["__metadata__"]["ostinato"] = json.dumps(description)
    path.write_bytes(join(header, numbers))


def test_the_names_are_those_of_the_equations(file: Path):
    header, _ = split(file.read_bytes())
    layer = make_layer("lstm", {"num_layers": 2})
    names = {f"{name}_l{k}" for k in range(2) for name in layer.cell_parameters()}
    assert header.keys() - {"__metadata__"} == names


def test_the_two_biases_of_torch_are_one(tmp_path: Path):
    layer = ost.LSTM(3, 4, bidirectional=True)
    ost.nn.save(layer, tmp_path / "layer")
    header, numbers = split((tmp_path / "layer").read_bytes())
    place = header["b_f_l0_reverse"]["data_offsets"]
    got = np.frombuffer(numbers[slice(*place)], np.float32)
    expected = (layer.bias_ih_l0_reverse + layer.bias_hh_l0_reverse)[4:8]
    np.testing.assert_array_equal(got, expected.detach().numpy())


@pytest.mark.parametrize("name", CELLS)
def test_a_description_goes_through_json(name: str):
    options = {} if name == "slstm" else {"zoneout": 0.25}
    description = describe(make_layer(name, {"learn_initial_state": True, **options}))
    again = LayerDescription.from_json(json.loads(json.dumps(description.to_json())))
    assert again == description
    assert again.cell.name == description.cell.name


def test_saving_replaces_and_leaves_nothing_else(file: Path):
    before = file.read_bytes()
    ost.nn.save(make_layer("gru"), str(file))
    assert file.read_bytes() != before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_full_disk_leaves_the_file_before(file: Path, monkeypatch: pytest.MonkeyPatch):
    before = file.read_bytes()

    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ostinato.core.files.write_file", full)
    with pytest.raises(StorageError, match=r"no space left to write [^\n]*\nmend: free some space"):
        ost.nn.save(make_layer("gru"), file)
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_place_that_is_no_place(tmp_path: Path):
    with pytest.raises(StorageError, match=r"cannot write [^\n]*\nmend: choose another folder"):
        ost.nn.save(make_layer("gru"), tmp_path / "absent" / "layer")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (torch.nn.LSTM(2, 3), "got LSTM, expected a recurrent layer of ostinato"),
        ({}, "got dict, expected a recurrent layer"),
        (ost.Recurrent("gru", 2, 3, device="meta"), "got weights without numbers"),
    ],
    ids=["torch", "dict", "meta"],
)
def test_what_cannot_be_saved(tmp_path: Path, layer: Any, message: str):
    with pytest.raises(OptionError, match=message):
        ost.nn.save(layer, tmp_path / "layer")
    assert not (tmp_path / "layer").exists()


def refuse(path: Path, message: str) -> None:
    with pytest.raises(ModelFileError, match=message) as raised:
        load(path)
    assert "\nmend: " in str(raised.value)
    assert str(path) in str(raised.value)


def test_files_that_are_none(tmp_path: Path):
    path = tmp_path / "file"
    refuse(path, "cannot read .*: No such file")
    for content in (
        b"",
        b"{}",
        pickle.dumps({"W": np.zeros(3)}),
        np.random.default_rng(0).bytes(5000),
        struct.pack("<Q", 1 << 60) + b"{}",
        b"h = tanh(W @ h + U @ x)\n" * 50,
    ):
        path.write_bytes(content)
        refuse(path, "it is no safetensors file, or damaged")
    torch.save({"W": torch.zeros(3)}, path)
    refuse(path, "it is no safetensors file, or damaged")


def test_a_file_cut_anywhere(file: Path):
    content = file.read_bytes()
    for length in [*range(64), *range(64, len(content), 97), len(content) - 1]:
        file.write_bytes(content[:length])
        refuse(file, "it is no safetensors file, or damaged")


def test_a_file_with_any_byte_of_its_header_changed_is_refused_or_read(file: Path):
    content = bytearray(file.read_bytes())
    end = 8 + struct.unpack("<Q", content[:8])[0]
    random = np.random.default_rng(0)
    num_refused = 0
    for place in random.integers(0, end, 200):
        changed = bytearray(content)
        changed[place] ^= int(random.integers(1, 256))
        file.write_bytes(changed)
        try:
            layer = load(file, num_threads=1)
        except ModelFileError:
            num_refused += 1
            continue
        assert isinstance(layer, Layer)
        assert layer(np.zeros((2, 1, 3), layer.dtype))[0].shape[:2] == (2, 1)
    assert num_refused > 100


def test_weights_without_equations(tmp_path: Path):
    from safetensors.numpy import save_file

    save_file({"W_l0": np.zeros((2, 2))}, tmp_path / "file")
    refuse(tmp_path / "file", "it holds weights, but not the equations")
    save_file({"W_l0": np.zeros((2, 2))}, tmp_path / "file", {"ostinato": "{"})
    refuse(tmp_path / "file", "its description is damaged: it is not JSON")


def test_weights_of_another_layer(file: Path):
    header, numbers = split(file.read_bytes())
    moved = dict(header)
    moved["another"] = moved.pop("b_f_l1")
    file.write_bytes(join(moved, numbers))
    refuse(file, "`b_f_l1` is absent among them and \\(5,\\) by its description")
    header["b_f_l1"]["shape"] = [1, 5]
    file.write_bytes(join(header, numbers))
    refuse(file, r"`b_f_l1` is \(1, 5\) among them and \(5,\)")
    header["b_f_l1"] |= {"shape": [5], "dtype": "I64"}
    file.write_bytes(join(header, numbers))
    refuse(file, "`b_f_l1` holds numbers of kind I64, expected BF16, F64")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=2), "got a layer in format 2, expected format 1"),
        (lambda d: d.pop("format"), "`format`: expected int"),
        (lambda d: d.update(format=True), "`format`: expected int"),
        (lambda d: d.pop("cell"), "`cell`: expected an object"),
        (lambda d: d.update(cell="lstm"), "`cell`: expected an object"),
        (lambda d: d["cell"].update(text=3), "`text`: expected str"),
        (lambda d: d["cell"].update(text="h = tahn(x)"), "its cell cannot be compiled"),
        (lambda d: d["cell"].update(text="h = h.__class__"), "its cell cannot be compiled"),
        (lambda d: d["cell"].update(text="h = tanh(W @ h + U @ x)"), "the weights are of another"),
        (lambda d: d["cell"].update(name=3), "`name`: expected str or NoneType"),
        (lambda d: d.update(options=[]), "`options`: expected an object"),
        (lambda d: d["options"].pop("layer_norm"), "`layer_norm`: expected bool"),
        (lambda d: d["options"].update(zoneout={"h": 2}), "zoneout must lie in"),
        (lambda d: d["options"].update(zoneout={"q": 0.1}), "unknown state"),
        (lambda d: d["options"].update(recurrent_dropout="a"), "`recurrent_dropout`: expected fl"),
        (lambda d: d["options"].update(without=[1]), "`without`: expected a list of str"),
        (lambda d: d["options"].update(learn_initial_state=True), "`h_init_l0` is absent"),
        (lambda d: d.update(sizes=[]), "`sizes`: expected those of at least one layer"),
        (lambda d: d["sizes"][0].pop("hidden_size"), "expected a number for hidden_size"),
        (lambda d: d["sizes"][0].update(hidden_size=-5), "`sizes.hidden_size`: expected 1 or mo"),
        (lambda d: d["sizes"][0].update(hidden_size=5.0), "`sizes.hidden_size`: expected 1 or m"),
        (lambda d: d["sizes"][1].update(input_size=6), "output of each layer to fit the one"),
        (lambda d: d["sizes"][1].update(hidden_size=6), "states of one size in all layers"),
        (lambda d: d["sizes"].pop(), r"`\w+_l1` is .* among them and absent by"),
        (lambda d: d["sizes"][0].update(input_size=10**12), r"`W_ii_l0` is \(5, 3\) among them"),
        (lambda d: d.update(num_directions=3), "`num_directions`: expected 1 or 2"),
        (lambda d: d.update(num_directions=2), "output of each layer to fit the one above"),
        (lambda d: d.update(batch_first=0), "`batch_first`: expected bool"),
        (lambda d: d.update(dtype="int8"), "`dtype`: expected one of float16"),
    ],
)
def test_descriptions_that_describe_no_layer(
    file: Path, change: Callable[[dict[str, Any]], object], message: str
):
    describe_anew(file, change)
    refuse(file, message)


@pytest.mark.parametrize("data", [None, [], "layer", 3])
def test_descriptions_that_are_none(data: Any):
    with pytest.raises(ModelFileError, match="`description`: expected an object"):
        LayerDescription.from_json(data)


def test_folders_that_are_no_run(tmp_path: Path):
    with pytest.raises(ost.OstinatoError, match=r"is not a run: it has no run.json\nmend: give"):
        load(tmp_path)
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(ost.OstinatoError, match="stopped before its first step"):
        load(tmp_path)
    with pytest.raises(OptionError, match="checkpoint: got 'newest', expected best or last"):
        load(tmp_path, checkpoint="newest")  # pyright: ignore[reportArgumentType]


def test_a_run_on_examples_is_refused(tmp_path: Path):
    path = write_examples(tmp_path, 40)
    train(tiny_examples(path, training={"max_epochs": 1}), tmp_path / "run")
    with pytest.raises(RunError, match=r"learned from examples.*\nmend: ostinato\.load_run"):
        ost.runtime.load(tmp_path / "run")
