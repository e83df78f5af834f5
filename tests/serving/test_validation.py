"""What is said of requests that do not validate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ostinato.serving import schemas
from ostinato.serving.validation import invalid_fields, shown
from tests.serving.helpers import Live, error_of

LONG = "a" * 5001
MISTAKES: list[tuple[str, dict[str, Any], str, str]] = [
    ("/trace", {"text": LONG}, f'text: got "{"a" * 40}…" (5,001 characters)', "5,000 characters"),
    ("/trace", {"text": 5}, "text: got 5", "a text, a list of tokens, or a list of numbers"),
    ("/trace", {"text": ["a", 5]}, "text.1: got 5", "a string"),
    ("/trace", {"text": [1.0, "b"]}, 'text.1: got "b"', "a number"),
    ("/trace", {"text": [[1.0], 5]}, "text.1: got 5", "a list"),
    ("/trace", {"text": [["a"]]}, 'text.0.0: got "a"', "a number"),
    ("/trace", {"text": ["a" * 201]}, "text.0: got", "at most 200 characters"),
    ("/trace", {"text": [1.0] * 5001}, "text: got a list of 5,001 elements", "at most 5,000"),
    ("/trace", {"text": "a", "top_k": 0}, "top_k: got 0", "at least 1"),
    ("/trace/step", {"text": "a"}, "step: got nothing", "missing"),
    ("/predict", {"inputs": []}, "inputs: got a list of 0 elements", "at least 1 element"),
    ("/predict", {"inputs": ["a", LONG]}, "inputs.1: got", "at most 5,000 characters"),
    ("/predict", {"inputs": [[1.0, float("nan")]]}, "inputs.0.1: got NaN", "null"),
    ("/predict", {"inputs": [[[float("-inf")]]]}, "inputs.0.0.0: got -Infinity", "null"),
    ("/predict", {"inputs": ["a"], "influence": 1}, "influence: got 1", "true or false"),
    ("/generate", {"temperature": -1}, "temperature: got -1", "at least 0"),
    ("/generate", {"temperature": "hot"}, 'temperature: got "hot"', "a number"),
    ("/generate", {"top_p": 0}, "top_p: got 0", "above 0"),
    ("/generate", {"length": 5.5}, "length: got 5.5", "a whole number"),
    ("/generate", {"length": 10**5}, "length: got 100000", "at most 5000"),
    ("/generate", {"seed": 10**4000}, "seed: got a number of many digits", "at most"),
    ("/generate", {"prompt": ["a"]}, "prompt: got a list of 1 element", "a string"),
    ("/generate", {"colour": {"a": 1}}, "colour: got an object of 1 field", "no field"),
    ("/cell", {"equations": ""}, 'equations: got ""', "at least 1 character"),
    ("/cell", {"equations": "h", "notation": "tex"}, 'notation: got "tex"', "'latex'"),
    ("/cell", {"equations": "h", "functions": {"f" * 41: "tanh"}}, "functions.f", "40 characters"),
    ("/cell", {"equations": "h", "functions": ["f"]}, "functions: got a list", "an object"),
    ("/cell", ["h"], "the body: got a list of 1 element", "an object"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("path", "content", "got", "expected"), MISTAKES)
def test_a_mistake_says_what_was_got_and_expected(
    writing: Live, path: str, content: Any, got: str, expected: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = writing.client.post(path, content=json.dumps(content), headers=headers)
    error = error_of(response, 422, "invalid")
    before, comma, after = error["message"].partition(", expected ")
    assert comma
    assert before.startswith(got)
    assert expected in after
    assert error["mend"]
    for word in ("function", "0x", "pydantic", "validator", "Input should", "<", "nullable"):
        plain = response.text.replace("functions", "")
        assert word not in plain
    assert len(error["message"]) < 300
    assert error["details"][0].keys() == {"field", "message", "mend"}


def test_blank_equations_ask_for_one(writing: Live) -> None:
    error = error_of(writing.post("/cell", {"equations": ""}), 422, "invalid")
    assert error["mend"].startswith("type an equation")


@pytest.mark.parametrize("content", [b"{", b"\xff", b""])
def test_what_is_no_json(writing: Live, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = writing.client.post("/trace", content=content, headers=headers)
    error = error_of(response, 422, "invalid")
    assert "JSON" in error["message"]
    assert error["mend"].startswith("send JSON")


def test_of_many_mistakes_some_are_told() -> None:
    with pytest.raises(ValidationError) as caught:
        schemas.TraceAsked.model_validate({"text": ["a", *[5] * 100]})
    found: list[Any] = [{**each, "loc": ("body", *each["loc"])} for each in caught.value.errors()]
    details: Any = invalid_fields(found).details
    assert [each["field"] for each in details] == [f"text.{i}" for i in range(1, 21)]


def test_kinds_of_inputs_stay_what_they_are() -> None:
    kinds: list[Any] = ["a", [], ["a"], [1.0, None], [None, 2.0], [[1.0], [None]], [[]]]
    for value in kinds:
        assert schemas.TraceAsked.model_validate({"text": value}).text == value


def test_values_are_shown_short() -> None:
    assert shown('"' * 60).endswith("…")
    for value in ("é\n" * 5000, 10**100, [5] * 100, {"a": 5}, None, True, b"a", Path()):
        assert 0 < len(shown(value)) < 90
