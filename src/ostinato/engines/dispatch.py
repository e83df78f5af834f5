"""One registry of engines, one dispatch, and a reason for every choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.engines import eager
from ostinato.equations.program import Program


@dataclass(frozen=True)
class Request:
    """What is to be run.

    Attributes:
        program: of one layer and direction.
        dtype: of inputs and weights.
        device: of inputs and weights.
    """

    program: Program
    dtype: torch.dtype
    device: torch.device


@dataclass(frozen=True)
class Engine:
    """A way to run programs.

    Attributes:
        name: as ``engine=`` knows it.
        run: executes a program; differentiable.
        refusal: the reason why a request cannot be run, or None.
        summary: what the engine is for.
    """

    name: str
    run: Callable[[Program, eager.Call], eager.Result]
    refusal: Callable[[Request], str | None]
    summary: str


@dataclass(frozen=True)
class Verdict:
    """Whether an engine runs a request, and why."""

    engine: str
    accepted: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.engine}: {'runs it' if self.accepted else 'refused'}, {self.reason}"


def _never(_: Request) -> str | None:
    return None


ENGINES: Final[dict[str, Engine]] = {
    "eager": Engine(
        "eager", eager.run, _never, "plain torch operations, step by step: any device and dtype"
    )
}
"""The engines, the preferred ones first."""


def verdicts(request: Request) -> tuple[Verdict, ...]:
    """Ask every engine about a request, in the order of preference."""
    found: list[Verdict] = []
    for engine in ENGINES.values():
        reason = engine.refusal(request)
        found.append(Verdict(engine.name, reason is None, reason or engine.summary))
    return tuple(found)


def check_engine(name: str) -> None:
    """Refuse a name that no engine has.

    Raises:
        UnknownNameError: the message lists the engines.
    """
    if name != "auto" and name not in ENGINES:
        raise UnknownNameError("engine", name, ["auto", *ENGINES])


def choose(name: str, request: Request) -> Engine:
    """Return the engine called ``name``, or with ``auto`` the first that accepts the request.

    Raises:
        UnknownNameError: no engine has this name.
        OptionError: the named engine, or every engine, refuses; the message gives the reasons.
    """
    check_engine(name)
    for engine in ENGINES.values() if name == "auto" else (ENGINES[name],):
        if engine.refusal(request) is None:
            return engine
    reasons = "\n".join(str(v) for v in verdicts(request))
    raise OptionError(f"engine={name!r} does not run this layer\n{reasons}\nmend: engine='auto'")
