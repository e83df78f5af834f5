"""JSON, plain text, parallel files, sentences and series."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.readers import ReadOptions, columns_of
from tests.data.readers.helpers import rows_and_reports, values_of, write


def test_json_lines(tmp_path: Path):
    good = {"text": "한글", "labels": ["a", "b"], "number": 1.5}
    lines = [json.dumps(good, ensure_ascii=False), "", "{broken", "[1, 2]", "[" * 100_000]
    path = write(tmp_path, "data.jsonl", "\n".join(lines))
    rows, reports = rows_and_reports(path)
    assert [row.values for row in rows] == [good]
    assert [report.partition(":")[2].split(",")[0] for report in reports] == [
        " not JSON: Expecting property name enclosed in double quotes at column 2",
        " expected an object {…}",
        " not JSON that can be read: nested too deeply",
    ]
    assert columns_of(path, ReadOptions()) == ["text", "labels", "number"]


def test_a_list_of_json(tmp_path: Path):
    path = write(tmp_path, "data.json", '[{"a": 1},\n {"a": 2}, 3]')
    rows, reports = rows_and_reports(path)
    assert [(row.place, row.values["a"]) for row in rows] == [
        ("data.json, item 1", 1),
        ("data.json, item 2", 2),
    ]
    assert reports == ["data.json, item 3: expected an object {…}, got int"]
    with pytest.raises(DataError, match="begins as a list of JSON, but"):
        values_of(write(tmp_path, "cut.json", '[{"a": 1},'))


def test_lines_of_text(tmp_path: Path):
    path = write(tmp_path, "data.txt", b"one\n\ntwo \xff\nthree\n")
    rows, reports = rows_and_reports(path)
    assert [(row.place, row.values) for row in rows] == [
        ("data.txt, line 1", {"text": "one"}),
        ("data.txt, line 4", {"text": "three"}),
    ]
    assert "data.txt, line 3: byte 0xff at column 5 is not utf-8" in reports[0]


def test_files_named_after_labels(tmp_path: Path):
    for name in ("Arabic", "Zulu"):
        write(tmp_path / "names", f"{name}.txt", f"of {name}\n")
    write(tmp_path / "names", "README.md", "not read\n")
    expected = [{"text": f"of {name}", "label": name} for name in ("Arabic", "Zulu")]
    assert values_of(tmp_path / "names") == expected
    assert values_of(sorted((tmp_path / "names").glob("*.txt")), format="text") == expected


def test_parallel_files(tmp_path: Path):
    files = {
        "text": write(tmp_path, "train.in", b"a b\n\nc\xff\nd\n"),
        "tags": write(tmp_path, "train.out", b"O O\n\nO\nB\n"),
    }
    rows, reports = rows_and_reports(files)
    assert [row.values for row in rows] == [
        {"text": "a b", "tags": "O O"},
        {"text": "", "tags": ""},
        {"text": "d", "tags": "B"},
    ]
    assert reports[0].startswith("train.in, line 3: byte 0xff")
    files["tags"] = write(tmp_path, "long.out", "O\n" * 7)
    message = (
        r"train\.in has 4, .*long\.out has 7; the first without a partner is "
        r"long\.out, line 5: 'O'\nmend: line i"
    )
    with pytest.raises(DataError, match=message):
        values_of(files)
    with pytest.raises(DataError, match="does not come as one file for each column"):
        values_of(files, format="csv")


def test_lines_that_are_empty_on_one_side(tmp_path: Path):
    files = {
        "source": write(tmp_path, "a.de.gz", gzip.compress("eins\n \ndrei\n\nfünf\n".encode())),
        "target": write(tmp_path, "a.en", "one\ntwo\nthree\n\n\n"),
    }
    rows, reports = rows_and_reports(files)
    assert [(row.place, row.values) for row in rows] == [
        ("a.de.gz, line 1", {"source": "eins", "target": "one"}),
        ("a.de.gz, line 3", {"source": "drei", "target": "three"}),
        ("a.de.gz, line 4", {"source": "", "target": ""}),
    ]
    assert reports == [
        "a.de.gz, line 2: it is empty, but that of a.en is not",
        "a.en, line 5: it is empty, but that of a.de.gz is not",
    ]
    files["third"] = write(tmp_path, "a.fr", "un\n\ntrois\n\ncinq\n")
    assert rows_and_reports(files)[1] == [
        "a.de.gz, line 2: it is empty, but that of a.en is not",
        "a.en, line 5: it is empty, but that of a.de.gz, a.fr is not",
    ]


def test_the_line_without_a_partner_is_shown_cut(tmp_path: Path):
    files = {
        "source": write(tmp_path, "a.de", "eins\n" + "x" * 100 + "\n"),
        "target": write(tmp_path, "a.en", "one\n"),
    }
    with pytest.raises(DataError, match=rf"a\.de, line 2: '{'x' * 60}…'"):
        values_of(files)


TREEBANK = """\
# sent_id = 1
# text = It's 5
1-2\tIt's\t_\t_\t_\t_\t_\t_\t_\t_
1\tIt\tit\tPRON\tPRP\tCase=Nom\t2\tnsubj\t_\t_
2\t's\tbe\tAUX\tVBZ\t_\t0\troot\t_\tSpaceAfter=No
2.1\tgone\tgo\tVERB\tVBN\t_\t_\t_\t_\t_
3\t5\t5\tNUM\tCD\t_\t2\tdep\t_\t_

