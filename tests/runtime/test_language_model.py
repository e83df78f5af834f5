"""A trained model writes and scores without torch what it does with it."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import ostinato as ost
from ostinato.core.errors import ModelFileError, OptionError, ShapeError
from ostinato.data import DataError
from ostinato.runtime import LanguageModel
from ostinato.runtime.language_model import choose
from ostinato.training.errors import CheckpointError, DivergedError, RunError
from ostinato.training.generate import generate
from ostinato.training.session import load_trained, train
from tests.runtime.helpers import compare
from tests.training.helpers import TEXT, tiny

KOREAN = "안녕하세요 세계, 한국어로 글을 씁니다.\n" * 12
RECIPES: dict[str, dict[str, Any]] = {
    "embedding": {"model": {"cell": "gru", "zoneout": 0.2}},
    "one-hot": {"model": {"embedding_size": "one-hot", "num_layers": 2, "layer_norm": True}},
    "tied": {"model": {"embedding_size": 8, "tied": True, "cell": "h = tanh(W @ h + U @ x + b)"}},
    "jamo": {"data": {"text": KOREAN, "unit": "jamo"}},
    "bytes": {"data": {"text": KOREAN, "unit": "bytes"}},
    "documents": {"data": {"documents": "lines"}},
}


@pytest.fixture(scope="module", params=RECIPES)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    train(tiny(**RECIPES[request.param]), folder)
    return folder


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    train(tiny(training={"max_steps": 7}), folder)
    return folder


def read(run: Path, **options: Any) -> LanguageModel:
    model = ost.runtime.load(run, num_threads=1, **options)
    assert isinstance(model, LanguageModel)
    return model


def text_of(model: LanguageModel) -> str:
    return KOREAN if model.vocabulary.unit != "characters" else TEXT


def test_the_most_likely_text_is_the_same(run: Path):
    trained, model = load_trained(run), read(run)
    assert model.start == trained.start
    for prompt in (model.start, text_of(model)[:7], text_of(model)[:1]):
        settings = {"length": 60, "temperature": 0.0}
        end = trained.document_end
        expected = list(
            generate(trained.model, trained.vocabulary, prompt, document_end=end, **settings)
        )
        assert list(model.generate(prompt, **settings)) == expected
    assert "".join(model.generate(length=9)).startswith(model.start)


def test_scores_are_the_same(run: Path):
    trained, model = load_trained(run), read(run)
    text = text_of(model)
    ids = torch.as_tensor(trained.vocabulary.encode(text))
    inputs = ids[:-1, None]
    resets = None if trained.document_end is None else inputs == trained.document_end
    with torch.no_grad():
        logits, state = trained.model(inputs, None, resets)
    nats = functional.cross_entropy(logits[:, 0].double(), ids[1:])
    assert model.score(text) == pytest.approx(float(nats) / math.log(2), abs=1e-5)
    compare(model(ids[:-1, None].numpy()), (logits, state))
    alone = {name: value[:, 0] for name, value in state.items()}
    compare(model(ids[:-1].numpy()), (logits[:, 0], alone))
    with torch.no_grad():
        expected = trained.model.step(ids[:1], state)
    compare(model.step(ids[:1].numpy(), model(ids[:-1, None].numpy())[1]), expected)


def test_a_long_text_is_scored_in_windows(one_run: Path):
    model = read(one_run)
    text = TEXT * 3
    assert len(text) > 1024
    ids = model.vocabulary.encode(text)
    logits, _ = model(ids[:-1])
    nats = functional.cross_entropy(torch.from_numpy(logits).double(), torch.from_numpy(ids[1:]))
    assert model.score(text) == pytest.approx(float(nats) / math.log(2), abs=1e-6)


def test_both_checkpoints(one_run: Path):
    for which in ("best", "last"):
        trained, model = load_trained(one_run, which), read(one_run, checkpoint=which)
        expected = "".join(
            generate(trained.model, trained.vocabulary, "the", length=30, temperature=0)
        )
        assert "".join(model.generate("the", length=30, temperature=0)) == expected


def test_a_seed_decides(one_run: Path):
    model = read(one_run)

    def write(seed: int | None) -> str:
        return "".join(model.generate("the", length=60, seed=seed))

    assert write(5) == write(5)
    assert write(5) != write(6)
    assert write(None) != write(None)


def draws(logits: list[float], temperature: float, top_p: float) -> Counter[int]:
    generator = np.random.default_rng(0)
    return Counter(
        choose(np.array(logits, np.float32), temperature, top_p, generator) for _ in range(2000)
    )


def test_draws_follow_the_distribution():
    logits = np.log([0.5, 0.3, 0.2]).tolist()
    counts = draws(logits, 1.0, 1.0)
    assert counts[0] == pytest.approx(1000, abs=80)
    assert counts[2] == pytest.approx(400, abs=80)
    assert draws(logits, 100.0, 1.0)[2] == pytest.approx(667, abs=80)
    assert set(draws([1e30, 0.0, -1e30], 0.5, 0.9)) == {0}
    assert set(draws([0.0, 1.0, -np.inf], 1e-300, 1.0)) == {1}
    assert set(draws([0.0, 0.0, -np.inf], 1.0, 1.0)) == {0, 1}


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.4, {0}), (0.5, {0}), (0.6, {0, 1}), (0.9, {0, 1, 2})]
)
def test_top_p_keeps_the_smallest_sufficient_set(top_p: float, kept: set[int]):
    assert set(draws(np.log([0.5, 0.3, 0.2]).tolist(), 1.0, top_p)) == kept


class _Highest(np.random.Generator):
    """Draws the number that rounding is hardest on."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, *_: Any, **__: Any) -> Any:
        return np.nextafter(1.0, 0.0)


