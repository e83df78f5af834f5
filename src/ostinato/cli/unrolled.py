"""``ostinato train hello``: the network unrolled in time, as lecture slides draw it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ostinato.data.wording import counted
from ostinato.training.events import Evaluated, Event, Noted, Started, Stepped


class UnrolledDisplay:
    """One line an evaluation: what the network spells by now."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._console.file.flush()

    def observe(self, event: Event) -> None:
        """Print the event in a line."""
        match event:
            case Noted():
                self._console.print(event.text)
            case Started():
                self._console.print(
                    f"model: {event.num_parameters:,} parameters, "
                    f"{counted(event.max_steps, 'step')}; "
                    f"run folder: {event.folder}"
                )
            case Evaluated():
                self._console.print(
                    f"step {event.step:>4}  loss {event.scores['loss']:.4f}  spells "
                    f"{event.sample!r}"
                )
            case Stepped():
                pass
            case _:
                self._console.print(f"{event.reason} after {event.seconds:.1f} s")


def show_unrolled(console: Console, folder: Path, text: str) -> None:
    """Print every step of the trained network over ``text``: input, hidden state, softmax, target.

    The rows stand as on a slide: the input below, the output above.
    """
    import torch

    from ostinato.training.session import load_trained

    trained = load_trained(folder)
    symbols = trained.vocabulary.symbols
    order = sorted(range(len(symbols)), key=lambda i: text.index(symbols[i]))
    ids = trained.vocabulary.encode(text)
    with torch.no_grad():
        hidden, probabilities = trained.model.unrolled(torch.as_tensor(ids[:-1]))
    inputs, targets = ids[:-1].tolist(), ids[1:].tolist()

    table = Table(title=f"the network, unrolled over {text!r}", show_header=True)
    table.add_column("")
    for step in range(1, len(inputs) + 1):
        table.add_column(f"t = {step}", justify="right")
    table.add_row("target", *(symbols[i] for i in targets), end_section=True, style="bold")
    for i in order:
        cells = [
            _probability(float(row[i]), is_target=i == target, is_likeliest=int(row.argmax()) == i)
            for row, target in zip(probabilities, targets, strict=True)
        ]
        table.add_row(f"P(next = {symbols[i]})", *cells, end_section=i == order[-1])
    for unit in range(hidden.shape[1]):
        values = [f"{float(value):+.2f}" for value in hidden[:, unit]]
        table.add_row(f"hidden {unit + 1}", *values, end_section=unit == hidden.shape[1] - 1)
    one_hot = ["".join("1" if i == letter else "0" for i in order) for letter in inputs]
    table.add_row("one-hot", *one_hot)
    table.add_row("input", *(symbols[i] for i in inputs), style="bold")
    console.print(table)
    num_right = int((probabilities.argmax(-1) == torch.tensor(targets)).sum())
    console.print(f"◀ marks the target; {num_right} of {len(targets)} letters are the likeliest")


def _probability(value: float, *, is_target: bool, is_likeliest: bool) -> Text:
    mark = " ◀" if is_target else "  "
    style = "green" if is_target and is_likeliest else "red" if is_target or is_likeliest else "dim"
    return Text(f"{value:.3f}{mark}", style=style)
