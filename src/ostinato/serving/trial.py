"""Cells that learn a toy problem side by side: `python -m ostinato.serving.trial`.

A process of its own, because it must be stoppable at any moment and must not slow down the texts
that the server writes: it has one thread, and the lowest priority. It reads what to do as JSON from
standard input, and writes an event a line.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ostinato import cells
from ostinato.core.errors import OptionError, OstinatoError
from ostinato.equations import Cell
from ostinato.nn import Recurrent
from ostinato.serving.cells import read_cell
from ostinato.serving.errors import request_error_of
from ostinato.serving.schemas import TrialAsked
from ostinato.serving.toy_problems import BATCH_SIZE, ToyProblem, toy_problem

OWN: Final = "yours"

_TURN_SECONDS: Final = 0.5
_LEARNING_RATE: Final = 3e-3
_CLIP: Final = 1.0
_SOLVED: Final = 0.999
_TEXT_ROWS: Final = 64
_TEXT_STEPS: Final = 400
_MOST_BYTES: Final = 256 << 20

Tell = Callable[[str, dict[str, Any]], None]
Outcome = Literal["time", "solved", "diverged"]


class Network(nn.Module):
    """A recurrent layer and a linear head over the steps that are scored."""

    def __init__(self, cell: Cell, problem: ToyProblem, hidden_size: int) -> None:
        super().__init__()
        self._num_scored = problem.num_scored
        classes = set(cell.dimensions.classes) - {"input_size", "hidden_size", "output_size"}
        has_output = "output_size" in cell.dimensions.classes
        self.recurrent = Recurrent(
            cell,
            problem.input_size,
            hidden_size,
            output_size=hidden_size if has_output else None,
            sizes=dict.fromkeys(classes, hidden_size),
        )
        self.head = nn.Linear(self.recurrent.output_size, problem.num_outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``[T, B, O]`` for the steps that are scored, of inputs ``[T, B, I]``."""
        output, _ = self.recurrent(inputs)
        return self.head(output[-self._num_scored :])


