"""The events of a run as plain lines: for programs and notebooks."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ostinato.training.events import Evaluated, Event, Finished, Noted, Started, Stepped

_SECONDS_BETWEEN_LINES = 5.0


class PrintedLines:
    """Prints what happens; of the steps, a line every few seconds."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._printed_at = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Noted():
                print(event.text)
            case Started():
                self._started = event
                naive = _listed(event.baselines)
                print(
                    f"{event.num_parameters:,} weights" + (f"; to beat: {naive}" if naive else "")
                )
            case Stepped():
                if time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES:
                    self._print(
                        event.step, f"{_listed(event.scores)}  {event.seconds_left:.0f} s left"
                    )
            case Evaluated():
                scored_on = self._started.scored_on if self._started else ""
                best = "  (best so far)" if event.is_best else ""
                self._print(event.step, f"{scored_on}: {_listed(event.scores)}{best}")
            case Finished():
                print(f"{event.reason} at step {event.step:,} after {event.seconds:.0f} s")

    def _print(self, step: int, text: str) -> None:
        self._printed_at = time.monotonic()
        total = self._started.max_steps if self._started else 0
        print(f"step {step:,}/{total:,}  {text}", flush=True)


def _listed(scores: Mapping[str, float]) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in scores.items())
