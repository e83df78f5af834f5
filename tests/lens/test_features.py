"""Units that follow features, where it is known which do."""

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.lens.features import units_for_features
from ostinato.lens.figures.features import coloured_text, coloured_text_style
from ostinato.lens.subject import WritingSubject
from ostinato.lens.text_features import Feature, text_features
from tests.lens.subjects import examples, writer

RANDOM = np.random.default_rng(0)
WORDS = 'He said "no" (not 12 of them) Ever: and, left us. so it goes 7 on'.split()
TEXT = "".join(" ".join(RANDOM.choice(WORDS, 7)) + "\n" for _ in range(40))
"""Without a period: a text that repeats itself agrees with its own shifts."""


def values_of(text: str) -> dict[str, list[float]]:
    return {feature.name: feature.values.tolist() for feature in text_features(list(text))}


def vowel_reader() -> WritingSubject:
    """A network whose unit 2 is 1 at a vowel, beside five that are random numbers of the unit."""
    subject = writer("h = a * h + U @ x", TEXT, hidden_size=6)
    (layer,) = subject.layers
    layer.set_cell_parameter("a", torch.zeros(6))
    layer.set_cell_parameter("U", torch.eye(6))
    with torch.no_grad():
        weight = subject.writer.embedding.weight
        for number, symbol in enumerate(subject.vocabulary.symbols):
            weight[number, 2] = -1.0 if symbol in "aeiouAEIOU" else 0.0
    return subject


def test_features_of_a_text():
    found = values_of('say "hi (x[1])" Up\n')
    assert "".join(str(int(v)) for v in found["inside quotes"]) == "0000011111111110000"
    assert "".join(str(int(v)) for v in found["depth of brackets"]) == "0000000011222100000"
    assert found["digit"].index(1.0) == 11
    assert found["upper case"].index(1.0) == 16
    assert found["position in the line"][-1] == 18
    assert found["after a space"][:5] == [1, 0, 0, 0, 1]
    assert found["position in the word"][:5] == [1, 2, 3, 0, 0]


def test_features_of_code_and_lines():
    found = values_of("if x:  # note\n    y = 1\n/* a */ b\n" + "long line " * 4 + "\n")
    comment = "".join(str(int(v)) for v in found["inside a comment"])
    assert comment.startswith("0000000111111")
    assert comment[13] == "0"
    assert found["indentation of the line"][14:22] == [1, 2, 3, 4, 4, 4, 4, 4]
    near = found["at most 5 before the line's end"]
    assert sum(near) == 5
    assert near[-6:-1] == [1.0] * 5


def test_features_of_hangul():
    found = values_of("한가 A")
    assert found["Hangul final consonant"] == [1, 0, 0, 0]
    assert found["Hangul"] == [1, 1, 0, 0]
    letters = values_of("\u1112\u1161\u11ab")
    assert letters["Hangul final consonant"] == [0, 0, 1]


def test_the_unit_that_follows_a_feature_is_found_and_confirmed():
    subject = vowel_reader()
    found = units_for_features(subject, subject.piece(TEXT))
    best = found["Latin vowel"]
    assert (best.unit, best.state, best.place) == (2, "h", (0, 0))
    assert best.found == pytest.approx(-1)
    assert best.confirmed == pytest.approx(-1)
    assert best.auc == pytest.approx(1)
    assert best.chance < 0.01
    assert best.holds
    assert best in found.confirmed
    np.testing.assert_allclose(best.values, [-float(c in "aeiouAEIOU") for c in TEXT])


def test_correlation_and_auc_are_those_of_their_definitions():
    subject = writer("gru", TEXT)
    piece = subject.piece(TEXT)
    best = units_for_features(subject, piece)["space"]
    half = len(TEXT) // 2
    is_there = np.array([c == " " for c in TEXT])[half:]
    values = best.values[half:].astype(float)
    assert best.confirmed == pytest.approx(np.corrcoef(values, is_there)[0, 1], abs=1e-6)
    signed = values * np.sign(best.found)
    above = signed[is_there][:, None] - signed[~is_there][None]
    auc = np.mean(above > 0) + 0.5 * np.mean(above == 0)
    assert best.auc == pytest.approx(auc, abs=1e-9)


def test_noise_is_not_confirmed():
    subject = writer("gru", TEXT, hidden_size=40)
    random = np.random.default_rng(1)
    noise = [
        Feature(f"noise {i}", random.integers(0, 2, len(TEXT)).astype(float)) for i in range(9)
    ]
    found = units_for_features(subject, subject.piece(TEXT), noise)
    assert len(found.found) == 9
    assert not found.confirmed


def test_what_is_rare_is_skipped_by_name():
    subject = writer("gru", TEXT)
    found = units_for_features(subject, subject.piece(TEXT))
    assert "Hangul" in found.skipped
    with pytest.raises(OptionError, match="no feature 'Hangul'"):
        found["Hangul"]


def test_a_short_text_and_arrays_are_refused(tmp_path):
    subject = writer("gru", TEXT)
    with pytest.raises(OptionError, match="at least 200 steps"):
        units_for_features(subject, subject.piece(TEXT[:100]))
    arrays = examples("arrays", tmp_path)
    with pytest.raises(OptionError, match="features of your own"):
        units_for_features(arrays, arrays.piece([0.5] * 300))


def test_the_figures_hold_the_text_and_the_numbers():
    subject = vowel_reader()
    found = units_for_features(subject, subject.piece(TEXT))
    figure = found.figure("Latin vowel")
    grid = figure.data[0]
    joined = "".join("".join(row) for row in grid.text)
    assert joined.replace("␣", " ").replace("⏎", "\n") in TEXT
    shown = {
        (text, value)
        for texts, row in zip(grid.text, grid.z, strict=True)
        for text, value in zip(texts, row, strict=True)
        if text
    }
    assert ("a", -1.0) in shown
    assert ("n", 0.0) in shown
    overview = found.overview_figure()
    assert list(overview.data[0].x) == pytest.approx([abs(each.found) for each in found.found])
    assert "r = −1.00" in overview.layout.meta["description"]


def test_a_coloured_text_escapes_and_labels():
    html = coloured_text(list('<a "'), np.array([1.0, -1.0, 0.0, 0.5]), 'unit "1"')
    assert "&lt;" in html
    assert 'aria-label="unit &quot;1&quot;"' in html
    assert 'class="p8"' in html
    assert 'class="m8"' in html
    assert ".m8 {" in coloured_text_style()
