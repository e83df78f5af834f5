"""The derivative of every operation: one rule each, as operations of the same graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from ostinato.equations.graph import Builder

Rule: TypeAlias = Callable[[Builder, int, int, tuple[int, ...]], tuple[int | None, ...]]
"""``(builder, g, v, args) -> gradients of args``, where ``v = op(*args)`` and g is its gradient."""


def _sigmoid(b: Builder, g: int, v: int, _: tuple[int, ...]) -> tuple[int | None, ...]:
    return (b.apply("mul", g, b.apply("mul", v, b.apply("sub", b.constant(1), v))),)


def _tanh(b: Builder, g: int, v: int, _: tuple[int, ...]) -> tuple[int | None, ...]:
    return (b.apply("mul", g, b.apply("sub", b.constant(1), b.apply("mul", v, v))),)


def _softplus(b: Builder, g: int, v: int, _: tuple[int, ...]) -> tuple[int | None, ...]:
    """sigmoid(a) = 1 - exp(-softplus(a)), so that v alone need be kept."""
    decay = b.apply("exp", b.apply("neg", v))
    return (b.apply("mul", g, b.apply("sub", b.constant(1), decay)),)


def _silu(b: Builder, g: int, _: int, args: tuple[int, ...]) -> tuple[int | None, ...]:
    s = b.apply("sigmoid", args[0])
    slope = b.apply("mul", args[0], b.apply("sub", b.constant(1), s))
    return (b.apply("mul", g, b.apply("mul", s, b.apply("add", b.constant(1), slope))),)


def _div(b: Builder, g: int, v: int, args: tuple[int, ...]) -> tuple[int | None, ...]:
    quotient = b.apply("div", g, args[1])
    return quotient, b.apply("neg", b.apply("mul", quotient, v))


def _pow(b: Builder, g: int, v: int, args: tuple[int, ...]) -> tuple[int | None, ...]:
    base, exponent = args
    lower = b.apply("pow", base, b.apply("sub", exponent, b.constant(1)))
    d_base = b.apply("mul", g, b.apply("mul", exponent, lower))
    if b.number(exponent) is not None:
        return d_base, None
    return d_base, b.apply("mul", g, b.apply("mul", v, b.apply("log", base)))


def _sqrt(b: Builder, g: int, v: int, _: tuple[int, ...]) -> tuple[int | None, ...]:
    return (b.apply("div", b.apply("mul", g, b.constant(0.5)), v),)


def _minimum(b: Builder, g: int, _: int, args: tuple[int, ...]) -> tuple[int | None, ...]:
    a, c = args
    first = b.apply("mul", g, b.apply("exceeds", c, a))
    return first, b.apply("mul", g, b.apply("exceeds", a, c))


def _maximum(b: Builder, g: int, _: int, args: tuple[int, ...]) -> tuple[int | None, ...]:
    a, c = args
    first = b.apply("mul", g, b.apply("exceeds", a, c))
    return first, b.apply("mul", g, b.apply("exceeds", c, a))


def _select(b: Builder, g: int, _: int, args: tuple[int, ...]) -> tuple[int | None, ...]:
    zero = b.constant(0)
    return None, b.apply("select", args[0], g, zero), b.apply("select", args[0], zero, g)


RULES: Final[dict[str, Rule]] = {
    "add": lambda b, g, v, a: (g, g),
    "sub": lambda b, g, v, a: (g, b.apply("neg", g)),
    "neg": lambda b, g, v, a: (b.apply("neg", g),),
    "mul": lambda b, g, v, a: (b.apply("mul", g, a[1]), b.apply("mul", g, a[0])),
    "div": _div,
    "pow": _pow,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": lambda b, g, v, a: (b.apply("mul", g, b.apply("sign", v)),),
    "softplus": _softplus,
    "silu": _silu,
    "gelu": lambda b, g, v, a: (b.apply("mul", g, b.apply("gelu_grad", a[0])),),
    "exp": lambda b, g, v, a: (b.apply("mul", g, v),),
    "log": lambda b, g, v, a: (b.apply("div", g, a[0]),),
    "sqrt": _sqrt,
    "abs": lambda b, g, v, a: (b.apply("mul", g, b.apply("sign", a[0])),),
    "minimum": _minimum,
    "maximum": _maximum,
    "select": _select,
    "layer_norm": lambda b, g, v, a: (b.apply("layer_norm_grad", g, a[0]),),
    "rms_norm": lambda b, g, v, a: (b.apply("rms_norm_grad", g, a[0]),),
}
"""Operations without a rule (leaves, ``exceeds``) pass none; ``adjoint`` has that of products."""
