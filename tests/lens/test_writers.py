"""Where networks that write look, and what they lose in free running."""

from __future__ import annotations

from pathlib import Path

import pytest

import ostinato as ost
from ostinato.core.errors import OptionError
from ostinato.training.evaluation import evaluate_run
from ostinato.training.session import train
from tests.training.writing_helpers import tiny_pairs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen")
    train(tiny_pairs(folder, 300, training={"max_steps": 60}), folder / "run")
    return folder / "run"


def test_where_it_looks(run: Path, tmp_path: Path):
    found = ost.lens.attention_map(run, "a b c")
    assert found.source == ("a", "b", "c")
    assert found.weights.shape == (len(found.units), 3)
    assert found.weights.sum(1) == pytest.approx(1, abs=1e-5)
    assert ((found.focus >= 1 - 1e-9) & (found.focus <= 3 + 1e-9)).all()
    asked = ost.lens.attention_map(run, "a b c", "C B")
    assert asked.units == ("C", "B", "⏎")
    assert asked.text == "C B"
    figure = asked.figure()
    assert "C at " in figure.layout.meta["description"]
    train(
        tiny_pairs(tmp_path, 60, decoder={"attention": "none"}, training={"max_steps": 1}),
        tmp_path / "none",
    )
    with pytest.raises(OptionError, match=r"mend: train one with decoder\.attention=general"):
        ost.lens.attention_map(tmp_path / "none", "a")


def test_the_exposure_gap(run: Path):
    found = ost.lens.exposure_gap(run, "test")
    assert (found.counts[:-1] >= found.counts[1:]).all()
    # Before the first unit nothing was written.
    assert found.forced_loss[0] == found.free_loss[0]
    assert found.forced_accuracy[0] == found.free_accuracy[0]
    assert found.accuracy_gap > 0
    report = evaluate_run(run)
    mean = (found.forced_loss * found.counts).sum() / found.counts.sum()
    assert mean == pytest.approx(report.scores["model"]["loss"].value, rel=1e-4)
    figure = found.figure()
    assert {trace.name for trace in figure.data} == {"teacher-forced", "free-running"}
    assert "free-running" in figure.layout.title.subtitle.text
