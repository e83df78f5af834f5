"""``ostinato draw``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostinato.data.wording import counted

if TYPE_CHECKING:
    from ostinato.data.drawings import Strokes
    from ostinato.training.drawing_trained import TrainedDrawings
    from ostinato.training.run_files import Which

_DIGITS = 3


def draw_command(
    run: Path,
    num: int,
    *,
    figure: Path | None,
    num_real: int,
    json_path: Path | None,
    temperature: float,
    max_points: int | None,
    seed: int | None,
    checkpoint: Which,
) -> None:
    """Let a network draw; print the points where no file is named that they go into.

    Args:
        run: the run folder.
        num: drawings.
        figure: where a sheet of them goes.
        num_real: drawings of the dev part beside them.
        json_path: where the points go.
        temperature: see ``TrainedDrawings.draw``, as the next two.
        max_points: of one drawing.
        seed: of the drawings.
        checkpoint: which weights.
    """
    from ostinato.core.files import replace_file, writing
    from ostinato.core.outputs import check_output
    from ostinato.training.drawing_trained import load_drawings

    for path, option in ((figure, "--figure"), (json_path, "--json")):
        if path is not None:
            check_output(path, f" ({option} FILE)")
    trained = load_drawings(run, checkpoint)
    drawings = trained.draw(num, seed=seed, temperature=temperature, max_points=max_points)
    if figure is not None:
        _write_sheet(trained, drawings, figure, num_real, f"temperature {temperature:g}")
        print(f"sheet: {figure}", file=sys.stderr)
    if json_path is not None:
        content = json.dumps([_points(each) for each in drawings])
        with writing(json_path, how=" (--json FILE)"):
            replace_file(json_path, f"{content}\n".encode())
    if figure is None and json_path is None:
        for each in drawings:
            sys.stdout.write(f"{json.dumps(_points(each))}\n")
    if num_empty := sum(not len(each) for each in drawings):
        print(f"note: {counted(num_empty, 'drawing')} ended before a point", file=sys.stderr)


def _write_sheet(
    trained: TrainedDrawings, drawings: Sequence[Strokes], path: Path, num_real: int, how: str
) -> None:
    from ostinato.core.errors import OstinatoError
    from ostinato.lens.figures.drawings import sheet
    from ostinato.lens.figures.writing import write_figure
    from ostinato.training.drawing_evaluation import held_out

    groups = {f"drawn by the network, {how}": drawings}
    if num_real:
        try:
            groups["real ones, which it did not learn from"] = held_out(trained, num_real)
        except OstinatoError as error:
            reason = str(error).partition("\nmend: ")[0]
            print(f"note: no real drawings beside them: {reason}", file=sys.stderr)
    write_figure(sheet(groups, trained.path.resolve().name), path)


def _points(strokes: Strokes) -> list[list[Any]]:
    return [
        [round(float(dx), _DIGITS), round(float(dy), _DIGITS), int(pen)] for dx, dy, pen in strokes
    ]
