"""Networks that write, without torch: the same log-probabilities and texts as with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato import cells
from ostinato.core.errors import ModelFileError, OptionError
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.describing import describe_writer
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.runtime import Writer, load
from ostinato.runtime.decoder import Decoder, NextUnits
from ostinato.runtime.parts import Weights
from ostinato.runtime.reading import reader_of
from ostinato.training.errors import RunError
from ostinato.training.example_data import Source
from ostinato.training.session import train
from ostinato.training.suggester import load_suggester
from ostinato.training.trained_writer import load_writer
from tests.models.writing_helpers import LENGTHS, TARGET_LENGTHS, batch, build
from tests.runtime.test_without_torch import NOTHING_ELSE, WITHOUT_EXTRAS
from tests.test_package import run_python
from tests.training.caption_helpers import fields, tiny_captions, write_captions
from tests.training.suggestion_helpers import tiny_queries
from tests.training.writing_helpers import tiny_pairs

ATOL = 2e-5


def without_torch(model: EncoderDecoder) -> tuple[Any, Decoder]:
    """The same network, of its description and its weights as they lie in a file."""
    data = json.loads(json.dumps(describe_writer(model)))
    arrays = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    weights = Weights(arrays)
    reader = reader_of(data, weights.part("reader"), 1)
    return reader, Decoder(data, weights.part("decoder"), reader, 1)


def check(model: EncoderDecoder, source: str, *, copied: bool = False) -> None:
    """Compare every step of known texts."""
    model = model.float().eval()
    given = batch(source, copied=copied)
    reader, decoder = without_torch(model)
    arrays = {name: tensor.numpy() for name, tensor in given.inputs.items()}
    arrays = {n: a.astype(np.float32) if a.dtype.kind == "f" else a for n, a in arrays.items()}
    if "ids" in arrays:  # a batch of the pipeline has padding of its own
        arrays["ids"] = np.maximum(arrays["ids"], 0)
    copies = None if given.copied is None else given.copied.numpy()
    state = decoder.begin(reader(arrays, given.lengths.numpy()), copies)
    with torch.no_grad():
        own = model.begin(model.read(given.inputs, given.lengths, given.copied))
        units = torch.full((len(LENGTHS),), model.start)
        for row in given.targets[: max(TARGET_LENGTHS)]:
            expected, own = model.step(units, own)
            found, state = decoder.step(units.numpy(), state)
            assert isinstance(found, NextUnits)
            np.testing.assert_allclose(found.own, expected.numpy(), rtol=0, atol=ATOL)
            np.testing.assert_allclose(np.exp(found.own).sum(-1), 1, rtol=0, atol=ATOL)
            # Rows are left out, and others repeated.
            rows = np.array([1, 1, 4, 4, 3, 3, 2, 2, 0, 0])
            pairs = state.select(rows), own.select(torch.from_numpy(rows))
            several, _ = decoder.step(row[rows].numpy(), pairs[0])
            wanted, _ = model.step(row[rows], pairs[1])
            np.testing.assert_allclose(several.own, wanted.numpy(), rtol=0, atol=ATOL)
            units = row


@pytest.mark.parametrize("attention", ["none", "dot", "general", "concat", "bahdanau"])
@pytest.mark.parametrize("source", ["tokens", "frames", "pictures"])
def test_every_score_and_source(source: str, attention: str):
    check(build(source, attention=attention), source)


@pytest.mark.parametrize(
    "given",
    [
        {"attention": "none", "context": "start"},
        {"input_feeding": True},
        {"attention": "bahdanau", "input_feeding": True},
        {"tied": True, "decoder_hidden_size": 6},
        {"bidirectional": True, "num_layers": 2, "decoder_num_layers": 1},
        {"bidirectional": True, "decoder_num_layers": 3},
        {"num_layers": 3, "residual": True, "embedding_size": 6},
        {"embedding_size": "one-hot"},
        {"layer_norm": True, "zoneout": 0.2, "recurrent_dropout": 0.3},
    ],
    ids=str,
)
def test_every_option(given: dict[str, object]):
    check(build("tokens", **given), "tokens")


@pytest.mark.parametrize("name", cells.names())
def test_every_cell(name: str):
    sizes = {"output_size": 4} if "output_size" in cells.get(name).dimensions.classes else {}
    check(build("tokens", cell=name, embedding_size=6, **sizes), "tokens")


@pytest.mark.parametrize("feeding", [False, True])
def test_units_are_copied(feeding: bool):
    check(build("tokens", pointer=True, input_feeding=feeding), "tokens", copied=True)


@pytest.mark.parametrize("channels", [(5,), (8, 16, 24)])
def test_pictures_of_any_depth(channels: tuple[int, ...]):
    from ostinato.models.building_writers import WriterOptions, build_encoder_decoder
    from tests.models.writing_helpers import END, NUM_SYMBOLS, SOURCES, START, options

    torch.manual_seed(3)
    chosen = options()
    model = build_encoder_decoder(
        SOURCES["pictures"],
        NUM_SYMBOLS,
        WriterOptions(model=chosen.model, decoder=chosen.decoder, channels=channels),
        start=START,
        end=END,
    )
    check(model, "pictures")


METHODS: list[dict[str, Any]] = [
    {"method": "greedy", "max_length": 12},
    {"method": "beam", "beam_size": 4, "num_best": 3, "max_length": 12},
    {"method": "sample", "num_best": 2, "top_p": 0.95, "temperature": 0.8, "max_length": 12},
]
TEXTS = ["a b c", "f e d c b", "a", "zz a ü", ""]
may_be_empty = pytest.mark.filterwarnings("ignore:input. 1 text without any unit")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer")
    train(tiny_pairs(folder, training={"max_steps": 120}), folder / "run")
    return folder / "run"


@may_be_empty
@pytest.mark.parametrize("options", METHODS, ids=lambda each: each["method"])
def test_the_texts_of_a_run(run: Path, options: dict[str, Any]):
    writer, trained = load(run, num_threads=1), load_writer(run)
    assert isinstance(writer, Writer)
    assert writer.options == trained.options()
    found = writer.write(TEXTS, **options)
    expected = trained.write(TEXTS, DecodingOptions(**options))
    assert [[each.text for each in best] for best in found] == [
        [each.text for each in best] for best in expected
    ]
    for best, others in zip(found, expected, strict=True):
        for each, other in zip(best, others, strict=True):
            assert each.numbers == other.numbers
            assert each.units == other.units
            assert each.log_probability == pytest.approx(other.log_probability, abs=1e-4)
            assert each.is_ended == other.is_ended
    alone = [writer.write([text], **options)[0] for text in TEXTS]
    if options["method"] != "sample":  # what is drawn follows from the number of the input
        assert [best[0].text for best in alone] == [best[0].text for best in found]
    assert len({best[0].text for best in found}) >= 4


def test_a_text_piece_by_piece(run: Path):
    writer, trained = load(run, num_threads=1), load_writer(run)
    assert isinstance(writer, Writer)
    for options in (METHODS[0], {"method": "sample", "seed": 5, "max_length": 12}):
        said: list[str] = []
        others: list[str] = []
        writer.tell("a b c", said.append, number=3, **options)
        trained.tell(trained.encode(["a b c"])[0], DecodingOptions(**options), 3, others.append)
        assert said == others
        assert len(said) > 1
    pieces: list[str] = []
    writer.tell("a b c", pieces.append)
    assert pieces == [writer.write(["a b c"])[0][0].text]
    with pytest.raises(OptionError, match="decoding option"):
        writer.write(["a"], beams=3)
    with pytest.raises(OptionError, match="is of what is drawn"):
        writer.write(["a"], temperature=2.0)


def test_without_torch(run: Path):
    printed = run_python(
        WITHOUT_EXTRAS
        + f"""
