"""What the memory of a network does: measurements that return numbers, and figures of them.

>>> import ostinato as ost
>>> run = ost.train("hello", run=getfixture("tmp_path") / "hello", progress=False)
>>> flow = ost.lens.gradient_through_time(run, "hellohello")
>>> flow.step
9
"""

from ostinato.lens.api import (
    attention_map,
    exposure_gap,
    gates,
    gradient_through_time,
    jacobian,
    lyapunov,
    memory_horizon,
    trace,
    units_for_features,
)
from ostinato.lens.figures.gradients import gradient_figure
from ostinato.lens.figures.horizon import horizon_figure
from ostinato.lens.figures.writing import write_figure
from ostinato.lens.laboratory import Laboratory, run_laboratory
from ostinato.lens.nonlinearity import collapse
from ostinato.lens.reports import Report, report
from ostinato.lens.subject import Subject
from ostinato.lens.text_features import Feature

__all__ = [
    "Feature",
    "Laboratory",
    "Report",
    "Subject",
    "attention_map",
    "collapse",
    "exposure_gap",
    "gates",
    "gradient_figure",
    "gradient_through_time",
    "horizon_figure",
    "jacobian",
    "lyapunov",
    "memory_horizon",
    "report",
    "run_laboratory",
    "trace",
    "units_for_features",
    "write_figure",
]
