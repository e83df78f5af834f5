"""/predict: any kind of network, and where its decisions come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ostinato as ost
from ostinato.training.example_data import Source
from ostinato.training.session import train
from tests.serving.helpers import Live, error_of, live
from tests.training.examples import TASKS, recipe_for

SHORT = {"training": {"max_steps": 2}, "evaluation": {"every": 2}}
INPUTS: dict[str, list[Any]] = {
    "texts": ["a c b", "b d a", "zz"],
    "arrays": [[0.1, 0.2, 0.3], [3.0, 2.0]],
    "several labels": ["a c b", "c c c"],
    "numbers": [[0.1, 0.2, 0.3, 0.4]],
    "spelled tags": [["ABD", "abdn", "kkks"], ["x"]],
    "music": [np.eye(88, dtype=int)[40:45].tolist()],
}


@pytest.fixture(scope="module", params=list(INPUTS))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Live]]:
    name = str(request.param)
    assert set(INPUTS) <= set(TASKS)
    folder = tmp_path_factory.mktemp("examples")
    run = folder / "run"
    train(recipe_for(name, folder, 60, **SHORT), run)
    saved = folder / "saved"
    # A saved model is served as its run is.
    ost.load_run(run).save_pretrained(saved)
    with live(saved if name == "texts" else run) as server:
        yield name, server


def test_what_is_predicted_is_what_the_run_predicts(served: tuple[str, Live]) -> None:
    name, server = served
    run = ost.load_run(server.service.path)
    inputs = INPUTS[name]
    answer = server.post("/predict", {"inputs": inputs}).json()
    predictions = answer["predictions"]
    assert len(predictions) == len(inputs)
    assert all(each["influence"] is None for each in predictions)
    expected: Any = run.predict(inputs)
    match run.recipe.task:
        case "classification":
            assert [each["label"] for each in predictions] == expected
            assert answer["labels"] == list(run.labels)
            for each, row in zip(predictions, run.predict_proba(inputs), strict=True):
                assert list(each["probabilities"].values()) == pytest.approx(list(row), abs=1e-5)
                assert each["probability"] == max(each["probabilities"].values())
        case "multi-label":
            assert [each["labels"] for each in predictions] == expected
        case "tagging":
            assert [each["tags"] for each in predictions] == expected
            assert [len(each["probabilities"]) for each in predictions] == [3, 1]
            assert predictions[0]["tokens"] == inputs[0]
        case "regression":
            np.testing.assert_allclose([each["numbers"] for each in predictions], expected, 1e-4)
        case _:
            assert len(predictions[0]["probabilities"]) == len(inputs[0])
            assert len(predictions[0]["probabilities"][0]) == 88


def test_influence_has_a_number_for_each_token(served: tuple[str, Live]) -> None:
    name, server = served
    answer = server.post("/predict", {"inputs": INPUTS[name], "influence": True}).json()
    for each in answer["predictions"]:
        assert len(each["influence"]) == len(each["tokens"])
        assert any(each["influence"])


def test_what_is_served(served: tuple[str, Live]) -> None:
    name, server = served
    found = server.client.get("/model").json()
    assert (found["writes"], found["predicts"]) == (False, True)
    reads = {"texts": "text", "several labels": "text", "spelled tags": "tokens"}
    assert found["reads"] == reads.get(name, "arrays")
    assert found["num_directions"] == (2 if name == "spelled tags" else 1)
    assert found["cell"]["name"] == "gru"
    assert found["num_parameters"] > 100


def test_samples_are_of_the_runs_own_data(served: tuple[str, Live]) -> None:
    name, server = served
    samples = server.client.get("/model").json()["samples"]
    run = server.service.predicting().trained
    if name == "texts":
        # A saved model does not tell where its data lay.
        assert samples == []
        return
    source = Source(run.recipe)
    rows = source.rows("dev" if source.has("dev") else "train")[:3]
    assert len(samples) == len(rows) > 0
    for sample, row in zip(samples, rows, strict=True):
        value = run.pipeline.input_of(row)
        if found_text := isinstance(sample, str):
            assert sample == (value if isinstance(value, str) else " ".join(value))
        else:
            expected = np.asarray(value)[:200].squeeze(-1 if np.ndim(sample) == 1 else ())
            np.testing.assert_allclose(np.array(sample), expected, atol=1e-4)
        assert found_text == (name not in ("arrays", "numbers", "music"))
    answer = server.post("/predict", {"inputs": samples})
    assert answer.status_code == 200, answer.text
    assert server.client.get("/model").json()["samples"] == samples


def test_no_samples_where_the_data_are_gone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(recipe_for("texts", tmp_path, 60, **SHORT), run)
    files = [file for file in tmp_path.iterdir() if file.is_file()]
    assert files
    for file in files:
        file.unlink()
    with live(run) as server:
        response = server.client.get("/model")
        assert response.status_code == 200
        assert response.json()["samples"] == []


def test_traces(served: tuple[str, Live]) -> None:
    name, server = served
    text = INPUTS[name][0]
    found = server.post("/trace", {"text": text}).json()
    num = found["num_steps"]
    assert num == len(found["units"]) == len(found["window"]["top"])
    assert found["window"]["target"] == [None] * num
    if name == "numbers":
        assert found["window"]["top"] == [[]] * num
    elif name == "texts":
        # After the last step it says what it predicts.
        said = server.post("/predict", {"inputs": [text]}).json()["predictions"][0]
        assert found["window"]["top"][-1][0]["text"] == said["label"]
        assert found["window"]["top"][-1][0]["probability"] == pytest.approx(
            said["probability"], abs=1e-3
        )
    gradient = server.post("/trace/gradient", {"text": text}).json()
    assert gradient["step"] == num - 1
    if name == "spelled tags":
        assert {place["direction"] for place in gradient["places"]} == {0, 1}
        # The run from the end to the start has its norms at all steps.
        assert len(gradient["norms"]["0.1"]["h"]) == num
    step = server.post("/trace/step", {"text": text, "step": num - 1}).json()
    assert [line["name"] for line in step["equations"]] == ["r", "z", "n", "h"]


WRONG: dict[str, list[Any]] = {
    "texts": [["a", "b"], [[1.0]], 5, None, {"text": "a"}, True],
    "arrays": [["a"], [[1.0], [1.0, 2.0]], [], [[]], [[1.0, 2.0]]],
    "several labels": [[1.0]],
    "numbers": [[["a"]]],
    "spelled tags": [[1.0], []],
    "music": [[[1.0]]],
}


def test_wrong_inputs(served: tuple[str, Live]) -> None:
    name, server = served
    for value in WRONG[name]:
        response = server.post("/predict", {"inputs": [value]})
        assert response.status_code == 422, (value, response.text)
        assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"inputs": []},
        {"inputs": "text"},
        {"inputs": ["a"] * 65},
        {"inputs": ["a" * 5001]},
        {"inputs": ["a"], "influence": 1},
        {"inputs": ["a"], "other": True},
    ],
)
def test_bad_requests(served: tuple[str, Live], asked: dict[str, Any]) -> None:
    _, server = served
    error_of(server.post("/predict", asked), 422, "invalid")


def test_no_writing_here(served: tuple[str, Live]) -> None:
    _, server = served
    error_of(server.post("/generate", {}), 422, "task")
    error_of(server.post("/suggest", {"prefix": "a"}), 422, "task")


def test_no_number_that_is_none(served: tuple[str, Live]) -> None:
    name, server = served
    if name not in ("arrays", "numbers"):
        pytest.skip("reads no numbers")
    headers = {"Content-Type": "application/json"}
    for number in ("NaN", "Infinity", "1e999"):
        body = f'{{"inputs": [[1.0, {number}]]}}'
        response = server.client.post("/predict", content=body, headers=headers)
        error_of(response, 422, "invalid")
    # A number that is missing is null.
    assert server.post("/predict", {"inputs": [[1.0, None, 2.0]]}).status_code == 200


def test_a_network_without_recurrence_has_no_trace(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = recipe_for("texts", tmp_path, 60, **SHORT, model={"shape": "one-to-one"})
    train(recipe, run)
    with live(run) as server:
        assert server.client.get("/model").json()["cell"] is None
        answer = server.post("/predict", {"inputs": ["a b"], "influence": True}).json()
        assert answer["predictions"][0]["influence"] is None
        error_of(server.post("/trace", {"text": "a b"}), 422, "option")
