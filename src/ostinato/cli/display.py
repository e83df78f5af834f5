"""What training shows: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ostinato.cli.screen import printable
from ostinato.data.wording import counted
from ostinato.training.events import Evaluated, Event, Finished, Noted, Started, Stepped

_SECONDS_BETWEEN_LINES = 5.0
_SMOOTHING = 0.9
_POOR = (
    "the model is no better than the unigram, which knows no context: train it for longer "
    "(training.max_minutes, training.max_steps), or on a longer text"
)


class Display(Protocol):
    """Shows the events of a run."""

    def observe(self, event: Event) -> None:
        """Show one event."""
        ...


class _Lines:
    """The lines that both displays print."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started: Started | None = None
        self._smoothed: dict[str, float] = {}
        self._scored = ""

    def observe(self, event: Event) -> None:
        match event:
            case Noted():
                self.console.print(event.text)
            case Started():
                self.started = event
                self.console.print(_headline(event))
            case Evaluated():
                self.console.print(self._evaluated(event))
                self._scored = self._deciding(event)
                if event.sample:
                    text = printable(event.sample).replace("\n", "\n    │ ")
                    self.console.print(f"    │ {text}", style="dim")
            case Finished():
                self.console.print(self._finished(event))
            case Stepped():
                self._smooth(event.scores)

    def _smooth(self, scores: Mapping[str, float]) -> None:
        for name, value in scores.items():
            before = self._smoothed.get(name, value)
            self._smoothed[name] = _SMOOTHING * before + (1 - _SMOOTHING) * value

    def stepped(self, event: Stepped) -> str:
        started = self.started
        if started is None:
            return ""
        name = started.score_name if started.score_name in self._smoothed else "loss"
        scores = {name: self._smoothed[name]} if name in self._smoothed else {}
        sequences = ""
        if event.sequences_per_second:
            sequences = f"{event.sequences_per_second:,.0f} sequences/s  "
        return (
            f"epoch {event.step / started.steps_per_epoch:.1f}  {_listed(scores)}  {self._scored}"
            f"{sequences}{event.items_per_second:,.0f} {started.item_name}/s  "
            f"{clock(event.seconds_left)} left"
        )

    def _deciding(self, event: Evaluated) -> str:
        """Return the last score of what is held out."""
        if self.started is None:
            return ""
        name = self.started.score_name
        return f"{self.started.scored_on} {event.scores[name]:.3f}  "

    def _evaluated(self, event: Evaluated) -> str:
        best = "  (best so far)" if event.is_best else ""
        scored_on = self.started.scored_on if self.started else ""
        # Those of single labels stand in the metrics log.
        scores = {name: score for name, score in event.scores.items() if "/" not in name}
        return f"{self.place(event.step)}  {scored_on}: {_listed(scores)}{best}"

    def place(self, step: int) -> str:
        total = self.started.max_steps if self.started else 0
        return f"step {step:>{len(f'{total:,}')},}/{total:,}"

    def _finished(self, event: Finished) -> str:
        started = self.started
        if started is None:
            return event.reason
        others = "  ".join(f"{name} {score:.3f}" for name, score in started.baselines.items())
        unigram = started.baselines.get("unigram", math.inf)
        is_poor = event.reason != "interrupted" and event.best_score >= unigram > 0
        return (
            f"{event.reason} at step {event.step:,} of {started.max_steps:,} after "
            f"{clock(event.seconds)}\n"
            f"{_words(started.score_name)}, {started.scored_on}: model {event.best_score:.3f} "
            f"(step {event.best_step:,})  {others}" + ("\n" + _POOR if is_poor else "")
        )


class PlainDisplay:
    """One line every few seconds: for files and pipes."""

    def __init__(self, console: Console) -> None:
        self._lines = _Lines(console)
        self._console = console
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._console.file.flush()

    def observe(self, event: Event) -> None:
        """Print the event; of the steps, one every few seconds."""
        self._lines.observe(event)
        if isinstance(event, Stepped):
            now = time.monotonic()
            if event.step == 1 or now - self._printed_at >= _SECONDS_BETWEEN_LINES:
                self._printed_at = now
                self._console.print(
                    f"{self._lines.place(event.step)}  {self._lines.stepped(event)}"
                )
        self._console.file.flush()


class ProgressDisplay:
    """A bar with the figures of the moment; everything else scrolls above it."""

    def __init__(self, console: Console) -> None:
        self._lines = _Lines(console)
        self._progress = Progress(
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def observe(self, event: Event) -> None:
        """Show the event."""
        self._lines.observe(event)
        if isinstance(event, Started):
            self._progress.add_task("", total=event.max_steps, completed=event.step)
        if isinstance(event, Stepped):
            task = self._progress.task_ids[0]
            self._progress.update(
                task, completed=event.step, description=self._lines.stepped(event)
            )


def _headline(event: Started) -> str:
    others = "  ".join(f"{name} {score:.3f}" for name, score in event.baselines.items())
    begun = f", going on from step {event.step:,}" if event.step else ""
    return (
        f"model: {event.num_parameters:,} parameters, {counted(event.max_steps, 'step')}{begun}; "
        f"run folder: {event.folder}\n"
        f"to beat, {_words(event.score_name)}, {event.scored_on}: {others}"
    )


def _listed(scores: Mapping[str, float]) -> str:
    return "  ".join(f"{_words(name)} {value:.3f}" for name, value in scores.items())


def _words(name: str) -> str:
    return name.replace("_", " ")


def clock(seconds: float) -> str:
    """Return minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
