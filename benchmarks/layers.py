"""Time our layers against torch's own, side by side, and print a table.

    .venv/bin/python benchmarks/layers.py
    .venv/bin/python benchmarks/layers.py --layers GRU --shapes 1x128 64x512 --engine eager

Both layers hold the same weights. A round times one call of each, in turn; shown are the median
time of each and the median over the rounds of the ratio torch / ours, with its quartiles: above 1,
ours is faster. "training" is forward, a sum as loss, and backward to input and weights.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import ostinato as ost

LAYERS = ("RNN", "LSTM", "GRU")


def main() -> None:
    """Read the options, print the machine and one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", nargs="+", default=LAYERS, choices=LAYERS)
    parser.add_argument("--shapes", nargs="+", default=["1x128", "32x256"], metavar="BxH")
    parser.add_argument("--steps", type=int, default=64, metavar="T")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--engine", default="auto", help="ours; see ostinato.Recurrent")
    parser.add_argument("--device", default="cpu", type=torch.device)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64", "bfloat16"])
    options = parser.parse_args()
    dtype: torch.dtype = getattr(torch, options.dtype)

    print(
        f"torch {torch.__version__}, python {platform.python_version()}, {options.device}, "
        f"{torch.get_num_threads()} threads, {options.dtype}, engine {options.engine}, "
        f"{options.rounds} rounds"
    )
    print("layer     B     H    T  what        ours ms  torch ms  torch/ours  (quartiles)")
    for layer in options.layers:
        for shape in options.shapes:
            batch_size, size = (int(part) for part in shape.split("x"))
            theirs: nn.RNNBase = getattr(nn, layer)(size, size)
            ours: ost.Recurrent = getattr(ost, layer)(size, size, engine=options.engine)
            ours.load_state_dict(theirs.state_dict())
            pair = [model.to(options.device, dtype) for model in (ours, theirs)]
            x = torch.randn(options.steps, batch_size, size, dtype=dtype, device=options.device)
            for what, job in (("inference", infer), ("training", train)):
                times = interleaved([partial(job, model, x) for model in pair], options.rounds)
                name = f"{layer:<6}{batch_size:>5}{size:>6}{options.steps:>5}  {what:<10}"
                print(name, *figures(*times))


def infer(model: nn.Module, x: Tensor) -> None:
    """Run once without gradients."""
    with torch.inference_mode():
        model(x)


def train(model: nn.Module, x: Tensor) -> None:
    """Run forward and backward, to the input and to every weight."""
    model.zero_grad()
    model(x.detach().requires_grad_())[0].sum().backward()


def interleaved(jobs: list[Callable[[], None]], num_rounds: int) -> list[list[float]]:
    """Return each job's times in milliseconds, one a round."""
    times: list[list[float]] = [[] for _ in jobs]
    for number in range(num_rounds + 2):
        for job, own in zip(jobs, times, strict=True):
            finish()
            began = time.perf_counter()
            job()
            finish()
            if number >= 2:  # the first calls set up
                own.append(1e3 * (time.perf_counter() - began))
    return times


def finish() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def figures(ours: list[float], theirs: list[float]) -> tuple[str, ...]:
    """Return the columns of a row."""
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return (
        f"{statistics.median(ours):>9.2f}",
        f"{statistics.median(theirs):>9.2f}",
        f"{middle:>11.2f}",
        f" ({low:.2f}–{high:.2f})",
    )


if __name__ == "__main__":
    main()
