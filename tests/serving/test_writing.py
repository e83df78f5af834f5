"""/model, /health, /generate, /suggest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest

from ostinato import runtime
from ostinato.runtime import LanguageModel
from ostinato.serving.settings import Settings
from tests.serving.helpers import Live, error_of, live, train_writer, wait_until

TEXT_OF_JAMO = {"text": "한국한국 " * 60, "unit": "jamo"}


def test_health_and_model(writing: Live) -> None:
    assert writing.client.get("/health").json() == {"status": "ok", "model": "writer"}
    found = writing.client.get("/model").json()
    assert found["task"] == "language-model"
    assert (found["writes"], found["predicts"], found["reads"]) == (True, False, "text")
    assert found["cell"]["states"] == ["h"]
    assert found["cell"]["values"] == ["r", "z", "n", "h"]
    assert found["cell"]["mathml"].startswith("<math")
    assert found["prompt"] == "the "
    assert found["hidden_size"] == 24
    assert found["limits"] == {
        "text": 5000,
        "length": 5000,
        "window": 64,
        "inputs": 64,
        "equations": 4000,
    }
    import ostinato as ost

    network = ost.load_run(writing.service.path)._writer.model
    assert found["num_parameters"] == sum(w.numel() for w in network.parameters())


def test_a_text_in_events(writing: Live) -> None:
    asked = {"prompt": "the ", "length": 120, "temperature": 0.9, "top_p": 0.95, "seed": 7}
    events = writing.events("/generate", asked)
    names = [name for name, _ in events]
    assert names[0] == "start"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"text"}
    start, done = events[0][1], events[-1][1]
    assert start["prompt"] == "the "
    assert start["seed"] == 7
    text = "".join(data["text"] for name, data in events if name == "text")
    assert done["reason"] == "length"
    assert done["num_characters"] == len(text) == 120
    assert done["seconds"] >= 0
    model = cast("LanguageModel", runtime.load(writing.service.path))
    expected = model.generate("the ", length=120, temperature=0.9, top_p=0.95, seed=7)
    assert start["prompt"] + text == "".join(expected)


def test_a_text_as_one_answer(writing: Live) -> None:
    asked = {"prompt": "the ", "length": 50, "seed": 3}
    events = writing.events("/generate", asked)
    text = "".join(data["text"] for name, data in events if name == "text")
    found = writing.post("/generate", {**asked, "stream": False}).json()
    assert found["text"] == text
    assert found["reason"] == "length"
    assert found["prompt"] == "the "


def test_without_a_prompt_or_seed(writing: Live) -> None:
    found = [writing.post("/generate", {"length": 60, "stream": False}).json() for _ in range(2)]
    assert found[0]["prompt"] == ""
    assert found[0]["seed"] != found[1]["seed"]
    again = {"length": 60, "stream": False, "seed": found[0]["seed"]}
    assert writing.post("/generate", again).json()["text"] == found[0]["text"]


def test_nothing_to_write(writing: Live) -> None:
    assert writing.post("/generate", {"length": 0, "stream": False}).json()["text"] == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"length": -1}, "length"),
        ({"length": 5001}, "length"),
        ({"length": "5"}, "length"),
        ({"length": 1.5}, "length"),
        ({"length": True}, "length"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a" * 5001}, "prompt"),
        ({"stream": "yes"}, "stream"),
        ({"promt": "the"}, "promt"),
    ],
)
def test_bad_settings(writing: Live, change: dict[str, Any], field: str) -> None:
    body = json.dumps(change).encode()
    response = writing.client.post(
        "/generate", content=body, headers={"Content-Type": "application/json"}
    )
    error = error_of(response, 422, "invalid")
    assert field in error["message"]
    assert error["details"][0]["field"].startswith(field)
    # What was got is quoted, but not all of it.
    assert "a" * 100 not in response.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 90_000])
def test_bad_bodies(writing: Live, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    error_of(writing.client.post("/generate", content=body, headers=headers), 422, "invalid")


def test_a_form_of_another_page_is_refused(writing: Live) -> None:
    body = json.dumps({"length": 5})
    response = writing.client.post(
        "/generate", content=body, headers={"Content-Type": "text/plain"}
    )
    error_of(response, 422, "invalid")


def test_unknown_characters_are_named(writing: Live) -> None:
    error = error_of(writing.post("/generate", {"prompt": "the ☃"}), 422, "input")
    assert "SNOWMAN" in error["message"]
    assert error["mend"].startswith("use characters that it knows")
    error_of(writing.post("/suggest", {"prefix": "the ☃"}), 422, "input")
    headers = {"Content-Type": "application/json"}
    lone = writing.client.post("/generate", content=b'{"prompt": "\\ud800"}', headers=headers)
    error_of(lone, 422, "invalid")


def test_a_writer_does_not_predict(writing: Live) -> None:
    error = error_of(writing.post("/predict", {"inputs": ["a"]}), 422, "task")
    assert "/generate" in error["mend"]


def test_who_goes_stops_the_writing(writing: Live) -> None:
    with writing.client.stream("POST", "/generate", json={"length": 5000}) as response:
        lines = response.iter_lines()
        while not next(lines).startswith("event: text"):
            pass
        assert writing.service.writing().num_texts == 1
    wait_until(lambda: writing.service.writing().num_texts == 0, 5)


def test_who_goes_before_one_answer_stops_the_writing(writing: Live) -> None:
    body = json.dumps({"length": 5000, "stream": False})
    with writing.raw() as connection:
        head = "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        wait_until(lambda: writing.service.writing().num_texts == 1)
    wait_until(lambda: writing.service.writing().num_texts == 0, 5)


def test_a_full_queue(writer_run: Path) -> None:
    settings = Settings(max_streams=1, max_waiting=1, text_seconds=60)
    with live(writer_run, settings) as server:
        # Slow enough that nothing ends by itself.
        asked = {"length": 5000}
        first = server.client.stream("POST", "/generate", json=asked)
        second = server.client.stream("POST", "/generate", json=asked)
        with first, second:
            response = server.post("/generate", asked)
            error_of(response, 503, "busy")
            assert int(response.headers["retry-after"]) >= 1
        wait_until(lambda: server.service.writing().num_texts == 0, 5)
        assert server.post("/generate", {"length": 3, "stream": False}).status_code == 200


def test_a_text_takes_too_long(writer_run: Path) -> None:
    with live(writer_run, Settings(text_seconds=0.05)) as server:
        events = server.events("/generate", {"length": 5000})
        name, data = events[-1]
        assert name == "error"
        assert data["code"] == "timeout"
        response = server.post("/generate", {"length": 5000, "stream": False})
        error_of(response, 504, "timeout")


def test_suggestions(writing: Live) -> None:
    found = writing.post("/suggest", {"prefix": "the qui", "k": 4, "length": 6}).json()
    suggestions = found["suggestions"]
    assert 1 <= len(suggestions) <= 4
    chances = [each["probability"] for each in suggestions]
    assert chances == sorted(chances, reverse=True)
    assert len({each["text"] for each in suggestions}) == len(suggestions)
    model = cast("LanguageModel", runtime.load(writing.service.path))
    for each in suggestions:
        assert each["replaces"] == 0
        assert len(each["text"]) == 6 or each["text"].endswith("\n")
        ids = model.vocabulary.encode("the qui" + each["text"])
        logits, _ = model(ids[:-1])
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        steps = range(len("the qui") - 1, len(ids) - 1)
        chance = np.prod([shares[t, ids[t + 1]] for t in steps])
        assert each["probability"] == pytest.approx(float(chance), rel=1e-2, abs=2e-6)


def test_a_suggestion_of_one_unit_is_the_likeliest(writing: Live) -> None:
    model = cast("LanguageModel", runtime.load(writing.service.path))
    logits, _ = model(model.vocabulary.encode("and "))
    best = model.vocabulary.symbols[int(logits[-1].argmax())]
    (found,) = writing.post("/suggest", {"prefix": "and ", "k": 1, "length": 1}).json()[
        "suggestions"
    ]
    assert found["text"] == best


def test_suggestions_change_the_last_syllable(tmp_path: Path) -> None:
    run = train_writer(tmp_path / "jamo", prompt=None, data=TEXT_OF_JAMO)
    with live(run) as server:
        found = server.post("/suggest", {"prefix": "하", "k": 8, "length": 1}).json()
        replacing = [each for each in found["suggestions"] if each["replaces"]]
        assert "한" in {each["text"] for each in replacing}


@pytest.mark.parametrize("change", [{"k": 0}, {"k": 21}, {"length": 65}, {"prefix": None}, {}])
def test_bad_suggestions(writing: Live, change: dict[str, Any]) -> None:
    asked = {"prefix": "a", **change} if change else {}
    error_of(writing.post("/suggest", asked), 422, "invalid")


def test_many_at_once_are_those_alone(writing: Live) -> None:
    import concurrent.futures

    def text(seed: int) -> str:
        asked = {"prompt": "the ", "length": 100, "seed": seed, "stream": False}
        return httpx.post(f"{writing.address}/generate", json=asked, timeout=30).json()["text"]

    alone = [text(seed) for seed in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        together = list(pool.map(text, range(12)))
        assert time.monotonic() - began < 30
    assert together == alone
