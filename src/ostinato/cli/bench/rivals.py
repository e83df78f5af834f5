"""Who our layers are measured against."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ostinato.cli.bench import jax_rival, onnx_rival
from ostinato.cli.bench.contest import Contestant, Problem, make_layer, module, own_layer
from ostinato.core.errors import OptionError

TORCH_LAYERS: Final[dict[str, type[nn.LSTM | nn.GRU | nn.RNN]]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "elman": nn.RNN,
}


@dataclass(frozen=True)
class Rival:
    """Somebody else's way to run a cell.

    Attributes:
        enter: makes the job for a problem.
        refusal: why it does not run a problem, or None.
        packages: what has to be installed.
        install: the arguments of ``pip install`` that bring them.
    """

    enter: Callable[[Problem], Contestant]
    refusal: Callable[[Problem], str | None]
    packages: tuple[str, ...] = ()
    install: str = ""


def _torch(problem: Problem) -> Contestant:
    """``torch.nn``, with ours' weights; ragged rows go through a PackedSequence and back."""
    layer: Any = TORCH_LAYERS[problem.cell](
        problem.row.size, problem.row.size, dtype=problem.x.dtype
    )
    layer.load_state_dict(problem.layer.state_dict())

    def forward(x: Tensor) -> tuple[Tensor, Any]:
        if problem.lengths is None:
            return layer(x, problem.state)
        packed = pack_padded_sequence(x, problem.lengths, enforce_sorted=False)
        output, states = layer(packed)
        return pad_packed_sequence(output, total_length=problem.row.num_steps)[0], states

    return module(problem, layer, forward)


def _eager(problem: Problem) -> Contestant:
    layer = make_layer(problem.cell, problem.row.size, "eager", problem.x.dtype)
    layer.load_state_dict(problem.layer.state_dict())
    return own_layer(problem, layer)


def _unknown_cell(problem: Problem) -> str | None:
    return None if problem.cell in TORCH_LAYERS else f"has no {problem.cell}"


def _not_for_onnx(problem: Problem) -> str | None:
    if problem.mode == "training":
        return "does not train"
    if problem.x.dtype != torch.float32:
        return "runs these layers in float32 only"
    return _unknown_cell(problem)


RIVALS: Final[dict[str, Rival]] = {
    "torch": Rival(_torch, _unknown_cell),
    "onnxruntime": Rival(
        onnx_rival.enter, _not_for_onnx, ("onnx", "onnxruntime"), "'ostinato[export]'"
    ),
    "eager": Rival(_eager, lambda _: None),
    "jax": Rival(jax_rival.enter, _unknown_cell, ("jax",), "jax"),
}


def missing_package(name: str) -> str | None:
    """Return a package that a rival needs and that is not installed."""
    packages = RIVALS[name].packages
    return next((p for p in packages if importlib.util.find_spec(p) is None), None)


def check_installed(name: str) -> None:
    """Refuse a rival whose package is not there.

    Raises:
        OptionError: the message names the package.
    """
    package = missing_package(name)
    if package is not None:
        raise OptionError(
            f"--against {name}: the package {package} is not installed\n"
            f"mend: pip install {RIVALS[name].install}"
        )


def default_rivals(cell: str) -> tuple[str, ...]:
    """Return torch, or the reference engine for a cell that torch does not have."""
    return ("torch",) if cell in TORCH_LAYERS else ("eager",)
