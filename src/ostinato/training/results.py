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
from ostinato.data.wording import plural
from ostinato.training.evaluation import Report, Score, score_json

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
_LOWER_IS_BETTER = (
    *("loss", "nats_per_character", "perplexity", "unit_error", "word_error"),
    *("nats_per_point", "nats_per_drawing"),
    *("mse", "mae", "mase", "smape", "crps"),
)


@dataclass(frozen=True)
class Bound:
    """What a score has to be.

    Attributes:
        metric: the score.
        value: what it has to reach; None where it only informs.
        over: the value is a margin over the naive predictors whose names begin so.
    """

    metric: str
    value: float | None = None
    over: str | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether the score is."""
        return self.metric not in _LOWER_IS_BETTER

    def is_reached(self, scores: Mapping[str, Score]) -> bool | None:
        """Whether it is, by the scores of each predictor; None where there is nothing to reach."""
        if self.value is None:
            return None
        found, least = scores["model"].value, self.value
        if self.over is not None:
            others = [each.value for name, each in scores.items() if name.startswith(self.over)]
            assert others, "nothing to compare with"
            found -= max(others)
        return found >= least if self.higher_is_better else found <= least

    def __str__(self) -> str:
        if self.value is None:
            return ""
        sign = "≥" if self.higher_is_better else "≤"
        return f"{sign} {self.value:g}{f' over {self.over}' if self.over else ''}"


@dataclass(frozen=True)
class Goal:
    """What a built-in recipe has to reach.

    Attributes:
        bounds: of its scores.
        minutes: in which it has to be trained on two cores.
        data: the set, in words.
        published: figures of others, in words.
        folds: changes of the recipe, a run for each; their test parts are scored as one.
    """

    bounds: Sequence[Bound]
    minutes: float
    data: str
    published: str = ""
    folds: Sequence[Sequence[str]] = ((),)


# Of each series, what is read and what is forecast: a year of months, two weeks of days, where
# the part that chooses is long enough for it.
_CLASSICS: Final = (
    ("airline_passengers", 24, 12),
    ("monthly_sunspots", 96, 12),
    ("daily_min_temperatures", 56, 14),
    ("daily_max_temperatures", 56, 14),
    ("daily_female_births", 28, 7),
    ("monthly_mean_temperature", 36, 12),
    ("monthly_car_sales", 24, 6),
    ("monthly_robberies", 24, 6),
    ("monthly_writing_paper_sales", 24, 12),
    ("monthly_champagne_sales", 24, 6),
    ("shampoo_sales", 6, 3),
    ("yearly_water_usage", 8, 4),
)

GOALS: Final[Mapping[str, Goal]] = {
    "sentiment-en": Goal(
        [Bound("accuracy", 0.79)], 10, "SST, two classes", "0.849, LSTM with GloVe"
    ),
    "sentiment-ko": Goal(
        [Bound("accuracy", 0.855)], 20, "NSMC", "0.83, BiLSTM; 0.865, word2vec and BiLSTM"
    ),
    "spam": Goal(
        [Bound("accuracy", 0.985), Bound("f1", 0.95)], 3, "SMS Spam Collection", "0.98, LSTM"
    ),
    "questions": Goal([Bound("accuracy", 0.88)], 3, "TREC, six classes"),
    "tagging-en": Goal(
        [Bound("accuracy", 0.935)], 15, "UD English EWT, dev", "0.957, pretrained vectors"
    ),
    "tagging-ko": Goal([Bound("accuracy", 0.93)], 10, "UD Korean GSD", "0.962, pretrained vectors"),
    "slots": Goal([Bound("span_f1", 0.90)], 10, "Snips", "0.888, slot-gated BiLSTM"),
    "ner-ko": Goal([Bound("span_f1", 0.65)], 10, "KLUE NER, 4,000 sentences"),
    "music": Goal(
        [Bound("loss", 8.45)],
        10,
        "JSB chorales",
        "8.54, GRU; 8.67, LSTM (2014); 8.43 (TCN paper)",
    ),
    "spoken-digits": Goal([Bound("accuracy", 0.97)], 10, "Free Spoken Digit Dataset"),
    "rows": Goal([Bound("accuracy", 0.97)], 5, "MNIST, 8,000 images"),
    "frames": Goal([Bound("accuracy", 0.97)], 10, "clips of MNIST digits"),
    "vowels": Goal([Bound("accuracy", 0.96)], 2, "Japanese Vowels"),
    "surnames": Goal([Bound("macro_f1", 0.05, over="bag")], 3, "18 nationalities"),
    "stock-direction": Goal(
        [Bound("accuracy")],
        3,
        "daily prices, three years",
        folds=[[f"data.name=stock_direction_{year}"] for year in (2016, 2017, 2018)],
    ),
    "shakespeare": Goal([Bound("nats_per_character", 1.50)], 10, "tinyshakespeare"),
    "korean-text": Goal([Bound("nats_per_character")], 10, "Korean headlines"),
    "first-names": Goal([Bound("nats_per_character", 2.05)], 10, "first names"),
    "translate-de-en": Goal(
        [Bound("bleu", 30.0)],
        60,
        "Multi30k, German into English, test_2016",
        "28.1 to 29.2, tokenised BLEU, LSTM or GRU with attention",
    ),
    "translate-de-en-context": Goal([Bound("bleu")], 60, "the same, without attention"),
    "translate-ko-en": Goal([Bound("chrf")], 15, "Tatoeba, Korean into English"),
    "chat-ko": Goal([Bound("perplexity")], 15, "Korean chatbot"),
    "pronounce": Goal(
        [Bound("unit_error", 0.09), Bound("word_error", 0.38)],
        30,
        "CMU dictionary, phonemes",
        "0.055 and 0.236, large bidirectional LSTM",
    ),
    "commands": Goal([Bound("exact", 0.99)], 20, "SCAN, simple split", "0.998"),
    "commands-length": Goal([Bound("exact")], 20, "SCAN, length split", "0.138 to 0.208"),
    "forecast-etth1": Goal(
        [Bound("mse", 0.32)], 15, "ETTh1, 24 hours of seven targets", "0.650, LSTMa"
    ),
    "forecast-etth1-ot": Goal(
        [Bound("mse", 0.029)], 15, "ETTh1, 24 hours of oil temperature", "0.114, LSTMa"
    ),
    "forecast-etth1-168": Goal([Bound("mse", 0.43)], 15, "ETTh1, 168 hours of seven targets"),
    "forecast-etth1-ot-168": Goal([Bound("mse")], 15, "ETTh1, 168 hours of oil temperature"),
    "forecast-classics": Goal(
        [Bound("mase")],
        10,
        "twelve small series, each counts the same",
        folds=[
            [f"data.name={name}", f"data.context={context}", f"data.horizon={horizon}"]
            for name, context, horizon in _CLASSICS
        ],
    ),
    "exchange-rate": Goal([Bound("mse"), Bound("crps")], 10, "eight currencies, 24 days"),
    "strokes": Goal(
        [Bound("nats_per_point"), Bound("nats_per_drawing")], 20, "KanjiVG, stroke by stroke"
    ),
    "suggest-en": Goal(
        [Bound("mrr@5", 0.0, over="popular"), Bound("partial_mrr@5"), Bound("loss")],
        10,
        "TREC questions, none of them in training",
    ),
    "suggest-ko": Goal(
        [Bound("mrr@5", 0.0, over="popular"), Bound("partial_mrr@5"), Bound("loss")],
        10,
        "titles of Korean news, none of them in training",
    ),
    "caption-digits": Goal([Bound("exact", 0.95)], 10, "MNIST digits in Korean words"),
    "caption-nlvr": Goal([Bound("cider"), Bound("bleu")], 20, "NLVR, true sentences"),
}


@dataclass(frozen=True)
class Row:
    """What a recipe reached: a line of the table for each of its scores.

    Attributes:
        recipe: its name.
        scores: the scores of its goal, by name, then by predictor; ``model`` is the first.
        num_examples: scored, or characters.
        item: what they are, in words.
        seed: of the run.
        seconds: of training.
        num_parameters: of the model.
    """

    recipe: str
    scores: Mapping[str, Mapping[str, Score]]
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
        scores = {
            bound.metric: {
                name: its[bound.metric]
                for name, its in report.scores.items()
                if bound.metric in its
            }
            for bound in find_goal(recipe).bounds
        }
        return cls(recipe, scores, report.num_examples, report.item, seed, seconds, num_parameters)

    def is_reached(self, bound: Bound) -> bool | None:
        """Whether score and time are what they have to be; None without a score to reach."""
        is_good = bound.is_reached(self.scores[bound.metric])
        if is_good is None:
            return None
        return is_good and self.seconds <= find_goal(self.recipe).minutes * 60

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        scores = {
            metric: {name: score_json(score) for name, score in its.items()}
            for metric, its in self.scores.items()
        }
        return {**asdict(self), "scores": scores}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        """Read what ``to_json`` returned.

        Raises:
            KeyError: something is missing, as in the next two.
            TypeError: something else is there.
            ValueError: the scores are not those of its goal.
        """
        values = dict(data)
        scores = {
            metric: {name: _score(each) for name, each in its.items()}
            for metric, its in values.pop("scores").items()
        }
        row = cls(scores=scores, **values)
        expected = [bound.metric for bound in find_goal(row.recipe).bounds]
        if list(scores) != expected or not all("model" in its for its in scores.values()):
            raise ValueError(f"got the scores {', '.join(scores)}, expected {', '.join(expected)}")
        return row


def _score(values: Mapping[str, float | None]) -> Score:
    return Score(**{key: math.nan if value is None else value for key, value in values.items()})


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
    except (OSError, KeyError, TypeError, ValueError) as error:
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
        its = (
            f"`{row.recipe}`",
            f"{goal.data}, {row.num_examples:,} {plural(row.item)}",
            f"{goal.published} | {_clock(row.seconds)} of {goal.minutes:g}:00 | {row.seed}",
        )
        for bound in goal.bounds:
            found = dict(row.scores[bound.metric])
            score = found.pop("model")
            ends = f" [{_number(score.low)}, {_number(score.high)}]"
            others = "; ".join(f"{name} {_number(its.value)}" for name, its in found.items())
            verdict = {None: "", True: ", reached", False: ", missed"}[row.is_reached(bound)]
            lines.append(
                f"| {its[0]} | {its[1]} | {bound.metric.replace('_', ' ')} "
                f"| **{_number(score.value)}**{'' if math.isnan(score.low) else ends} "
                f"| {bound}{verdict} | {others} | {its[2]} |"
            )
            its = ("", "", " |  | ")
    return lines


def _number(value: float) -> str:
    # Below a tenth, three digits behind the point tell two scores apart no more.
    return f"{value:.4f}" if 0 < abs(value) < 0.1 else f"{value:.3f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
