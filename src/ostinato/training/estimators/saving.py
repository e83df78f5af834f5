"""Estimators as folders, and on the hub: parameters and what was learned, as JSON, beside a model.

An estimator's folder holds what every saved model does, so that ``ost.from_pretrained`` and
``ostinato predict`` read it, too, and ``estimator.json``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from ostinato.core.errors import OptionError
from ostinato.training.errors import RunError
from ostinato.training.estimators.checks import check_fitted
from ostinato.training.estimators.network import Network
from ostinato.training.model_card import Loader
from ostinato.training.pretrained import SavedModel, find_pretrained, upload, write_model

_FILE = "estimator.json"

PathLike = str | os.PathLike[str]


class SavedEstimator:
    """What an estimator has that can be saved without pickle."""

    _network: Network

    def save_pretrained(self, folder: PathLike) -> None:
        """Write parameters and network into a folder, complete or not at all.

        A generator given as ``random_state`` is not kept: loaded, it is None.

        Args:
            folder: new or empty; a saved model that is there is replaced.

        Raises:
            RunError: the folder holds something else.
            StorageError: it could not be written.
            OptionError: a class is neither text, number nor truth value.
        """
        write_model(self._saved(), Path(folder))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        message: str = "Upload the model",
    ) -> str:
        """Upload what ``save_pretrained`` writes to the Hugging Face hub.

        Args:
            repo_id: ``user/repository``; made if it is not there.
            private: whether a new repository is hidden; None for what the user's account says.
            token: None for the one that is logged in.
            revision: branch; None for the main one.
            message: of the commit.

        Returns:
            The address of the commit.

        Raises:
            RunError: the hub refuses, or cannot be reached.
        """
        model = self._saved()
        return upload(
            lambda path: write_model(model, path, name=repo_id),
            repo_id,
            private=private,
            token=token,
            revision=revision,
            message=message,
        )

    @classmethod
    def from_pretrained(
        cls, source: PathLike, *, revision: str | None = None, token: str | bool | None = None
    ) -> Self:
        """Return the fitted estimator that ``save_pretrained`` or ``push_to_hub`` wrote.

        Args:
            source: a folder, or ``user/repository`` of the Hugging Face hub.
            revision: branch, tag or commit there.
            token: for a private repository; None for the one that is logged in.

        Raises:
            RunError: it is neither, the hub cannot be reached, or it is no estimator of this class.
            CheckpointError: the weights are not those that were written.
        """
        name = os.fspath(source)
        path = find_pretrained(name, revision=revision, token=token, others=[_FILE])
        if not (path / _FILE).is_file():
            raise RunError(
                f"{name} is a saved model, but no estimator\n"
                f"mend: ost.from_pretrained({name!r}) opens it"
            )
        try:
            content = json.loads((path / _FILE).read_bytes())
            kind = content["estimator"]
            parameters = _revived(content["parameters"])
            fitted = _revived(content["fitted"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{path / _FILE} is damaged: {error}\nmend: save the estimator again"
            ) from error
        if kind != cls.__name__:
            raise RunError(
                f"{name} is a {kind}, expected a {cls.__name__}\n"
                f"mend: {kind}.from_pretrained({name!r})"
            )
        estimator = cls(**parameters)
        for key, value in fitted.items():
            setattr(estimator, key, value)
        estimator._network = Network.of_run(path)
        return estimator

    def _saved(self) -> SavedModel:
        check_fitted(cast("Any", self))
        kind = type(self).__name__
        parameters = cast("Any", self).get_params(deep=False)
        state = parameters.get("random_state")
        if isinstance(state, np.random.RandomState | np.random.Generator):
            parameters["random_state"] = None
        fitted = {
            key: value
            for key, value in vars(self).items()
            if key not in parameters and key != "_network"
        }
        content = {
            "estimator": kind,
            "parameters": _plain(parameters),
            "fitted": _plain(fitted),
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        loader = Loader(f"from ostinato import {kind}", f"{kind}.from_pretrained")
        return self._network.saved({_FILE: f"{text}\n".encode()}, loader)


def _plain(value: Any) -> Any:
    """Return a value as JSON; mappings whose keys are no texts, and arrays, say so themselves."""
    match value:
        case np.ndarray():
            array = cast("np.ndarray[Any, Any]", value)
            return {"array": array.dtype.str, "values": _plain(array.tolist())}
        case np.generic():
            return _plain(cast("Any", value).item())
        case dict() | Mapping():
            pairs = cast("Mapping[Any, Any]", value).items()
            return {"pairs": [[_plain(key), _plain(each)] for key, each in pairs]}
        case list() | tuple():
            return [_plain(each) for each in cast("list[Any]", value)]
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise OptionError(
                f"a {type(value).__name__} cannot be saved without pickle: {value!r}\n"
                "mend: give texts, numbers or truth values; or use pickle"
            )


def _revived(value: Any) -> Any:
    """Return what ``_plain`` was given."""
    match value:
        case {"array": str() as dtype, "values": values}:
            return np.array(_revived(values), dtype=dtype)
        case {"pairs": pairs}:
            return {_revived(key): _revived(each) for key, each in cast("list[Any]", pairs)}
        case list():
            return [_revived(each) for each in cast("list[Any]", value)]
        case _:
            return value
