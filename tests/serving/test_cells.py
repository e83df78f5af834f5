"""/cell and /cell/train: equations of strangers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ostinato import cells
from ostinato.core.errors import OptionError
from ostinato.serving import schemas, trial
from ostinato.serving.errors import http_mend
from tests.serving.helpers import Live, error_of, events_of, wait_until

ELMAN = "h = tanh(W @ h + U @ x + b)"


def test_a_cell(writing: Live) -> None:
    asked = {"equations": ELMAN, "input_size": 8, "hidden_size": 4}
    found = writing.post("/cell", asked).json()
    assert found["ok"]
    assert (found["states"], found["inputs"], found["output"]) == (["h"], ["x"], "h")
    shapes = {each["name"]: each["shape"] for each in found["parameters"]}
    assert shapes == {"W": [4, 4], "U": [4, 8], "b": [4]}
    assert found["num_parameters"] == 16 + 32 + 4
    assert found["kind"] == "dense"
    assert found["flops_per_step"] > 2 * (16 + 32)
    assert found["text"] == ELMAN
    assert "tanh" in found["latex"]
    assert found["mathml"].startswith("<math")
    assert "states" in found["explain"]
    assert found["hints"] == []


@pytest.mark.parametrize("name", cells.names())
def test_every_named_cell_as_text_and_as_latex(writing: Live, name: str) -> None:
    text = writing.post("/cell", {"equations": cells.get(name).to_text()}).json()
    assert text["ok"], text
    latex = writing.post("/cell", {"equations": text["latex"], "notation": "latex"}).json()
    if latex["ok"]:
        assert latex["num_parameters"] == text["num_parameters"]


def test_a_slide(writing: Live) -> None:
    asked: dict[str, Any] = {"equations": r"h_t = f(W h_{t-1} + U x_t)"}
    (error,) = writing.post("/cell", asked).json()["errors"]
    assert "functions" in error["mend"]
    found = writing.post("/cell", {**asked, "functions": {"f": "tanh"}}).json()
    assert found["states"] == ["h"]


def test_a_mistake_has_a_place(writing: Live) -> None:
    response = writing.post("/cell", {"equations": "c = x\nh = tanh(W @ h + $ @ x)"})
    assert response.status_code == 200
    found = response.json()
    assert not found["ok"]
    (error,) = found["errors"]
    assert error["line"] == 2
    assert error["end_column"] > error["column"] > 0
    assert error["message"]
    assert error["mend"]


@pytest.mark.parametrize(
    ("equations", "mend"),
    [
        ("h = tanh(W @ h)", "let an equation read x"),
        ("   ", "type an equation, such as h = tanh(W @ h + U @ x)"),
        ("x = tanh(W @ x)", "choose another name, such as `x_new`"),
        ("h = tanh(W @ [q, x] + V @ h)", "a state must be assigned: add a line `q = …`"),
    ],
)
def test_mends_can_be_followed_here(writing: Live, equations: str, mend: str) -> None:
    (mistake,) = writing.post("/cell", {"equations": equations}).json()["errors"]
    assert mistake["mend"] == mend
    error = error_of(writing.post("/cell/train", {"equations": equations}), 422, "equations")
    assert error["mend"] == mend


def test_no_mend_names_an_argument_of_python() -> None:
    for mend in (
        "name one in `output=`",
        "use it, remove the line, or name it in `output=`",
        "read it above that line (there `h` means the value at t-1), or take it out of `states=`",
        "move this line up, or name `h` in `states=` if the delay is meant",
        "use it, or name the input in `inputs=` (free names here: `u`)",
        "give them as 0.1 0.2 0.3, or as JSON: [[0.1, 5], [0.2, 6]]; nan where missing",
    ):
        plain = http_mend(mend)
        assert "=`" not in plain
        assert "nan" not in plain
        assert plain


def test_what_was_probably_not_meant_is_a_hint(writing: Live) -> None:
    found = writing.post("/cell", {"equations": "y = V @ x"}).json()
    assert found["ok"]
    assert found["kind"] == "feed-forward"
    assert "no state" in found["hints"][0]


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('touch /tmp/x')",
        "h = open('/etc/passwd')",
        "h = (lambda: 1)()",
        "h = [c for c in ().__class__.__mro__]",
        "h = exec('1')",
        "import os\nh = x",
        "h = x.__class__",
        r"\input{/etc/passwd}",
        r"h_t = \write18{ls}",
        "/etc/passwd",
        "../run.json",
    ],
)
def test_no_code_and_no_file(writing: Live, code: str) -> None:
    found = writing.post("/cell", {"equations": code}).json()
    assert not found["ok"]
    assert "root:" not in json.dumps(found)


HUGE = [
    "h = " + "(" * 1900 + "x" + ")" * 1900,
    "h = " + "-" * 3900 + "x",
    "h = x" + " + x" * 990,
    "h = " + "tanh(" * 600 + "x" + ")" * 600,
    "h = W @ [" + ", ".join(["x"] * 1200) + "]",
    "\n".join(f"a{i} = a{i - 1 if i else ''}" for i in range(300)),
    "h = " + "9" * 3900,
    "h = x ** 9 ** 9 ** 9",
    "h_t = " + r"\frac{1}{" * 390 + "x" + "}" * 390,
    "{" * 3990,
    "\\" * 3990,
    "h = " + "W @ " * 900 + "x",
]


@pytest.mark.parametrize("equations", HUGE, ids=range(len(HUGE)))
def test_large_equations_are_answered_soon(writing: Live, equations: str) -> None:
    assert len(equations) <= 4000
    began = time.monotonic()
    response = writing.post("/cell", {"equations": equations})
    assert response.status_code in (200, 504), response.text
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "change",
    [
        {"equations": "x" * 4001},
        {"equations": ""},
        {"equations": None},
        {"notation": "python"},
        {"input_size": 0},
        {"input_size": 1025},
        {"hidden_size": 10**9},
        {"hidden_size": "5"},
        {"functions": {str(i): "tanh" for i in range(17)}},
        {"functions": {"f": 5}},
        {"functions": {"f" * 41: "tanh"}},
        {"run": "/tmp"},
    ],
)
def test_limits(writing: Live, change: dict[str, Any]) -> None:
    error_of(writing.post("/cell", {"equations": ELMAN, **change}), 422, "invalid")
    if not change.keys() & {"input_size"}:
        response = writing.post("/cell/train", {"equations": ELMAN, **change})
        error_of(response, 422, "invalid")


@pytest.mark.parametrize(
    "change",
    [{"seconds": 61}, {"seconds": 0}, {"steps": 201}, {"hidden_size": 129}, {"beside": ["rm"]}],
)
def test_limits_of_trials(writing: Live, change: dict[str, Any]) -> None:
    asked = {"equations": ELMAN, "problem": "adding", **change}
    error_of(writing.post("/cell/train", asked), 422, "invalid")


def test_a_trial(writing: Live) -> None:
    asked = {
        "equations": ELMAN,
        "problem": "latch",
        "steps": 10,
        "seconds": 3,
        "beside": ["gru"],
        "hidden_size": 8,
    }
    events = writing.events("/cell/train", asked)
    points = [data for name, data in events if name == "point"]
    assert {point["cell"] for point in points} == {"yours", "gru"}
    for point in points:
        assert point.keys() == {"cell", "step", "loss", "score", "seconds"}
        assert 0 <= point["score"] <= 1
    name, done = events[-1]
    assert name == "done"
    assert done["reason"] in ("time", "solved", "diverged")
    assert [each["cell"] for each in done["results"]] == ["yours", "gru"]


def run_here(text: str = "", **asked: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a trial in this process."""
    events: list[tuple[str, dict[str, Any]]] = []
    content = {"seconds": 1.0, "steps": 10, "hidden_size": 8, "beside": [], **asked}
    trial.run(schemas.TrialAsked(**content), text, lambda *event: events.append(event))
    return events


