"""Files and folders into layers, language models and networks that write."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from ostinato.core.errors import ModelFileError, OptionError
from ostinato.data.units import Unit
from ostinato.data.vocabulary import Normalization, Vocabulary
from ostinato.equations.description import LayerDescription
from ostinato.runtime.files import Tensors, read_tensors
from ostinato.runtime.language_model import LanguageModel
from ostinato.runtime.layer import Layer
from ostinato.training.errors import RunError
from ostinato.training.run_files import (
    CHECKPOINTS,
    MODEL,
    RECIPE,
    RUN,
    Which,
    damaged_run,
    pipeline_of,
    read_checkpoint,
    read_facts,
)

if TYPE_CHECKING:
    from ostinato.runtime.writer import Writer


def load(
    path: str | os.PathLike[str], *, checkpoint: Which = "best", num_threads: int | None = None
) -> Layer | LanguageModel | Writer:
    """Read a layer that ``ostinato.nn.save`` wrote, or the model of a run of ``ostinato train``.

    Neither needs torch: of runs, language models and networks that write can be read. Byte pairs
    and word pieces need the package tokenizers, pictures in files pillow.

    Args:
        path: the file, or the run folder.
        checkpoint: of a run: ``best`` or ``last``.
        num_threads: at most so many work on one call; None for the CPUs that this process may use.

    Raises:
        ModelFileError: the file is missing, damaged, or of another kind or version.
        RunError: the folder is no run, or damaged.
        CheckpointError: the checkpoint of the run is missing or damaged.
        OptionError: an argument is out of range.
    """
    if checkpoint not in get_args(Which):
        raise OptionError(f"checkpoint: got {checkpoint!r}, expected best or last\nmend: 'best'")
    place = Path(path)
    threads = _num_cpus() if num_threads is None else num_threads
    if place.is_dir():
        return _load_run(place, checkpoint, threads)
    try:
        content = place.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"cannot read {place}: {error.strerror or error}\n"
            "mend: give a file that `ostinato.nn.save` wrote, or a run folder of `ostinato train`"
        ) from error
    try:
        tensors = read_tensors(content)
        return Layer(_description(tensors), tensors.arrays, threads)
    except ModelFileError as error:
        raise ModelFileError(f"cannot use {place}: {error}") from error


def _description(tensors: Tensors) -> LayerDescription:
    if "ostinato" not in tensors.metadata:
        raise ModelFileError(
            "it holds weights, but not the equations that they belong to\n"
            "mend: give a file that `ostinato.nn.save` wrote, or the folder of a run as a whole"
        )
    try:
        data = json.loads(tensors.metadata["ostinato"])
    except ValueError as error:
        raise ModelFileError(
            "its description is damaged: it is not JSON\nmend: save the layer again"
        ) from error
    return LayerDescription.from_json(data)


def _load_run(run: Path, checkpoint: Which, num_threads: int) -> LanguageModel | Writer:
    if not (run / RUN).exists() and not (run / RECIPE).exists():
        raise RunError(
            f"{run} is not a run: it has no {RUN}\nmend: give a folder that `ostinato train` made"
        )
    facts = read_facts(run)
    if "writer" in facts:
        return _load_writer(run, facts, checkpoint, num_threads)
    if "pipeline" in facts:
        raise RunError(
            f"the run {run} learned from examples; without torch, layers run, language models, and "
            "networks that write (of this version)\nmend: ostinato.load_run(…) with torch"
        )
    facts = read_facts(run, "vocabulary", "start")
    if "recurrent" not in facts:
        raise RunError(
            f"{run / RUN} does not describe the layer: an earlier version of ostinato made this "
            "run\nmend: train it again, or use `ostinato generate`"
        )
    vocabulary, start = _vocabulary(run, facts), facts["start"]
    if not isinstance(start, str):
        raise damaged_run(run / RUN, "`start` is no text")
    files = read_checkpoint(run / CHECKPOINTS, checkpoint)
    try:
        arrays = read_tensors(files.read(MODEL)).arrays
        recurrent = {n.removeprefix(_PREFIX): a for n, a in arrays.items() if n.startswith(_PREFIX)}
        others = {n: a for n, a in arrays.items() if not n.startswith(_PREFIX)}
        layer = Layer(LayerDescription.from_json(facts["recurrent"]), recurrent, num_threads)
        return LanguageModel(layer, others, vocabulary, start, _document_end(facts, vocabulary))
    except ModelFileError as error:
        raise ModelFileError(f"cannot use the run {run}: {error}") from error


def _load_writer(run: Path, facts: Mapping[str, Any], checkpoint: Which, threads: int) -> Writer:
    # A layer or a language model needs nothing of these, which take as long to import as all else.
    from ostinato.data.pipeline import Pipeline
    from ostinato.models.decoding_options import DecodingOptions
    from ostinato.runtime.writer import Writer

    pipeline = pipeline_of(run, facts, Pipeline.from_json)
    try:
        options = DecodingOptions(**facts["decoding"])
        description = cast("Mapping[str, Any]", dict(facts["writer"]))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_run(run / RUN, f"what it writes by cannot be read ({error})") from error
    files = read_checkpoint(run / CHECKPOINTS, checkpoint)
    try:
        arrays = read_tensors(files.read(MODEL)).arrays
        known = bool(facts.get("known_only"))
        return Writer(description, arrays, pipeline, options, threads, needs_known=known)
    except ModelFileError as error:
        raise ModelFileError(f"cannot use the run {run}: {error}") from error


_PREFIX = "recurrent."
"""Of the layer's weights among those of the model."""


def _document_end(facts: Mapping[str, Any], vocabulary: Vocabulary) -> int | None:
    return int(vocabulary.encode("\n")[0]) if facts.get("documents") == "lines" else None


def _vocabulary(run: Path, facts: Mapping[str, Any]) -> Vocabulary:
    found = facts["vocabulary"]
    data = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    symbols = data.get("symbols")
    if not isinstance(symbols, str) or not symbols or list(symbols) != sorted(set(symbols)):
        raise damaged_run(run / RUN, "its vocabulary holds no sorted symbols")
    if data.get("unit") not in get_args(Unit):
        raise damaged_run(run / RUN, f"its unit is {data.get('unit')!r}")
    if data.get("normalization") not in get_args(Normalization):
        raise damaged_run(run / RUN, f"its normal form is {data.get('normalization')!r}")
    return Vocabulary.from_json(data)


def _num_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
