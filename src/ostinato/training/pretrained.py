"""A trained model as a folder of its own: for other programs, other machines, and the hub.

```
recipe.yaml         the resolved recipe; of the files of its data, the names alone
run.json            what using the model needs, its scores, and the sha256 of the weights
model.safetensors   the weights
README.md           the model card
```
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ostinato.core import files
from ostinato.core.errors import MissingExtraError
from ostinato.training.errors import RunError
from ostinato.training.model_card import USUAL, Loader, model_card
from ostinato.training.recipe_files import dump_recipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.results_of_run import Results, results_of_run
from ostinato.training.run import RunFolder
from ostinato.training.run_files import (
    CHECKPOINTS,
    MODEL,
    RECIPE,
    RUN,
    Which,
    damaged_checkpoint,
    read_checkpoint,
    saved_model,
)

_CARD = "README.md"
_HOW = " of save_pretrained"


def save_pretrained(
    run: Path, folder: Path, which: Which = "best", *, name: str | None = None
) -> None:
    """Write the model of a run into a folder of its own, complete or not at all.

    Args:
        run: the run folder.
        folder: new or empty; a saved model that is there is replaced.
        which: of the run's checkpoints.
        name: by which others load it, for the model card; None for the folder.

    Raises:
        RunError: there is no run, or the folder holds something else.
        CheckpointError: the checkpoint is missing or damaged.
        StorageError: it could not be written; what was there is untouched.
    """
    source = RunFolder.open(run)
    checkpoint = read_checkpoint(run / CHECKPOINTS, which)
    weights = checkpoint.read(MODEL)
    results = results_of_run(run, which)
    model = SavedModel(source.recipe(), source.facts(), results, dict(checkpoint.progress), weights)
    write_model(model, folder, name=name)


@dataclass(frozen=True)
class SavedModel:
    """What goes into the folder.

    Attributes:
        recipe: it was trained by.
        facts: of the run.
        results: its scores.
        progress: of the run, when it had these weights.
        weights: the content of their file.
        others: further files, by name.
        loader: what loads it, for the model card.
    """

    recipe: Recipe
    facts: Mapping[str, Any]
    results: Results
    progress: Mapping[str, Any]
    weights: bytes
    others: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    loader: Loader = USUAL


def write_model(model: SavedModel, folder: Path, *, name: str | None = None) -> None:
    """Write a model into a folder of its own, complete or not at all.

    Args:
        model: what to write.
        folder: new or empty; a saved model that is there is replaced.
        name: by which others load it, for the model card; None for the folder.

    Raises:
        RunError: the folder holds something else.
        StorageError: it could not be written; what was there is untouched.
    """
    # It does not tell where on this machine its data lie.
    data = model.recipe.data.with_paths(lambda path: Path(path.name))
    recipe = model.recipe.model_copy(update={"data": data})
    kept = {key: value for key, value in model.facts.items() if key != "plan"}
    facts = {
        **kept,
        "results": model.results.to_json(),
        "progress": dict(model.progress),
        "sha256": {MODEL: hashlib.sha256(model.weights).hexdigest()},
    }
    folder = folder.absolute()
    _refuse_other_content(folder)
    with _replacing(folder) as new:
        files.write_file(new / RECIPE, dump_recipe(recipe).encode())
        files.write_file(new / RUN, _to_json(facts))
        files.write_file(new / MODEL, model.weights)
        card = model_card(recipe, facts, model.results, name or str(folder), model.loader)
        files.write_file(new / _CARD, card.encode())
        for other, content in model.others.items():
            files.write_file(new / other, content)
        files.sync_folder(new)


def find_pretrained(
    source: str | Path,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    others: Sequence[str] = (),
) -> Path:
    """Return the folder of a saved model, from the hub if there is no such folder here.

    Args:
        source: a folder, or ``user/repository`` of the Hugging Face hub.
        revision: branch, tag or commit there.
        token: for a private repository; None for the one that is logged in.
        others: names of further files that are wanted.

    Raises:
        RunError: it is neither, the hub cannot be reached, or the model is damaged.
    """
    path = Path(source)
    if not path.is_dir():
        path = _downloaded(str(source), revision, token, others)
    missing = [name for name in (RECIPE, RUN, MODEL) if not (path / name).is_file()]
    if (path / CHECKPOINTS).is_dir():
        raise RunError(
            f"{path} is a run, not a model that was saved for use\n"
            f"mend: ost.load_run({str(path)!r}), or save it with `save_pretrained`"
        )
    if missing:
        raise RunError(
            f"{source} holds no saved model: it has no {', '.join(missing)}\n"
            "mend: give a folder or a repository that `save_pretrained` or `push_to_hub` wrote"
        )
    saved = saved_model(path)
    if saved is None:
        raise damaged_checkpoint(path / RUN, "it does not describe the weights")
    saved.read(MODEL)
    return path


def push_to_hub(
    run: Path,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    message: str = "Upload the model",
    which: Which = "best",
) -> str:
    """Save the model of a run, and upload it to the Hugging Face hub.

    Args:
        run: the run folder.
        repo_id: ``user/repository``; made if it is not there.
        private: whether a new repository is hidden; None for what the user's account says.
        token: None for the one that is logged in.
        revision: branch; None for the main one.
        message: of the commit.
        which: of the run's checkpoints.

    Returns:
        The address of the commit.

    Raises:
        RunError: there is no run, or the hub refuses or cannot be reached.
    """
    return upload(
        lambda path: save_pretrained(run, path, which, name=repo_id),
        repo_id,
        private=private,
        token=token,
        revision=revision,
        message=message,
    )


def upload(
    write: Callable[[Path], None],
    repo_id: str,
    *,
    private: bool | None,
    token: str | bool | None,
    revision: str | None,
    message: str,
) -> str:
    """Upload what ``write`` puts into a new folder; arguments and errors as of ``push_to_hub``."""
    hub, mistakes = _hub()
    with tempfile.TemporaryDirectory(prefix="ostinato-") as folder:
        path = Path(folder) / "model"
        write(path)
        try:
            api = hub.HfApi(token=token)
            api.create_repo(repo_id, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repo_id, folder_path=path, commit_message=message, revision=revision
            )
        except mistakes as error:
            raise RunError(
                f"the hub did not take the model as {repo_id}: {_first_line(error)}\n"
                "mend: log in with `hf auth login`, and check the name: USER/REPOSITORY"
            ) from error
    return str(commit.commit_url)


def _downloaded(
    source: str, revision: str | None, token: str | bool | None, others: Sequence[str]
) -> Path:
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise RunError(
            f"no such folder: {source}\n"
            "mend: give a folder that `save_pretrained` wrote, or USER/REPOSITORY of the hub"
        )
    hub, mistakes = _hub()
    wanted = [RECIPE, RUN, MODEL, _CARD, *others]
    try:
        found = hub.snapshot_download(source, revision=revision, token=token, allow_patterns=wanted)
    except mistakes as error:
        raise RunError(
            f"{source} is no folder here, and the hub did not give it: {_first_line(error)}\n"
            "mend: check name, revision and network; a private repository needs `hf auth login`"
        ) from error
    return Path(found)


def _hub() -> tuple[Any, tuple[type[Exception], ...]]:
    """Return the hub's client, and the errors that it raises."""
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ModuleNotFoundError as error:
        raise MissingExtraError("the hub", "train") from error
    # The base is the error of whichever HTTP client that version of the library is built on.
    transport = cast("type[Exception]", errors.HfHubHTTPError.__bases__[0])
    return huggingface_hub, (OSError, errors.HFValidationError, transport)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _refuse_other_content(folder: Path) -> None:
    with files.writing(folder, how=_HOW):
        is_taken = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    if is_taken and (not folder.is_dir() or saved_model(folder) is None):
        raise RunError(
            f"{folder} holds something else than a saved model\n"
            "mend: give a new folder to save_pretrained"
        )


@contextmanager
def _replacing(folder: Path) -> Generator[Path]:
    """Give a folder to write into, and put it in the place of ``folder`` when it is whole.

    Raises:
        StorageError: it could not be written.
    """
    with files.writing(folder, how=_HOW):
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            new, old = work / "new", work / "old"
            new.mkdir()
            yield new
            was_there = folder.exists()
            if was_there:
                folder.rename(old)
            try:
                new.rename(folder)
            except OSError:
                if was_there:
                    old.rename(folder)
                raise
            files.sync_folder(folder.parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _to_json(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    return f"{text}\n".encode("utf-8", "surrogatepass")
