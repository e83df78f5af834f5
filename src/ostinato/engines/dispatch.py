"""One registry of engines, one dispatch, and a reason for every choice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ostinato.core.errors import EngineFallback, OptionError, UnknownNameError
from ostinato.engines import eager
from ostinato.equations.program import Program

_missing: str | None = None
try:
    from ostinato.engines.native import engine as native
except ImportError as error:
    native = None
    _missing = f"its C++ part is not built ({error})"


@dataclass(frozen=True)
class Request:
    """What is to be run.

    Attributes:
        program: of one layer and direction.
        dtype: of inputs and weights.
        device: of inputs and weights.
        checkpoint_every: see ``Call``.
    """

    program: Program
    dtype: torch.dtype
    device: torch.device
    checkpoint_every: int = 0


Again = Callable[[Sequence[Tensor], Mapping[str, Tensor], Sequence[Tensor]], Sequence[Tensor]]
"""``(inputs, parameters, initial) -> outputs and final states``, in the program's order."""


def _never(program: Program, call: eager.Call) -> Again | None:  # noqa: ARG001
    return None


@dataclass(frozen=True)
class Engine:
    """A way to run programs.

    Attributes:
        name: as ``engine=`` knows it.
        run: executes a program; differentiable.
        refusal: the reason why a request cannot be run, or None.
        summary: what the engine is for.
        prepare: returns what runs more calls that differ from one in their numbers alone, without
            looking at anything again; None where there is no such way.
        device_type: the device that the engine is the fastest on; None where it is for any.
    """

    name: str
    run: Callable[[Program, eager.Call], eager.Result]
    refusal: Callable[[Request], str | None]
    summary: str
    device_type: str | None = None
    prepare: Callable[[Program, eager.Call], Again | None] = _never


@dataclass(frozen=True)
class Verdict:
    """Whether an engine runs a request, and why."""

    engine: str
    accepted: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.engine}: {'runs it' if self.accepted else 'refused'}, {self.reason}"


def _eager_refusal(request: Request) -> str | None:
    if request.checkpoint_every:
        return "it keeps every step, so checkpoint_every has no meaning there"
    return None


def _native_refusal(request: Request) -> str | None:
    if _missing is not None:
        return _missing
    if request.device.type != "cpu":
        return f"it runs on the CPU, the tensors are on {request.device}"
    if request.dtype not in (torch.float32, torch.float64, torch.bfloat16):
        return f"it takes float32, float64 and bfloat16, the tensors are {request.dtype}"
    if _is_transformed():
        return "a transform of torch.func or forward-mode differentiation is at work"
    return None


def _is_transformed() -> bool:
    # torch has no public question for either.
    functorch: bool = torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownVariableType]
    level: int = torch.autograd.forward_ad._current_level  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType]
    return bool(functorch) or level >= 0  # pyright: ignore[reportUnknownVariableType]


def _native_run(program: Program, call: eager.Call) -> eager.Result:
    assert native is not None
    return native.run(program, call)


def _native_prepare(program: Program, call: eager.Call) -> Again | None:
    assert native is not None
    return native.prepare(program, call)


def is_plain(x: Tensor) -> bool:
    """Whether a call may be run without being looked at: nothing traces, transforms or casts it."""
    return (
        native is not None
        and native.is_plain(x)
        and not torch.is_autocast_enabled("cpu")
        and not _is_transformed()
    )


ENGINES: Final[dict[str, Engine]] = {
    "native": Engine(
        "native",
        _native_run,
        _native_refusal,
        "C++ on the CPU: packed weights, register-blocked products, fused element-wise programs",
        "cpu",
        _native_prepare,
    ),
    "eager": Engine(
        "eager",
        eager.run,
        _eager_refusal,
        "plain torch operations, step by step: any device and dtype",
    ),
}
"""The engines, the preferred ones first."""

_warned: set[tuple[str, str]] = set()


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
        reason = engine.refusal(request)
        if reason is None:
            return engine
        if name == "auto" and engine.device_type == request.device.type:
            _warn_once(engine.name, reason)
    reasons = "\n".join(str(v) for v in verdicts(request))
    raise OptionError(f"engine={name!r} does not run this layer\n{reasons}\nmend: engine='auto'")


def _warn_once(engine: str, reason: str) -> None:
    """Say that a slower engine takes over, once for each reason."""
    if torch.compiler.is_compiling() or (engine, reason) in _warned:
        return
    _warned.add((engine, reason))
    warnings.warn(
        f"the {engine} engine does not run this layer: {reason}\n"
        "a slower engine takes over; ost.explain(layer, x) says which, engine=… asks for one",
        EngineFallback,
        stacklevel=3,
    )