import ostinato as ost
writer = ost.runtime.load({str(run)!r}, num_threads=1)
for best in writer.write({TEXTS[:-1]!r}):
    print(repr(best[0].text))
"""
        + NOTHING_ELSE
    )
    expected = [repr(best[0].text) for best in load_writer(run).write(TEXTS[:-1])]
    assert printed.splitlines() == expected


@may_be_empty
def test_a_saved_model(run: Path, tmp_path: Path):
    ost.load_run(run).save_pretrained(tmp_path / "model")
    writer = load(tmp_path / "model", num_threads=1)
    assert isinstance(writer, Writer)
    assert writer.write(TEXTS) == load(run, num_threads=1).write(TEXTS)  # type: ignore[union-attr]
    assert repr(writer) == f"Writer(words to words, {writer.num_parameters:,} parameters)"


def test_a_query_is_completed(tmp_path: Path):
    recipe = tiny_queries(tmp_path, data={"input": "before"}, training={"max_steps": 150})
    train(recipe, tmp_path / "run")
    writer, suggester = load(tmp_path / "run", num_threads=1), load_suggester(tmp_path / "run")
    assert isinstance(writer, Writer)
    begun = ["ba", "su", "", "badal in r"]
    before = ["map of rome", "", "map of oslo", "map of lima"]
    found = writer.write([{"before": each} for each in before], begun=begun)
    expected = suggester.suggest_all(list(zip(begun, [b or None for b in before], strict=True)))
    for prefix, best, others in zip(begun, found, expected, strict=True):
        ended = [prefix + each.text for each in best if each.is_ended]
        assert ended == [each.text for each in others]
        assert ended
    with pytest.raises(OptionError, match="got 1 beginnings for 2 inputs"):
        writer.write([{"before": ""}] * 2, begun=["a"])


def test_known_queries_alone(tmp_path: Path):
    recipe = tiny_queries(
        tmp_path, data={"input": "before"}, training={"max_steps": 60}, decoding={"trie": True}
    )
    train(recipe, tmp_path / "run")
    writer, suggester = load(tmp_path / "run", num_threads=1), load_suggester(tmp_path / "run")
    assert isinstance(writer, Writer)
    begun = ["ba", "su", "", "badal in r"]
    rows = [{"before": "map of rome"}] * len(begun)
    with pytest.raises(OptionError, match=r"mend: writer\.knowing\(queries\)"):
        writer.write(rows, begun=begun)
    lines = (tmp_path / "queries.jsonl").read_text().splitlines()
    dealt = Source(recipe).rows("train")
    queries = [str(row.values["query"]) for row in dealt]
    assert len(queries) < len(lines)
    found = writer.knowing(queries).write(rows, begun=begun)
    expected = suggester.suggest_all([(each, "map of rome") for each in begun])
    for prefix, best, others in zip(begun, found, expected, strict=True):
        assert [prefix + each.text for each in best] == [each.text for each in others]
        assert {prefix + each.text for each in best} <= set(queries)
    only = writer.knowing(["badal in rome"])
    assert [[each.text for each in best] for best in only.write(rows, begun=begun)] == [
        ["dal in rome"],
        [],
        ["badal in rome"],
        ["ome"],
    ]


def test_a_caption(tmp_path: Path):
    train(
        tiny_captions(write_captions(tmp_path / "data"), training={"max_steps": 60}),
        tmp_path / "run",
    )
    images = [fields(left, right) for left in range(3) for right in range(3)]
    writer, trained = load(tmp_path / "run", num_threads=1), load_writer(tmp_path / "run")
    assert isinstance(writer, Writer)
    found = writer.write(images)
    expected = trained.write(images)
    assert [best[0].text for best in found] == [best[0].text for best in expected]
    assert len({best[0].text for best in found}) > 3


def damage(run: Path, folder: Path, change: Any) -> Path:
    """Copy a run, and change its facts."""
    ost.load_run(run).save_pretrained(folder)
    facts = json.loads((folder / "run.json").read_text())
    change(facts)
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


def _set(*keys: str, to: object):
    def change(facts: dict[str, Any]) -> None:
        place = facts
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (_set("writer", "format", to=7), ModelFileError, "format 7, expected 1"),
        (_set("writer", "end", to=1), ModelFileError, "damaged at `num_symbols`"),
        (_set("writer", "decoder", to=None), ModelFileError, "damaged at `decoder`"),
        (_set("writer", "decoder", "layers", to=[]), ModelFileError, "damaged at `layers`"),
        (_set("writer", "decoder", "attention", to=None), ModelFileError, "has no place in"),
        (_set("writer", "encoder", to=3), ModelFileError, "damaged at `encoder`"),
        (_set("writer", "source", to={}), ModelFileError, "damaged at `source`"),
        (_set("writer", "source", "num_symbols", to=99), ModelFileError, "expected .99, any"),
        (_set("writer", "source", "num_symbols", to="9"), ModelFileError, "`num_symbols`"),
        (_set("writer", "source", to={"kind": "clips"}), ModelFileError, "clips, which needs"),
        (_set("writer", to=None), RunError, "damaged: what it writes by"),
        (_set("decoding", "wings", to=2), RunError, "damaged: what it writes by"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_damaged_is_said(
    run: Path, tmp_path: Path, change: Any, error: type[Exception], said: str
):
    with pytest.raises(error, match=said) as caught:
        load(damage(run, tmp_path / "damaged", change), num_threads=1)
    assert "mend: " in str(caught.value)


def test_a_run_of_an_earlier_version(run: Path, tmp_path: Path):
    folder = damage(run, tmp_path / "old", lambda facts: facts.pop("writer"))
    with pytest.raises(RunError, match="learned from examples; without torch"):
        load(folder, num_threads=1)
