"""Tables: headers, separators, quotes, and every kind of malformed row."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data import DataError
from ostinato.data.readers import columns_of
from ostinato.data.readers.options import ReadOptions
from tests.data.readers.helpers import rows_and_reports, values_of, write


def test_quotes_commas_and_line_breaks_within_a_field(tmp_path: Path):
    content = 'text,label\r\n"a ""word"", then\r\nmore",x\r\nplain,y\r\n'
    path = write(tmp_path, "data.csv", content)
    rows, reports = rows_and_reports(path)
    assert not reports
    assert [row.values["text"] for row in rows] == ['a "word", then\nmore', "plain"]
    assert [row.place for row in rows] == ["data.csv, line 2", "data.csv, line 4"]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("text,label\ngood film,1\nbad,0\n", ["text", "label"]),
        (",Date,Close\n0,2017-12-29,169.2\n", ["", "Date", "Close"]),
        ("good film,1\nbad,0\n", ["column_1", "column_2"]),
        ("ham,Hello there\nham,Bye\n", ["column_1", "column_2"]),
        ("ham,Hello there\nspam,Win " + "now " * 20 + "\nham,x\n", ["column_1", "column_2"]),
        ("a,a\nb,c\n", ["column_1", "column_2"]),
        ("text\none line\n", ["text"]),
        ("a;b;c\n1,5;2;3\n", ["a", "b", "c"]),
        ("a|b\n1|2\n3|4\n", ["a", "b"]),
        ("\ufefftext,label\nx,1\n", ["text", "label"]),
        (" text , label \nx,1\n", ["text", "label"]),
    ],
)
def test_the_look_for_header_and_separator(tmp_path: Path, content: str, columns: list[str]):
    path = write(tmp_path, "data.csv", content)
    assert columns_of(path, ReadOptions()) == columns
    num_rows = content.strip().count("\n") + (columns[0] == "column_1")
    assert len(values_of(path)) == num_rows


def test_what_is_said_of_the_header_is_believed(tmp_path: Path):
    path = write(tmp_path, "data.csv", "1,2\n3,4\n")
    assert values_of(path, header=True) == [{"1": "3", "2": "4"}]
    assert len(values_of(path, header=False)) == 2
    assert values_of(path, columns=("a", "b"))[0] == {"a": "1", "b": "2"}
    assert values_of(path, columns=("a", "b"), header=True) == [{"a": "3", "b": "4"}]
    named = write(tmp_path, "named.csv", "a,b\n3,4\n")
    assert values_of(named, columns=("a", "b")) == [{"a": "3", "b": "4"}]


def test_the_last_column_takes_the_rest_of_the_line(tmp_path: Path):
    path = write(tmp_path, "data.txt", '1 a "fine film\n0 it : fails\n')
    assert values_of(path, columns=("label", "text"), separator=" ") == [
        {"label": "1", "text": 'a "fine film'},
        {"label": "0", "text": "it : fails"},
    ]
    path = write(tmp_path, "colon.txt", "DESC:manner How ?\n")
    assert values_of(path, columns=("label", "text"), separator=":") == [
        {"label": "DESC", "text": "manner How ?"}
    ]


def test_tabs_without_quoting(tmp_path: Path):
    path = write(tmp_path, "data.tsv", 'id\ttext\tlabel\n1\t"quoted""\t0\n2\t\t1\n')
    assert values_of(path, quoting=False) == [
        {"id": "1", "text": '"quoted""', "label": "0"},
        {"id": "2", "text": "", "label": "1"},
    ]
    assert values_of(path, quoting=False, separator="\\t")[1]["label"] == "1"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"only one field", r"1 field \(by ','\), expected 2"),
        (b"one,two,three", r"3 fields \(by ','\), expected 2"),
        (b'"open,1', "a quote is opened and never closed"),
        (b'"closed"early,1', r"bad quotes \(.*\); perhaps data\.quoting=false"),
        (b"nul\0byte,1", "a NUL byte"),
        ("café,1".encode("latin-1"), r"byte 0xe9 at column 4 is not utf-8; perhaps .*cp1252"),
        ("한글입니다,1".encode("cp949"), r"is not utf-8; perhaps data\.encoding=cp949"),
    ],
)
@pytest.mark.parametrize("place", [1, 200])
def test_a_malformed_row_is_named_and_reading_goes_on(
    tmp_path: Path, line: bytes, message: str, place: int
):
    lines = [b"text,label", *(b"%d text,%d" % (i, i % 2) for i in range(300))]
    lines.insert(place, line)
    path = write(tmp_path, "data.csv", b"\n".join(lines))
    rows, reports = rows_and_reports(path)
    assert len(rows) == 300
    assert len(reports) == 1
    assert reports[0].startswith(f"data.csv, line {place + 1}: ")
    assert re.search(message, reports[0])


def test_an_open_quote_does_not_swallow_the_rows_behind_it(tmp_path: Path):
    path = write(
        tmp_path, "data.csv", 'text,label\n"open,1\ngood,1\nfine,0\n"two\nlines",1\nlast,0\n'
    )
    rows, reports = rows_and_reports(path)
    assert [row.values["text"] for row in rows] == ["good", "fine", "two\nlines", "last"]
    assert [report.partition(":")[0] for report in reports] == ["data.csv, line 2"]


def test_other_mistakes(tmp_path: Path):
    path = write(tmp_path, "data.csv", "a,a\n1,2\n")
    with pytest.raises(DataError, match="two columns of the name 'a'"):
        values_of(path, header=True)
    with pytest.raises(DataError, match=r"data\.separator is empty"):
        values_of(path, separator="")
    with pytest.raises(DataError, match="looks binary"):
        values_of(write(tmp_path, "picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\r" + bytes(range(32))))
    with pytest.raises(DataError, match=r"is UTF-16 text\nmend: add data.encoding=utf-16"):
        values_of(write(tmp_path, "wide.csv", "text,label\nx,1\n".encode("utf-16")))
    with pytest.raises(DataError, match="unknown encoding"):
        values_of(path, encoding="utf-9")
    with pytest.raises(DataError, match="is a folder"):
        values_of(tmp_path, format="csv")
    with pytest.raises(DataError, match="is empty"):
        values_of(write(tmp_path, "empty.csv", ""))


def test_other_encodings_and_compression(tmp_path: Path):
    content = "text,label\n한글,1\n"
    for encoding in ("utf-16", "cp949"):
        path = write(tmp_path, f"{encoding}.csv", content.encode(encoding))
        assert values_of(path, encoding=encoding) == [{"text": "한글", "label": "1"}]
    path = write(tmp_path, "data.csv.gz", gzip.compress(content.encode()))
    assert values_of(path) == [{"text": "한글", "label": "1"}]
    cut = write(tmp_path, "cut.csv", content.encode("utf-16")[:-1])
    with pytest.raises(DataError, match="is not utf-16 after line"):
        values_of(cut, encoding="utf-16")


def test_blank_lines_old_line_ends_and_a_file_without_end(tmp_path: Path):
    path = write(tmp_path, "data.csv", "text,label\n\nx,1\n  \ny,0")
    assert [row["text"] for row in values_of(path)] == ["x", "y"]
    path = write(tmp_path, "mac.csv", "text,label\rx,1\ry,0\r")
    assert [row["text"] for row in values_of(path)] == ["x", "y"]


_FIELDS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(_FIELDS, _FIELDS, st.integers(0, 9)), min_size=1, max_size=8))
def test_what_a_csv_writer_wrote_is_read_back(tmp_path_factory, rows):
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(("first", "second", "number"))
    writer.writerows(rows)
    path = write(tmp_path_factory.mktemp("csv"), "data.csv", file.getvalue())
    found = values_of(path, header=True, separator=",")
    assert [tuple(row.values()) for row in found] == [(a, b, str(c)) for a, b, c in rows]


def test_real_tables(ostinato_data: Path):
    folder = ostinato_data
    reviews = values_of(folder / "nsmc/ratings_test.txt.gz", quoting=False)
    assert len(reviews) == 50_000
    assert sum(row["label"] == "0" for row in reviews) == 24_827
    assert sum(not row["document"] for row in reviews) == 3
    messages = values_of(folder / "sms_spam/SMSSpamCollection", quoting=False)
    assert len(messages) == 5574
    assert sum(row["column_1"] == "ham" for row in messages) == 4827
    for name, count in {"binary.train": 6920, "binary.test": 1821, "fine.dev": 1101}.items():
        path = folder / f"sst/stsa.{name}.txt"
        assert len(values_of(path, columns=("label", "text"), separator=" ")) == count
    questions = folder / "trec_questions/TREC.train.all"
    options = {"columns": ("label", "text"), "separator": " "}
    assert len(values_of(questions, **options, encoding="latin-1")) == 5452
    assert len(rows_and_reports(questions, **options)[1]) == 1
    assert len(values_of(folder / "chatbot_ko/ChatbotData.csv")) == 11_823
    assert len(values_of(folder / "stocks/dash-stock-ticker-demo.csv")) == 3634
