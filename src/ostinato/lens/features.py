"""Units that mean something: found on one half of a text, confirmed on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError
from ostinato.data.wording import counted
from ostinato.lens.subject import ExampleSubject, Piece, Subject
from ostinato.lens.text_features import Feature, text_features
from ostinato.lens.tracing import Trace, trace
from ostinato.nn.probes import Place

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

FEWEST_STEPS: Final = 200
FEWEST_TIMES: Final = 8
"""Times that a feature has to be there, and not there, in each half."""
STRONG: Final = 0.3
"""Correlation on the other half from which a unit is said to mean something."""
MOST_LIKELY_CHANCE: Final = 0.01
_NUM_SHIFTS: Final = 199


@dataclass(frozen=True)
class UnitForFeature:
    """The unit that follows a feature best.

    Attributes:
        feature: in words.
        is_binary: whether it is there or not, rather than a count.
        share: of the steps at which it is there (the mean of a count).
        place: layer and direction of the unit.
        state: that it is a unit of.
        unit: its number.
        found: correlation with the feature on the half of the text where it was chosen among all
            units: the point-biserial one where the feature is there or not.
        confirmed: the same on the other half, which took no part in the choice.
        auc: there, the chance that the unit is further up (down, where ``found`` is negative) at a
            step with the feature than at one without; NaN for a count.
        chance: share of random shifts of the feature against the text that correlate as strongly.
        values: of the unit over the whole text ``[T]``.
    """

    feature: str
    is_binary: bool
    share: float
    place: Place
    state: str
    unit: int
    found: float
    confirmed: float
    auc: float
    chance: float
    values: Array

    @property
    def holds(self) -> bool:
        """Whether the other half confirms it: strongly, in the same direction, not by chance."""
        agrees = self.found * self.confirmed > 0
        return agrees and abs(self.confirmed) >= STRONG and self.chance <= MOST_LIKELY_CHANCE


@dataclass(frozen=True)
class FeatureSearch:
    """For each feature of a text the unit that follows it best.

    Attributes:
        name: of the network.
        units: what each step reads.
        found: the best unit of each feature, the best confirmed first.
        skipped: features that the text shows too seldom.
    """

    name: str
    units: tuple[str, ...]
    found: tuple[UnitForFeature, ...]
    skipped: tuple[str, ...]

    @property
    def confirmed(self) -> tuple[UnitForFeature, ...]:
        """Those that the other half confirms."""
        return tuple(each for each in self.found if each.holds)

    def __getitem__(self, feature: str) -> UnitForFeature:
        """Return the best unit of a feature.

        Raises:
            OptionError: no such feature was looked for.
        """
        for each in self.found:
            if each.feature == feature:
                return each
        known = ", ".join(each.feature for each in self.found)
        raise OptionError(
            f"there is no feature {feature!r} here; there are: {known or 'none'}\n"
            "mend: one of these, or a text that shows it more often"
        )

    def figure(self, feature: str | None = None) -> Figure:
        """Draw the text, coloured by the unit of a feature; None for the best confirmed one."""
        from ostinato.lens.figures.features import text_figure

        return text_figure(self, self.found[0].feature if feature is None else feature)

    def overview_figure(self) -> Figure:
        """Draw the correlations on both halves, a pair of points for each feature."""
        from ostinato.lens.figures.features import overview_figure

        return overview_figure(self)


def units_for_features(
    subject: Subject,
    pieces: Piece | Sequence[Piece],
    features: Sequence[Feature] | None = None,
    seed: int = 0,
) -> FeatureSearch:
    """Look for the units of all states that follow features of the text (Karpathy et al. 2015).

    Every unit of every state, layer and direction is correlated with every feature on the first
    half of the text; the best one is measured again on the second half, where a choice among
    thousands of units can no longer flatter it.

    Args:
        subject: the network.
        pieces: a text of it, or several, which are put end to end.
        features: what is looked for, over all of them; None for those that are known.
        seed: of the random shifts.

    Raises:
        OptionError: the network reads no text, or the text is too short.
    """
    chosen = [pieces] if isinstance(pieces, Piece) else pieces
    return units_for_features_of([trace(subject, piece) for piece in chosen], features, seed)


def units_for_features_of(
    traces: Sequence[Trace], features: Sequence[Feature] | None = None, seed: int = 0
) -> FeatureSearch:
    """Return the same from traces that are there already."""
    subject = traces[0].subject
    units = tuple(unit for traced in traces for unit in traced.piece.units)
    if features is None and not reads_text(subject):
        raise OptionError(
            f"{subject.name} reads arrays, which have no quotes or lines\n"
            "mend: give features of your own: Feature(name, a number for each step)"
        )
    if len(units) < FEWEST_STEPS:
        raise OptionError(
            f"got a text of {counted(len(units), 'step')}: its halves are too short to find "
            f"a unit on one and confirm it on the other\n"
            f"mend: give at least {FEWEST_STEPS} steps, better 2000"
        )
    wanted = _features_of(traces) if features is None else list(features)
    for feature in wanted:
        if len(feature.values) != len(units):
            raise OptionError(
                f"the feature {feature.name!r} has {len(feature.values)} numbers, the text "
                f"{counted(len(units), 'step')}\nmend: a number for each step"
            )
    half = len(units) // 2
    shown, skipped = _split(wanted, half)
    names, values = _all_units(traces)
    first, second = _standard(values[:half]), values[half:]
    random = np.random.default_rng(seed)
    found: list[UnitForFeature] = []
    for feature in shown:
        scores = _standard(feature.values[:half, None])[:, 0] @ first / half
        best = int(np.argmax(np.abs(scores)))
        place, state, unit = names[best]
        own = second[:, best].astype(np.float64)
        confirmed, chance = _confirmed(own, feature.values[half:], random)
        found.append(
            UnitForFeature(
                feature.name,
                feature.is_binary,
                float(feature.values.mean()),
                place,
                state,
                unit,
                float(scores[best]),
                confirmed,
                _auc(own * np.sign(scores[best]), feature.values[half:])
                if feature.is_binary
                else float("nan"),
                chance,
                values[:, best],
            )
        )
    found.sort(key=lambda each: (not each.holds, -abs(each.confirmed)))
    return FeatureSearch(subject.name, units, tuple(found), tuple(skipped))


def reads_text(subject: Subject) -> bool:
    """Whether the steps of a network are units of text."""
    return not isinstance(subject, ExampleSubject) or subject.trained.pipeline.encoder is not None


def _features_of(traces: Sequence[Trace]) -> list[Feature]:
    """Return the known features: a quotation of one text does not reach into the next."""
    each = [text_features(traced.piece.units) for traced in traces]
    return [
        Feature(same[0].name, np.concatenate([feature.values for feature in same]))
        for same in zip(*each, strict=True)
    ]


def _split(features: Sequence[Feature], half: int) -> tuple[list[Feature], list[str]]:
    """Return the features that both halves show often enough, and the names of the others."""
    shown: list[Feature] = []
    skipped: list[str] = []
    for feature in features:
        is_often = all(
            min(int((part > part.min()).sum()), int((part == part.min()).sum())) >= FEWEST_TIMES
            for part in (feature.values[:half], feature.values[half:])
        )
        if is_often:
            shown.append(feature)
        else:
            skipped.append(feature.name)
    return shown, skipped


def _all_units(traces: Sequence[Trace]) -> tuple[list[tuple[Place, str, int]], Array]:
    """Return where every unit of every state is, and its values ``[T, M]``."""
    names: list[tuple[Place, str, int]] = []
    columns: list[Array] = []
    for place, own in traces[0].places.items():
        for state in own.before:
            values = np.concatenate([traced.places[place].values[state] for traced in traces])
            names += [(place, state, unit) for unit in range(values.shape[1])]
            columns.append(values)
    return names, np.nan_to_num(np.concatenate(columns, 1), posinf=0.0, neginf=0.0)


def _standard(values: npt.NDArray[np.floating]) -> Numbers:
    """Return columns of mean 0 and variance 1; 0 where a column never varies."""
    centred = values.astype(np.float64) - values.mean(0, dtype=np.float64)
    spread = centred.std(0)
    return centred / np.where(spread > 1e-9, spread, np.inf)


def _confirmed(own: Numbers, feature: Numbers, random: np.random.Generator) -> tuple[float, float]:
    """Return the correlation, and the share of shifts of the feature that reach it.

    A shift keeps what makes both hang together in time, which a shuffle would destroy.
    """
    unit = _standard(own[:, None])[:, 0]
    wanted = _standard(feature[:, None])[:, 0]
    length = len(unit)
    score = float(unit @ wanted) / length
    shifts = random.integers(length // 10, length - length // 10, _NUM_SHIFTS)
    shifted = np.array([float(unit @ np.roll(wanted, shift)) for shift in shifts]) / length
    return score, (1 + int((np.abs(shifted) >= abs(score)).sum())) / (1 + _NUM_SHIFTS)


def _auc(values: Numbers, feature: Numbers) -> float:
    """Return the chance that a value with the feature is above one without; ties count half."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    is_there = feature > 0
    num_there, num_not = int(is_there.sum()), int((~is_there).sum())
    above = float(ranks[is_there].sum()) - num_there * (num_there + 1) / 2
    return above / (num_there * num_not)
