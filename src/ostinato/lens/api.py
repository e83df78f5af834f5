"""The measurements as functions of a run and a text: what ``ost.lens`` offers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ostinato.lens import (
    attention,
    exposure,
    features,
    gate_maps,
    gradients,
    horizon,
    jacobians,
    tracing,
)
from ostinato.lens.attention import AttentionMap
from ostinato.lens.exposure import ExposureGap
from ostinato.lens.features import FeatureSearch
from ostinato.lens.gate_maps import GateMaps
from ostinato.lens.gradients import GradientFlow
from ostinato.lens.horizon import MemoryHorizon
from ostinato.lens.jacobians import LyapunovSpectrum, StateJacobian
from ostinato.lens.picture_attention import PictureAttention, picture_attention
from ostinato.lens.samples import Network, sample_of
from ostinato.lens.subject import Subject
from ostinato.lens.text_features import Feature
from ostinato.lens.tracing import Trace
from ostinato.nn.layer import SequenceLayer
from ostinato.training.api import Run, load_run
from ostinato.training.evaluation import read_part
from ostinato.training.kinds import PartName
from ostinato.training.trained_writer import TrainedWriter, load_writer


def trace(run: Network, value: Any = None, *, example: int | None = None) -> Trace:
    """Return every value that the cell's equations name, at every step of a text.

    Args:
        run: a run, its folder, or a ``Subject``.
        value: a text, tokens, an array ``[T, I]``; None for what the run kept from learning.
        example: which one of the dev part, where no value is given, counted from 0; None for the
            longest of the first ones.

    Raises:
        OstinatoError: the run or the value is not as it must be.
    """
    subject = Subject.open(run)
    return tracing.trace(subject, sample_of(subject, value, example=example).piece)


def gradient_through_time(
    run: Network, value: Any = None, *, step: int | None = None, example: int | None = None
) -> GradientFlow:
    """Return ``‖∂L/∂s_t‖`` of every state, layer and direction, and how it decays.

    Args:
        run: see ``trace``.
        value: see ``trace``.
        step: whose loss is traced back; None for the last one.
        example: see ``trace``.

    Raises:
        OstinatoError: the run, the value or the step is not as it must be.
    """
    subject = Subject.open(run)
    piece = sample_of(subject, value, example=example).piece
    return gradients.gradient_through_time(subject, piece, step)


def memory_horizon(
    run: Network,
    value: Any = None,
    *,
    reach: int = horizon.DEFAULT_REACH,
    example: int | None = None,
    seed: int = 0,
) -> MemoryHorizon:
    """Return how the influence of an input falls with the steps behind it.

    Args:
        run: see ``trace``.
        value: see ``trace``.
        reach: the most steps between input and output.
        example: see ``trace``.
        seed: of what is drawn.

    Raises:
        OstinatoError: the run or the value is not as it must be.
    """
    subject = Subject.open(run)
    piece = sample_of(subject, value, example=example).piece
    return horizon.memory_horizon(subject, piece, reach=reach, seed=seed)


def gates(run: Network, value: Any = None, *, example: int | None = None) -> GateMaps:
    """Return maps of every named value, how saturated the gates are, and idle units.

    Args:
        run: see ``trace``.
        value: see ``trace``.
        example: see ``trace``.

    Raises:
        OstinatoError: the run or the value is not as it must be.
    """
    subject = Subject.open(run)
    return gate_maps.gates(subject, sample_of(subject, value, example=example).piece)


def units_for_features(
    run: Network,
    value: Any = None,
    *,
    features_of_text: Sequence[Feature] | None = None,
    example: int | None = None,
    seed: int = 0,
) -> FeatureSearch:
    """Return for each feature of a text the unit that follows it best, and whether that holds.

    Args:
        run: see ``trace``.
        value: see ``trace``.
        features_of_text: what is looked for; None for those that are known.
        example: see ``trace``.
        seed: of the random shifts.

    Raises:
        OstinatoError: the run or the value is not as it must be.
    """
    subject = Subject.open(run)
    piece = sample_of(subject, value, example=example).piece
    return features.units_for_features(subject, piece, features_of_text, seed)


def jacobian(
    source: Network | SequenceLayer,
    value: Any = None,
    *,
    layer: int = 0,
    direction: int = 0,
    step: int | None = None,
    spans: Sequence[int] | None = None,
    example: int | None = None,
) -> StateJacobian:
    """Return the singular values of ``∂s_t/∂s_{t-k}`` of a layer.

    Args:
        source: see ``trace``; or a recurrent layer, with a tensor ``[T, I]``.
        value: see ``trace``.
        layer: counted from 0, from the input on.
        direction: 0, or 1 for the run from the end to the start.
        step: t; None for the last one.
        spans: the k; None for 1, 2, 4, … up to 64.
        example: see ``trace``.

    Raises:
        OstinatoError: the run, the value or the place is not as it must be.
    """
    options: dict[str, Any] = {"layer": layer, "direction": direction}
    source, value = _resolved(source, value, example)
    return jacobians.jacobian(source, value, step=step, spans=spans, **options)


def lyapunov(
    source: Network | SequenceLayer,
    value: Any = None,
    *,
    layer: int = 0,
    direction: int = 0,
    num_exponents: int = 8,
    example: int | None = None,
    seed: int = 0,
) -> LyapunovSpectrum:
    """Return the largest Lyapunov exponents of a layer, in nats per step.

    Args:
        source: see ``jacobian``.
        value: see ``jacobian``.
        layer: see ``jacobian``.
        direction: see ``jacobian``.
        num_exponents: how many.
        example: see ``trace``.
        seed: of the vectors that are carried.

    Raises:
        OstinatoError: the run, the value or the place is not as it must be.
    """
    options: dict[str, Any] = {"layer": layer, "direction": direction, "seed": seed}
    source, value = _resolved(source, value, example)
    return jacobians.lyapunov(source, value, num_exponents=num_exponents, **options)


def _resolved(source: Network | SequenceLayer, value: Any, example: int | None) -> tuple[Any, Any]:
    if isinstance(source, SequenceLayer):
        return source, value
    subject = Subject.open(source)
    return subject, sample_of(subject, value, example=example).piece


def attention_map(
    run: str | os.PathLike[str] | Run, value: Any, written: str | None = None
) -> AttentionMap | PictureAttention:
    """Return where a network that writes looks, unit by unit: in a sequence, or in a picture.

    Args:
        run: a run that writes, or its folder.
        value: what it reads.
        written: the text that it is to have written; None for what it writes.

    Raises:
        OstinatoError: the run or the value is not as it must be, or the network has no attention.
    """
    writer = _writer(run)
    if writer.pipeline.kind == "pictures":
        return picture_attention(writer, value, written)
    return attention.attention_map(writer, value, written)


def exposure_gap(
    run: str | os.PathLike[str] | Run, part: PartName = "dev", data: Path | None = None
) -> ExposureGap:
    """Return what a network that writes loses when it reads its own units, place by place.

    Args:
        run: a run that writes, or its folder.
        part: of its data.
        data: a file in the form of the run's own, in the place of that.

    Raises:
        OstinatoError: the run or its data are not as they must be.
    """
    trained = _writer(run)
    read = read_part(trained.path, trained.recipe, trained.pipeline, data, part)
    return exposure.exposure_gap(trained, read.examples)


def _writer(run: str | os.PathLike[str] | Run) -> TrainedWriter:
    opened = run if isinstance(run, Run) else load_run(run)
    return load_writer(opened.path)
