"""What the estimators take, learn and refuse."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ostinato import (
    LanguageModel,
    OstinatoError,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from ostinato.training.errors import RunError
from ostinato.training.example_data import Source
from ostinato.training.language_model import read_source

SIZES = {"hidden_size": 8, "learning_rate": 0.05, "dropout": 0.0, "threads": 1, "random_state": 0}
ONES = [np.ones((length, 2)) for length in (2, 3, 4, 5)] * 5
X_FORMS = {
    "texts": ["up"] * 10 + ["down"] * 10,
    "tokens": [["go", "up"]] * 10 + [["go", "down", "now"]] * 10,
    "arrays of several lengths": [*ONES[:10], *(-each for each in ONES[:10])],
    "numbers of several lengths": [[1.0, 2.0]] * 10 + [[-1.0, -2.0, -3.0]] * 10,
    "an array": np.concatenate([np.ones((10, 4, 2)), -np.ones((10, 4, 2))]),
    "a table": np.concatenate([np.ones((10, 4)), -np.ones((10, 4))]),
    "an array of texts": np.array(["up"] * 10 + ["down"] * 10),
    "a column of texts": np.array([["up"]] * 10 + [["down"]] * 10, dtype=object),
    "an array of arrays": np.array([[1.0], None] * 10, dtype=object),
}
X_FORMS["an array of arrays"][:] = [*ONES[:10], *(-each for each in ONES[:10])]
Y = [True] * 10 + [False] * 10


@pytest.mark.parametrize("form", X_FORMS)
def test_a_classifier_takes(form: str):
    X = X_FORMS[form]
    model = SequenceClassifier(**SIZES, max_epochs=12, validation_fraction=0.3).fit(X, Y)
    assert model.is_held_out_
    assert model.classes_.tolist() == [False, True]
    assert model.predict(X).tolist() == Y
    assert model.predict_proba(X).shape == (20, 2)
    assert model.score(X, Y) == 1


def test_numbers_of_a_step_are_remembered():
    table = SequenceClassifier(**SIZES, max_epochs=1).fit(X_FORMS["a table"], Y)
    assert table.n_features_in_ == 4
    array = SequenceClassifier(**SIZES, max_epochs=1).fit(X_FORMS["an array"], Y)
    assert array.n_features_in_ == 2
    assert array.predict([np.ones((7, 2))]).shape == (1,)
    text = SequenceClassifier(**SIZES, max_epochs=1).fit(X_FORMS["texts"], Y)
    assert not hasattr(text, "n_features_in_")


def test_the_unit_of_texts_is_chosen():
    names = SequenceClassifier(**SIZES, max_epochs=1).fit(["Kim", "Lee"] * 3, [0, 1] * 3)
    assert names.recipe_.text.unit == "characters"
    lines = SequenceClassifier(**SIZES, max_epochs=1).fit(["a b c", "d e f"] * 3, [0, 1] * 3)
    assert lines.recipe_.text.unit == "words"


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("a text", [0], "X is one text"),
        ([], [], "0 sample"),
        (["a", [1.0]], [0, 1], "X mixes arrays and texts"),
        ([1.0, 2.0], [0, 1], r"X\[0\] is 1.0, expected a sequence"),
        (
            [np.ones((2, 2)), np.ones((2, 3))],
            [0, 1],
            r"X\[1\] has 3 numbers a step, but X\[0\] has 2",
        ),
        ([np.ones((2, 2, 2)), np.ones((2, 3))], [0, 1], r"X\[0\] has the shape \(2, 2, 2\)"),
        (["a", "b"], [0, 0], "one class only"),
        (["a", "b"], None, "target y is None"),
        (["a", "b"], [0], "inconsistent numbers of samples"),
        (["a", "b"], [0.5, 1.5], "Unknown label type"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_mend(X, y, message: str):
    with pytest.raises(OstinatoError, match=f"(?s){message}.*mend: "):
        SequenceClassifier(**SIZES, max_epochs=1).fit(X, y)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_size": 0},
        {"cell": "lsmt"},
        {"cell": "h = tanh(W @ h"},
        {"unit": "letters"},
        {"pooling": "sum"},
        {"batch_size": 0},
        {"patience": -1},
        {"validation_fraction": 1.0},
        {"random_state": "seed"},
        {"class_weight": "even"},
        {"class_weight": {"no such": 2.0}},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_an_error_of_fit(wrong: dict[str, object]):
    model = SequenceClassifier(**{**SIZES, "max_epochs": 1, **wrong})
    with pytest.raises(OstinatoError):
        model.fit(["up", "down"] * 4, [0, 1] * 4)


def test_text_is_not_read_by_what_learned_from_arrays():
    model = SequenceClassifier(**SIZES, max_epochs=1).fit(X_FORMS["a table"], Y)
    with pytest.raises(OstinatoError, match="learned from table, got texts"):
        model.predict(["up"])


def test_the_same_seed_gives_the_same_result_and_leaves_others_alone():
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    torch.manual_seed(1)
    states = np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    X = X_FORMS["arrays of several lengths"]
    params = {**SIZES, "dropout": 0.3, "max_epochs": 3}
    probabilities = [SequenceClassifier(**params).fit(X, Y).predict_proba(X) for _ in range(2)]
    np.testing.assert_array_equal(*probabilities)
    other = SequenceClassifier(**{**params, "random_state": 1}).fit(X, Y).predict_proba(X)
    assert (other != probabilities[0]).any()
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])  # noqa: NPY002
    assert random.getstate() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_a_prediction_does_not_depend_on_its_neighbours():
    X = X_FORMS["arrays of several lengths"]
    model = SequenceClassifier(**SIZES, max_epochs=2).fit(X, Y)
    whole = model.predict_proba(X)
    single = np.concatenate([model.predict_proba([each]) for each in X])
    np.testing.assert_allclose(whole, single, rtol=1e-6)


def test_balanced_classes_count_alike():
    X, y = ["a"] * 36 + ["a", "b"] * 2, [0] * 36 + [1] * 4
    plain = SequenceClassifier(**SIZES, max_epochs=20).fit(X, y)
    balanced = SequenceClassifier(**SIZES, max_epochs=20, class_weight="balanced").fit(X, y)
    assert balanced.predict_proba(["a"])[0, 1] > plain.predict_proba(["a"])[0, 1]


def test_too_few_examples_are_all_learned_from():
    model = SequenceClassifier(**SIZES, max_epochs=4).fit(["up", "down"] * 5, [0, 1] * 5)
    assert not model.is_held_out_
    assert model.history_[-1]["accuracy"] == 1
    assert [record["epoch"] for record in model.history_] == [0.0, 4.0]


def test_every_class_is_learned_though_some_are_rare():
    X, y = ["a"] * 50 + ["b"], ["often"] * 50 + ["once"]
    model = SequenceClassifier(**SIZES, max_epochs=1).fit(X, y)
    assert model.is_held_out_
    assert model.classes_.tolist() == ["often", "once"] or model.classes_.tolist() == [
        "once",
        "often",
    ]


def test_missing_numbers_are_no_mistake():
    X = X_FORMS["a table"].copy()
    X[0, 1] = np.nan
    model = SequenceClassifier(**SIZES, max_epochs=10, validation_fraction=0.0).fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_regressor_estimates_several_numbers():
    X = np.linspace(0, 1, 120).reshape(40, 3)
    y = np.stack([X.sum(1), 100 - X[:, 0]], axis=1)
    model = SequenceRegressor(**SIZES, max_epochs=30).fit(X, y)
    assert model.predict(X).shape == (40, 2)
    assert model.score(X, y) > 0.8


def test_a_tagger_keeps_the_type_of_its_tags():
    X = [np.array([1.0, -1.0, 1.0]), np.array([-1.0, 1.0])] * 12
    y = [[1, 0, 1], [0, 1]] * 12
    model = SequenceTagger(**SIZES, max_epochs=20).fit(X, y)
    assert model.predict(X[:2]) == [[1, 0, 1], [0, 1]]
    assert model.classes_ == [0, 1]
    assert model.predict_proba(X[:1])[0].shape == (3, 2)
    assert model.score(X, y) == 1


def test_a_tagger_with_a_scheme_is_scored_by_spans():
    X = [["to", "New", "York", "now"], ["from", "Oslo"]] * 12
    y = [["O", "B-C", "I-C", "O"], ["O", "B-C"]] * 12
    model = SequenceTagger(**SIZES, max_epochs=20, scheme="BIO", crf=True).fit(X, y)
    assert model.score(X, y) == 1
    wrong = [["O", "B-C", "O", "O"], ["O", "B-C"]] * 12
    assert 0.4 < model.score(X, wrong) < 0.6


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([["A"], ["B"]], r"X\[0\]: 2 steps, but 1 tag"),
        ("A B", "y is of type str"),
        ([1, 2], r"y\[0\] is 1, expected a list of tags"),
        ([["A", 1], ["1", "B"]], "written alike"),
    ],
)
def test_tags_that_fit_no_step_are_refused(y, message: str):
    with pytest.raises(OstinatoError, match=f"(?s){message}.*mend: "):
        SequenceTagger(**SIZES, max_epochs=1).fit([["a", "b"], ["c", "d"]], y)


def test_a_language_model_reads_documents_apart():
    lines = ["abc", "bca", "cab"] * 20
    model = LanguageModel(**SIZES, max_epochs=6, batch_size=4).fit(lines)
    assert model.is_held_out_
    assert model.recipe_.data.documents == "lines"
    assert model.predict(["ab", "bc"]).tolist() == ["c", "a"]
    np.testing.assert_allclose(model.predict_proba(["ab"]).sum(1), 1)
    assert model.score(lines) == pytest.approx(-np.log2(model.perplexity(lines)))
    assert -1.5 < model.score(lines) < 0
    assert len(model.generate("ab", length=3, seed=0)) == 5


def test_the_score_of_a_language_model_is_that_of_its_training():
    text = "to be or not to be. " * 40
    model = LanguageModel(**SIZES, max_epochs=3, validation_fraction=0.0, batch_size=1).fit(text)
    assert not model.is_held_out_
    best = min(record["bits_per_character"] for record in model.history_)
    assert -model.score(text) == pytest.approx(best, rel=0.05)


def test_what_no_language_model_can_read_is_refused():
    model = LanguageModel(**SIZES, max_epochs=1)
    for X in ([], "", [1, 2], 3):
        with pytest.raises(OstinatoError, match="expected texts"):
            model.fit(X)
    with pytest.raises(OstinatoError, match="unit='bytes'"):
        model.fit("abab" * 20).score("z")


def test_examples_from_memory_are_not_read_again():
    model = SequenceClassifier(**SIZES, max_epochs=1).fit(X_FORMS["texts"], Y)
    with pytest.raises(RunError, match=r"(?s)given in Python.*mend: give DATA"):
        Source(model.recipe_).rows("train")
    writer = LanguageModel(**SIZES, max_epochs=1).fit("abab" * 20)
    with pytest.raises(RunError, match="given in Python"):
        read_source(writer.recipe_.data)