"""


def test_a_treebank(tmp_path: Path):
    second = TREEBANK.replace("# text = It's 5\n", "")
    path = write(tmp_path, "data.conllu", TREEBANK + "\n" + second.rstrip())
    first, other = values_of(path)
    assert first["form"] == ["It", "'s", "5"]
    assert first["upos"] == ["PRON", "AUX", "NUM"]
    assert first["head"] == ["2", "0", "2"]
    assert list(first) == ["form", "lemma", "upos", "xpos", "feats", "head", "deprel", "text"]
    assert first["text"] == "It's 5"
    assert other["text"] == "It 's5"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3\t5\t5", "3\t5", r"line 7: 9 columns \(by a tab\), expected 10"),
        ("3\t5\t5", "4\t5\t5", "line 7: token '4', expected 3"),
        ("3\t5\t5", "x\t5\t5", "line 7: token 'x', expected 3"),
        ("3\t5\t5", "3\t\0\t5", "line 7: a NUL byte"),
    ],
)
def test_a_malformed_sentence_of_a_treebank(tmp_path: Path, old: str, new: str, message: str):
    path = write(tmp_path, "data.conllu", TREEBANK.replace(old, new) + TREEBANK)
    rows, (report,) = rows_and_reports(path)
    assert [row.place for row in rows] == ["data.conllu, line 11"]
    assert report.startswith("data.conllu, ")
    assert re.search(message, report)


def test_tokens_and_tags(tmp_path: Path):
    content = "## a comment\twith a tab\n#\tO\n \tO\n한\tB-PS\n\n-DOCSTART-\tO\n\nb\tO\n"
    path = write(tmp_path, "data.conll", content)
    assert values_of(path) == [
        {"token": ["#", " ", "한"], "tag": ["O", "O", "B-PS"]},
        {"token": ["b"], "tag": ["O"]},
    ]
    named = values_of(path, columns=("character", "label"))
    assert named[0]["character"] == ["#", " ", "한"]


def test_columns_between_spaces(tmp_path: Path):
    content = "# id 1\tdomain=en\nEU NNP B-NP B-ORG\n\n# NN O O\nx NN O O\n\nshort O\n"
    path = write(tmp_path, "data.conll", content)
    rows, reports = rows_and_reports(path, columns=("word", "pos", "chunk", "tag"))
    assert rows[0].values["tag"] == ["B-ORG"]
    assert rows[1].values["word"] == ["#", "x"]
    assert reports == ["data.conll, line 7: 2 columns, expected 4"]
    assert values_of(write(tmp_path, "a.conll", "a b c\n"))[0] == {"token": ["a"], "tag": ["c"]}
    assert rows_and_reports(write(tmp_path, "b.conll", "alone\n"))[1] == [
        "b.conll, line 1: 1 column, expected a token and a tag"
    ]


HEADER = (
    "# comment\n@problemName X\n@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
)


def test_series(tmp_path: Path):
    first, second = values_of(write(tmp_path, "x.ts", HEADER + "1,2,?:4,5,6e-1:a\n\n7:8:b\n"))
    assert first["label"] == "a"
    assert first["series"].dtype == np.float32
    np.testing.assert_allclose(first["series"], [[1, 4], [2, 5], [np.nan, 0.6]], rtol=1e-6)
    assert second["series"].tolist() == [[7, 8]]
    bare = "@univariate true\n@classLabel false\n@data\n1,2\n"
    assert list(values_of(write(tmp_path, "bare.ts", bare))[0]) == ["series"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("1,2:3,4:c", "label 'c' is none of a, b"),
        ("1,2:a", "it has 1 dimensions, expected 2"),
        ("1,2:3:a", "its dimensions have 1 to 2 values, not the same"),
        ("1,x:3,4:a", "could not convert string to float"),
        (",:,:a", "could not convert string to float"),
    ],
)
def test_a_malformed_case_of_a_series(tmp_path: Path, case: str, message: str):
    rows, (report,) = rows_and_reports(write(tmp_path, "x.ts", f"{HEADER}{case}\n1:2:a\n"))
    assert len(rows) == 1
    assert report.startswith("x.ts, line 7: ")
    assert message in report


def test_a_header_that_is_none(tmp_path: Path):
    for content in ("1,2:a\n", "@univariate true\n"):
        with pytest.raises(DataError, match="has no @data line"):
            values_of(write(tmp_path, "x.ts", content))
    with pytest.raises(DataError, match="has time stamps"):
        values_of(write(tmp_path, "x.ts", "@timeStamps true\n@data\n"))
    equal = "@equalLength true\n@seriesLength 3\n@classLabel true a\n@data\n1,2:a\n"
    assert "2 steps, expected 3" in rows_and_reports(write(tmp_path, "x.ts", equal))[1][0]


def test_real_sentences_and_series(ostinato_data: Path):
    dev = values_of(ostinato_data / "ud_english_ewt/en_ewt-ud-dev.conllu.gz")
    assert (len(dev), sum(len(row["form"]) for row in dev)) == (2001, 25_147)
    korean = values_of(ostinato_data / "ud_korean_gsd/ko_gsd-ud-test.conllu.gz")
    assert (len(korean), sum(len(row["form"]) for row in korean)) == (989, 11_677)
    names = values_of(ostinato_data / "klue_ner_dev/klue-ner-v1.1_dev.tsv.gz")
    assert len(names) == 5000
    assert all(row["token"] and len(row["token"]) == len(row["tag"]) for row in names)
    assert any("#" in row["token"] for row in names)
    assert {len(token) for row in names for token in row["token"]} == {1}
    series = values_of(ostinato_data / "ucr_uea_ts/JapaneseVowels_TRAIN.ts.gz")
    assert len(series) == 270
    assert {row["series"].shape[1] for row in series} == {12}
    assert len({len(row["series"]) for row in series}) > 1
    assert len(values_of(ostinato_data / "names_18_nationalities")) == 20_050
