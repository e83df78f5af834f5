"""``ostinato predict`` of a run that forecasts: what follows its series, or another."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from ostinato.cli.evaluate import wide_console
from ostinato.cli.predict import Form
from ostinato.cli.screen import printable
from ostinato.core.errors import OptionError

if TYPE_CHECKING:
    from ostinato.training.forecasting import Forecast
    from ostinato.training.run_files import Which

OPTIONS: Final = ("horizon", "quantiles", "paths", "seed", "figure")


def predict_forecasts(
    run: Path,
    source: str | None,
    changes: Sequence[str],
    *,
    form: Form | None,
    checkpoint: Which,
    horizon: int | None = None,
    quantiles: str | None = None,
    paths: int = 0,
    seed: int = 0,
    figure: Path | None = None,
) -> None:
    """Print a row for each step ahead and target.

    Args:
        run: the run folder.
        source: a table whose end is read; None for the end of the run's own series.
        changes: ``data.key=value``, where the table is in another form.
        form: None: a table on a terminal, JSON lines elsewhere.
        checkpoint: which weights.
        horizon: steps ahead; None for as many as were learned.
        quantiles: with commas between them; None for some usual ones, where there are any.
        paths: to draw.
        seed: of the draws.
        figure: also draw the forecast into this file.
    """
    from ostinato.training.forecasting import load_forecaster, usual_levels

    if figure is not None:
        from ostinato.lens.figures.writing import check_figure

        check_figure(figure, "--figure")
    trained = load_forecaster(run, checkpoint)
    levels = usual_levels(trained.model) if quantiles is None else _levels(quantiles)
    series = trained.series(None if source is None else Path(source), changes)
    found = trained.forecast(series, horizon=horizon, levels=levels, num_paths=paths, seed=seed)
    if (form or ("table" if sys.stdout.isatty() else "jsonl")) == "jsonl":
        for record in found.records():
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        _print_table(found)
    if figure is not None:
        from ostinato.lens.figures.forecast import forecast_figure
        from ostinato.lens.figures.writing import write_figure

        write_figure(forecast_figure(found, name=run.resolve().name), figure)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)


def _levels(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(
            f"--quantiles: got {text!r}, expected numbers with commas between them\n"
            "mend: --quantiles 0.1,0.5,0.9"
        ) from None


def _print_table(found: Forecast) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("time" if found.times is not None else "step", no_wrap=True)
    if len(found.names) > 1:
        table.add_column("target")
    table.add_column("forecast", justify="right", no_wrap=True)
    for level in found.levels:
        table.add_column(f"q{level:g}", justify="right", no_wrap=True)
    for record in found.records():
        cells = [str(record["time"])]
        if len(found.names) > 1:
            cells.append(printable(record["target"]))
        cells.append(_number(record["forecast"]))
        cells += [_number(record[f"q{level:g}"]) for level in found.levels]
        table.add_row(*cells)
    console = wide_console()
    console.print(table)
    if len(found.paths):
        console.print(
            f"{len(found.paths):,} paths: --format jsonl prints them, --figure draws them"
        )


def _number(value: Any) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
