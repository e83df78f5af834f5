"""Forecasters: what they read, what they must not see, and that each way gives the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError
from ostinato.models.forecaster import (
    Forecaster,
    ForecasterOptions,
    ForecastShape,
    RecursiveForecaster,
    Windows,
    build_forecaster,
)

CONTEXT, HORIZON, ROWS, TARGETS, PAST, KNOWN = 10, 6, 5, 2, 1, 3
KINDS = [
    {"forecast": "direct"},
    {"forecast": "direct", "segment": 4},
    {"forecast": "direct", "segment": 3, "channels": "joint"},
    {"forecast": "recursive"},
    {"forecast": "recursive", "channels": "joint", "num_layers": 2},
]


def shape(**changes: int) -> ForecastShape:
    return ForecastShape(
        **{
            "context": CONTEXT,
            "horizon": HORIZON,
            "num_targets": TARGETS,
            "num_past": PAST,
            "num_known": KNOWN,
            **changes,
        }
    )


def forecaster(changes: dict[str, Any] | None = None, **sizes: int) -> Forecaster:
    options = {"cell": "gru", "hidden_size": 8, "output": "gaussian", **(changes or {})}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_forecaster(shape(**sizes), ForecasterOptions(**options)).eval()
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    return model


def windows(num: int = ROWS, horizon: int = HORIZON) -> Windows:
    generator = torch.Generator().manual_seed(1)

    def tensor(*sizes: int) -> torch.Tensor:
        return torch.randn(*sizes, generator=generator)

    return Windows(
        tensor(CONTEXT, num, TARGETS), tensor(CONTEXT, num, PAST), tensor(horizon, num, KNOWN)
    )


@pytest.mark.parametrize("changes", KINDS)
@pytest.mark.parametrize("normalization", ["last", "mean", "none"])
def test_side_by_side_is_one_by_one(changes: dict[str, Any], normalization: str):
    model = forecaster({**changes, "normalization": normalization, "stretch": True})
    read = windows()
    together = model(read)
    assert together.shape == (HORIZON, ROWS, TARGETS, 2)
    for row in range(ROWS):
        each = slice(row, row + 1)
        alone = model(Windows(read.values[:, each], read.past[:, each], read.known[:, each]))
        torch.testing.assert_close(together[:, each], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changes", [kind for kind in KINDS if kind["forecast"] == "recursive"])
@pytest.mark.parametrize("cell", ["elman", "lstm"])
@pytest.mark.parametrize("skip", ["ridge", "none"])
def test_running_free_is_teacher_forcing_on_its_own_values(
    changes: dict[str, Any], cell: str, skip: str
):
    model = forecaster({**changes, "cell": cell, "skip": skip, "stretch": True})
    assert isinstance(model, RecursiveForecaster)
    said, values = model.run(windows())
    torch.testing.assert_close(model.learned(windows(), values), said, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.forecast(windows()), said)


@pytest.mark.parametrize("changes", KINDS)
def test_no_step_sees_its_own_target_or_later_ones(changes: dict[str, Any]):
    model = forecaster(changes)
    targets = torch.randn(HORIZON, ROWS, TARGETS)
    before = model.learned(windows(), targets)
    changed = targets.clone()
    changed[3:] += 100
    after = model.learned(windows(), changed)
    torch.testing.assert_close(before[:4], after[:4])
    if changes["forecast"] == "recursive":
        assert not torch.allclose(before[4:], after[4:])
    else:
        torch.testing.assert_close(before, after)


@pytest.mark.parametrize("changes", KINDS)
def test_everything_that_is_given_is_read(changes: dict[str, Any]):
    model, read = forecaster({**changes, "hidden_size": 32}), windows()
    inputs = [each.requires_grad_() for each in (read.values, read.past, read.known)]
    model(read).sum().backward()
    for each in inputs:
        assert each.grad is not None
        assert (each.grad != 0).any(-1).all()


@pytest.mark.parametrize("changes", KINDS)
@pytest.mark.parametrize("output", ["point", "quantile", "student-t"])
def test_a_forecast_moves_with_its_window(changes: dict[str, Any], output: str):
    model, read = forecaster({**changes, "output": output}), windows()
    moved = Windows(read.values + 7, read.past, read.known)
    torch.testing.assert_close(
        model.head.point(model(moved)), model.head.point(model(read)) + 7, rtol=1e-4, atol=1e-4
    )


def test_one_window_that_does_not_change():
    model = forecaster({"stretch": True})
    flat = Windows(
        torch.ones(CONTEXT, 1, TARGETS),
        torch.zeros(CONTEXT, 1, PAST),
        torch.zeros(HORIZON, 1, KNOWN),
    )
    assert model(flat).isfinite().all()


@pytest.mark.parametrize("changes", KINDS)
def test_a_new_forecaster_says_its_linear_path(changes: dict[str, Any]):
    options = ForecasterOptions(**{"cell": "lstm", "hidden_size": 8, **changes})
    model = build_forecaster(shape(), options).eval()
    read = windows()
    last = read.values[-1]
    torch.testing.assert_close(model(read)[..., 0], last.expand(HORIZON, -1, -1))
    weights = torch.zeros(model.num_skipped, CONTEXT)
    weights[:, -4] = 1.0
    model.start_skip(weights)
    expected = (
        last + (read.values[-4] - last)
        if changes["forecast"] == "direct"
        else torch.cat([read.values[-4:], read.values[-4:-2]])
    )
    torch.testing.assert_close(model(read)[..., 0], expected.expand(HORIZON, -1, -1))


def test_unknown_targets_add_nothing_to_the_loss():
    model, targets = forecaster(), torch.randn(HORIZON, ROWS, TARGETS)
    is_known = torch.rand(HORIZON, ROWS, TARGETS) > 0.5
    found = model(windows(), targets, is_known)
    each = model.head.loss(model.learned(windows(), targets), targets)
    torch.testing.assert_close(found, each[is_known].sum())
    # HORIZON teacher that is not there cannot be forced: its neighbours are numbers all the same.
    assert found.isfinite()


@pytest.mark.parametrize("channels", ["shared", "joint"])
def test_paths_are_rows_of_their_own(channels: str):
    model = forecaster({"channels": channels, "output": "student-t"})
    assert isinstance(model, RecursiveForecaster)
    chances = torch.rand(HORIZON, 3, ROWS, TARGETS, 2).clamp(0.01, 0.99)
    _, values = model.run(windows(), chances)
    assert values.shape == (HORIZON, 3 * ROWS, TARGETS)
    paths = values.reshape(HORIZON, 3, ROWS, TARGETS)
    for number in range(3):
        _, alone = model.run(windows(), chances[:, number : number + 1])
        torch.testing.assert_close(paths[:, number], alone, rtol=1e-5, atol=1e-5)


def test_a_recursive_forecaster_goes_on_as_long_as_it_is_asked():
    model = forecaster()
    assert model(windows(horizon=20)).shape == (20, ROWS, TARGETS, 2)


def test_targets_with_the_same_weights_are_told_apart():
    same = Windows(
        torch.ones(CONTEXT, 1, TARGETS),
        torch.zeros(CONTEXT, 1, PAST),
        torch.zeros(HORIZON, 1, KNOWN),
    )
    apart = forecaster()(same)
    assert not torch.allclose(apart[..., 0, :], apart[..., 1, :])
    alike = forecaster({"channel_size": 0})(same)
    torch.testing.assert_close(alike[..., 0, :], alike[..., 1, :])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"segment": 2}, r"several steps at once.*\nmend: model.segment=1"),
        ({"segment": 7, "forecast": "direct"}, r"longer than.*\nmend: model.segment=6"),
        ({"output": "quantile", "levels": (0.5, 0.1)}, "rising numbers"),
        ({"start": "chrono"}, "start_steps"),
    ],
)
def test_options_that_do_not_go_together(changes: dict[str, Any], reason: str):
    with pytest.raises(OptionError, match=reason):
        build_forecaster(shape(), ForecasterOptions(**{"cell": "gru", "hidden_size": 8, **changes}))


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("forecast", ["direct", "recursive"])
def test_any_cell(cell: str, forecast: str):
    model = forecaster({"cell": cell, "forecast": forecast, "num_layers": 2})
    read = windows()
    model(read, torch.randn(HORIZON, ROWS, TARGETS)).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
    said = model(read)
    assert said.isfinite().all()
    if isinstance(model, RecursiveForecaster):
        _, values = model.run(read)
        torch.testing.assert_close(model.learned(read, values), said, rtol=1e-3, atol=1e-4)
