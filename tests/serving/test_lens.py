"""/trace, /trace/step, /trace/gradient of a language model."""

from typing import Any

import numpy as np
import pytest
import torch

from ostinato.lens.gradients import gradient_through_time
from ostinato.lens.subject import Subject
from ostinato.lens.tracing import trace
from tests.serving.helpers import TEXT, Live, error_of


def test_a_trace_is_the_networks(writing: Live) -> None:
    text = TEXT[:150]
    found = writing.post("/trace", {"text": text, "start": 64, "stop": 128, "top_k": 3}).json()
    subject = Subject.open(writing.service.path)
    expected = trace(subject, subject.piece(text))
    assert found["num_steps"] == 150
    assert found["units"] == list(text)
    assert found["places"] == [{"layer": 0, "direction": 0}]
    assert found["names"] == ["r", "z", "n", "h"]
    assert found["states"] == ["h"]
    assert expected.losses is not None
    assert found["loss"][-1] is None
    np.testing.assert_allclose(found["loss"][:-1], expected.losses[:-1], atol=1e-4)
    values = expected.place().values
    for name in found["names"]:
        own = np.abs(values[name]).mean(1)
        np.testing.assert_allclose(found["overview"]["0.0"][name], own, atol=1e-4)
    window = found["window"]
    assert (window["start"], window["stop"]) == (64, 128)
    for name, value in values.items():
        np.testing.assert_allclose(window["values"]["0.0"][name], value[64:128], atol=1e-4)
    assert window["target"] == list(text[65:129])
    for step, top in enumerate(window["top"], 64):
        chances = [each["probability"] for each in top]
        assert len(top) == 3
        assert chances == sorted(chances, reverse=True)
        assert chances[0] == pytest.approx(float(expected.probabilities[step].max()), abs=1e-4)


def test_the_end_of_a_trace(writing: Live) -> None:
    window = writing.post("/trace", {"text": "the fox", "start": 5, "stop": 69}).json()["window"]
    assert (window["start"], window["stop"]) == (5, 7)
    assert window["target"] == ["x", None]
    later = writing.post("/trace", {"text": TEXT[:200], "start": 100}).json()["window"]
    assert (later["start"], later["stop"]) == (100, 164)
    wide = writing.post("/trace", {"text": TEXT[:200], "start": 0, "stop": 200}).json()["window"]
    assert wide["stop"] == 64


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (
            {"start": 5, "stop": 2},
            "stop: got 2, expected the step behind the last one, at least start = 5",
        ),
        (
            {"start": 50, "stop": 60},
            "start: got 50, expected a step of the text, which has steps 0 to 6",
        ),
        ({"start": 7}, "start: got 7, expected a step of the text, which has steps 0 to 6"),
    ],
)
def test_no_such_window(writing: Live, window: dict[str, int], message: str) -> None:
    error = error_of(writing.post("/trace", {"text": "the fox", **window}), 422, "invalid")
    assert error["message"] == message
    assert error["mend"]


def test_a_step(writing: Live) -> None:
    asked = {"text": "the fox", "step": 3, "unit": 2}
    found = writing.post("/trace/step", asked).json()
    window = writing.post("/trace", {"text": "the fox"}).json()["window"]["values"]["0.0"]
    assert [line["name"] for line in found["equations"]] == ["r", "z", "n", "h"]
    assert (found["unit"], found["num_units"]) == (2, 24)
    for line in found["equations"]:
        assert line["value"] == pytest.approx(window[line["name"]][3][2], abs=1e-4)
        assert line["mathml"].startswith("<math")
        assert "<mn>" in line["filled"]


@pytest.mark.parametrize(
    "change", [{"step": 7}, {"unit": 24}, {"layer": 1}, {"direction": 1}, {"text": ""}]
)
def test_no_such_step(writing: Live, change: dict[str, Any]) -> None:
    asked = {"text": "the fox", "step": 3, **change}
    response = writing.post("/trace/step", asked)
    assert response.status_code == 422
    assert response.json()["error"]["mend"]


def test_a_gradient(writing: Live) -> None:
    found = writing.post("/trace/gradient", {"text": TEXT[:40], "step": 30}).json()
    assert found["step"] == 30
    norms = found["norms"]["0.0"]["h"]
    assert len(norms) == 31
    assert all(norm > 0 for norm in norms)
    assert found["rate"]["0.0"] > 0
    assert found["verdict"] in ("vanishing", "healthy", "exploding")
    subject = Subject.open(writing.service.path)
    flow = gradient_through_time(subject, subject.piece(TEXT[:40]), 30)
    (decay,) = flow.decays.values()
    assert found["rates"] == found["rate"] == {"0.0": pytest.approx(decay.rate, abs=1e-4)}
    for name, steps in (("half_lives", decay.half_life), ("reaches", decay.reach)):
        expected = None if np.isinf(steps) else pytest.approx(steps, abs=1e-4)
        assert found[name] == {"0.0": expected}
    assert found["verdicts"] == {"0.0": decay.verdict}
    last = writing.post("/trace/gradient", {"text": TEXT[:40]}).json()
    assert last["step"] == 39
    error_of(writing.post("/trace/gradient", {"text": "the", "step": 3}), 422, "option")
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("path", ["/trace", "/trace/step", "/trace/gradient"])
@pytest.mark.parametrize("text", ["a" * 5001, 5, None, ["a", "b"], [[1.0]]])
def test_what_is_no_text(writing: Live, path: str, text: Any) -> None:
    asked = {"text": text, "step": 0} if path == "/trace/step" else {"text": text}
    error_of(writing.post(path, asked), 422, "invalid")


def test_unknown_characters(writing: Live) -> None:
    for path in ("/trace", "/trace/gradient"):
        error_of(writing.post(path, {"text": "the ☃"}), 422, "input")


def test_a_long_text(writing: Live) -> None:
    text = (TEXT * 10)[:5000]
    found = writing.post("/trace", {"text": text}).json()
    assert found["num_steps"] == 5000
    assert len(found["overview"]["0.0"]["h"]) == 5000
