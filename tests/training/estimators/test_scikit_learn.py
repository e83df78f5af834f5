"""The estimators under scikit-learn's own checks, and in its tools."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from ostinato import SequenceClassifier, SequenceRegressor

QUICK = {"hidden_size": 12, "max_epochs": 15, "learning_rate": 0.03, "dropout": 0.0, "threads": 1}


@parametrize_with_checks(
    [
        SequenceClassifier(**QUICK, random_state=0),
        SequenceRegressor(**QUICK, random_state=0),
    ]
)
def test_scikit_learn_accepts(estimator, check):
    check(estimator)