@pytest.mark.parametrize("problem", ["adding", "copy", "latch"])
def test_every_problem_is_learned_from(problem: str) -> None:
    events = run_here(equations=ELMAN, problem=problem)
    assert events[-1][0] == "done"
    assert any(name == "point" for name, _ in events)


def test_a_trial_on_what_the_model_writes(writing: Live) -> None:
    text = trial.text_of_model(writing.service.path)
    assert len(text) > 10_000
    assert set(text) <= set(writing.service.writing().model.vocabulary.symbols)
    events = run_here(text, equations=ELMAN, problem="text")
    assert events[-1][0] == "done"
    assert any(name == "point" for name, _ in events)


def test_a_latch_is_solved() -> None:
    lstm = cells.get("lstm").to_text()
    events = run_here(equations=lstm, problem="latch", steps=6, seconds=40.0, hidden_size=16)
    assert events[-1][1]["reason"] == "solved"
    assert events[-1][1]["results"][0]["score"] >= 0.999
    assert events[-1][1]["results"][0]["outcome"] == "solved"


DIVERGING = "h = 1e30*h*h + U @ x"


def test_what_diverges_has_not_solved_it() -> None:
    events = run_here(equations=DIVERGING, problem="adding")
    name, done = events[-1]
    assert name == "done"
    assert done["reason"] == "diverged"
    assert [each["outcome"] for each in done["results"]] == ["diverged"]
    assert done["results"][0]["score"] is None
    assert [data["text"] for name, data in events if name == "note"] == ["yours diverged at step 1"]


