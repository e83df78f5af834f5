"""The likeliest ways in which a text goes on, by a small beam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ostinato.data.units import from_units
from ostinato.runtime.arrays import Array
from ostinato.runtime.language_model import LanguageModel

_FEWEST_ROWS: Final = 8
_MARGIN: Final = 4


@dataclass(frozen=True)
class _Path:
    units: tuple[int, ...]
    log_probability: float


def suggest(model: LanguageModel, prefix: str, k: int, length: int) -> list[dict[str, Any]]:
    """Return the ``k`` likeliest completions that a beam finds: see ``SuggestAnswer``.

    A completion ends after ``length`` units, or where a line ends.

    Args:
        model: that writes.
        prefix: what stands there; empty for the model's own start.
        k: completions.
        length: units of each, at most.

    Raises:
        DataError: the prefix has a character that the model does not know.
    """
    vocabulary = model.vocabulary
    ids = vocabulary.encode(prefix or model.start)
    line_end = vocabulary.symbols.find("\n")
    width = max(k + _MARGIN, _FEWEST_ROWS)
    logits, state = model(ids)
    state = {name: array[:, None] for name, array in state.items()}
    rows, scores = [_Path((), 0.0)], _log_softmax(logits[-1:])
    ended: list[_Path] = []
    for _ in range(length):
        totals = np.array([path.log_probability for path in rows])[:, None] + scores
        best = np.argsort(-totals, axis=None, kind="stable")[:width]
        places = [divmod(int(place), len(vocabulary)) for place in best]
        found = [
            (row, _Path((*rows[row].units, unit), float(totals[row, unit]))) for row, unit in places
        ]
        ended += [path for _, path in found if path.units[-1] == line_end]
        going = [(row, path) for row, path in found if path.units[-1] != line_end]
        rows = [path for _, path in going]
        # No path gains by going on: with k better ones at their end, the others are too late.
        if not rows or _is_decided(ended, rows, k):
            break
        kept = np.array([row for row, _ in going])
        state = {name: array[:, kept] for name, array in state.items()}
        step, state = model.step(np.array([path.units[-1] for path in rows]), state)
        scores = _log_softmax(step)
    else:
        ended += rows
    return _shown(model, prefix, ended, k)


def _is_decided(ended: list[_Path], rows: list[_Path], k: int) -> bool:
    if len(ended) < k:
        return False
    worst = sorted((path.log_probability for path in ended), reverse=True)[k - 1]
    return worst >= max(path.log_probability for path in rows)


def _shown(model: LanguageModel, prefix: str, paths: list[_Path], k: int) -> list[dict[str, Any]]:
    """Return the likeliest texts; paths that read alike are one."""
    vocabulary = model.vocabulary
    units = "".join(vocabulary.symbols[int(i)] for i in vocabulary.encode(prefix or model.start))
    before = from_units(units, vocabulary.unit)
    chances: dict[tuple[str, int], float] = {}
    for path in paths:
        own = "".join(vocabulary.symbols[unit] for unit in path.units)
        whole = from_units(units + own, vocabulary.unit)
        # With jamo, what follows may change the last syllable of the prefix itself.
        num_same = len(_common(before, whole))
        key = whole[num_same:], len(before) - num_same
        chances[key] = chances.get(key, 0.0) + float(np.exp(path.log_probability))
    best = sorted(chances.items(), key=lambda item: -item[1])[:k]
    return [
        {"text": text, "probability": round(chance, 6), "replaces": replaces}
        for (text, replaces), chance in best
    ]


def _common(first: str, second: str) -> str:
    num = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    return first[: min(len(first), len(second))] if num is None else first[:num]


def _log_softmax(logits: Array) -> Array:
    wide: Any = logits.astype(np.float64)
    wide = wide - wide.max(-1, keepdims=True)
    return wide - np.log(np.exp(wide).sum(-1, keepdims=True))
