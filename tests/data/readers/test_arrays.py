"""Music, sounds, images and clips."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import mido
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat, wavfile

from ostinato.data import DataError
from tests.data.readers.helpers import rows_and_reports, values_of, write


def roll(*steps: tuple[int, ...]) -> np.ndarray:
    found = np.zeros((len(steps), 88), np.uint8)
    for step, notes in enumerate(steps):
        found[step, list(notes)] = 1
    return found


def test_rolls_of_numpy_and_matlab(tmp_path: Path):
    pieces = [roll((1, 2), (3,), ()), roll((87,))]
    path = tmp_path / "music.npz"
    parts = {"train_roll": np.concatenate(pieces), "train_len": [3, 1]}
    np.savez(path, **parts)
    found = values_of(path)
    assert all((row["roll"] == piece).all() for row, piece in zip(found, pieces, strict=True))
    np.savez(path, **parts, test_roll=pieces[1], test_len=[1])
    assert len(values_of(Path(f"{path}#test"))) == 1
    with pytest.raises(DataError, match=r"several parts; known: music.npz#train, music.npz#test"):
        values_of(path)
    with pytest.raises(DataError, match="no part 'dev'"):
        values_of(Path(f"{path}#dev"))
    column = np.empty((1, 2), object)
    column[0] = [piece.astype(np.float64) for piece in pieces]
    savemat(tmp_path / "music.mat", {"traindata": column, "testdata": column[:, :1]})
    found = values_of(Path(f"{tmp_path}/music.mat#train"))
    assert all((row["roll"] == piece).all() for row, piece in zip(found, pieces, strict=True))


def test_rolls_that_are_none(tmp_path: Path):
    path = tmp_path / "music.npz"
    np.savez(path, a_roll=np.full((4, 88), 7), a_len=[2, 2])
    assert "expected 0 and 1 in [T, 88], got [2, 88]" in rows_and_reports(path)[1][0]
    np.savez(path, a_roll=roll((1,)), a_len=[2])
    with pytest.raises(DataError, match="a_len does not cut a_roll"):
        values_of(path)
    np.savez(path, a_roll=np.array([{}], dtype=object), a_len=[1])
    with pytest.raises(DataError, match=r"no \.npz file of plain arrays"):
        values_of(path)
    with pytest.raises(DataError, match=r"is no \.npz file"):
        values_of(write(tmp_path, "bad.npz", "nonsense"))
    with pytest.raises(DataError, match="no MATLAB file"):
        values_of(write(tmp_path, "bad.mat", "nonsense" * 100))
    with pytest.raises(DataError, match="no such file"):
        values_of(tmp_path / "none.npz#train", format="rolls")


def test_midi(tmp_path: Path):
    song = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    for kind, channel, note, time in (
        ("note_on", 0, 60, 0),
        ("note_on", 9, 40, 0),
        ("note_off", 0, 60, 240),
        ("note_on", 0, 64, 120),
        ("note_on", 0, 5, 0),
        ("note_off", 0, 64, 10),
        ("note_off", 0, 5, 0),
    ):
        track.append(mido.Message(kind, channel=channel, note=note, velocity=80, time=time))
    song.save(tmp_path / "song.mid")
    write(tmp_path, "bad.mid", "nonsense")
    mido.MidiFile().save(tmp_path / "silent.mid")
    rows, reports = rows_and_reports(tmp_path)
    assert [row.place for row in rows] == ["song.mid"]
    assert (rows[0].values["roll"] == roll((39,), (39,), (), (43,))).all()
    assert reports[0].startswith("bad.mid: not a MIDI file that can be read")
    assert reports[1] == "silent.mid: it holds no notes"


@pytest.mark.parametrize(
    ("dtype", "scale"), [(np.uint8, 127), (np.int16, 2**15), (np.int32, 2**31), (np.float32, 1)]
)
def test_sounds_of_every_type(tmp_path: Path, dtype: type, scale: float):
    wave = np.sin(np.linspace(0, 20, 100)) * 0.9
    samples = wave * scale + (128 if dtype is np.uint8 else 0)
    path = tmp_path / "4_jackson_0.wav"
    wavfile.write(path, 8000, samples.astype(dtype))
    (row,) = values_of(path)
    assert (row["sample_rate"], row["label"], row["name"]) == (8000, "4", "4_jackson_0")
    assert row["audio"].dtype == np.float32
    (packed,) = values_of(write(tmp_path, f"{path.name}.gz", gzip.compress(path.read_bytes())))
    assert (packed["label"], packed["name"]) == ("4", "4_jackson_0")
    assert np.array_equal(packed["audio"], row["audio"])
    np.testing.assert_allclose(row["audio"], wave, atol=0.02)


def test_folders_of_sounds(tmp_path: Path):
    wave = np.array([[0, 100], [200, -100]], np.int16)
    (tmp_path / "sounds/yes").mkdir(parents=True)
    wavfile.write(tmp_path / "sounds/yes/a_1.wav", 16_000, wave)
    write(tmp_path, "sounds/no/b.wav", b"RIFFnonsense")
    write(tmp_path, "sounds/no/.hidden.wav", b"x")
    rows, reports = rows_and_reports(tmp_path / "sounds")
    assert [row.values["label"] for row in rows] == ["yes"]
    assert rows[0].place == "sounds/yes/a_1.wav"
    np.testing.assert_allclose(rows[0].values["audio"] * 2**15, [50, 50])
    assert reports[0].startswith("sounds/no/b.wav: ")
    assert "is no WAV file that can be read" in reports[0]


def test_recordings_of_numpy(tmp_path: Path):
    path = tmp_path / "digits.npz"
    columns = {"digit": [3, 4], "speaker": [1, 0], "speaker_names": ["theo", "lucas"]}
    np.savez(path, audio=np.array([0, 16384, -32768], np.int16), length=[2, 1], **columns)
    first, second = values_of(path)
    assert first["audio"].tolist() == [0, 0.5]
    assert (second["label"], second["speaker"], second["sample_rate"]) == ("4", "theo", 8000)
    np.savez(path, audio=np.zeros(3), length=[2])
    with pytest.raises(DataError, match="holds no recordings"):
        values_of(path)


def test_folders_of_images(tmp_path: Path):
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3) * 51
    (tmp_path / "pictures/cat").mkdir(parents=True)
    Image.fromarray(grey).save(tmp_path / "pictures/cat/1.png")
    Image.fromarray(np.stack([grey] * 3, 2)).save(tmp_path / "pictures/cat/2.png")
    Image.fromarray(np.full((2, 2), 65535, np.uint16)).save(tmp_path / "pictures/cat/3.png")
    write(tmp_path, "pictures/dog/1.png", b"\x89PNG nonsense")
    rows, reports = rows_and_reports(tmp_path / "pictures")
    np.testing.assert_allclose(rows[0].values["image"], grey / 255, rtol=1e-6)
    assert rows[1].values["image"].shape == (2, 3, 3)
    assert rows[2].values["image"].tolist() == [[1, 1], [1, 1]]
    assert {row.values["label"] for row in rows} == {"cat"}
    assert reports[0].startswith("pictures/dog/1.png: ")
    Image.fromarray(grey).save(tmp_path / "pictures/stray.png")
    with pytest.raises(DataError, match="holds images without a label"):
        values_of(tmp_path / "pictures")


def test_clips_of_numbered_frames(tmp_path: Path):
    for label, clip, sizes in (("wave", "a", [4] * 11), ("wave", "b", [4, 5])):
        folder = tmp_path / "clips" / label / clip
        folder.mkdir(parents=True)
        for number, size in enumerate(sizes):
            Image.new("L", (size, 4), number * 10).save(folder / f"frame{number}.png")
    rows, reports = rows_and_reports(tmp_path / "clips")
    frames = rows[0].values["frames"]
    assert frames.shape == (11, 4, 4)
    assert (np.diff(frames[:, 0, 0]) > 0).all()
    assert rows[0].values["label"] == "wave"
    assert "clips/wave/b: frames of different sizes" in reports[0]


def idx(kind: int, *shape: int, content: bytes) -> bytes:
    header = struct.pack(f">HBB{len(shape)}i", 0, kind, len(shape), *shape)
    return gzip.compress(header + content)


def test_idx_files(tmp_path: Path):
    files = {
        "image": write(
            tmp_path, "i-idx3-ubyte.gz", idx(8, 2, 1, 2, content=bytes([0, 255, 51, 0]))
        ),
        "label": write(tmp_path, "l-idx1-ubyte.gz", idx(8, 2, content=bytes([7, 3]))),
    }
    first, second = values_of(files)
    assert first["image"].tolist() == [[0, 1]]
    assert second["image"][0, 0] == np.float32(0.2)
    assert (first["label"], second["label"]) == ("7", "3")
    files["label"] = write(tmp_path, "m-idx1-ubyte.gz", idx(8, 1, content=b"\7"))
    with pytest.raises(DataError, match="different numbers of entries"):
        values_of(files)
    files["label"] = write(tmp_path, "n-idx1-ubyte.gz", idx(8, 2, content=b"\7"))
    with pytest.raises(DataError, match="has 9 bytes, but its header"):
        values_of(files)
    files["label"] = write(tmp_path, "o-idx1-ubyte", b"nonsense")
    with pytest.raises(DataError, match="is no idx file"):
        values_of(files)


def test_real_arrays(ostinato_data: Path):
    for part, count, steps in (("train", 229, 13_807), ("valid", 76, 4602), ("test", 77, 4725)):
        arrays = values_of(Path(f"{ostinato_data}/music_jsb/jsb_chorales.npz#{part}"))
        matlab = values_of(Path(f"{ostinato_data}/music_jsb/JSB_Chorales.mat#{part}"))
        assert (len(arrays), sum(len(row["roll"]) for row in arrays)) == (count, steps)
        assert all(
            np.array_equal(a["roll"], b["roll"]) for a, b in zip(arrays, matlab, strict=True)
        )
    spoken = values_of(ostinato_data / "fsdd_speech/fsdd.npz")
    assert len(spoken) == 3000
    assert {len(row["audio"]) for row in spoken} >= {1148, 18_262}
    folder = ostinato_data / "mnist_t10k"
    digits = values_of(
        {
            "image": folder / "t10k-images-idx3-ubyte.gz",
            "label": folder / "t10k-labels-idx1-ubyte.gz",
        }
    )
    assert (len(digits), digits[0]["image"].shape, digits[0]["label"]) == (10_000, (28, 28), "7")