@dataclass
class Learner:
    """One cell.

    Attributes:
        name: of it.
        network: with its weights.
        step: batches that it has learned from.
        seconds: that it has had.
        last: what was last told of it.
        outcome: ``time`` while it goes on, or where the time ended first.
    """

    name: str
    network: Network
    step: int = 0
    seconds: float = 0.0
    last: dict[str, Any] | None = None
    outcome: Outcome = "time"

    def __post_init__(self) -> None:
        self._optimizer = torch.optim.Adam(self.network.parameters(), _LEARNING_RATE)
        self._random = np.random.default_rng(0)

    def turn(self, problem: ToyProblem, seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """Learn for a while, and yield what there is to tell."""
        began = time.perf_counter()
        losses: list[float] = []
        while not losses or time.perf_counter() - began < seconds:
            batch = problem.batch(self._random)
            loss = problem.loss(self.network(batch.inputs), batch.targets)
            self._optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
            self.step += 1
            if not bool(torch.isfinite(norm)) or not bool(torch.isfinite(loss)):
                yield self._diverged()
                return
            self._optimizer.step()
            losses.append(float(loss.detach()))
        self.seconds += time.perf_counter() - began
        with torch.no_grad():
            outputs = self.network(problem.held.inputs)
        if not bool(outputs.isfinite().all()):
            yield self._diverged()
            return
        score = problem.score(outputs, problem.held.targets)
        self.last = {
            "cell": self.name,
            "step": self.step,
            "loss": round(sum(losses) / len(losses), 6),
            "score": round(score, 4),
            "seconds": round(self.seconds, 2),
        }
        yield "point", self.last
        if score >= _SOLVED:
            self.outcome = "solved"
            yield "note", {"text": f"{self.name} solved it after {self.step} steps"}

    def _diverged(self) -> tuple[str, dict[str, Any]]:
        self.outcome = "diverged"
        return "note", {"text": f"{self.name} diverged at step {self.step}"}


def run(asked: TrialAsked, text: str, tell: Tell) -> None:
    """Let cells learn in turns until the time is over.

    Args:
        asked: which cells and problem.
        text: of the problem ``text``.
        tell: is told every event.

    Raises:
        OstinatoError: the cell cannot be used.
    """
    problem = toy_problem(asked.problem, asked.steps, text)
    chosen = {OWN: read_cell(asked), **{name: cells.get(name) for name in asked.beside}}
    learners: list[Learner] = []
    for name, cell in chosen.items():
        check_trainable(cell, problem, asked.hidden_size)
        torch.manual_seed(0)
        learners.append(Learner(name, Network(cell, problem, asked.hidden_size)))
    # What is prepared does not count.
    began = time.perf_counter()
    while going := [each for each in learners if each.outcome == "time"]:
        if _left(asked, began) <= 0:
            break
        for learner in going:
            seconds = min(_TURN_SECONDS, _left(asked, began))
            for name, data in learner.turn(problem, seconds) if seconds > 0 else ():
                tell(name, data)
    tell(
        "done",
        {
            "reason": _reason(learners),
            "seconds": round(time.perf_counter() - began, 2),
            "results": [
                {
                    "cell": each.name,
                    "outcome": each.outcome,
                    "step": each.step,
                    "score": None if each.last is None else each.last["score"],
                    "num_parameters": sum(w.numel() for w in each.network.parameters()),
                }
                for each in learners
            ],
        },
    )


def _reason(learners: list[Learner]) -> Outcome:
    """Say why a trial ended; what diverged is no reason where another cell solved the problem."""
    outcomes = {each.outcome for each in learners}
    if "time" in outcomes:
        return "time"
    return "solved" if "solved" in outcomes else "diverged"


def _left(asked: TrialAsked, began: float) -> float:
    return asked.seconds - (time.perf_counter() - began)


def check_trainable(cell: Cell, problem: ToyProblem, hidden_size: int) -> None:
    """Refuse cells that read several inputs, or would take too much memory.

    Raises:
        OptionError: a cell is such a one.
    """
    if len(cell.inputs) != 1:
        raise OptionError(
            f"the problem has one input, the cell reads {', '.join(cell.inputs) or 'none'}\n"
            "mend: write a cell that reads x"
        )
    given = {label: hidden_size for label in cell.dimensions.classes if label != "input_size"}
    named = {name: given.pop(name, None) for name in ("hidden_size", "output_size")}
    sizes = cell.sizes(problem.input_size, **named, sizes=given)
    num_steps = problem.train.inputs.shape[0]
    needed = cell.analysis.saved_bytes(sizes) * num_steps * BATCH_SIZE
    if needed > _MOST_BYTES:
        raise OptionError(
            f"learning would take {needed / 2**20:,.0f} MiB of memory, at most "
            f"{_MOST_BYTES >> 20} MiB is there for it\n"
            "mend: fewer steps, a smaller hidden_size, or a shorter cell"
        )


def text_of_model(folder: Path) -> str:
    """Return a text that a language model writes: what it learned from is not kept with it."""
    from ostinato import runtime
    from ostinato.runtime.language_model import LanguageModel
    from ostinato.serving.sampling import draw

    model = runtime.load(folder, num_threads=1)
    assert isinstance(model, LanguageModel)
    random = np.random.default_rng(0)
    ids = np.repeat(model.vocabulary.encode(model.start)[:, None], _TEXT_ROWS, 1)
    every, state = model(ids)
    logits, units = every[-1], np.zeros((_TEXT_STEPS, _TEXT_ROWS), np.int64)
    ones = np.ones(_TEXT_ROWS)
    for step in range(_TEXT_STEPS):
        units[step], _ = draw(logits, ones, ones, random.random(_TEXT_ROWS))
        logits, state = model.step(units[step], state)
    return "".join(model.vocabulary.decode(row) for row in units.T)


def _text(folder: str | None) -> str:
    from ostinato.data.standard_library import standard_library_text

    return standard_library_text(50_000) if folder is None else text_of_model(Path(folder))


def _tell(name: str, data: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"event": name, "data": data}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do what standard input says."""
    if hasattr(os, "nice"):
        os.nice(10)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    order = json.loads(sys.stdin.buffer.read())
    asked = TrialAsked.model_validate(order["asked"])
    try:
        run(asked, _text(order["folder"]) if asked.problem == "text" else "", _tell)
    except OstinatoError as error:
        _tell("error", request_error_of(error).content["error"])
    except BrokenPipeError:
        # Nobody listens any more.
        os._exit(0)


if __name__ == "__main__":
    main()
