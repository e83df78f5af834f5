"""The results that the project shows: which recipe, which score, and what stands beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ostinato.core.errors import UnknownNameError
from ostinato.core.files import replace_file, writing
from ostinato.data import DataError
from ostinato.training.evaluation import Report, Score

BEGIN: Final = "<!-- results -->"
END: Final = "<!-- end of results -->"
_COLUMNS = (
    "recipe",
    "data, scored",
    "score",
    "model [95 %]",
    "to reach",
    "naive",
    "published",
    "time",
    "seed",
)


@dataclass(frozen=True)
class Goal:
    """What a built-in recipe has to reach.

    Attributes:
        metric: the score that is shown.
        goal: what it has to reach; None where the row only informs.
        minutes: in which it has to be trained on two cores.
        published: figures of others, in words.
        data: the set, in words.
    """

    metric: str
    goal: float | None
    minutes: float
    published: str
    data: str


GOALS: Final[Mapping[str, Goal]] = {
    "sentiment-en": Goal("accuracy", 0.79, 10, "0.849, LSTM with GloVe", "SST, two classes"),
    "sentiment-ko": Goal("accuracy", 0.855, 20, "0.83, BiLSTM; 0.865, word2vec and BiLSTM", "NSMC"),
    "spam": Goal("accuracy", 0.985, 3, "0.98, LSTM", "SMS Spam Collection"),
    "questions": Goal("accuracy", 0.88, 3, "", "TREC, six classes"),
    "tagging-en": Goal("accuracy", 0.935, 15, "0.957, pretrained vectors", "UD English EWT, dev"),
    "tagging-ko": Goal("accuracy", 0.93, 10, "0.962, pretrained vectors", "UD Korean GSD"),
    "slots": Goal("span_f1", 0.90, 10, "0.888, slot-gated BiLSTM", "Snips"),
    "ner-ko": Goal("span_f1", 0.65, 10, "", "KLUE NER, 4,000 sentences"),
    "music": Goal(
        "loss", 8.45, 10, "8.54, GRU; 8.67, LSTM (2014); 8.43 (TCN paper)", "JSB chorales"
    ),
    "spoken-digits": Goal("accuracy", 0.97, 10, "", "Free Spoken Digit Dataset"),
    "rows": Goal("accuracy", 0.97, 5, "", "MNIST, 8,000 images"),
    "frames": Goal("accuracy", 0.97, 10, "", "clips of MNIST digits"),
    "vowels": Goal("accuracy", 0.96, 2, "", "Japanese Vowels"),
    "surnames": Goal("macro_f1", None, 3, "", "18 nationalities"),
    "stock-direction": Goal("accuracy", None, 3, "", "daily prices"),
    "shakespeare": Goal("nats_per_character", 1.50, 10, "", "tinyshakespeare"),
    "korean-text": Goal("nats_per_character", None, 10, "", "Korean headlines"),
    "first-names": Goal("nats_per_character", 2.05, 10, "", "first names"),
}


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        recipe: its name.
        metric: the score.
        higher_is_better: whether it is.
        score: of the model, on the test part.
        others: naive predictor to its score.
        num_examples: scored, or characters.
        item: what they are, in words.
        seed: of the run.
        seconds: of training.
        num_parameters: of the model.
    """

    recipe: str
    metric: str
    higher_is_better: bool
    score: Score
    others: Mapping[str, float]
    num_examples: int
    item: str
    seed: int
    seconds: float
    num_parameters: int

    @classmethod
    def of(
        cls, recipe: str, report: Report, *, seed: int, seconds: float, num_parameters: int
    ) -> Row:
        """Return the row of a report."""
        metric = find_goal(recipe).metric
        others = {
            name: scores[metric].value
            for name, scores in report.scores.items()
            if name != "model" and metric in scores
        }
        return cls(
            recipe,
            metric,
            metric not in ("loss", "nats_per_character"),
            report.scores["model"][metric],
            others,
            report.num_examples,
            report.item,
            seed,
            seconds,
            num_parameters,
        )

    @property
    def is_reached(self) -> bool | None:
        """Whether score and time are what they have to be; None without a score to reach."""
        goal = find_goal(self.recipe)
        if goal.goal is None:
            return None
        is_good = (
            self.score.value >= goal.goal
            if self.higher_is_better
            else self.score.value <= goal.goal
        )
        return is_good and self.seconds <= goal.minutes * 60

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        """Read what ``to_json`` returned."""
        values = dict(data)
        score = Score(**values.pop("score"))
        return cls(score=score, **values)


def find_goal(recipe: str) -> Goal:
    """Return what a recipe has to reach.

    Raises:
        UnknownNameError: the recipe has no row of results.
    """
    if recipe not in GOALS:
        raise UnknownNameError("result", recipe, GOALS)
    return GOALS[recipe]


def update_table(path: Path, rows: Sequence[Row]) -> None:
    """Put rows into the table of a document; the other rows stay.

    The rows are kept as JSON beside the document, from which the table between two marks is made.

    Args:
        path: the document.
        rows: new ones.

    Raises:
        DataError: the document has no marks, or the JSON is damaged.
        StorageError: it could not be written.
    """
    kept = path.with_suffix(".json")
    try:
        text = path.read_text("utf-8")
        data: list[dict[str, Any]] = json.loads(kept.read_bytes()) if kept.exists() else []
        known = {row.recipe: row for row in map(Row.from_json, data)}
    except (OSError, TypeError, ValueError) as error:
        raise DataError(
            f"cannot read {path} or {kept}: {error}\nmend: give the table of results of the project"
        ) from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(f"{path} has no {BEGIN} … {END}\nmend: put both lines where the table goes")
    known |= {row.recipe: row for row in rows}
    ordered = [known[name] for name in GOALS if name in known]
    content = json.dumps([row.to_json() for row in ordered], ensure_ascii=False, indent=1)
    with writing(path):
        replace_file(kept, f"{content}\n".encode())
        table = "\n".join(table_lines(ordered))
        replace_file(path, f"{before}{BEGIN}\n{table}\n{END}{after}".encode())


def table_lines(rows: Sequence[Row]) -> list[str]:
    """Return the table as lines of Markdown."""
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|---|---|---|---:|---:|---|---|---:|---:|",
    ]
    for row in rows:
        goal = find_goal(row.recipe)
        others = "; ".join(f"{name} {_number(value)}" for name, value in row.others.items())
        score = row.score
        ends = "" if math.isnan(score.low) else f" [{_number(score.low)}, {_number(score.high)}]"
        to_reach = ""
        if goal.goal is not None:
            sign = "≥" if row.higher_is_better else "≤"
            to_reach = f"{sign} {goal.goal:g}, {'reached' if row.is_reached else 'missed'}"
        lines.append(
            f"| `{row.recipe}` | {goal.data}, {row.num_examples:,} {row.item}s "
            f"| {row.metric.replace('_', ' ')} | **{_number(score.value)}**{ends} "
            f"| {to_reach} | {others} "
            f"| {goal.published} | {_clock(row.seconds)} of {goal.minutes:g}:00 | {row.seed} |"
        )
    return lines


def _number(value: float) -> str:
    return f"{value:.3f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
