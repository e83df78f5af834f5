"""Every operation of a graph as a torch function: what other engines are held against."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.equations.graph import NORM_EPSILON

_EXACT_UP_TO = 40.0
"""Beyond it log(1 + exp(a)) equals a in every dtype."""


def _softplus(a: Tensor) -> Tensor:
    return F.softplus(a, threshold=_EXACT_UP_TO)


def _total(a: Tensor) -> Tensor:
    return a.sum(-1, keepdim=True)


def _select(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(condition != 0, a, b)


def _exceeds(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a > b, 1.0, torch.where(a == b, 0.5, 0.0)).to(torch.result_type(a, b))


def _gelu_grad(a: Tensor) -> Tensor:
    cumulative = 0.5 * (1 + torch.erf(a / math.sqrt(2)))
    return cumulative + a * torch.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)


def _layer_norm(a: Tensor) -> Tensor:
    centred = a - a.mean(-1, keepdim=True)
    return centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + NORM_EPSILON)


def _layer_norm_grad(g: Tensor, a: Tensor) -> Tensor:
    centred = a - a.mean(-1, keepdim=True)
    scale = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + NORM_EPSILON)
    unit = centred * scale
    along = (g * unit).mean(-1, keepdim=True)
    return scale * (g - g.mean(-1, keepdim=True) - unit * along)


def _rms_norm(a: Tensor) -> Tensor:
    return a * torch.rsqrt((a * a).mean(-1, keepdim=True) + NORM_EPSILON)


def _rms_norm_grad(g: Tensor, a: Tensor) -> Tensor:
    scale = torch.rsqrt((a * a).mean(-1, keepdim=True) + NORM_EPSILON)
    unit = a * scale
    return scale * (g - unit * (g * unit).mean(-1, keepdim=True))


OPERATIONS: Final[dict[str, Callable[..., Tensor]]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "neg": torch.neg,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": _softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "sign": torch.sign,
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "select": _select,
    "exceeds": _exceeds,
    "gelu_grad": _gelu_grad,
    "layer_norm": _layer_norm,
    "layer_norm_grad": _layer_norm_grad,
    "rms_norm": _rms_norm,
    "rms_norm_grad": _rms_norm_grad,
    "total": _total,
}
