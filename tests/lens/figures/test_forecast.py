"""The fan of a forecast: what it draws, and what it says to those who cannot see it."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.lens.figures.forecast import forecast_figure
from ostinato.lens.figures.theme import description_of, reading_of, title_of
from ostinato.training.forecasting import Forecast

HISTORY = np.arange(20.0).reshape(10, 2)


def forecast(*, dates: bool = True, levels: int = 3, paths: int = 2, targets: int = 2) -> Forecast:
    times = np.datetime64("2020-01-01", "s") + np.arange(13) * np.timedelta64(1, "D")
    history = np.tile(HISTORY, (1, targets))[:, :targets]
    quantiles = 20.0 + np.arange(levels) * np.ones((3, targets, 1))
    return Forecast(
        tuple("yzabcdefghij"[:targets]),
        np.full((3, targets), 21.0),
        times[10:] if dates else None,
        tuple(np.linspace(0.1, 0.9, levels)),
        quantiles,
        np.ones((paths, 3, targets)),
        history,
        times[:10] if dates else None,
    )


@pytest.mark.parametrize("dates", [True, False])
def test_lines_bands_and_paths(dates: bool):
    figure = forecast_figure(forecast(dates=dates), actual=np.zeros((3, 2)), name="run")
    names = [trace.name for trace in figure.data]
    # Two targets: each has a band of two edges, two paths, and three lines.
    assert names == ["0.1 to 0.9"] * 2 + ["paths"] * 2 + ["before", "forecast", "what came"] + (
        ["0.1 to 0.9"] * 2 + ["paths"] * 2 + ["before", "forecast", "what came"]
    )
    line = figure.data[5]
    # The forecast opens where the history ends.
    assert list(line.y) == [HISTORY[-1, 0], 21, 21, 21]
    assert len(line.x) == 4
    if dates:
        assert str(line.x[0])[:10] == "2020-01-10"
    else:
        assert list(line.x) == [0, 1, 2, 3]
    assert sum(bool(trace.showlegend) for trace in figure.data) == 5


def test_words():
    figure = forecast_figure(forecast(), name="run")
    assert title_of(figure) == "y, z, 3 steps ahead"
    assert "A forecast for 2020-01-11 to 2020-01-13" in description_of(figure)
    assert "y: last value 18, forecast from 21 to 21" in description_of(figure)
    assert "80% of the cases" in reading_of(figure)
    assert "each grey line" in reading_of(figure)
    plain = forecast_figure(forecast(levels=0, paths=0))
    assert reading_of(plain) == "The black line was read, the blue one is the forecast."


def test_of_many_targets_some_are_drawn_and_the_others_counted():
    figure = forecast_figure(forecast(targets=10), name="run")
    assert figure.layout.title.subtitle.text == "run; 2 more targets are not drawn"
