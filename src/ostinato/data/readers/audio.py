"""Sounds: folders of WAV files, and numpy files of many recordings."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import MissingExtraError
from ostinato.data.errors import DataError
from ostinato.data.opening import bare_name, read_bytes
from ostinato.data.readers.folders import files_in
from ostinato.data.readers.numpy_files import Array, load_arrays
from ostinato.data.rows import Malformed, Row

SUFFIXES = frozenset({".wav"})
# Files without a rate are of spoken words, which have it by custom.
_DEFAULT_RATE = 8000


def audio_rows(paths: Sequence[Path], malformed: Malformed) -> Iterator[Row]:
    """Yield ``audio``, float32 ``[n]`` from -1 to 1, ``sample_rate``, ``label`` and ``name``.

    The label is the folder of a file; in a folder without sub-folders, the part of its name before
    the first ``_``. Several channels become their mean.

    Args:
        paths: files or folders.
        malformed: is told of files that are no sound.

    Raises:
        DataError: a folder holds no WAV files.
    """
    for path in paths:
        files = files_in(path, SUFFIXES) if path.is_dir() else [path]
        has_folders = path.is_dir() and any(file.parent != path for file in files)
        for file in files:
            place = str(file.relative_to(path.parent))
            try:
                rate, audio = read_wav(file)
            except DataError as error:
                malformed.report(place, str(error).partition("\nmend: ")[0])
                continue
            name = Path(bare_name(file)).stem
            label = file.parent.name if has_folders else name.partition("_")[0]
            yield Row(place, {"audio": audio, "sample_rate": rate, "label": label, "name": name})


def read_wav(path: Path | IO[bytes]) -> tuple[int, npt.NDArray[np.float32]]:
    """Return the sample rate and the samples, from -1 to 1.

    Raises:
        DataError: the file is missing, no WAV file, or without samples.
    """
    try:
        from scipy.io import wavfile
    except ImportError as error:
        raise MissingExtraError("Reading WAV files", "train") from error
    source = io.BytesIO(read_bytes(path)) if isinstance(path, Path) else path
    try:
        with warnings.catch_warnings():
            # Chunks with names and dates of the recording are no concern of ours.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = cast("tuple[int, Array]", wavfile.read(source))
    # The reader stumbles over damaged files with whatever its parts raise.
    except Exception as error:
        raise DataError(
            f"{path} is no WAV file that can be read: {error}\nmend: save it as WAV (PCM)"
        ) from error
    if not samples.size:
        raise DataError(f"{path} holds no samples\nmend: leave it out")
    audio = scaled(samples)
    return int(rate), audio if audio.ndim == 1 else audio.mean(1, dtype=np.float32)


def recording_rows(path: Path) -> Iterator[Row]:
    """Yield the recordings of an ``.npz`` file, as ``audio_rows`` does.

    Args:
        path: the file, with ``audio`` (all recordings one after another), ``length`` (samples of
            each) and columns of as many values; ``label``, or else the first of them, is the label.
            Numbers of a column ``x`` with ``x_names`` become names. ``sample_rate`` is 8000 where
            it is left out.

    Raises:
        DataError: the file cannot be read, or ``length`` does not cut ``audio``.
    """
    arrays = load_arrays(path)
    audio, lengths = arrays.get("audio"), arrays.get("length")
    if audio is None or lengths is None or int(lengths.sum()) != len(audio):
        raise DataError(
            f"{path} holds no recordings: expected `audio`, and `length` that cuts it; got "
            f"{', '.join(arrays)}\nmend: put them there with numpy.savez"
        )
    rate = int(arrays.get("sample_rate", np.array(_DEFAULT_RATE)))
    columns = {
        name: _named(array, arrays.get(f"{name}_names"))
        for name, array in arrays.items()
        if name not in ("audio", "length", "sample_rate") and len(array) == len(lengths)
    }
    label = columns.pop("label", next(iter(columns.values()), None))
    starts = np.cumsum(lengths)[:-1]
    for number, clip in enumerate(np.split(audio, cast("Any", starts))):
        values: dict[str, object] = {"audio": scaled(clip), "sample_rate": rate}
        if label is not None:
            values["label"] = str(label[number])
        values |= {name: column[number] for name, column in columns.items()}
        yield Row(f"{path.name}, recording {number + 1:,}", values)


def scaled(samples: Array) -> npt.NDArray[np.float32]:
    """Return samples of any type as float32 from -1 to 1."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - np.float32(128)) / np.float32(128)
    return samples.astype(np.float32) / np.float32(-int(np.iinfo(cast("Any", samples.dtype)).min))


def _named(values: Array, names: Array | None) -> list[Any]:
    return cast("list[Any]", (values if names is None else names[cast("Any", values)]).tolist())
