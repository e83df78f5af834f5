"""Errors arrive whole where they are sent: from worker processes, through pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from ostinato.core.errors import (
    EquationError,
    EquationHint,
    MissingExtraError,
    OptionError,
    Span,
    StorageError,
    UnknownNameError,
)

SOURCE = ("h = tahn(x)",)


@pytest.mark.parametrize(
    "error",
    [
        OptionError("too much\nmend: less"),
        MissingExtraError("training", "train"),
        StorageError("no space\nmend: free some"),
        UnknownNameError("cell", "lstn", ["gru", "lstm"]),
        EquationError("unknown", source=SOURCE, span=Span(1, 4, 8), mend="tanh", also=None),
        EquationHint("no state", source=SOURCE, span=Span(1, 0, 1), mend="read one"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: Exception):
    error.add_note("in worker 3")
    for copied in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(copied) is type(error)
        assert str(copied) == str(error)
        assert copied.args == error.args
        assert vars(copied) == vars(error)
        assert getattr(copied, "msg", None) == getattr(error, "msg", None)


@pytest.mark.parametrize(
    ("name", "hint", "mend"),
    [("lstn", "; did you mean 'lstm'?", "use 'lstm'"), ("xyz", "", "use one of these")],
)
def test_an_unknown_name(name: str, hint: str, mend: str):
    error = UnknownNameError("cell", name, ["lstm", "gru"])
    assert str(error) == f"unknown cell {name!r}{hint}\nexpected one of: gru, lstm\nmend: {mend}"
