"""Derives the polynomials of ``csrc/functions.h`` and prints them as they stand there.

    python tools/polynomials.py

Each is the polynomial P of its degree that makes max |w (P - F)| on its interval least (Remez's
exchange; W. Fraser, "A survey of methods of computing minimax and near-minimax polynomial
approximations", JACM 12, 1965). The weight w makes that the error of the function that P serves,
relative to its value. The coefficients are then rounded to the precision they are used in, and the
error that is printed is measured after that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from mpmath import mp, mpf

Function = Callable[[Any], Any]

PRECISION: Final = 160  # bits: far beyond the 53 of the coefficients
POINTS_PER_EXTREMUM: Final = 16


@dataclass(frozen=True)
class Fit:
    """P(x) = c[0] + c[1] x + ... for F(x) on [first, last], with the weight w(x)."""

    name: str
    what: str
    degree: dict[str, int]
    interval: Callable[[str], tuple[Any, Any]]
    function: Function
    weight: Function
    constants: Callable[[str], dict[str, Any]] = lambda _: {}


def _near_zero(function: Function, series: Function) -> Function:
    """`function`, but `series` where |x| is so small that `function` would cancel."""
    return lambda x: series(x) if abs(x) < mpf(2) ** -40 else function(x)


def _mills(t: Any) -> Any:
    """exp(t^2 / 2) times the normal distribution's tail beyond t."""
    return mp.exp(t * t / 2) * mp.erfc(t / mp.sqrt(2)) / 2


TAIL_SCALE: Final = 4
TAIL_LAST: Final = {"float": 15, "double": 40}


def _tail_middle(kind: str) -> Any:
    return mpf(round(128 * (1 + mpf(TAIL_SCALE) / (TAIL_LAST[kind] + TAIL_SCALE)) / 2)) / 128


def _tail(kind: str) -> Fit:
    """Maps t to u = 4 / (t + 4): the interval becomes short; x = u - its middle."""
    middle = _tail_middle(kind)
    first = mpf(TAIL_SCALE) / (TAIL_LAST[kind] + TAIL_SCALE)

    def function(x: Any) -> Any:
        u = x + middle
        return _mills(TAIL_SCALE / u - TAIL_SCALE) / u

    return Fit(
        "Tail",
        "normal_tail(t) = exp(-t^2 / 2) u P(x), x = u - middle, u = 4 / (t + 4)",
        {"float": 10, "double": 24},
        lambda _: (first - middle, 1 - middle),
        function,
        lambda x: 1 / function(x),
        lambda _: {"TailMiddle": middle},
    )


def fits(kind: str) -> list[Fit]:
    """Every polynomial that `kind` ("float" or "double") uses."""
    found = [
        Fit(
            "Exp",
            "exp(x) = 1 + x + x^2 P(x)",
            {"float": 4, "double": 10},
            lambda _: (-mp.log(2) / 2, mp.log(2) / 2),
            _near_zero(lambda x: (mp.expm1(x) - x) / x**2, lambda x: mpf(1) / 2 + x / 6),
            _near_zero(lambda x: abs(x**2 / mp.expm1(x)), abs),
        )
    ]
    if kind == "float":
        found.append(
            Fit(
                "Log",
                "log(1 + x) = x - x^2 / 2 + x^3 P(x)",
                {"float": 8},
                lambda _: (1 / mp.sqrt(2) - 1, mpf(1) / 2),
                _near_zero(
                    lambda x: (mp.log1p(x) - x + x**2 / 2) / x**3, lambda x: mpf(1) / 3 - x / 4
                ),
                _near_zero(lambda x: abs(x**3 / mp.log1p(x)), lambda x: x**2),
            )
        )
    else:
        found.append(
            Fit(
                "Log",
                "log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2",
                {"double": 7},
                lambda _: (mpf(0), mpf(1) / 25),
                _near_zero(
                    lambda x: 2 * (mp.atanh(mp.sqrt(x)) / mp.sqrt(x) - 1) / x,
                    lambda x: mpf(2) / 3 + 2 * x / 5,
                ),
                lambda x: x / 2,
            )
        )
    found.append(_tail(kind))
    return found


