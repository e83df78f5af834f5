"""The examples in the docstrings of what programs use."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "api",
    *(
        f"estimators.{m}"
        for m in ("classifier", "regressor", "tagger", "language_model", "forecaster")
    ),
)
EXAMPLES = [
    test
    for name in MODULES
    for test in doctest.DocTestFinder(exclude_empty=True).find(
        importlib.import_module(f"ostinato.training.{name}")
    )
    if test.examples
]


def test_every_public_name_has_an_example():
    names = {test.name.rpartition(".")[2] for test in EXAMPLES}
    assert names >= {"Run", "train", "load_run", "from_pretrained", "SequenceClassifier"}
    assert names >= {"SequenceRegressor", "SequenceTagger", "LanguageModel", "SequenceForecaster"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda test: test.name.rpartition(".")[2])
def test_the_example_is_true(example: doctest.DocTest, request: pytest.FixtureRequest):
    example.globs["getfixture"] = request.getfixturevalue
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)
