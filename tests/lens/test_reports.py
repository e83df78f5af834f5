"""Reports: what they say, what their pages hold, and what cannot be reported."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OptionError, StorageError
from ostinato.data import DataError
from ostinato.lens.reports import Report, report, traced_step
from ostinato.lens.samples import MOST_CHARACTERS, sample_of
from ostinato.nn.probes import Place
from ostinato.training.errors import DivergedError, RunError
from tests.lens.figures.test_writing import Page
from tests.lens.subjects import examples, writer

LINE = 'He said: "no (not 12) Ever", and left us alone.\n'
TEXT = "".join(LINE[: 20 + 3 * (number % 9)] + "\n" for number in range(12))


@pytest.fixture(scope="module")
def found() -> Report:
    subject = writer("lstm", TEXT, num_layers=2, hidden_size=8, embedding_size=8)
    other = writer("h = tanh(W @ h + U @ x + b)", TEXT, seed=1)
    return report(subject, TEXT, beside=[other])


def test_it_says_in_words_what_was_measured(found: Report):
    heads = [words.partition(":")[0] for words in found.summary]
    assert heads[:4] == [
        "Gradient of writer (1)",
        "Gradient of writer (2)",
        "Memory of writer (1)",
        "Memory of writer (2)",
    ]
    assert any(head.startswith("Gates of layer 1") for head in heads)
    assert any(head.startswith("Idle units") for head in heads)
    assert any(head.startswith("Units that mean something") for head in heads)
    assert sum(head.startswith("Lyapunov") for head in heads) == 2
    assert found.gradients[0].verdict in found.summary[0]
    exponent = next(iter(found.lyapunov.values())).largest
    assert any(f"{exponent:+.3f}".replace("-", "−") in words for words in found.summary)


def test_the_page_holds_every_figure_and_fetches_nothing(found: Report, tmp_path: Path):
    path = found.write_html(tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert [a for a in page.addresses if not a.startswith("#")] == []
    assert "link" not in page.tags
    assert "img" not in page.tags
    assert page.tags.count("figcaption") == page.tags.count("figure") >= 8
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") >= 5
    assert "math" in page.tags
    # plotly.js is there once, however many figures.
    assert text.count("plotly.js v") == 1
    assert text.count("Plotly.newPlot(") == page.tags.count("figure")
    labels = set(page.labels)
    for name in ("gradient", "horizon", "saturation", "jacobian", "features"):
        assert found.figures[name].layout.meta["description"] in labels
    assert 'lang="en"' in text[:100]
    assert "@media print" in text


def test_the_numbers_are_json(found: Report):
    numbers = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert numbers["facts"]["num_steps"] == len(TEXT)
    rate = found.gradients[0].decays[next(iter(found.gradients[0].decays))].rate
    assert numbers["gradients"][0]["decays"]["0.0"]["rate"] == pytest.approx(rate)
    assert len(numbers["horizons"][0]["gradient"]["values"]) == 101
    assert set(numbers["gates"]) == {"0.0", "1.0"}
    assert numbers["features"][0]["feature"]
    assert numbers["lyapunov"]["1.0"]["exponents"]


def test_a_notebook_shows_it_in_a_frame_of_its_own(found: Report):
    shown = found._repr_html_()
    assert shown.startswith("<iframe")
    assert "srcdoc=" in shown
    assert "<script" not in shown


def test_what_a_text_says_cannot_become_a_part_of_the_page():
    text = "<script>alert(1)</script>&\n" * 10
    made = report(writer("gru", text), text)
    page = made.to_html()
    assert "<script>alert" not in page
    assert page.count("</body>") == 1


def test_a_short_text_is_reported_as_far_as_it_goes():
    subject = writer("gru", TEXT)
    made = report(subject, "He")
    assert made.horizons == ()
    assert made.features is None
    assert not made.lyapunov
    assert any("no memory horizon" in note for note in made.notes)
    assert any("no Lyapunov" in note for note in made.notes)
    assert "too few" in made.summary[0]
    assert "<html" in made.to_html()
    assert report(subject, "H").facts.num_steps == 1


def test_a_few_steps_are_too_few_to_call_a_unit_idle_or_a_gate_stuck():
    subject = writer("gru", TEXT)
    few, enough = report(subject, TEXT[:29]), report(subject, TEXT[:30])
    note = "stuck and idle units: 29 steps are fewer than 30"
    for made, is_short in ((few, True), (enough, False)):
        heads = " ".join(words.partition(":")[0] for words in made.summary)
        assert ("Gates" not in heads and "Idle" not in heads) is is_short
        assert any(note in each for each in made.notes) is is_short
        assert ("saturation" not in made.figures) is is_short
        assert ("Units that do not take part" not in made.to_html()) is is_short
        numbers = made.to_json()
        assert (numbers["idle"] is None) is is_short
        assert (numbers["gates"]["0.0"]["z"]["stuck"] is None) is is_short
    page = report(subject, "H").to_html()
    assert ", 1 step<" in page


def test_a_flat_tanh_passes_hardly_any_gradient():
    subject = writer("g = tanh(U @ x + b); h = 0.5 * h + g", TEXT)
    (layer,) = subject.layers
    layer.set_cell_parameter("b", torch.full((6,), 20.0))
    (words,) = (words for words in report(subject, TEXT).summary if words.startswith("Saturated"))
    assert words.endswith("100 % of all values; hardly any gradient passes there.")


def test_one_beside_that_reads_the_same_in_few_steps_lacks_its_horizon_alone(tmp_path: Path):
    other = examples("texts", tmp_path)
    text = "abcd efgh " * 3
    made = report(writer("gru", text), text, beside=[other])
    assert len(other.piece(text)) < 8
    assert [horizon.name for horizon in made.horizons] == ["writer"]
    assert [flow.name for flow in made.gradients] == ["writer", "texts"]
    assert any(
        note.startswith("no memory horizon of texts:") and "6 steps are fewer than 8" in note
        for note in made.notes
    )
    assert "<html" in made.to_html()


def test_a_page_is_no_folder(found: Report, tmp_path: Path):
    for place in (tmp_path, Path("/"), Path()):
        with pytest.raises(StorageError, match="it is a folder"):
            found.write_html(place)


def test_layers_that_are_stacked_and_read_both_ways(tmp_path: Path):
    model = {"num_layers": 2, "bidirectional": True, "residual": True}
    made = report(examples("texts", tmp_path, model=model), "a b c d e f g h c d " * 3)
    assert len(made.gradients[0].joint) == 4
    assert len(made.lyapunov) == 4
    assert {"r, 0.0", "r, 0.1", "r, 1.0", "r, 1.1"} <= set(made.figures)


@pytest.mark.parametrize("cell", ["slstm", "leaky", "minlstm", "lstm_projected", "elman_relu"])
def test_every_kind_of_cell_has_a_report(cell: str):
    made = report(writer(cell, TEXT), TEXT)
    assert json.dumps(made.to_json(), allow_nan=False)
    states = {value.name for value in made.gates.maps[Place(0, 0)]}
    assert set(made.gates.idle[Place(0, 0)]) <= states
    assert made.gates.figure().data[0].z.shape[1] == 100


@pytest.mark.parametrize("name", ["texts", "arrays", "numbers", "spelled tags", "music"])
def test_every_task_has_a_report(name: str, tmp_path: Path):
    subject = examples(name, tmp_path)
    made = report(subject)
    assert "of the dev part" in made.facts.origin
    assert made.gradients[0].joint
    assert "<figure" in made.to_html()
    assert report(subject, example=3).facts.origin.startswith("example 3")


def test_documents_are_traced_to_their_start():
    lines = "ab cd\n" + "abcd " * 8 + "\n" + "dc ba\n"
    subject = writer("gru", lines, documents=True)
    piece = subject.piece(lines)
    assert traced_step(piece) == lines.index("\n", 6) - 1
    made = report(subject, lines)
    assert "where the document begins" in made.summary[0]
    assert any("afresh with every document" in note for note in made.notes)


def test_a_huge_text_is_cut_and_that_is_said():
    subject = writer("gru", TEXT)
    sample = sample_of(subject, TEXT * 100)
    assert len(sample.piece) == MOST_CHARACTERS
    assert f"{100 * len(TEXT):,} characters" in sample.notes[0]


def test_the_held_out_text_is_what_is_looked_at(tmp_path: Path):
    run = ost.train(
        {
            "task": "language-model",
            "data": {"text": TEXT, "held_out": 0.25},
            "model": {"hidden_size": 8},
            "training": {"max_steps": 1},
        },
        run=tmp_path / "run",
        progress=False,
    )
    sample = sample_of(run)
    assert sample.value == TEXT[-len(sample.value) :]
    assert "held-out" in sample.origin
    assert ost.lens.gradient_through_time(run).step == len(sample.piece) - 1
    assert ost.lens.gates(run.path).num_units == 16  # of h and c
    assert ost.lens.memory_horizon(run, reach=5).gradient.values.shape == (6,)
    assert ost.lens.jacobian(run, spans=[1, 2]).singular_values.shape == (2, 16)
    assert ost.lens.lyapunov(run, num_exponents=2).exponents.shape == (2,)
    assert ost.lens.trace(run).names
    assert "Hangul" in ost.lens.units_for_features(run, TEXT * 2).skipped


def test_what_cannot_be_looked_at_is_said(tmp_path: Path):
    subject = writer("gru", TEXT)
    with pytest.raises(DataError, match="'Q'"):
        report(subject, "Q")
    with pytest.raises(DataError, match="empty"):
        report(subject, "")
    with pytest.raises(RunError):
        report(tmp_path / "none")
    other = writer("gru", "xyz xyz")
    with pytest.raises(DataError, match="writer cannot read the same"):
        report(subject, TEXT, beside=[other])
    arrays = examples("arrays", tmp_path)
    with pytest.raises(OptionError, match="there is no example 999"):
        report(arrays, example=999)


def test_a_network_that_diverged_is_refused():
    subject = writer("gru", TEXT)
    with torch.no_grad():
        subject.writer.head.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="not finite"):
        report(subject, TEXT)


def test_the_gradient_figure_holds_both_networks(found: Report):
    figure = found.figures["gradient"]
    names = [line.name for line in figure.data]
    assert len(names) == 3
    assert names[-1].startswith("writer (2)")
    first = found.gradients[0]
    joint = next(iter(first.joint.values()))[: first.step + 1][::-1]
    drawn = np.asarray(figure.data[0].y)
    np.testing.assert_allclose(drawn, np.where(joint / joint[0] > 1e-30, joint / joint[0], np.nan))
    assert figure.layout.yaxis.type == "log"
    styles = {(line.line.color, line.line.dash, line.marker.symbol) for line in figure.data}
    assert len(styles) == 3