def _solve(fit: Fit, degree: int, reference: list[Any]) -> tuple[list[Any], Any]:
    """P and h with w (P - F) = h, -h, h, ... at the degree + 2 points of the reference."""
    count = degree + 2
    matrix, values = mp.matrix(count, count), mp.matrix(count, 1)
    for row, x in enumerate(reference):
        for power in range(degree + 1):
            matrix[row, power] = x**power
        matrix[row, degree + 1] = (-1) ** row / fit.weight(x)
        values[row] = fit.function(x)
    solution = list(mp.lu_solve(matrix, values))
    return solution[:-1], abs(solution[-1])


def _alternation(points: list[Any], errors: list[Any], count: int) -> list[Any]:
    """`count` points where the error is extremal, with signs in turn."""
    extrema: list[int] = []
    for k, error in enumerate(errors):
        if extrema and (errors[extrema[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[extrema[-1]]):
                extrema[-1] = k
        else:
            extrema.append(k)
    while len(extrema) > count:
        extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
    assert len(extrema) == count, "the error does not alternate: a weight or a function is wrong"
    return [points[k] for k in extrema]


def minimax(fit: Fit, kind: str) -> list[Any]:
    """The coefficients of the best P, before they are rounded."""
    degree = fit.degree[kind]
    first, last = fit.interval(kind)
    num_points = POINTS_PER_EXTREMUM * (degree + 2)

    def chebyshev(count: int) -> list[Any]:
        half = (last - first) / 2
        return [first + half * (1 - mp.cos(mp.pi * k / (count - 1))) for k in range(count)]

    # Where the weight is 0 no extremum can be, and the equations divide by it.
    points = [x for x in chebyshev(num_points) if fit.weight(x) != 0]
    weights, values = [fit.weight(x) for x in points], [fit.function(x) for x in points]
    ends = chebyshev(degree + 2)
    reference = [min(points, key=lambda p, x=x: abs(p - x)) for x in ends]
    for _ in range(30):
        coefficients, level = _solve(fit, degree, reference)
        errors = [
            w * (mp.polyval(coefficients[::-1], x) - f)
            for x, w, f in zip(points, weights, values, strict=True)
        ]
        if max(map(abs, errors)) <= level * (1 + mpf(2) ** -20):
            return coefficients
        reference = _alternation(points, errors, degree + 2)
    raise AssertionError(f"{fit.name}: the exchange does not settle")


def rounded(coefficients: list[Any], kind: str) -> list[Any]:
    """As numbers of the precision they are used in."""
    to = np.float32 if kind == "float" else np.float64
    # float(mpf) rounds to nearest; its 53 bits make a second rounding to 24 bits harmless.
    return [to(float(c)) for c in coefficients]


def error(fit: Fit, kind: str, coefficients: list[Any]) -> Any:
    """The largest |w (P - F)| on the interval."""
    first, last = fit.interval(kind)
    exact = [mpf(float(c)) for c in coefficients][::-1]
    count = 40 * len(exact)
    grid = [first + (last - first) * k / count for k in range(count + 1)]
    return max(abs(fit.weight(x) * (mp.polyval(exact, x) - fit.function(x))) for x in grid)


def as_code(fit: Fit, kind: str) -> str:
    """The lines of ``csrc/functions.h``."""
    coefficients = rounded(minimax(fit, kind), kind)
    first, last = fit.interval(kind)
    bits = mp.nstr(mp.log(error(fit, kind, coefficients), 2), 4)
    suffix = "f" if kind == "float" else ""
    numbers = [f"{c!s}{suffix}" for c in coefficients]
    lines = [
        f"// {fit.what}",
        f"// for x in [{mp.nstr(first, 5)}, {mp.nstr(last, 5)}]; relative error 2^{bits}",
        f"constexpr {kind} k{fit.name}{kind.capitalize()}[] = {{",
    ]
    lines += [f"    {', '.join(numbers[k : k + 3])}," for k in range(0, len(numbers), 3)]
    lines[-1] = lines[-1][:-1] + "};"
    for name, value in fit.constants(kind).items():
        lines.append(f"constexpr {kind} k{name}{kind.capitalize()} = {float(value)}{suffix};")
    return "\n".join(lines)


def blocks() -> list[str]:
    """The code of every polynomial."""
    with mp.workprec(PRECISION):
        return [as_code(fit, kind) for kind in ("float", "double") for fit in fits(kind)]


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(blocks()) + "\n")
