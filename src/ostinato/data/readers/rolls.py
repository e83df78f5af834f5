"""Polyphonic music as piano rolls: of numpy and MATLAB files, and of MIDI files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import MissingExtraError
from ostinato.data.errors import DataError
from ostinato.data.opening import read_bytes
from ostinato.data.readers.folders import split_part, suffix_of
from ostinato.data.readers.numpy_files import chosen_part, pieces_of
from ostinato.data.rows import Malformed, Row

LOWEST_KEY = 21
NUM_KEYS = 88
_STEPS_PER_BEAT = 4
_DRUMS = 9

Roll = npt.NDArray[np.uint8]


def roll_rows(path: Path, malformed: Malformed) -> Iterator[Row]:
    """Yield ``roll``, uint8 ``[T, 88]``, of every piece: column 0 is the lowest key of a piano.

    Args:
        path: ``pieces.npz#train`` with ``train_roll`` and ``train_len``, or ``pieces.mat#train``
            with ``traindata``; the part may be left out where there is only one.
        malformed: is told of pieces that are no rolls.

    Raises:
        DataError: the file cannot be read or has no such part.
    """
    path, part = split_part(path)
    pieces = _pieces(path, part)
    for number, roll in enumerate(pieces, 1):
        place = f"{path.name}, {f'{part} ' if part else ''}piece {number:,}"
        if roll.ndim != 2 or roll.shape[1] != NUM_KEYS or not np.isin(roll, (0, 1)).all():
            malformed.report(place, f"expected 0 and 1 in [T, {NUM_KEYS}], got {list(roll.shape)}")
        else:
            yield Row(place, {"roll": roll.astype(np.uint8)})


def midi_rows(paths: Sequence[Path], malformed: Malformed) -> Iterator[Row]:
    """Yield ``roll``, uint8 ``[T, 88]``, of every MIDI file: one step is a sixteenth note.

    Drums, and notes that a piano does not have, are left out.

    Args:
        paths: the files.
        malformed: is told of files that are no MIDI.
    """
    for path in paths:
        try:
            roll = _read_midi(path)
        except DataError as error:
            malformed.report(path.name, str(error).partition("\nmend: ")[0])
            continue
        if len(roll):
            yield Row(path.name, {"roll": roll})
        else:
            malformed.report(path.name, "it holds no notes")


def _read_midi(path: Path) -> Roll:
    try:
        import mido
    except ImportError as error:
        raise MissingExtraError("Reading MIDI files", "train") from error
    content = io.BytesIO(read_bytes(path))
    try:
        # A wrong byte is no reason to refuse a whole piece.
        return _rolled(cast("Any", mido.MidiFile(file=content, clip=True)))
    # The reader stumbles over damaged files with whatever its parts raise.
    except Exception as error:
        raise DataError(
            f"not a MIDI file that can be read: {error}\nmend: export the piece again"
        ) from error


def _pieces(path: Path, part: str | None) -> Iterator[npt.NDArray[np.generic]]:
    if suffix_of(path) == ".mat":
        arrays = _matlab(path)
        parts = {name.removesuffix("data"): name for name in arrays if name.endswith("data")}
        yield from arrays[parts[chosen_part(path, part, parts)]].ravel()
        return
    yield from pieces_of(path, part, "roll")


def _matlab(path: Path) -> Mapping[str, npt.NDArray[np.generic]]:
    try:
        import scipy.io
    except ImportError as error:
        raise MissingExtraError("Reading MATLAB files", "train") from error
    content = io.BytesIO(read_bytes(path))
    try:
        return cast("Any", scipy.io.loadmat(content))
    except (ValueError, TypeError, NotImplementedError) as error:
        raise DataError(
            f"{path} is no MATLAB file that can be read: {error}\n"
            "mend: save it as version 5 (-v6 or -v7 in MATLAB)"
        ) from error


def _rolled(song: Any) -> Roll:
    """Lay the notes of a song on the grid; each lasts one step at least."""
    ticks = max(1, song.ticks_per_beat) / _STEPS_PER_BEAT
    notes: list[tuple[int, int, int]] = []
    for track in song.tracks:
        time = 0
        sounding: dict[tuple[int, int], int] = {}
        for message in track:
            time += message.time
            if message.type not in ("note_on", "note_off") or message.channel == _DRUMS:
                continue
            key = (message.channel, message.note)
            if key in sounding:
                notes.append((message.note, sounding.pop(key), time))
            if message.type == "note_on" and message.velocity:
                sounding[key] = time
    spans = [
        (note - LOWEST_KEY, start := round(begin / ticks), max(start + 1, round(end / ticks)))
        for note, begin, end in notes
        if 0 <= note - LOWEST_KEY < NUM_KEYS
    ]
    roll = np.zeros((max((stop for _, _, stop in spans), default=0), NUM_KEYS), np.uint8)
    for column, start, stop in spans:
        roll[start:stop, column] = 1
    return roll
