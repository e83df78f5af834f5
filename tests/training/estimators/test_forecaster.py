"""``SequenceForecaster``: from frames and arrays to forecasts, and back from a folder."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import ostinato as ost
from ostinato import SequenceForecaster
from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.training.errors import RecipeError

STEPS = np.arange(120)
WAVE = 10 + np.sin(STEPS * np.pi / 4) + np.random.default_rng(0).normal(0, 0.1, 120)
SMALL: dict[str, Any] = {
    "horizon": 4,
    "context": 16,
    "hidden_size": 8,
    "max_epochs": 2,
    "random_state": 0,
    "threads": 1,
}


def frame() -> Any:
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2020-01-01", periods=120, freq="D")
    return pd.DataFrame({"a": WAVE, "b": -2 * WAVE}, index=index)


def test_one_series():
    model = SequenceForecaster(**SMALL).fit(WAVE)
    found = model.predict()
    assert found.shape == (4,)
    expected = 10 + np.sin(np.arange(120, 124) * np.pi / 4)
    assert np.abs(found - expected).max() < 0.6
    assert model.predict(9).shape == (9,)
    assert model.target_names_ == ("value",)
    assert -0.3 < model.score(WAVE) < 0
    assert {"mse", "mae", "loss", "epoch"} <= model.history_[-1].keys()
    np.testing.assert_allclose(
        model.predict(X=WAVE[:100] + 5), model.predict(X=WAVE[:100]) + 5, rtol=1e-4
    )


@pytest.mark.parametrize("output", ["point", "gaussian"])
def test_naive_forecasts_stand_beside(
    output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    model = SequenceForecaster(**SMALL, output=output, verbose=True).fit(WAVE)
    names = ["naive", "seasonal naive", "drift", "seasonal mean", "ridge"]
    assert list(model.baselines_) == names
    for scores in model.baselines_.values():
        assert scores.keys() == {"mse", "mae", "mase", "smape", "crps"} <= model.history_[-1].keys()
        assert 0 < scores["crps"] < scores["mae"]
    # A wave is foreseen by its last period, and not by its last value.
    assert model.baselines_["seasonal naive"]["mae"] < 0.5 * model.baselines_["naive"]["mae"]
    score = model.baselines_["ridge"]["mse" if output == "point" else "crps"]
    assert f"ridge {score:.3f}" in capsys.readouterr().out
    model.save_pretrained(tmp_path / "saved")
    opened = SequenceForecaster.from_pretrained(tmp_path / "saved")
    assert opened.baselines_ == model.baselines_


def test_a_missing_date_of_a_frame_is_named():
    pd = pytest.importorskip("pandas")
    times = pd.Series(pd.date_range("2020-01-01", periods=120, freq="D"))
    times[7] = pd.NaT
    table = pd.DataFrame({"day": times, "a": WAVE})
    with pytest.raises(DataError, match=r"1 date that cannot be read: row 7 \(empty\)"):
        SequenceForecaster(**SMALL).fit(table)
    with pytest.raises(DataError, match=r"1 date that cannot be read: row 7 \(empty\)"):
        SequenceForecaster(**SMALL).fit(table.set_index("day"))


def test_a_frame_of_several():
    model = SequenceForecaster(**SMALL, output="gaussian").fit(frame())
    assert model.predict().shape == (4, 2)
    assert model.predict_quantiles([0.1, 0.5, 0.9]).shape == (4, 2, 3)
    paths = model.sample_paths(7, seed=3)
    assert paths.shape == (7, 4, 2)
    np.testing.assert_array_equal(paths, model.sample_paths(7, seed=3))
    whole = model.predict_all(levels=[0.5])
    assert whole.moments() == [f"2020-04-{day:02}" for day in (30,)] + [
        f"2020-05-0{d}" for d in (1, 2, 3)
    ]
    assert list(whole.to_frame().columns) == ["a", "a 0.5", "b", "b 0.5"]
    assert model.recipe_.data.calendar == "auto"


@pytest.mark.parametrize(
    "changes",
    [{}, {"output": "student-t"}, {"forecast": "direct", "output": "quantile", "segment": 2}],
)
def test_what_was_kept_forecasts_the_same(changes: dict[str, Any], tmp_path: Path):
    model = SequenceForecaster(**SMALL, **changes).fit(frame())
    model.save_pretrained(tmp_path / "saved")
    opened = SequenceForecaster.from_pretrained(tmp_path / "saved")
    copied = pickle.loads(pickle.dumps(model))
    for other in (opened, copied):
        np.testing.assert_array_equal(other.predict(), model.predict())
        kept, own = (
            {key: list(value) if isinstance(value, tuple) else value for key, value in each.items()}
            for each in (other.get_params(), model.get_params())
        )
        assert kept == own
    run = ost.from_pretrained(tmp_path / "saved")
    np.testing.assert_array_equal(run.forecast(frame()).point, model.predict())
    assert run.recipe.task == "forecasting"


def test_the_same_seed_learns_the_same():
    first, second = (SequenceForecaster(**SMALL).fit(WAVE).predict() for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_interface_of_scikit_learn():
    model = SequenceForecaster(**SMALL)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict()
    assert model.set_params(horizon=3).fit(WAVE, None).predict().shape == (3,)


def test_known_columns_are_asked_for_ahead():
    columns = {"y": WAVE.tolist(), "k": (STEPS % 2).tolist()}
    model = SequenceForecaster(**SMALL, targets=["y"], known=["k"]).fit(columns)
    with pytest.raises(DataError, match="known for 0 moments after the last target"):
        model.predict()
    ahead = {"y": [*WAVE, *[None] * 4], "k": [*(STEPS % 2), 0, 1, 0, 1]}
    assert model.predict(X=ahead).shape == (4, 1)


def test_dates_and_missing_values_as_the_parameters_say():
    broken = frame().drop(index=frame().index[[40, 41]])
    with pytest.raises(DataError, match=r"2 moments left out \(the step is 1 day\)"):
        SequenceForecaster(**SMALL).fit(broken)
    model = SequenceForecaster(**SMALL, dates="mend", missing="interpolate").fit(broken)
    assert np.isfinite(model.predict()).all()


@pytest.mark.parametrize(
    ("changes", "data", "kind", "reason"),
    [
        ({}, WAVE[:19], DataError, "no window of data.context=16"),
        ({"horizon": 200}, WAVE, DataError, "has 120 rows, and a forecast of horizon=200"),
        ({}, np.append(WAVE, np.nan), DataError, "1 missing value"),
        ({"horizon": 0}, WAVE, OptionError, "horizon: got 0"),
        ({"validation_fraction": 0.0}, WAVE, OptionError, "validation_fraction: got 0.0"),
        ({"calendar": ["hour"]}, WAVE, OptionError, "the series has no dates"),
        ({"output": "cauchy"}, WAVE, RecipeError, "model.output"),
        ({"segment": 2}, WAVE, OptionError, "model.segment=1"),
    ],
)
def test_what_cannot_be_fitted(
    changes: dict[str, Any], data: Any, kind: type[Exception], reason: str
):
    with pytest.raises(kind, match=reason):
        SequenceForecaster(**{**SMALL, **changes}).fit(data)


def test_what_a_fitted_one_cannot_say():
    model = SequenceForecaster(**SMALL).fit(WAVE)
    with pytest.raises(OptionError, match="a forecast of points has no quantiles"):
        model.predict_quantiles()
    with pytest.raises(OptionError, match="no paths"):
        model.sample_paths()
    with pytest.raises(DataError, match="expected context \\+ horizon = 20 or more"):
        model.score(WAVE[:19])
    with pytest.raises(DataError, match="has 10 rows with targets"):
        model.predict(X=WAVE[:10])
