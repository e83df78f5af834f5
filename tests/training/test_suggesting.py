"""What is begun, as the network takes it: letters of Hangul, bytes, capitals."""

from __future__ import annotations

import pytest
import torch

from ostinato.data.frames import FrameOptions
from ostinato.data.pipeline import PartCounts, Pipeline, PipelineOptions
from ostinato.data.rows import Row
from ostinato.data.text import TextOptions
from ostinato.models.building import SequenceModelOptions
from ostinato.models.building_writers import (
    DecoderOptions,
    Nothing,
    WriterOptions,
    build_encoder_decoder,
)
from ostinato.models.decoding_options import DecodingOptions
from ostinato.training.suggesting import asked, complete
from ostinato.training.written import trie_of

QUERIES = ["한국 영화", "하늘 사진", "강남 카페", "ㅋㅋㅋ 모음", "Café Oslo", "a b"]
BEAM = DecodingOptions(beam_size=8, num_best=8, max_length=12, length_penalty=0.0, min_length=1)


def pipeline_of(unit: str, **given: object) -> Pipeline:
    text = TextOptions(unit=unit, vocabulary_size=400, **given)
    options = PipelineOptions(
        "suggestion",
        "before",
        "query",
        text,
        FrameOptions(),
        target_text=text,
        may_read_nothing=True,
    )
    return Pipeline.learn([Row("row", {"query": query}) for query in QUERIES], options)


def suggested(pipeline: Pipeline, *beginnings: str, only: bool = True) -> list[list[str]]:
    """What a network that knows nothing suggests: of ``QUERIES`` alone, each that fits."""
    assert pipeline.target is not None
    torch.manual_seed(0)
    target = pipeline.target
    options = WriterOptions(
        model=SequenceModelOptions(
            cell="gru", hidden_size=8, embedding_size=6, spelling_size=4, character_size=4
        ),
        decoder=DecoderOptions(attention="none"),
    )
    model = build_encoder_decoder(
        Nothing(), target.num_symbols, options, start=target.start, end=target.end
    )
    nothing = pipeline.example(Row("row", {}), PartCounts(), with_target=False)
    wanted = [asked(pipeline, nothing, beginning) for beginning in beginnings]
    assert pipeline.target is not None
    allowed = trie_of(pipeline.target, QUERIES) if only else None
    found = complete(model, pipeline, wanted, BEAM, 2, torch.device("cpu"), allowed=allowed)
    return [[each.text for each in best] for best in found]


@pytest.mark.parametrize("unit", ["characters", "jamo", "bytes"])
def test_each_unit_completes_what_is_begun(unit: str):
    pipeline = pipeline_of(unit)
    assert pipeline.reads_nothing
    found = suggested(pipeline, "한국", "하늘 사", "a", "C", "")
    assert found[:4] == [["한국 영화"], ["하늘 사진"], ["a b"], ["Café Oslo"]]
    assert set(found[4]) <= set(QUERIES)


def test_letters_go_on_within_a_syllable():
    jamo, syllables = pipeline_of("jamo"), pipeline_of("characters")
    assert set(suggested(jamo, "하")[0]) == {"한국 영화", "하늘 사진"}
    assert suggested(syllables, "하")[0] == ["하늘 사진"]
    # A consonant alone is the beginning of a syllable, as it is while one types.
    assert set(suggested(jamo, "ㅎ")[0]) == {"한국 영화", "하늘 사진"}
    assert suggested(jamo, "강남 ㅋ")[0] == ["강남 카페"]
    # But laughter is laughter.
    assert suggested(jamo, "ㅋㅋ")[0] == ["ㅋㅋㅋ 모음"]


def test_text_is_brought_to_the_form_of_training():
    pipeline = pipeline_of("characters", lowercase=True)
    assert suggested(pipeline, "CAFE\u0301 O")[0] == ["café oslo"]
    assert suggested(pipeline, "CAFE\u0301 O", only=False)[0][0].startswith("café o")


def test_a_space_at_the_end_is_read():
    numbers = [asked(pipeline_of("characters"), None, text).numbers for text in ("a", "a ")]  # type: ignore[arg-type]
    assert len(numbers[1]) == len(numbers[0]) + 1