def test_no_draw_reaches_a_unit_without_a_share():
    logits = np.array([0.1, 0.2, 0.3, -np.inf, -np.inf])
    assert choose(logits, 1.0, 1.0, _Highest()) == 2
    assert choose(logits, 1.0, 0.1, _Highest()) == 2


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("logit", [float("nan"), float("inf")])
def test_logits_that_are_not_finite(logit: float, temperature: float):
    with pytest.raises(DivergedError, match=r"highest logit is (nan|inf)[^$]*\nmend: "):
        draws([0.0, logit], temperature, 1.0)


def test_what_cannot_be_written_or_scored(one_run: Path):
    model = read(one_run)
    for settings in ({"temperature": -1.0}, {"top_p": 0.0}, {"length": -1}, {"prompt": ""}):
        with pytest.raises(OptionError, match="mend: "):
            model.generate(**{"prompt": "the", "length": 5, **settings})
    with pytest.raises(DataError, match="'Z'"):
        model.generate("Z", length=5)
    with pytest.raises(DataError, match="'Z'"):
        model.score("the Z")
    for text in ("", "t"):
        with pytest.raises(OptionError, match="expected 2 or more"):
            model.score(text)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array([0.5]), r"got units of float64 and shape \[1\], expected integers \[T, B\]"),
        (np.zeros((2, 2, 2), np.int64), r"shape \[2, 2, 2\]"),
        (np.int64(3), r"shape \[\]"),
        (np.array([0, -1]), "got the unit -1, expected 0 to 29"),
        (np.array([[30]]), "got the unit 30, expected 0 to 29"),
    ],
)
def test_numbers_that_are_no_units(one_run: Path, ids: Any, message: str):
    with pytest.raises(ShapeError, match=message):
        read(one_run)(ids)


def copied(run: Path, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(run, folder / "copy"))


def test_damaged_checkpoints(one_run: Path, tmp_path: Path):
    run = copied(one_run, tmp_path)
    for file in run.glob("checkpoints/*/model.safetensors"):
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(CheckpointError, match="its content changed after it was written"):
        read(run)
    for file in run.glob("checkpoints/*/model.safetensors"):
        file.unlink()
    with pytest.raises(CheckpointError, match="the file is missing"):
        read(run)
    (run / "checkpoints" / "index.json").unlink()
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        read(run)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda f: f.pop("recurrent"), RunError, "does not describe the layer"),
        (lambda f: f.pop("vocabulary"), RunError, "`vocabulary` is missing"),
        (lambda f: f.update(start=3), RunError, "`start` is no text"),
        (lambda f: f["vocabulary"].update(symbols="ba"), RunError, "holds no sorted symbols"),
        (lambda f: f["vocabulary"].update(unit="words"), RunError, "its unit is 'words'"),
        (lambda f: f["vocabulary"].update(normalization=1), RunError, "its normal form is 1"),
        (lambda f: f["vocabulary"].update(symbols="ab"), ModelFileError, "are of another model"),
        (lambda f: f["recurrent"].update(format=9), ModelFileError, "format 9, expected format 1"),
        (lambda f: f["recurrent"]["cell"].update(text="h = q"), ModelFileError, "mend: "),
    ],
)
def test_damaged_runs(one_run: Path, tmp_path: Path, change: Any, kind: Any, message: str):
    run = copied(one_run, tmp_path)
    facts = json.loads((run / "run.json").read_bytes())
    change(facts)
    (run / "run.json").write_text(json.dumps(facts))
    with pytest.raises(kind, match=message) as raised:
        read(run)
    assert "\nmend: " in str(raised.value)
