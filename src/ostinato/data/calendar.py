"""What is known of any moment ahead: its hour, its day, its season of the year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError
from ostinato.data.dates import Step, Times

CalendarFeature = Literal["hour", "weekday", "weekend", "month_day", "year_day"]

# Of each feature: its period in days, and the longest step at which it says something.
_PERIODS: Final = {"hour": 1.0, "weekday": 7.0, "month_day": 30.44, "year_day": 365.25}
_DAY: Final = 86_400
_CYCLES: Final = 2


def usual_features(step: Step, num_steps: int) -> tuple[CalendarFeature, ...]:
    """Return the features that a step leaves room for, and of which training saw two cycles.

    Args:
        step: between two moments.
        num_steps: of the training part: what it saw once cannot be told from a trend.
    """
    days = num_steps * step.seconds / _DAY
    found: list[CalendarFeature] = []
    if step.seconds < _DAY and days >= _CYCLES * _PERIODS["hour"]:
        found.append("hour")
    if step.seconds <= _DAY and days >= _CYCLES * _PERIODS["weekday"]:
        found.append("weekday")
        if step.unit != "business day":
            found.append("weekend")
    if step.seconds < _CYCLES * 150 * _DAY and days >= _CYCLES * _PERIODS["year_day"]:
        found.append("year_day")
    return tuple(found)


def calendar_table(times: Times, features: Sequence[CalendarFeature]) -> npt.NDArray[np.float64]:
    """Return the features of moments ``[N, G]``: sine and cosine of a place in a cycle, or 0 and 1.

    Args:
        times: the moments.
        features: which.
    """
    columns: list[npt.NDArray[np.float64]] = []
    for feature in features:
        columns += _columns(times, feature)
    return np.stack(columns, 1) if columns else np.zeros((len(times), 0))


def check_features(times: Times | None, features: Sequence[str]) -> None:
    """Refuse features of the calendar where there are no dates.

    Raises:
        OptionError: there are none.
    """
    if features and times is None:
        raise OptionError(
            f"data.calendar has {features[0]}, but the series has no dates\n"
            "mend: data.time=COLUMN, or data.calendar=[]"
        )


def _columns(times: Times, feature: CalendarFeature) -> list[npt.NDArray[np.float64]]:
    days = times.astype("datetime64[D]")
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    match feature:
        case "hour":
            place = (times - days).astype("timedelta64[s]").astype(np.int64) / _DAY
        case "weekday":
            place = weekday / 7
        case "weekend":
            return [(weekday >= 5).astype(np.float64)]
        case "month_day":
            months = times.astype("datetime64[M]")
            length = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
            place = (days - months.astype("datetime64[D]")) / length
        case "year_day":
            years = times.astype("datetime64[Y]")
            length = (years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")
            place = (days - years.astype("datetime64[D]")) / length
    angle = 2 * np.pi * np.asarray(place, np.float64)
    return [np.sin(angle), np.cos(angle)]
