"""Windows of a series: what is read, and the steps ahead that are to be forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt

from ostinato.data.calendar import CalendarFeature, calendar_table
from ostinato.data.errors import DataError
from ostinato.data.time_series import Numbers, TimeSeries
from ostinato.data.wording import counted

SeriesPart = Literal["train", "dev", "test"]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_TINY = 1e-12


@dataclass(frozen=True)
class Borders:
    """The first row behind each part.

    Attributes:
        train: behind the training part.
        dev: behind the dev part.
        test: behind the test part; what follows is not used.
    """

    train: int
    dev: int
    test: int

    def of(self, part: SeriesPart) -> tuple[int, int]:
        """Return the first row of a part, and the first behind it."""
        ends = (0, self.train, self.dev, self.test)
        place = ("train", "dev", "test").index(part)
        return ends[place], ends[place + 1]

    @classmethod
    def by_share(cls, num: int, dev: float, test: float) -> Self:
        """Deal ``num`` rows by shares, the last ones to the test."""
        tested, held = round(num * test), round(num * dev)
        return cls(num - tested - held, num - tested, num)

    def check(self, num: int) -> None:
        """Refuse borders that are out of order, or behind the series.

        Raises:
            DataError: they are.
        """
        if not 0 < self.train <= self.dev <= self.test:
            raise DataError(
                f"the borders {self.train:,}, {self.dev:,}, {self.test:,} are not in order\n"
                "mend: data.borders=[rows to learn from, + dev, + test], counted from the start"
            )
        if self.test > num:
            raise DataError(
                f"the borders end at row {self.test:,}, but the series has {num:,}\n"
                "mend: data.borders=null, or smaller ones"
            )


@dataclass(frozen=True)
class SeriesScaling:
    """Mean and standard deviation of the training part; a column that never changes has 1.

    Attributes:
        mean: of each column.
        scale: standard deviation of each column.
    """

    mean: Numbers
    scale: Numbers

    @classmethod
    def of(cls, values: Numbers) -> Self:
        """Measure the columns of ``[N, K]``."""
        deviation = values.std(0)
        is_flat = deviation <= _TINY * np.maximum(1.0, np.abs(values).max(0, initial=0.0))
        return cls(values.mean(0), np.where(is_flat, 1.0, deviation))

    def forth(self, values: Numbers) -> Numbers:
        """Return values in standard deviations from the mean."""
        return (values - self.mean) / self.scale

    def back(self, values: npt.NDArray[Any]) -> Numbers:
        """Return what ``forth`` was given; the last dimension is that of the columns."""
        return np.asarray(values, np.float64) * self.scale + self.mean

    def to_json(self) -> dict[str, list[float]]:
        """Return what ``from_json`` reads."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` returned.

        Raises:
            KeyError: something is missing.
        """
        return cls(np.array(data["mean"], np.float64), np.array(data["scale"], np.float64))


@dataclass(frozen=True)
class SeriesPipeline:
    """From a series to the numbers that a network reads; learned from the training part.

    Attributes:
        names: of targets, past and known covariates.
        targets: their scaling.
        past: of the covariates.
        known: of the columns that are known ahead.
        calendar: features of the dates.
    """

    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    targets: SeriesScaling
    past: SeriesScaling
    known: SeriesScaling
    calendar: tuple[CalendarFeature, ...] = ()

    @classmethod
    def learn(cls, series: TimeSeries, num_train: int, calendar: Sequence[CalendarFeature]) -> Self:
        """Measure the first ``num_train`` rows."""
        train = slice(0, num_train)
        return cls(
            series.names,
            SeriesScaling.of(series.targets[train]),
            SeriesScaling.of(series.past[train]),
            SeriesScaling.of(series.known[train]),
            tuple(calendar),
        )

    def apply(self, series: TimeSeries) -> SeriesTable:
        """Return the scaled series.

        Raises:
            DataError: it has other columns, or no dates where the calendar is read.
        """
        if series.names != self.names:
            ours, theirs = (
                ", ".join(name for group in names for name in group)
                for names in (self.names, series.names)
            )
            raise DataError(
                f"the series has the columns {theirs}; the run learned from {ours}\n"
                "mend: give a table with the columns of the run's own"
            )
        known = self.known.forth(series.known)
        if self.calendar:
            if series.times is None:
                raise DataError(
                    "the series has no dates, but the run reads the calendar\n"
                    "mend: give a table with dates"
                )
            known = np.concatenate([known, calendar_table(series.times, self.calendar)], 1)
        return SeriesTable(
            self.targets.forth(series.targets).astype(np.float32),
            self.past.forth(series.past).astype(np.float32),
            known.astype(np.float32),
            series.is_known,
        )

    def known_ahead(self, series: TimeSeries, num: int) -> Floats:
        """Return what is known of the ``num`` moments after a series ``[A, G]``.

        Raises:
            DataError: columns that have to be known ahead are not there for as many moments.
        """
        found = np.zeros((num, 0))
        if self.names[2]:
            if len(series.ahead) < num:
                raise DataError(
                    f"{', '.join(self.names[2])}: known for {counted(len(series.ahead), 'moment')} "
                    f"after the last target, expected {num:,}\n"
                    "mend: add rows at the end that leave the targets empty, or a shorter horizon"
                )
            found = self.known.forth(series.ahead[:num])
        if self.calendar:
            times = series.moments_ahead(num)
            assert times is not None, "apply has seen the dates"
            found = np.concatenate([found, calendar_table(times, self.calendar)], 1)
        return found.astype(np.float32)

    @property
    def num_known(self) -> int:
        """``G``: columns that are known ahead, and numbers of the calendar."""
        one = calendar_table(np.zeros(1, "datetime64[s]"), self.calendar)
        return len(self.names[2]) + one.shape[1]

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        return {
            "names": [list(group) for group in self.names],
            "targets": self.targets.to_json(),
            "past": self.past.to_json(),
            "known": self.known.to_json(),
            "calendar": list(self.calendar),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` returned.

        Raises:
            KeyError: something is missing.
            ValueError: something else is there.
        """
        targets, past, known = (tuple(group) for group in data["names"])
        return cls(
            (targets, past, known),
            SeriesScaling.from_json(data["targets"]),
            SeriesScaling.from_json(data["past"]),
            SeriesScaling.from_json(data["known"]),
            cast("tuple[CalendarFeature, ...]", tuple(data["calendar"])),
        )


