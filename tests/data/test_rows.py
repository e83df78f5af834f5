"""Malformed rows are counted, named, and fatal above a share."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.rows import ALSO, Malformed, Row, once_each


def reported(num: int, good: int, share: float = 0.0) -> Malformed:
    malformed = Malformed(share)
    for number in range(num):
        malformed.report(f"a.csv, line {number + 1}", "no label")
    assert len(list(malformed.counting([Row("x", {})] * good))) == good
    return malformed


def test_nothing_malformed_is_nothing_to_say():
    malformed = reported(0, 3)
    malformed.check()
    assert malformed.note() == ""


def test_empty_lines_are_told_and_are_not_malformed():
    malformed = reported(1, 1, 0.5)
    for _ in range(2):
        malformed.report_empty()
    malformed.check()
    assert malformed.note() == (
        "2 empty lines left out; 1 malformed row left out: a.csv, line 1: no label"
    )


def test_the_first_are_shown_and_all_are_counted():
    with pytest.raises(DataError) as raised:
        reported(12, 88).check()
    lines = str(raised.value).splitlines()
    assert lines[0] == "12 malformed rows of 100:"
    assert lines[1:6] == [f"  a.csv, line {number}: no label" for number in range(1, 6)]
    assert lines[6] == "  and 7 more"
    assert lines[7].startswith("mend: ")


def test_the_mend_gives_a_share_that_is_enough():
    for num, good in [(1, 9), (1, 99_999), (3, 2), (5, 0), (60, 40), (1, 3)]:
        with pytest.raises(DataError) as raised:
            reported(num, good).check()
        share = float(str(raised.value).rpartition("=")[2])
        assert share < 1
        if good:
            reported(num, good, share).check()


@pytest.mark.parametrize(("num", "good", "refused"), [(1, 9, False), (2, 9, True), (10, 90, False)])
def test_a_share_is_tolerated_and_told(num: int, good: int, refused: bool):
    malformed = reported(num, good, 0.1)
    if refused:
        with pytest.raises(DataError, match="2 malformed rows of 11"):
            malformed.check()
        return
    malformed.check()
    assert malformed.note().startswith(f"{num} malformed row")
    assert "left out: a.csv, line 1: no label" in malformed.note()
    assert malformed.note().count("line") == min(num, 3)


def test_an_input_once_with_all_its_answers():
    def rows(*values: tuple[object, object, list[str]]) -> list[Row]:
        return [
            Row(f"row {number}", {"x": x, "y": y, ALSO: also})
            for number, (x, y, also) in enumerate(values, 1)
        ]

    found = once_each(
        rows(("a", "1", ["2"]), ("b", "1", []), (" a ", "3", ["1", "4"]), ("b", "1", [])), "x", "y"
    )
    assert [(row.place, row.values["y"], row.values[ALSO]) for row in found] == [
        ("row 1", "1", ["2", "3", "4"]),
        ("row 2", "1", []),
    ]
    image = np.eye(3, dtype=np.uint8)
    found = once_each(
        rows((image, "1", []), (image.copy(), "2", []), (image.astype(np.int8), "3", [])), "x", "y"
    )
    assert [row.values[ALSO] for row in found] == [["2"], []]
    # What cannot be used is not lost in a row that can.
    assert len(once_each(rows(("a", "1", []), ("a", None, []), ("a", 3, [])), "x", "y")) == 3
    assert len(once_each(rows((None, "1", []), (None, "1", [])), "x", "y")) == 2
