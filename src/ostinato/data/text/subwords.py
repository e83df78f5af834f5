"""Pieces of words: learned from the words of training, found in any word."""

from __future__ import annotations

import importlib.util
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import TYPE_CHECKING

from ostinato.core.errors import MissingExtraError
from ostinato.data.errors import DataError
from ostinato.data.text.options import (
    NUM_SPECIAL,
    SPECIAL_SYMBOLS,
    UNKNOWN_ID,
    TextOptions,
    normalized,
)
from ostinato.data.text.unigram import train_unigram
from ostinato.data.text.words import split_words_at_spaces

if TYPE_CHECKING:
    import tokenizers

# A word never holds a space, so no text can spell these.
_SPECIAL = tuple(f" {symbol}" for symbol in SPECIAL_SYMBOLS)
_UNKNOWN = _SPECIAL[UNKNOWN_ID]
AFTER_SPACE = "▁"
INSIDE = "##"


class Subwords:
    """A trained tokenizer of pieces; its numbers are those of the whole vocabulary.

    Pieces never cross the borders of ``split_words``. With ``bpe`` and ``unigram`` a word after
    white space begins with ``▁``; with ``wordpiece`` a piece inside a word begins with ``##``, and
    a word that cannot be spelled, or has more than 100 letters, is unknown as a whole.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, options: TextOptions) -> None:
        self.tokenizer = tokenizer
        self.options = options
        numbers = tokenizer.get_vocab()
        self.symbols = sorted(numbers, key=numbers.__getitem__)[NUM_SPECIAL:]

    @classmethod
    def train(cls, texts: Iterable[str], options: TextOptions) -> Subwords:
        """Learn the pieces of the words of ``texts``.

        Letters come before longer pieces: where ``vocabulary_size`` has no room for all of them,
        the rarest are unknown.

        Raises:
            DataError: there is no word.
        """
        _check_installed()
        import tokenizers

        words = Counter(chain.from_iterable(_words(text, options) for text in texts))
        letters = _letters(words, options)
        if options.unit == "unigram":
            model = _unigram_model(words, letters, options)
        else:
            model = _merged_model(words, letters, options)
        return cls(tokenizers.Tokenizer(model), options)

    def encode(self, text: str) -> list[int]:
        """Return the number of each piece of ``text``."""
        return self._pieces(_words(text, self.options)).ids

    def units(self, text: str) -> list[str]:
        """Return the pieces of ``text``; unknown ones as they are written."""
        words = _words(text, self.options)
        found = self._pieces(words)
        return [
            words[word][start:end] if number == UNKNOWN_ID and word is not None else token
            for number, token, word, (start, end) in zip(
                found.ids, found.tokens, found.word_ids, found.offsets, strict=True
            )
        ]

    def _pieces(self, words: list[str]) -> tokenizers.Encoding:
        return self.tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        return self.tokenizer.to_str()

    @classmethod
    def from_json(cls, text: str, options: TextOptions) -> Subwords:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: it is something else.
        """
        _check_installed()
        import tokenizers

        try:
            return cls(tokenizers.Tokenizer.from_str(text), options)
        except Exception as error:
            raise ValueError(f"no tokenizer: {error}") from error


def _words(text: str, options: TextOptions) -> list[str]:
    marked = split_words_at_spaces(normalized(text, options))
    if options.unit == "wordpiece":
        return [word for word, _ in marked]
    return [AFTER_SPACE + word if after_space else word for word, after_space in marked]


def _letters(words: Mapping[str, int], options: TextOptions) -> list[str]:
    """Return the letters that there is room for, in the order of their code points."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for letter in word:
            counts[letter] += count
    known = [letter for letter, count in counts.items() if count >= options.min_count]
    room = options.vocabulary_size - NUM_SPECIAL
    if options.unit == "wordpiece":
        room //= 2  # at the beginning of a word, and inside
    known.sort(key=lambda letter: (-counts[letter], letter))
    if not known[:room]:
        raise DataError(
            f"no text of the training part holds a letter that occurs {options.min_count:,} times "
            f"and fits into vocabulary_size={options.vocabulary_size}\n"
            "mend: give texts that are not empty, or set min_count=1 and a larger vocabulary_size"
        )
    return sorted(known[:room])


def _merged_model(
    words: Mapping[str, int], letters: list[str], options: TextOptions
) -> tokenizers.models.Model:
    """Learn the pieces of ``bpe`` or ``wordpiece`` by merging the most frequent neighbours."""
    from tokenizers import Tokenizer, models, trainers

    inside = INSIDE if options.unit == "wordpiece" else ""
    learner = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=options.vocabulary_size - NUM_SPECIAL,
        min_frequency=options.min_count,
        show_progress=False,
        # The trainer numbers letters inside a word as it meets them, in an order that differs
        # from run to run, and settles ties by number: they are given to it in advance.
        special_tokens=[inside + letter for letter in letters] if inside else [],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        continuing_subword_prefix=inside,
    )
    feed = chain.from_iterable(repeat(word, words[word]) for word in sorted(words))
    learner.train_from_iterator(feed, trainer)
    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    vocabulary = {piece: number for number, piece in enumerate([*_SPECIAL, *pieces])}
    if inside:
        return models.WordPiece(vocabulary, unk_token=_UNKNOWN, continuing_subword_prefix=inside)
    merges = [(left, right) for left, right in learned["merges"]]
    return models.BPE(vocabulary, merges, unk_token=_UNKNOWN)


def _unigram_model(
    words: Mapping[str, int], letters: list[str], options: TextOptions
) -> tokenizers.models.Model:
    from tokenizers import models

    size = options.vocabulary_size - NUM_SPECIAL
    scored = train_unigram(words, letters, size, max(2, options.min_count))
    lowest = min(score for _, score in scored)
    special = [(symbol, lowest) for symbol in _SPECIAL]
    return models.Unigram([*special, *scored], unk_id=UNKNOWN_ID)


def _check_installed() -> None:
    if importlib.util.find_spec("tokenizers") is None:
        raise MissingExtraError("pieces of words", "train")
    # Its threads would make it warn in every process that is forked later, and gain little here.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