@dataclass(frozen=True)
class SeriesTable:
    """A scaled series.

    Attributes:
        targets: float32 ``[N, O]``.
        past: float32 ``[N, P]``.
        known: float32 ``[N, G]``, the calendar behind the columns.
        is_known: bool ``[N, O]``, whether a target was there.
    """

    targets: Floats
    past: Floats
    known: Floats
    is_known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ForecastBatch:
    """Windows side by side, time first.

    Attributes:
        values: float32 ``[T, B, O]``, the targets up to now.
        past: float32 ``[T, B, P]``.
        known: float32 ``[A, B, G]``, of the steps ahead.
        targets: float32 ``[A, B, O]``; None where they are to come.
        is_known: bool ``[A, B, O]``; None where they are to come.
        rows: int64 ``[B]``, the row of the series that the first step ahead is.
    """

    values: Floats
    past: Floats
    known: Floats
    targets: Floats | None
    is_known: npt.NDArray[np.bool_] | None
    rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def num_targets(self) -> int:
        """Numbers that are forecast and known."""
        return 0 if self.is_known is None else int(self.is_known.sum())

    @property
    def num_items(self) -> int:
        """Steps that are read or forecast."""
        num_steps = len(self.values) + len(self.known)
        return num_steps * self.values.shape[1]

    @property
    def is_empty(self) -> bool:
        """Whether there are no windows."""
        return not self.values.shape[1]

    @property
    def num_sequences(self) -> int:
        """Windows side by side."""
        return self.values.shape[1]

    def share(self, index: int, num: int) -> ForecastBatch:
        """Return the windows of process ``index`` of ``num``."""
        each = slice(index, None, num)
        return replace(
            self,
            values=self.values[:, each],
            past=self.past[:, each],
            known=self.known[:, each],
            targets=None if self.targets is None else self.targets[:, each],
            is_known=None if self.is_known is None else self.is_known[:, each],
            rows=self.rows[each],
        )


@dataclass(frozen=True)
class ForecastWindows:
    """All windows of a series.

    A window may begin in the part before its own; what it forecasts lies in its own part alone.

    Attributes:
        table: the scaled series.
        context: steps that are read.
        horizon: steps that are forecast.
    """

    table: SeriesTable
    context: int
    horizon: int

    def origins(self, part: SeriesPart, borders: Borders, stride: int = 1) -> Rows:
        """Return the first forecast row of every window of a part.

        Raises:
            DataError: the part is too short for one.
        """
        begin, end = borders.of(part)
        first = max(begin, self.context)
        found = np.arange(first, end - self.horizon + 1, stride, dtype=np.int64)
        if not len(found):
            rows = f", rows {begin:,} to {end - 1:,}" if end > begin else ""
            raise DataError(
                f"the {part} part has {counted(end - begin, 'row')}{rows}: no window of "
                f"data.context={self.context} steps and data.horizon={self.horizon} "
                f"steps ahead fits{'' if begin else ' into it'}\n"
                "mend: a shorter data.horizon or data.context, or a longer part"
            )
        return found

    def batch(self, origins: Rows) -> ForecastBatch:
        """Return windows side by side.

        Args:
            origins: the first forecast row of each.
        """
        table = self.table
        before = origins + np.arange(-self.context, 0)[:, None]
        ahead = origins + np.arange(self.horizon)[:, None]
        return ForecastBatch(
            table.targets[before],
            table.past[before],
            table.known[ahead],
            table.targets[ahead],
            table.is_known[ahead],
            origins,
        )
