"""How the units of a text are chosen, as a recipe says it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from ostinato.core.checks import check_count
from ostinato.core.errors import OptionError, UnknownNameError

Method = Literal["greedy", "sample", "beam"]

_EVERY_METHOD: Final = ("method", "max_length", "min_length")
METHOD_KEYS: Final = {
    "beam": (*_EVERY_METHOD, "num_best", "beam_size", "length_penalty"),
    "sample": (*_EVERY_METHOD, "num_best", "temperature", "top_k", "top_p", "seed"),
    "greedy": _EVERY_METHOD,
}
"""What is of each method."""

_DRAWN_ONLY: Final = {"temperature": 1.0, "top_k": None, "top_p": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingOptions:
    """How the units are chosen, named as the section ``decoding`` of a recipe.

    Attributes:
        method: ``greedy``, the likeliest unit at every step; ``sample``, drawn; ``beam``, the best
            of several hypotheses that are followed side by side.
        max_length: most steps, the end included.
        min_length: fewest units before the end.
        beam_size: hypotheses of a beam.
        length_penalty: ``score = log P / n^length_penalty``, n the steps with the end: 0 prefers
            short texts, 1 compares the mean of the steps.
        num_best: how many texts are returned for each row; of ``sample``, how many are drawn.
        temperature: of ``sample``: the log-probabilities are divided by it.
        top_k: of ``sample``: draw among this many likeliest units.
        top_p: of ``sample``: draw from the smallest set of units that holds this share.
        seed: of ``sample``.

    Raises:
        OptionError: a value is out of range, or of another method.
    """

    method: Method = "beam"
    max_length: int = 100
    min_length: int = 0
    beam_size: int = 5
    length_penalty: float = 1.0
    num_best: int = 1
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UnknownNameError("decoding.method", self.method, get_args(Method))
        for name in ("max_length", "beam_size", "num_best"):
            check_count(f"decoding.{name}", getattr(self, name))
        if self.top_k is not None:
            check_count("decoding.top_k", self.top_k)
        for name, is_right, expected in (
            ("min_length", 0 <= self.min_length < self.max_length, "0 to max_length - 1"),
            ("length_penalty", 0 <= self.length_penalty < math.inf, "0 or more"),
            ("temperature", 0 < self.temperature < math.inf, "more than 0"),
            ("top_p", 0 < self.top_p <= 1, "more than 0, at most 1"),
            ("seed", 0 <= self.seed < 2**63, "0 to 2**63 - 1"),
        ):
            if not is_right:
                raise OptionError(
                    f"got decoding.{name}={getattr(self, name)}, expected {expected}\n"
                    f"mend: decoding.{name} within that range"
                )
        self._check_method()

    def changed(self, **values: Any) -> DecodingOptions:
        """Return these but for some values; with another method, what is of this one is left out.

        Raises:
            UnknownNameError: there is no such option.
            OptionError: a value is out of range, or of another method.
        """
        own = asdict(self)
        for name in values:
            if name not in own:
                raise UnknownNameError("decoding option", name, list(own))
        method = values.get("method", self.method)
        kept = own if method == self.method else METHOD_KEYS.get(method, ())
        return DecodingOptions(**{name: own[name] for name in kept} | values)

    def _check_method(self) -> None:
        """Refuse what this method does not do."""
        most = {"greedy": 1, "beam": self.beam_size}.get(self.method)
        if most is not None and self.num_best > most:
            raise OptionError(
                f"decoding.method={self.method} finds {most} at most, got "
                f"decoding.num_best={self.num_best}\n"
                f"mend: decoding.num_best={most}, or decoding.method=beam with "
                f"decoding.beam_size={self.num_best}"
            )
        for name, default in _DRAWN_ONLY.items():
            value = getattr(self, name)
            if self.method != "sample" and value != default:
                shown = "null" if default is None else default
                raise OptionError(
                    f"decoding.{name}={value} is of what is drawn, got "
                    f"decoding.method={self.method}\n"
                    f"mend: decoding.method=sample, or decoding.{name}={shown}"
                )
