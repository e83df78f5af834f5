import numpy as np
import pytest

from ostinato.runtime.language_model import choose
from ostinato.serving.sampling import draw


class _Fixed:
    """Gives one random number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


def _case(num_rows: int, num_symbols: int) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(num_rows)
    logits = random.normal(0, 4, (num_rows, num_symbols)).astype(np.float32)
    temperatures = random.choice([0.0, 0.3, 0.8, 1.0, 1e-300, 100.0], num_rows)
    top_ps = random.choice([1.0, 0.9, 0.5, 1e-6], num_rows)
    return logits, temperatures, top_ps, random.random(num_rows)


@pytest.mark.parametrize("num_rows", [1, 2, 7, 200])
@pytest.mark.parametrize("num_symbols", [2, 96, 300])
def test_each_row_is_drawn_as_the_runtime_draws_it_alone(num_rows: int, num_symbols: int) -> None:
    case = _case(num_rows, num_symbols)
    units, is_finite = draw(*case)
    assert is_finite.all()
    expected = [
        choose(logits, float(t), float(p), _Fixed(float(u)))  # type: ignore[arg-type]
        for logits, t, p, u in zip(*case, strict=True)
    ]
    assert units.tolist() == expected


def test_a_row_does_not_depend_on_the_others() -> None:
    case = _case(64, 50)
    together, _ = draw(*case)
    for first, last in ((0, 1), (5, 9), (30, 64)):
        alone, _ = draw(*(array[first:last] for array in case))
        assert alone.tolist() == together[first:last].tolist()


def test_rows_without_a_finite_logit_are_told_and_leave_the_others_alone() -> None:
    logits, temperatures, top_ps, uniforms = _case(6, 20)
    expected, _ = draw(logits, temperatures, top_ps, uniforms)
    logits[2, 3] = np.nan
    logits[4, 0] = np.inf
    units, is_finite = draw(logits, temperatures, top_ps, uniforms)
    assert is_finite.tolist() == [True, True, False, True, False, True]
    assert units[is_finite].tolist() == expected[is_finite].tolist()


def test_units_outside_the_share_are_never_drawn() -> None:
    logits = np.log(np.array([[0.5, 0.3, 0.15, 0.05]], np.float32)).repeat(500, 0)
    uniforms = np.linspace(0, 1, 500, endpoint=False)
    units, _ = draw(logits, np.ones(500), np.full(500, 0.7), uniforms)
    assert set(units.tolist()) == {0, 1}
    assert abs((units == 0).mean() - 0.5 / 0.8) < 0.01
