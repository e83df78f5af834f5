"""The estimators under scikit-learn's own checks, and in its tools."""

from __future__ import annotations

import pickle
import pickletools

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from ostinato import LanguageModel, SequenceClassifier, SequenceRegressor, SequenceTagger

QUICK = {"hidden_size": 12, "max_epochs": 10, "learning_rate": 0.05, "dropout": 0.0, "threads": 1}
# Some checks ask how well noise of the training part is learned by heart.
FITTING = {**QUICK, "cell": "gru", "hidden_size": 24, "learning_rate": 0.03, "max_epochs": 15}
FITTING["validation_fraction"] = 0.0
TEXTS = ["good", "very good", "so good", "bad", "very bad", "so bad"] * 4
SIGNS = ["+", "+", "+", "-", "-", "-"] * 4
TAGS = [["A" if len(word) > 3 else "B" for word in text.split()] for text in TEXTS]


@parametrize_with_checks(
    [
        SequenceClassifier(**QUICK, random_state=0),
        SequenceRegressor(**FITTING, random_state=0),
    ]
)
def test_scikit_learn_accepts(estimator, check):
    check(estimator)


def reasons(error: BaseException | None) -> str:
    """Return the messages of an error and of what led to it."""
    return "" if error is None else f"{error}\n{reasons(error.__cause__ or error.__context__)}"


def test_scikit_learn_accepts_a_tagger_but_gives_it_no_tags():
    tagger = SequenceTagger(**QUICK, random_state=0)
    results = check_estimator(tagger, on_fail=None, on_skip=None)
    for result in results:
        # The checks give one label for a row, a tagger takes a tag for every step.
        if result["status"] == "failed":
            assert "expected a list of tags" in reasons(result["exception"]), result["check_name"]
    assert sum(result["status"] == "passed" for result in results) >= 15


def test_scikit_learn_has_a_check_for_texts():
    with pytest.warns(SkipTestWarning, match="Can't test estimator LanguageModel which requires"):
        results = check_estimator(LanguageModel(**QUICK, random_state=0))
    assert results
    assert {result["status"] for result in results} == {"passed"}


FITS = [
    (SequenceClassifier(**QUICK, unit="words", random_state=0), TEXTS, SIGNS),
    (SequenceRegressor(**QUICK, unit="words", random_state=0), TEXTS, [len(t) for t in TEXTS]),
    (SequenceTagger(**QUICK, crf=True, spelling="cnn", random_state=0), TEXTS, TAGS),
    (LanguageModel(**QUICK, random_state=0), TEXTS, None),
]


@pytest.mark.parametrize(("estimator", "X", "y"), FITS, ids=lambda v: type(v).__name__)
def test_a_fitted_estimator_goes_through_pickle(estimator: BaseEstimator, X: list[str], y):
    fitted = clone(estimator).fit(X, y)
    content = pickle.dumps(fitted)
    strings = [arg for _, arg, _ in pickletools.genops(content) if isinstance(arg, str)]
    assert not [name for name in strings if name.partition(".")[0] == "torch"]
    again = pickle.loads(content)
    assert again.get_params() == fitted.get_params()
    assert again.recipe_ == fitted.recipe_
    for before, after in zip(
        fitted.predict_proba(X) if hasattr(fitted, "predict_proba") else fitted.predict(X),
        again.predict_proba(X) if hasattr(again, "predict_proba") else again.predict(X),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)
    assert again.score(X, y) == fitted.score(X, y)


def test_a_grid_is_searched_over_texts():
    search = GridSearchCV(
        SequenceClassifier(**QUICK, unit="words", random_state=0),
        {"cell": ["gru", "h = tanh(W @ h + U @ x + b)"]},
        cv=2,
    )
    search.fit(TEXTS, SIGNS)
    assert search.best_score_ > 0.9
    assert search.best_estimator_.recipe_.model.cell == search.best_params_["cell"]


def test_taggers_and_language_models_are_cross_validated():
    tagger = SequenceTagger(**QUICK, random_state=0)
    assert cross_val_score(tagger, TEXTS, TAGS, cv=2).mean() > 0.9
    model = LanguageModel(**QUICK, unit="bytes", random_state=0)
    scores = cross_val_score(model, TEXTS, cv=2)
    assert np.isfinite(scores).all()
    assert (scores < 0).all()


def test_a_classifier_ends_a_pipeline():
    steps = make_pipeline(
        FunctionTransformer(lambda texts: [text.upper() for text in texts]),
        SequenceClassifier(**QUICK, unit="words", random_state=0),
    )
    assert steps.fit(TEXTS, SIGNS).predict(["good"]).tolist() == ["+"]
