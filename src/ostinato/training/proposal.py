"""Which recipe suits data that nobody has described, each line with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.data.readers.formats import TABLES
from ostinato.data.text import TextOptions
from ostinato.data.text.splitting import split_units
from ostinato.data.wording import counted
from ostinato.training.choice import Choice, choose, short
from ostinato.training.columns import Column, Shape
from ostinato.training.forecast_proposal import is_series, propose_series
from ostinato.training.proposed import Line, Proposal, written_path
from ostinato.training.recipe import RECIPES
from ostinato.training.recipe_parts import TextUnit
from ostinato.training.suggestion_recipe import QUERY, QUERY_BEFORE
from ostinato.training.survey import TEXT_FORMATS, Survey

_SAMPLE = 2000
_UNEQUAL, _VERY_UNEQUAL = 3, 10
_TOO_FEW = 4
_FEW, _FEW_SHARE, _MANY = 50, 0.25, 1000
_KOREAN = 0.3
_STEPS: Final = {"bpe": "pieces of words"}


def propose(
    seen: Survey, task: str | None = None, input: str | None = None, target: str | None = None
) -> Proposal:
    """Return the recipe that suits the data.

    Args:
        seen: the data.
        task: of the recipe; None to infer it.
        input: column that is read; None to infer it.
        target: column that is learned; None to infer it.

    Raises:
        UnknownNameError: there is no such task or column.
        DataError: it cannot be told what is to be learned from what; says what was seen, and which
            option decides.
    """
    if task is not None and task not in RECIPES:
        raise UnknownNameError("task", task, RECIPES)
    for name in (input, target):
        if name is not None and name not in seen.columns:
            raise UnknownNameError("column", name, seen.columns)
    is_plain = not seen.columns
    if task == "suggestion":
        return _suggestion(seen, input, target)
    if task == "language-model" or (is_plain and task is None):
        return _language_model(seen)
    if is_plain:
        raise DataError(
            f"{seen.name} is plain text ({counted(seen.num_rows, 'line')}): it has no column that "
            f"a {task} could learn\nmend: --task language-model, or give a table with a header"
        )
    if seen.num_rows < _TOO_FEW:
        raise _too_few(seen)
    if task == "forecasting" or (task is None and input is None and is_series(seen)):
        return propose_series(seen, input, target)
    choice = choose(seen, task, input, target)
    if choice.task == "image-to-text":
        return _captions(seen, choice)
    if choice.task == "text-to-text":
        return _pairs(seen, choice)
    return _drawings(seen, choice) if choice.task == "drawing" else _examples(seen, choice)


def _pairs(seen: Survey, choice: Choice) -> Proposal:
    """Fill in the recipe of texts that become texts."""
    assert choice.target is not None
    num, read = seen.num_rows, seen.columns[choice.input]
    title = f"Text to text, {seen.name}: {counted(num, 'pair')}"
    proposal = Proposal(title, choice.task, choice.task_reason)
    sections = proposal.sections
    sections["data"] = [*_files(seen), *_columns(seen, choice), *_shares(seen, choice, proposal)]
    is_text = read.kind in ("text", "tokens") and not read.is_series
    if is_text:
        _, lines = _text(read, choice, num)
        sections["text"] = lines
    elif read.is_series:
        sections["text"] = [Line("unit", "numbers", "each text is a series of numbers")]
    _, written = _text(seen.columns[choice.target], choice, num)
    # What is to be written keeps its capitals.
    sections["target_text"] = [line for line in written if line.key != "lowercase"]
    hidden = _by_size(num, (48, 96, 160, 256))
    sections["model"] = [
        Line("cell", "gru", "a name, or its equations"),
        Line("hidden_size", hidden, f"for {counted(num, 'pair')}; more learns more by heart"),
        Line("bidirectional", True, "whole texts are there: read both ways"),
    ]
    if is_text:
        why = "numbers for each unit, of both texts"
        sections["model"].append(Line("embedding_size", hidden, why))
    sections["model"].append(Line("dropout", 0.3, "against learning by heart"))
    sections["decoder"] = [
        Line("attention", "general", "each step looks at the source; none: one vector for all"),
        Line("pointer", False, "true: words of the source can be copied, such as names"),
    ]
    sections["training"] = [
        Line("batch_size", _by_size(num, (8, 16, 32, 64)), "pairs to one step"),
        Line("learning_rate", 0.003, "the highest of its schedule; lower if the loss jumps"),
        Line("max_epochs", _by_size(num, (60, 40, 20, 10)), "passes at most; see patience"),
    ]
    sections["decoding"] = [
        Line("method", "beam", "the best of several; also possible: greedy, sample")
    ]
    sections["evaluation"] = [
        Line("metric", "chrf", "of what is written; also possible: bleu, exact, unit_error, loss"),
        Line("patience", 4, "evaluations without progress end the run; null: never"),
    ]
    return proposal


def _examples(seen: Survey, choice: Choice) -> Proposal:
    """Fill in the recipe of a task on examples."""
    target = None if choice.target is None else seen.columns[choice.target]
    title = f"{choice.task.capitalize()} of {seen.name}: {counted(seen.num_rows, 'example')}"
    proposal = Proposal(title, choice.task, choice.task_reason)
    sections = proposal.sections
    sections["data"] = [*_files(seen), *_columns(seen, choice), *_shares(seen, choice, proposal)]
    read = seen.columns[choice.input]
    num = seen.num_rows
    is_text = read.kind in ("text", "tokens") and choice.task != "polyphony"
    is_text = is_text and not read.is_series
    unit = ""
    if read.is_series:
        sections["text"] = [Line("unit", "numbers", "each text is a series of numbers")]
    elif is_text:
        unit, sections["text"] = _text(read, choice, num)
    elif choice.task == "polyphony":
        sections["frames"] = [Line("standardize", False, "notes are 0 or 1 and stay so")]
    scheme = _scheme(target) if choice.task == "tagging" and target else "none"
    sections["model"] = _model(choice, num, unit, scheme, read, is_text=is_text)
    ratio = _imbalance(target) if choice.task == "classification" and target else 1.0
    sections["training"] = _training(choice, num, ratio)
    sections["evaluation"] = _evaluation(choice, ratio, scheme)
    return proposal


def _captions(seen: Survey, choice: Choice) -> Proposal:
    """Fill in the recipe of images that are said in words."""
    assert choice.target is not None
    num = seen.num_rows
    title = f"Images of {seen.name} in words: {counted(num, 'caption')}"
    proposal = Proposal(title, choice.task, choice.task_reason)
    shapes = (v.sizes for v in seen.columns[choice.input].values if isinstance(v, Shape))
    height, width = next(shapes)[:2]
    hidden = _by_size(num, (64, 128, 192, 256))
    sections = proposal.sections
    sections["data"] = [
        *_files(seen),
        *_columns(seen, choice),
        Line("image_size", [height, width], "height and width; every image is brought to them"),
        *_shares(seen, choice, proposal),
    ]
    sections["frames"] = [
        Line("shift", max(1, min(height, width) // 24), "images move by so many pixels in training")
    ]
    sections["target_text"] = _text(seen.columns[choice.target], choice, num)[1]
    sections["model"] = [
        Line("channels", [16, 32, 64], "convolutions that see; each halves height and width"),
        Line("cell", "gru", "a name, or its equations; it writes"),
        Line("hidden_size", hidden, f"for {counted(num, 'caption')}; more learns more by heart"),
        Line("embedding_size", min(128, hidden), "numbers for each unit that was written"),
        Line("dropout", 0.3, "against learning by heart; 0 if the model learns too little"),
    ]
    why = "each unit looks at places of the image; none: its feature starts the state, no more"
    sections["decoder"] = [Line("attention", "general", why)]
    sections["training"] = _training(choice, num, 1.0)
    sections["decoding"] = [Line("method", "beam", "the best of several; also possible: greedy")]
    sections["evaluation"] = [
        Line("metric", "auto", "CIDEr; also possible: bleu, exact, loss"),
        Line("patience", 4, "evaluations without progress end the run; null: never"),
    ]
    return proposal


def _files(seen: Survey) -> list[Line]:
    lines: list[Line] = []
    for part in ("train", "dev", "test"):
        files = seen.files.get(part)
        if files is None:
            continue
        comment = "what was looked at" if part == "train" else "beside it, by its name"
        value: Any = (
            written_path(files)
            if isinstance(files, Path)
            else {column: written_path(path) for column, path in files.items()}
        )
        lines.append(Line(part, value, comment))
    return lines


def _columns(seen: Survey, choice: Choice) -> list[Line]:
    options = seen.options
    why = _FORMAT_REASONS.get(options.format, "by its files")
    if options.format == "text" and not isinstance(seen.files["train"], Path):
        why = "line i of each file belongs to line i of the others"
    lines = [Line("format", options.format, why)]
    if options.encoding != "utf-8":
        lines.append(Line("encoding", options.encoding, "it is not UTF-8"))
    if options.format in TABLES:
        if options.header is not None:
            why = "line 1 names the columns" if options.header else "line 1 is an example already"
            lines.append(Line("header", options.header, why))
        if options.separator is not None:
            lines.append(Line("separator", options.separator, "between the columns"))
        if not options.quoting:
            lines.append(Line("quoting", False, "quotes are part of the text, wrapping nothing"))
    if options.columns is not None:
        why = (
            "its header names a column twice, or not at all"
            if seen.has_duplicate_names
            else "each line begins with its label"
        )
        lines.append(Line("columns", list(options.columns), why))
    lines.append(Line("input", choice.input, choice.input_reason))
    if choice.target is not None:
        lines.append(Line("target", choice.target, choice.target_reason))
    if choice.label_separator is not None:
        why = "stands between several labels"
        lines.append(Line("label_separator", choice.label_separator, why))
    return lines


_FORMAT_REASONS: Final = {
    "csv": "a table",
    "tsv": "a table with tabs",
    "jsonl": "JSON, an object a row",
    "text": "a line is an example; its label is the name of its file",
    "conllu": "a treebank",
    "conll": "a token a line, empty lines between sentences",
    "ts": "time series",
    "rolls": "piano rolls",
    "strokes": "strokes of a pen: dx, dy, pen lifted",
    "audio": "sounds; the label is the folder, or the beginning of the name",
    "captions": "images, and a file that says what they show",
    "images": "images; their rows are the steps, the folder is the label",
}


def _shares(seen: Survey, choice: Choice, proposal: Proposal) -> list[Line]:
    """Return how parts are split off, and what share of the rows may be malformed."""
    lines: list[Line] = []
    target = None if choice.target is None else seen.columns[choice.target]
    missing = [part for part in ("dev", "test") if part not in seen.files]
    if missing:
        split, comment = _split(seen, target, missing)
        lines.append(Line("split", split, comment))
    unusable = [seen.columns[name] for name in (choice.input, choice.target) if name]
    num_bad = seen.malformed.num_malformed
    if choice.task != "multi-label":
        num_bad += sum(
            any(column.values[row] is None for column in unusable) for row in range(seen.num_rows)
        )
    if num_bad:
        total = seen.num_rows + seen.malformed.num_malformed
        share = min(0.99, math.ceil(200 * num_bad / total) / 100)
        first = seen.malformed.shown[0] if seen.malformed.shown else "an empty field"
        comment = f"{counted(num_bad, 'row')} of {total:,} cannot be used, as {short(first)}"
        lines.append(Line("malformed", share, f"{comment}; up to this share is left out"))
        proposal.notes.append(comment)
    return lines


def _split(
    seen: Survey, target: Column | None, missing: Sequence[str]
) -> tuple[dict[str, Any], str]:
    """Return shares that leave every part something, and why.

    Raises:
        DataError: there is no such split.
    """
    num = seen.num_rows
    if num < _FEW and missing == ["dev", "test"]:
        _check_enough(seen, target)
        return {"dev": _FEW_SHARE, "test": 0.0, "by": "order"}, (
            "so few examples that the last quarter chooses the weights, and there is no test"
        )
    share = 0.1 if num >= _MANY else 0.2
    shares = {part: share if part in missing else 0.0 for part in ("dev", "test")}
    return shares, (
        f"{share:.0%} held out by a hash of the input, so that equal ones stay together; "
        "by: order takes the last rows"
    )


def _check_enough(seen: Survey, target: Column | None) -> None:
    num_learned = round((1 - _FEW_SHARE) * seen.num_rows)
    is_alike = target is not None and len(set(target.values[:num_learned])) < 2
    if is_alike:
        raise _too_few(seen)


def _too_few(seen: Survey) -> DataError:
    return DataError(
        f"{seen.name} has {counted(seen.num_rows, 'example')}: too few to learn from some and to "
        "choose by others\n"
        f"mend: give {_TOO_FEW} at least, with every label among the first half"
    )


def _text(read: Column, choice: Choice, num: int) -> tuple[str, list[Line]]:
    """Return the unit, and the section that says how text becomes steps."""
    if read.kind == "tokens" or choice.task == "tagging":
        return "words", [Line("unit", "words", "the tokens stand ready")]
    texts = _sampled(read.texts)
    joined = "".join(texts)
    letters = max(1, sum(character.isalpha() for character in joined))
    korean = sum("가" <= c <= "힣" for c in joined) / letters
    unspaced = sum("\u3040" <= c <= "\u30ff" or "\u4e00" <= c <= "\u9fff" for c in joined) / letters
    num_words = float(np.median([len(text.split()) for text in texts]))
    unit, why = _unit(num_words, korean, unspaced, num)
    lines = [Line("unit", unit, why)]
    if unit == "bpe":
        size = 8000 if num >= 20_000 else 3000
        lines.append(Line("vocabulary_size", size, "pieces of words; more for more text"))
    if unit == "words" and any(character.isupper() for character in joined):
        lines.append(Line("lowercase", True, "fewer different words; false if case matters"))
    lengths = _lengths(texts, unit)
    long = int(np.quantile(lengths, 0.99))
    limit = min(1000, max(16, 8 * math.ceil(1.25 * long / 8)))
    lines.append(
        Line(
            "max_length",
            limit,
            f"99 of 100 texts have {long} {_STEPS.get(unit, unit)} at most; longer ones are cut",
        )
    )
    return unit, lines


def _unit(num_words: float, korean: float, unspaced: float, num: int) -> tuple[TextUnit, str]:
    if unspaced > 0.3:
        return "characters", "few spaces between words; also possible: bpe"
    if num_words <= 2:
        also = "also possible: words, bpe"
        return "characters", f"short: {counted(round(num_words), 'word')} in the middle; {also}"
    if korean > _KOREAN:
        if num >= 2000:
            return "bpe", "Korean words take many endings; also possible: syllables, morphemes"
        return "syllables", "Korean, too little for pieces of words; also possible: bpe, morphemes"
    return "words", f"{num_words:.0f} words in the middle; also possible: characters, bpe"


def _lengths(texts: Sequence[str], unit: str) -> list[int]:
    if unit == "bpe":
        # A piece is two characters or so, before any is learned.
        return [len(text) // 2 + 1 for text in texts]
    options = TextOptions(unit=unit)
    return [len(split_units(text, options)) for text in texts]


def _sampled(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, len(texts) // _SAMPLE)]


def _scheme(tags: Column) -> str:
    """Return how tags mark spans, if they do."""
    entries = set(tags.counts)
    if tags.kind == "text":
        entries = {entry for text in tags.texts for entry in text.split()}
    marks = {entry.partition("-")[0] for entry in entries if "-" in entry}
    others = {entry for entry in entries if "-" not in entry}
    if not marks or others - {"O"}:
        return "none"
    if marks == {"I"}:
        return "IO"
    return next((s for s in ("BIO", "BIOES") if "B" in marks and marks <= set(s)), "none")


def _by_size(num: int, values: Iterable[int]) -> int:
    """Return the first value for few examples, and so on."""
    steps = (500, 5000, 50_000)
    return list(values)[sum(num >= step for step in steps)]


def _model(
    choice: Choice, num: int, unit: str, scheme: str, read: Column, *, is_text: bool
) -> list[Line]:
    hidden = 128 if choice.task == "polyphony" else _by_size(num, (32, 64, 128, 192))
    lines = [
        Line("cell", "lstm" if choice.task == "tagging" else "gru", "a name, or its equations"),
        Line("hidden_size", hidden, f"for {counted(num, 'example')}; more learns more by heart"),
    ]
    if choice.task != "polyphony":
        lines.append(Line("bidirectional", True, "whole sequences are there: read both ways"))
    if is_text:
        size = min(64, hidden) if unit == "characters" else min(128, 2 * hidden)
        lines.append(
            Line("embedding_size", size, f"numbers for each of the {_STEPS.get(unit, unit)}")
        )
        lines.append(Line("embedding_dropout", 0.2, "against learning by heart"))
    lines.append(
        Line("dropout", 0.3, "against learning by heart; 0 if the model learns too little")
    )
    if choice.task == "tagging" and is_text:
        length = np.mean([len(word) for word in _sampled(list(read.counts))]) if read.counts else 2
        if length > 1.5:
            lines.append(Line("spelling", "cnn", "unknown words are read by their letters"))
        if scheme != "none":
            lines.append(Line("crf", True, f"a tag depends on the one before it ({scheme})"))
    elif choice.task not in ("tagging", "polyphony"):
        pooling = "max" if is_text else "mean"
        lines.append(Line("pooling", pooling, "of the steps; also possible: last, attention"))
    return lines


def _training(choice: Choice, num: int, ratio: float) -> list[Line]:
    size = _by_size(num, (8, 16, 32, 64))
    epochs = _by_size(num, (40, 20, 10, 5))
    lines = [
        Line("batch_size", size, "examples to one step"),
        Line("learning_rate", 0.003, "the highest of its schedule; lower if the loss jumps"),
        Line("max_epochs", epochs, "passes over the data at most; see patience"),
    ]
    if ratio >= _VERY_UNEQUAL and choice.task == "classification":
        why = f"the most frequent label is {ratio:.0f} times as frequent as the rarest"
        lines.append(Line("class_weights", "balanced", why))
    return lines


def _imbalance(target: Column) -> float:
    counts: Counter[str] = target.counts
    return max(counts.values()) / min(counts.values())


def _evaluation(choice: Choice, ratio: float, scheme: str) -> list[Line]:
    metric, why = "auto", ""
    match choice.task:
        case "classification" if ratio >= _UNEQUAL:
            metric, why = "macro_f1", "unequal labels: each counts as much; also possible: accuracy"
        case "classification":
            metric, why = "accuracy", "labels are about equally frequent; also possible: macro_f1"
        case "tagging" if scheme != "none":
            metric, why = "span_f1", "whole spans have to be right"
        case "tagging":
            metric, why = "accuracy", "of single tags"
        case "regression":
            metric, why = "mse", "mean squared error"
        case _:
            why = "as suits the task"
    lines = [Line("metric", metric, why)]
    if scheme != "none":
        lines.append(Line("scheme", scheme, "how the tags mark spans"))
    lines.append(Line("patience", 4, "evaluations without progress end the run; null: never"))
    return lines


def _drawings(seen: Survey, choice: Choice) -> Proposal:
    """Fill in the recipe of a network that draws."""
    num = seen.num_rows
    title = f"Drawings of {seen.name}: {counted(num, 'example')}"
    proposal = Proposal(title, choice.task, choice.task_reason)
    proposal.sections["data"] = [
        *_files(seen),
        *_columns(seen, choice),
        *_shares(seen, choice, proposal),
    ]
    proposal.sections["strokes"] = [
        Line("stretch", 0.1, "width and height change by up to so much in training")
    ]
    proposal.sections["model"] = [
        Line("cell", "lstm", "a name, or its equations"),
        Line("hidden_size", _by_size(num, (64, 128, 256, 512)), f"for {counted(num, 'drawing')}"),
        Line("num_components", 20, "Gaussians of the mixture over the next point"),
    ]
    proposal.sections["training"] = [
        Line("batch_size", _by_size(num, (8, 16, 32, 64)), "drawings to one step"),
        Line("learning_rate", 0.002, "the highest of its schedule; lower if the loss jumps"),
        Line("max_minutes", 10, "turned into steps by a measurement; or max_epochs, max_steps"),
    ]
    proposal.sections["evaluation"] = [
        Line("patience", 4, "evaluations without progress end the run; null: never")
    ]
    return proposal


def _language_model(seen: Survey) -> Proposal:
    """Fill in the recipe of a language model."""
    path = seen.files["train"]
    if seen.options.format not in TEXT_FORMATS or not isinstance(path, Path) or path.is_dir():
        raise DataError(
            f"a language model reads one text file, {seen.name} is {seen.options.format}\n"
            "mend: join the texts into one file: cat FOLDER/*.txt > all.txt"
        )
    text = seen.text
    num = len(text) or path.stat().st_size
    lines = [line for line in text.split("\n") if line]
    title = f"A language model of {seen.name}: {counted(num, 'character')}"
    reason = "plain text without labels" if text else "as asked for"
    proposal = Proposal(title, "language-model", reason)
    data = [Line("path", written_path(path), "what was looked at")]
    if seen.options.encoding != "utf-8":
        data.append(Line("encoding", seen.options.encoding, "it is not UTF-8"))
    kinds = len(set(text[:1_000_000]))
    different = f"{kinds:,} different ones; " if text else ""
    data.append(Line("unit", "characters", f"{different}also possible: bytes; jamo for Korean"))
    is_listed = bool(lines) and "\n\n" not in text.strip() and len(lines) >= 20
    if is_listed and float(np.median([len(line.split()) for line in lines])) <= 3:
        why = "short lines, as of a list: each is a text of its own"
        data.append(Line("documents", "lines", why))
    else:
        data.append(Line("documents", "whole", "lines: if each is a text of its own"))
    data.append(Line("held_out", 0.1, "the end is never learned, and scores the model"))
    others = [f"{part} ({p.name})" for part, p in seen.files.items() if isinstance(p, Path)][1:]
    if others:
        proposal.notes.append(f"a language model reads one file: {', '.join(others)} stay unread")
    hidden = next(s for limit, s in _TEXT_SIZES if num < limit)
    proposal.sections["data"] = data
    proposal.sections["model"] = [
        Line("cell", "lstm", "a name, or its equations"),
        Line("hidden_size", hidden, f"for {counted(num, 'character')}"),
        Line("embedding_size", min(128, hidden), "numbers for each character"),
        Line("dropout", 0.3 if num < 5_000_000 else 0.1, "against learning by heart"),
    ]
    proposal.sections["training"] = [
        Line("batch_size", 8 if num < 100_000 else 32, "streams of text side by side"),
        Line("tbptt_steps", 64, "gradients flow back through so many characters"),
        Line("learning_rate", 0.004, "the highest of its schedule; lower if the loss jumps"),
        Line("max_minutes", 5, "turned into steps by a measurement; or max_epochs, max_steps"),
    ]
    proposal.sections["evaluation"] = [
        Line("patience", 4, "evaluations without progress end the run; null: never")
    ]
    return proposal


def _suggestion(seen: Survey, input: str | None, target: str | None) -> Proposal:
    """Fill in the recipe of completing queries.

    Raises:
        DataError: it cannot be told which column holds the queries, or there are too few.
    """
    before: str | None = None
    proposal = Proposal("", "suggestion", "as asked for")
    if seen.columns:
        before = input or (QUERY_BEFORE if QUERY_BEFORE in seen.columns else None)
        queries, data = _queries_of_column(seen, before, target, proposal)
    else:
        queries, data = _queries_of_lines(seen)
    num = len(queries)
    if num < _TOO_FEW:
        raise _too_few(seen)
    proposal.title = f"Completion of the queries of {seen.name}: {counted(num, 'query')}"
    if len(set(queries)) == num:
        proposal.notes.append(
            "no query is there twice: give each as often as it was asked, so that frequent ones "
            "are suggested first"
        )
    letters = [c for text in _sampled(queries) for c in text if c.isalpha()]
    is_korean = sum("가" <= c <= "힣" for c in letters) > _KOREAN * max(1, len(letters))
    also = "; also possible: jamo, within a syllable" if is_korean else ""
    sections = proposal.sections
    sections["data"] = data
    sections["target_text"] = [Line("unit", "characters", f"what is begun can go on{also}")]
    hidden = _by_size(num, (64, 128, 256, 384))
    sections["model"] = [
        Line("cell", "lstm", "a name, or its equations"),
        Line("hidden_size", hidden, f"for {counted(num, 'query')}; more learns more by heart"),
        Line("embedding_size", min(64, hidden), "numbers for each character"),
        Line("dropout", 0.3, "against learning by heart; 0 if the model learns too little"),
    ]
    if before is not None:
        why = "each step looks at the query before; none: it starts the state alone"
        sections["decoder"] = [Line("attention", "general", why)]
    sections["training"] = [
        Line("batch_size", _by_size(num, (8, 16, 32, 64)), "queries to one step"),
        Line("learning_rate", 0.003, "the highest of its schedule; lower if the loss jumps"),
        Line("max_epochs", _by_size(num, (40, 30, 20, 10)), "passes over the data at most"),
    ]
    sections["evaluation"] = [
        Line("metric", "auto", "the loss; also possible: mrr@5, the place among suggestions"),
        Line("patience", 4, "evaluations without progress end the run; null: never"),
    ]
    return proposal


def _queries_of_lines(seen: Survey) -> tuple[Sequence[str], list[Line]]:
    """Return the queries of a file of lines, and the section that says so."""
    path = seen.files["train"]
    if seen.options.format not in TEXT_FORMATS or not isinstance(path, Path) or path.is_dir():
        raise DataError(
            f"queries stand in the lines of a file, or in a column; {seen.name} is "
            f"{seen.options.format}\nmend: join them into one file, a query a line"
        )
    queries = [line for line in seen.text.split("\n") if line.strip()]
    data = [
        Line("train", written_path(path), "what was looked at: a query a line"),
        Line("format", "text", "by its lines"),
        Line("target", "text", "the line"),
    ]
    if seen.options.encoding != "utf-8":
        data.append(Line("encoding", seen.options.encoding, "it is not UTF-8"))
    share = 0.1 if len(queries) >= _MANY else 0.2
    why = f"{share:.0%} held out by a hash of the query, so that no other part has it"
    data.append(Line("split", {"dev": share, "test": share}, why))
    return queries, data


def _queries_of_column(
    seen: Survey, before: str | None, target: str | None, proposal: Proposal
) -> tuple[Sequence[str], list[Line]]:
    """Return the queries of a table, and the section that says where they are."""
    query = target or QUERY
    if query not in seen.columns:
        raise DataError(
            f"which column of {seen.name} holds the queries? (the columns are "
            f"{', '.join(seen.columns)})\nmend: --target COLUMN"
        )
    choice = Choice(
        "suggestion",
        before or query,
        query,
        "as asked for",
        input_reason="the query before",
        target_reason="the query",
    )
    lines = [*_files(seen), *_columns(seen, choice), *_shares(seen, choice, proposal)]
    if before is None:
        lines = [line for line in lines if line.key != "input"]
    return [text for text in seen.columns[query].texts if text.strip()], lines


_TEXT_SIZES: Final = ((20_000, 64), (200_000, 128), (2_000_000, 256), (math.inf, 512))