def test_a_cell_that_diverges_beside_one_that_does_not() -> None:
    asked: dict[str, Any] = {"problem": "latch", "steps": 6, "seconds": 1.0, "hidden_size": 8}
    done = run_here(equations=DIVERGING, **{**asked, "beside": ["gru"], "steps": 40})[-1][1]
    assert done["reason"] == "time"
    assert [each["outcome"] for each in done["results"]] == ["diverged", "time"]
    learner: dict[str, Any] = {"steps": 6, "seconds": 40.0, "hidden_size": 16, "beside": ["lstm"]}
    done = run_here(equations=DIVERGING, **{**asked, **learner})[-1][1]
    assert done["reason"] == "solved"
    assert [each["outcome"] for each in done["results"]] == ["diverged", "solved"]


def test_one_trial_at_a_time_and_it_ends_with_the_client(writing: Live) -> None:
    asked = {"equations": ELMAN, "problem": "adding", "seconds": 60}
    with writing.client.stream("POST", "/cell/train", json=asked) as response:
        events = events_of(response.iter_lines())
        assert next(events)[0] == "note"
        other = writing.post("/cell/train", asked)
        error_of(other, 503, "busy")
        assert 1 <= int(other.headers["retry-after"]) <= 60
        # Texts are written beside it.
        assert writing.post("/generate", {"length": 5, "stream": False}).status_code == 200
    trials = writing.service.trials
    wait_until(lambda: trials._ends_at is None)
    short = {**asked, "seconds": 1, "steps": 4, "beside": []}
    assert writing.events("/cell/train", short)[-1][0] == "done"


def test_a_trial_of_a_mistake(writing: Live) -> None:
    error = error_of(writing.post("/cell/train", {"equations": "h = tanh("}), 422, "equations")
    assert error["details"][0]["line"] == 1


def test_a_trial_of_a_cell_that_takes_too_much() -> None:
    lines = "\n".join(f"a{i} = tanh(W{i} @ h + U{i} @ x)" for i in range(100))
    total = " + ".join(f"a{i}" for i in range(100))
    with pytest.raises(OptionError, match="at most 256 MiB"):
        run_here(equations=f"{lines}\nh = {total}", problem="adding", steps=200, hidden_size=128)


@pytest.mark.filterwarnings("ignore::ostinato.core.errors.EquationHint")
def test_a_trial_of_what_has_no_state() -> None:
    events = run_here(equations="y = tanh(V @ x)", problem="adding")
    assert events[-1][0] == "done"
