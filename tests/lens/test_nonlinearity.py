"""Without a nonlinearity a stack is one matrix, to rounding."""

import numpy as np
import pytest

from ostinato.core.errors import OptionError
from ostinato.lens.nonlinearity import collapse


@pytest.mark.parametrize("slope", [0.5, 1.0, -1.5])
def test_a_stack_without_nonlinearity_is_one_matrix(slope: float):
    found = collapse(
        input_size=5, hidden_size=7, num_layers=3, output_size=4, num_steps=6, slope=slope
    )
    dense, recurrent = found.stacks
    assert dense.linear.difference < 1e-13
    assert recurrent.linear.difference < 1e-13
    assert dense.tanh.difference > 0.05
    assert recurrent.tanh.difference > 0.05
    assert dense.superposition > 0.05
    assert recurrent.superposition > 0.05


def test_the_numbers_of_weights_are_those_of_the_layers():
    dense, recurrent = collapse(
        input_size=5, hidden_size=7, num_layers=2, output_size=3, num_steps=6
    ).stacks
    assert dense.num_parameters == (5 * 7 + 7) + (7 * 7 + 7) + (7 * 3 + 3)
    assert dense.num_parameters_single == 5 * 3 + 3
    assert recurrent.num_parameters == (5 * 7 + 49 + 7) + (49 + 49 + 7) + (7 * 3 + 3)
    assert recurrent.num_parameters_single == 6 * 5 * 3 + 3
    assert recurrent.sizes == (30, 7, 7, 3)


def test_the_rank_is_that_of_the_narrowest_layer():
    dense, _ = collapse(input_size=9, hidden_size=2, num_layers=3, output_size=6).stacks
    assert dense.rank == 2


def test_a_long_input_is_compared_without_a_fit():
    _, recurrent = collapse(input_size=64, hidden_size=4, num_steps=20).stacks
    assert recurrent.linear.difference < 1e-12
    assert recurrent.superposition > 0.01


def test_the_figure_holds_the_numbers():
    found = collapse(input_size=4, hidden_size=5, num_steps=5)
    figure = found.figure()
    points = figure.data[1]
    np.testing.assert_allclose(points.y, found.stacks[0].linear.network.ravel()[: len(points.y)])
    np.testing.assert_allclose(points.x, points.y, atol=1e-12)
    assert "rank" in figure.layout.meta["description"]


def test_the_same_seed_gives_the_same_numbers():
    assert collapse(seed=3, num_steps=4).summary == collapse(seed=3, num_steps=4).summary


def test_what_makes_no_sense_is_said():
    with pytest.raises(OptionError, match="slope"):
        collapse(slope=0)
    with pytest.raises(OptionError, match="num_layers"):
        collapse(num_layers=0)
