"""Everything about a layer but its weights, as data that goes into a file and comes back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

from ostinato.core.errors import EquationHint, ModelFileError, OstinatoError
from ostinato.equations.cell import Cell, parameter_shape
from ostinato.equations.graph import BROADCAST
from ostinato.equations.rewrites import Options, transform

FORMAT: Final = 1
"""Raised with every change that an older reader would read wrongly."""

DTYPES: Final = ("float16", "bfloat16", "float32", "float64")

_T = TypeVar("_T")


def place_suffix(layer: int, direction: int) -> str:
    """Return torch's suffix of the parameters of a layer and direction."""
    return f"_l{layer}{'_reverse' if direction else ''}"


@dataclass(frozen=True)
class LayerDescription:
    """A layer without its weights.

    Attributes:
        cell: its equations.
        options: those that hold for every call.
        sizes: dimension class to size, for each layer.
        num_directions: D.
        batch_first: streams are ``[B, T, I]``.
        return_all_states: a call returns the states at every step.
        dtype: of the weights.
    """

    cell: Cell
    options: Options
    sizes: tuple[Mapping[str, int], ...]
    num_directions: int
    batch_first: bool
    return_all_states: bool
    dtype: str

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all weights by name, such as ``W_l0_reverse``."""
        parameters = transform(self.cell.graph, self.options).parameters
        return {
            f"{p.name}{place_suffix(layer, direction)}": parameter_shape(p, sizes)
            for layer, sizes in enumerate(self.sizes)
            for direction in range(self.num_directions)
            for p in parameters
        }

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        options = self.options
        return {
            "format": FORMAT,
            "cell": {"name": self.cell.name, "text": self.cell.to_text()},
            "options": {
                "without": list(options.without),
                "learn_initial_state": options.learn_initial_state,
                "layer_norm": options.layer_norm,
                "recurrent_dropout": options.recurrent_dropout,
                "zoneout": dict(options.zoneout),
            },
            "sizes": [dict(sizes) for sizes in self.sizes],
            "num_directions": self.num_directions,
            "batch_first": self.batch_first,
            "return_all_states": self.return_all_states,
            "dtype": self.dtype,
        }

    @classmethod
    def from_json(cls, data: object) -> LayerDescription:
        """Read what ``to_json`` wrote.

        Raises:
            ModelFileError: it is damaged, or of another version.
        """
        found = _Reader(data)
        version = found.get("format", int)
        if version != FORMAT:
            raise ModelFileError(
                f"got a layer in format {version}, expected format {FORMAT}\n"
                "mend: read it with the version of ostinato that wrote it, or save it again"
            )
        cell, options = found.inner("cell"), found.inner("options")
        zoneout = options.inner("zoneout")
        try:
            description = cls(
                _quiet_cell(cell.get("text", str), cell.get("name", str, type(None))),
                Options(
                    without=tuple(options.each("without", str)),
                    learn_initial_state=options.get("learn_initial_state", bool),
                    layer_norm=options.get("layer_norm", bool),
                    recurrent_dropout=float(options.get("recurrent_dropout", float, int)),
                    zoneout=tuple((n, float(zoneout.get(n, float, int))) for n in zoneout.data),
                ),
                tuple(_sizes(sizes) for sizes in found.each("sizes", dict)),
                found.get("num_directions", int),
                found.get("batch_first", bool),
                found.get("return_all_states", bool),
                found.get("dtype", str),
            )
            description._check()
        except ModelFileError:
            raise
        except OstinatoError as error:
            raise ModelFileError(f"its cell cannot be compiled: {error}") from error
        return description

    def _check(self) -> None:
        """Refuse what no layer describes; the options are tried on the cell."""
        graph = transform(self.cell.graph, replace(self.options, lengths=True, resets=True))
        dims = {v.dim for v in (*graph.values, *graph.inputs)} - {BROADCAST}
        dims |= {piece for p in graph.parameters for piece in p.pieces}
        _, output = self.cell.graph.outputs[0]
        first = self.cell.graph.inputs[0].dim
        width = None
        _expect(self.num_directions in (1, 2), "num_directions", "1 or 2")
        _expect(bool(self.sizes), "sizes", "those of at least one layer")
        _expect(self.dtype in DTYPES, "dtype", f"one of {', '.join(DTYPES)}")
        for sizes in self.sizes:
            missing = dims - sizes.keys()
            _expect(not missing, "sizes", f"a number for {', '.join(sorted(missing))}")
            fits = width in (None, sizes[first])
            _expect(fits, "sizes", "the output of each layer to fit the one above")
            fits = all(sizes[s.dim] == self.sizes[0][s.dim] for s in graph.states)
            _expect(fits, "sizes", "states of one size in all layers")
            width = self.num_directions * sizes[self.cell.graph.values[output].dim]


class _Reader:
    """A JSON object whose entries must be there and of their kind."""

    def __init__(self, data: object, what: str = "description") -> None:
        _expect(isinstance(data, dict), what, "an object")
        self.data = cast("dict[str, Any]", data)

    def get(self, key: str, *kinds: Callable[..., _T]) -> _T:
        """Return a value of one of some kinds."""
        value = self.data.get(key)
        # `isinstance` would take True for a number.
        named = " or ".join(cast("type", kind).__name__ for kind in kinds)
        _expect(key in self.data and type(value) in kinds, key, named)
        return cast("_T", value)

    def inner(self, key: str) -> _Reader:
        """Return an object within."""
        return _Reader(self.data.get(key), key)

    def each(self, key: str, kind: type) -> list[Any]:
        """Return a list of values of one kind."""
        values = cast("list[Any]", self.data.get(key))
        fits = type(values) is list and all(type(v) is kind for v in values)
        _expect(fits, key, f"a list of {kind.__name__}")
        return values


def _sizes(data: Mapping[str, Any]) -> dict[str, int]:
    for name, size in data.items():
        _expect(type(size) is int and size > 0, f"sizes.{name}", "1 or more")
    return dict(data)


def _expect(fits: bool, key: str, expected: str) -> None:
    if not fits:
        raise ModelFileError(
            f"its description is damaged: `{key}`: expected {expected}\nmend: save the layer again"
        )


def _quiet_cell(text: str, name: str | None) -> Cell:
    """Return a cell without the hints, which its author has seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EquationHint)
        return Cell(text, name=name)
