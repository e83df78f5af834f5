"""What is learned from what, in data that nobody has described.

A table of dates, each once, beside numbers alone is a series to forecast, and does not come here.
Of others the task follows from the first rule that applies:

1. Piano rolls and MIDI are polyphony, strokes are drawings; plain text is for a language model;
   images with captions are said in words.
2. A column of tokens beside one with equally many tags is tagging.
3. The target is the column whose name says so (label, class, target, category, sentiment, tag, y,
   score, …); else the only one with few different values; else, in a table, the only one of many
   numbers. Neither what numbers the rows nor dates are ever learned.
   Where there is none, and two columns of different texts, one is written from the other:
   text-to-text. Of these the source is what its name says (source, question, …), else the first.
4. Lists of labels, and labels joined by a separator, are multi-label; more than 20 different whole
   numbers, or numbers with a fraction, regression; anything else classification.

The input is the column whose name says so (text, sentence, review, …), else the longest text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.readers.captions import CAPTION, IMAGE
from ostinato.data.wording import counted
from ostinato.training.columns import Column, are_parallel, separator_of_labels
from ostinato.training.survey import Survey

_SOURCES: Final = ("source", "src", "question", "q", "input", "query", "prompt", "질문", "원문")
_WRITTEN: Final = (
    *("target", "tgt", "answer", "a", "output", "response", "reply", "translation"),
    *("답변", "답", "대답", "번역", "번역문"),
)

_USUAL: Final = {
    "conllu": ("form", "upos"),
    "conll": ("token", "tag"),
    "rolls": ("roll", None),
    "midi": ("roll", None),
    "ts": ("series", "label"),
    "audio": ("audio", "label"),
}


@dataclass(frozen=True)
class Choice:
    """What is learned from what.

    Attributes:
        task: name of the task.
        input: column that is read.
        target: column that is learned; None where what comes next is.
        task_reason: why.
        input_reason: why.
        target_reason: why.
        label_separator: between several labels in one field.
    """

    task: str
    input: str
    target: str | None
    task_reason: str
    input_reason: str = ""
    target_reason: str = ""
    label_separator: str | None = None


def choose(seen: Survey, task: str | None, input: str | None, target: str | None) -> Choice:
    """Decide what is learned from what; see the module.

    Raises:
        DataError: it cannot be told.
    """
    if seen.options.format in ("rolls", "midi"):
        if task not in (None, "polyphony"):
            raise OptionError(f"piano rolls have no labels for a {task}\nmend: --task polyphony")
        return Choice("polyphony", input or "roll", None, "piano rolls: predict the next notes")
    if seen.options.format == "captions" or task == "image-to-text":
        return _captions(seen, task, input, target)
    if seen.options.format == "strokes":
        if task not in (None, "drawing"):
            raise OptionError(f"strokes have no labels for a {task}\nmend: --task drawing")
        return Choice("drawing", input or "strokes", None, "strokes: predict the next point")
    if task in (None, "tagging") and (pair := _tagged(seen, input, target)):
        return pair
    if task == "tagging":
        raise DataError(
            f"no column of {seen.name} has a tag for each token of another: {_shown(seen)}\n"
            "mend: give a CoNLL file, or a list of tokens and a list of tags in each row; name "
            "them with --input and --target"
        )
    if task == "polyphony":
        raise DataError(
            f"{seen.name} holds no piano rolls: {_shown(seen)}\n"
            "mend: give MIDI files, or .npz with 88 notes a step"
        )
    if task == "text-to-text":
        return _pair(seen, input, target, "as asked for")
    if task is None and _is_pair(seen, input, target):
        given = target is not None
        reason = "texts to be written" if given else "two columns of texts, and none of labels"
        return _pair(seen, input, target, reason)
    if task == "drawing":
        raise DataError(
            f"{seen.name} holds no strokes: {_shown(seen)}\n"
            "mend: give .npz with train_strokes and train_len, as sketch-rnn has them"
        )
    column, why_target = _target(seen, task, input, target)
    read, why_input = _input(seen, column, input)
    return _with_task(seen, task, read, why_input, column, why_target)


def _captions(seen: Survey, task: str | None, input: str | None, target: str | None) -> Choice:
    """Return images and captions.

    Raises:
        OptionError: the task is another, or there are none.
    """
    if seen.options.format != "captions":
        raise OptionError(
            f"{seen.name} holds no images with captions: {_shown(seen)}\n"
            'mend: give a folder of images with a captions.json such as {"dog.png": "a dog runs"}'
        )
    if task not in (None, "image-to-text"):
        raise OptionError(
            f"{seen.name} holds images with captions, which are no {task}\n"
            "mend: --task image-to-text"
        )
    reason = "images, and a file that says in words what they show"
    its = seen.columns[CAPTION]
    num = len({value for value in its.values if value is not None})
    return Choice(
        "image-to-text",
        input or IMAGE,
        target or CAPTION,
        reason,
        "the images",
        f"what they show: {counted(num, 'different caption')}",
    )


def _shown(seen: Survey) -> str:
    listed = [f"`{name}` ({column.describe()})" for name, column in seen.columns.items()]
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")


def _tagged(seen: Survey, input: str | None, target: str | None) -> Choice | None:
    """Return tokens and tags, if the data have them."""
    known = seen.columns
    usual = _USUAL.get(seen.options.format, (None, None))
    if seen.options.format in ("conllu", "conll"):
        words, tags = input or usual[0], target or usual[1]
        assert words is not None
        assert tags is not None
        others = ", ".join(name for name in known if name not in (words, tags, "text"))
        also = f"; also possible: {others}" if others else ""
        reason = f"{seen.options.format}: a token a line, each with a tag"
        return Choice("tagging", words, tags, reason, "the tokens", f"the tags{also}")
    inputs = [known[input]] if input else list(known.values())
    targets = [known[target]] if target else list(known.values())
    found = [
        (words, tags)
        for words in inputs
        for tags in targets
        if words is not tags
        and {words.kind, tags.kind} <= {"tokens", "text"}
        and not (words.is_numeric or tags.is_numeric)
        and are_parallel(words, tags)
    ]
    if not found:
        return None
    words, tags = min(found, key=lambda pair: len(pair[1].counts))
    reason = f"each row has as many entries in `{tags.name}` as in `{words.name}`"
    return Choice("tagging", words.name, tags.name, reason, "the tokens", "a tag for each token")


def _is_pair(seen: Survey, input: str | None, target: str | None) -> bool:
    """Whether texts become texts: parallel files, or two columns of them and none of labels."""
    if isinstance(seen.files["train"], dict) and seen.options.format == "text":
        return len(seen.columns) == 2
    if target is not None:
        return _is_written(seen.columns[target])
    texts = [column for column in seen.columns.values() if _is_written(column)]
    if len(texts) != 2 or (input is not None and input not in {each.name for each in texts}):
        return False
    try:
        _target(seen, None, input, None)
    except DataError:
        return True
    return False


def _is_written(column: Column) -> bool:
    """Whether a column holds texts to write: most of them different, and some of several words."""
    if column.kind != "text" or not column.is_readable or column.is_series:
        return False
    is_varied = 2 * len(column.counts) > len(column.texts)
    return is_varied and any(len(text.split()) > 1 for text in column.texts)


def _pair(seen: Survey, input: str | None, target: str | None, reason: str) -> Choice:
    """Return which text is written from which.

    Raises:
        DataError: there are no two columns of texts, or more, and nobody says which.
    """
    known = seen.columns
    texts = [name for name, column in known.items() if column.kind == "text" and column.is_readable]
    others = [name for name in texts if name not in (input, target)]
    needed = (input is None) + (target is None)
    if len(others) < needed:
        # Also what could be a label, or a series, where nothing else is there.
        others = [
            name
            for name, column in known.items()
            if column.kind == "text" and not column.is_date and name not in (input, target)
        ]
    if len(others) < needed or (len(others) > needed > 0):
        raise DataError(
            f"text-to-text reads one text and writes another, but {seen.name} holds "
            f"{_shown(seen)}\nmend: name the columns: --input COLUMN --target COLUMN"
        )
    why = "as asked for"
    if needed == 2:
        read, written = others
        why = "the first text; exchange them to go the other way"
        if _begins(written, _SOURCES) or _begins(read, _WRITTEN):
            read, written = written, read
        if _begins(read, _SOURCES) or _begins(written, _WRITTEN):
            why = "by the names"
        return Choice("text-to-text", read, written, reason, why, "the text that is written")
    read = input or others[0]
    written = target or others[0]
    for name in (read, written):
        if known[name].kind not in ("text", "tokens", "array") or known[written].kind != "text":
            raise DataError(
                f"text-to-text writes texts, but `{name}` holds {known[name].describe()}\n"
                "mend: --target with a column of texts"
            )
    return Choice("text-to-text", read, written, reason, why, "the text that is written")


def _begins(name: str, known: Sequence[str]) -> bool:
    return name.casefold().strip().split("_")[0] in known


def _target(
    seen: Survey, task: str | None, input: str | None, target: str | None
) -> tuple[Column, str]:
    """Return the column that is learned, and why."""
    known = seen.columns
    if target is not None:
        return known[target], "as asked for"
    usual = _USUAL.get(seen.options.format, (None, None))[1]
    if usual is not None and usual in known:
        return known[usual], "the label of each sequence"
    others = [column for name, column in known.items() if name != input]
    named = sorted(
        (c for c in others if c.target_rank is not None and _can_be_learned(c, task)),
        key=lambda column: cast("int", column.target_rank),
    )
    if named:
        rest = [f"`{column.name}`" for column in named[1:]]
        also = f"; also possible: {', '.join(rest)}" if rest else ""
        return named[0], f"by its name; {_count_labels(named[0])}{also}"
    if not any(column.is_readable for column in others):
        raise _no_sequences(seen)
    if task != "regression":
        most = min(50, len(others[0].values) // 4) if others else 0
        few = [c for c in others if c.has_few_labels(most) or c.kind == "tokens"]
        few = [c for c in few if c.kind != "tokens" or c.input_rank is None]
        if len(few) == 1:
            return few[0], f"the only column of few different values; {_count_labels(few[0])}"
        if few:
            raise _undecided(seen, few)
    measured = [c for c in others if c.is_measured and not c.is_id]
    if len(measured) == 1 and task in (None, "regression"):
        return measured[0], "the only column of many different numbers"
    if measured and task in (None, "regression"):
        raise _undecided(seen, measured)
    raise _nothing_to_learn(seen)


def _can_be_learned(column: Column, task: str | None) -> bool:
    """Whether a column that is named as a target can be one."""
    if task == "regression":
        return column.is_numeric
    if column.kind == "tokens":
        return len(column.counts) > 1
    num = len(column.texts)
    return column.kind == "text" and (
        column.is_measured or column.has_few_labels(max(num // 2, 2)) or len(column.counts) == 1
    )


def _undecided(seen: Survey, candidates: Sequence[Column]) -> DataError:
    listed = ", ".join(f"`{c.name}` ({c.describe()})" for c in candidates[:8])
    return DataError(
        f"{len(candidates)} columns of {seen.name} could be what is learned: {listed}\n"
        f"mend: name it: --target {candidates[0].name!r}"
    )


def _nothing_to_learn(seen: Survey) -> DataError:
    return DataError(
        f"no column of {seen.name} looks like labels or numbers to learn: {_shown(seen)}\n"
        "mend: name it with --target COLUMN; to learn to write such text: --task language-model"
    )


def _no_sequences(seen: Survey) -> DataError:
    return DataError(
        f"{seen.name} has no text and no arrays to read, only numbers and single words: "
        f"{_shown(seen)}. A row of it is one step, not a sequence\n"
        "mend: give one sequence a row: JSON lines such as "
        '{"series": [[1.5, 20], [1.6, 18]], "label": "up"}, cut from consecutive rows, or a .ts '
        "file; the recipe `stock-direction` shows it for daily prices. Rows in the order of time "
        "that are to be continued: --task forecasting"
    )


def _input(seen: Survey, target: Column, input: str | None) -> tuple[Column, str]:
    """Return the column that is read, and why."""
    known = seen.columns
    if input is not None:
        return known[input], "as asked for"
    readable = [c for c in known.values() if c is not target and c.is_readable]
    if not readable:
        raise _no_sequences(seen)
    arrays = [column for column in readable if column.kind == "array" or column.is_series]
    if arrays:
        return arrays[0], "the sequences"
    named = sorted(
        (column for column in readable if column.input_rank is not None),
        key=lambda column: cast("int", column.input_rank),
    )
    chosen = named[0] if named else max(readable, key=lambda column: column.mean_length)
    rest = [f"`{column.name}`" for column in readable if column is not chosen]
    also = f"; also possible: {', '.join(rest[:5])}" if rest else ""
    why = "by its name" if named else ("the longest text" if rest else "the only text")
    return chosen, f"{why}, {chosen.mean_length:.0f} characters in the mean{also}"


def _count_labels(column: Column) -> str:
    if column.is_measured:
        return column.describe()
    least, times = min(column.counts.items(), key=lambda item: item[1], default=("", 0))
    labels = counted(len(column.counts), "label")
    if len(column.counts) < 2:
        return labels
    if times == max(column.counts.values()):
        return f"{labels}, each {times:,} times"
    often = {1: "once", 2: "twice"}.get(times, f"{times:,} times")
    return f"{labels}, the rarest ({short(least)}) {often}"


def short(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= 30 else f"{text[:30]}…"


def _with_task(
    seen: Survey, task: str | None, read: Column, why_input: str, target: Column, why_target: str
) -> Choice:
    if target.is_measured and task in (None, "regression"):
        return Choice(
            "regression",
            read.name,
            target.name,
            f"`{target.name}` holds {target.describe()}; also possible: classification, of few",
            why_input,
            why_target,
        )
    if task == "regression":
        if not target.is_numeric:
            raise DataError(
                f"regression learns numbers, but `{target.name}` holds {target.describe()}\n"
                "mend: --target with a column of numbers, or --task classification"
            )
        reason = "as asked for; also possible: classification"
        return Choice(task, read.name, target.name, reason, why_input, why_target)
    separator = separator_of_labels(target) if target.kind == "text" else None
    is_listed = target.kind == "tokens" or separator is not None
    if task == "multi-label" or (task is None and is_listed):
        reason = "each row has a list of labels" if is_listed else "as asked for"
        return Choice(
            "multi-label", read.name, target.name, reason, why_input, why_target, separator
        )
    _check_labels(seen, target)
    is_scale = target.is_numeric and len(target.counts) > 2
    also = "regression, if more is more" if is_scale else ""
    reason = f"`{target.name}` has {counted(len(target.counts), 'label')}" + (
        f"; also possible: {also}" if also else ""
    )
    return Choice("classification", read.name, target.name, reason, why_input, why_target)


def _check_labels(seen: Survey, target: Column) -> None:
    if target.kind != "text":
        raise DataError(
            f"`{target.name}` of {seen.name} holds {target.describe()}, expected one label a row\n"
            "mend: --target with a column of labels, or --task multi-label for lists of them"
        )
    if len(target.counts) < 2:
        only = next(iter(target.counts), "")
        raise DataError(
            f"`{target.name}` of {seen.name} holds a single label, {short(only)!r}: there is "
            "nothing to tell apart\n"
            "mend: give examples of a second label, or another column with --target"
        )
