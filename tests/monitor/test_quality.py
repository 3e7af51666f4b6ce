from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitor.fit.quality import Quality, examine


def looked(
    numeric: np.ndarray,
    truth: list[str | float | None] | None = None,
    categorical: dict[str, list[str | None]] | None = None,
) -> Quality:
    names = [f"f{i}" for i in range(len(numeric))]
    rows = numeric.shape[1]
    return examine(names, numeric, categorical or {}, truth or [None] * rows, np.random.default_rng(0))


def test_nothing_is_said_of_sound_data() -> None:
    """Gaussian features, a category and noisy outcomes give no sentence."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 3000))
    truth: list[str | float | None] = [str(int(v)) for v in rng.random(3000) < 1 / (1 + np.exp(-x[0]))]
    found = looked(x, truth, {"kind": rng.choice(["a", "b", "c"], 3000).tolist()})
    assert found.sentences() == []
    assert found.suspicious.looked_at == 3000


@given(arrays(np.float64, (2, 12), elements=st.sampled_from([0.0, 1.0, -0.0, np.nan, np.inf])))
def test_duplicates_are_the_rows_less_the_distinct_ones(numeric: np.ndarray) -> None:
    """Counted as comparing row by row counts them; missing values are alike, and so are 0 and -0."""
    rows = [tuple("nan" if np.isnan(v) else str(v + 0.0) for v in row) for row in numeric.T]
    found = looked(numeric).duplicates
    assert found.n == len(rows) - len(set(rows))
    assert all(rows[row] == rows[earlier] and earlier < row for row, earlier in found.examples)


def test_categories_tell_rows_apart() -> None:
    """Rows that differ in a category alone are no duplicates; a missing category is one of its own."""
    found = looked(np.ones((1, 4)), categorical={"kind": ["a", "b", None, "a"]})
    assert found.duplicates.examples == ((3, 0),)


def test_constant_columns() -> None:
    """A column with one value, or with none at all, is constant, whether numbers or words."""
    numeric = np.array([[1.0] * 5, [np.nan] * 5, [1, 2, 3, 4, 5], [1, 1, 1, 1, np.nan]])
    found = looked(numeric, categorical={"same": ["a"] * 5, "other": ["a", "b", "a", "a", "a"]})
    assert found.constant == ("f0", "f1", "same")


def test_texts_among_numbers_are_told() -> None:
    """One word makes a category of a feature; codes with a letter among them, and real categories, are left alone."""
    rng = np.random.default_rng(4)
    age: list[str | None] = [f"{v:.3f}" for v in rng.normal(size=400)]
    age[50], age[60], age[70] = "n/a", "nan", None
    code = rng.choice([str(i) for i in range(20)] + ["A"], 400).tolist()
    half: list[str | None] = [str(v) if i % 2 else f"x{v}" for i, v in enumerate(range(400))]
    found = looked(np.ones((0, 400)), categorical={"age": age, "code": code, "half": half})
    (mixed,) = found.mixed
    assert (mixed.feature, mixed.n, mixed.examples) == ("age", 2, ((50, "n/a"), (60, "nan")))
    (told,) = [each for each in found.sentences() if "category" in each]
    assert told.startswith(
        "age is taken for a category, because there are texts among its numbers (2), such as 'n/a' in row 50"
    )
    sampled = examine([], np.ones((0, 400)), {"age": age}, [None] * 400, rng, np.arange(400) * 3)
    assert sampled.mixed[0].examples[0] == (150, "n/a")


def test_outliers_are_named_with_the_worst_first() -> None:
    """A unit that was mistaken once is found; a heavy tail is not called outliers."""
    rng = np.random.default_rng(2)
    numeric = np.stack([rng.normal(size=2000), rng.standard_cauchy(2000)])
    numeric[0, 7], numeric[0, 9] = 1000.0, np.inf
    (found,) = looked(numeric).outliers
    assert (found.feature, found.n, found.examples) == ("f0", 2, ((9, np.inf), (7, 1000.0)))


def test_mislabelled_rows_are_found() -> None:
    """Three labels exchanged within well separated clusters are the suspicious ones, and no other row is."""
    rng = np.random.default_rng(3)
    cluster = rng.integers(0, 3, 900)
    numeric = rng.normal(0, 0.3, (2, 900)) + np.array([[0, 5, 10], [0, 5, 0]])[:, cluster]
    truth: list[str | float | None] = [str(c) for c in cluster]
    for row in (5, 17, 400):
        truth[row] = str((cluster[row] + 1) % 3)
    found = looked(numeric, truth).suspicious
    assert found.n == 3
    assert {e.row for e in found.examples} == {5, 17, 400}
    assert all(e.neighbours == str(cluster[e.row]) for e in found.examples)


def test_the_search_for_similar_rows_is_bounded() -> None:
    """Of a large reference only a sample is looked at."""
    rng = np.random.default_rng(4)
    numeric = rng.normal(size=(3, 20_000))
    found = looked(numeric, [str(int(v > 0)) for v in numeric[0]])
    assert found.suspicious.looked_at == 5000


def test_a_feature_that_is_the_outcome() -> None:
    """Equal to the outcome, but for a few corrections and gaps, is a leak; a good predictor is none."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 3000)
    numeric = np.stack([y.astype(float), np.where(rng.random(3000) < 0.02, 1 - y, y), rng.normal(size=3000)])
    numeric[0, 0], numeric[0, 1] = 1 - y[0], np.nan
    found = looked(numeric, [str(v) for v in y], {"word": [str(v) for v in y]})
    assert found.leaks == ("f0", "word")
    assert "f0 says the outcome itself" in found.sentences()[0]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_tiny_references(rows: int) -> None:
    """With hardly any rows nothing is claimed, and nothing fails."""
    found = looked(np.zeros((2, rows)), ["a"] * rows)
    assert found.rows == rows
    assert found.leaks == ()


def test_contrary_duplicates_are_counted() -> None:
    """Of rows that repeat an earlier one those are counted whose outcome is another; an unknown one is none."""
    found = looked(np.ones((1, 4)), ["a", "b", "a", None]).duplicates
    assert (found.n, found.contrary) == (3, 1)


def test_a_number_that_stands_for_a_missing_one() -> None:
    """A sentinel in a twentieth of the rows is named, and is no outlier; a heavy tail and a scale's end are neither."""
    rng = np.random.default_rng(6)
    numeric = np.stack([rng.normal(40, 10, 3000), rng.standard_cauchy(3000), rng.geometric(0.3, 3000).astype(float)])
    numeric[0, ::20] = 999_999.0
    saturated = np.clip(rng.normal(0, 1, 3000), -2, None)
    saturated[:30], saturated[30:33] = 16.0, (14.0, 15.0, 12.0)
    numeric = np.concatenate([numeric, saturated[None]])
    found = looked(numeric)
    assert [(p.feature, p.value, p.n) for p in found.placeholders] == [("f0", 999_999.0, 150)]
    assert found.outliers == ()
    assert "f0 is 999999 in 150 rows" in " ".join(found.sentences())


@pytest.mark.parametrize("disguise", ["turned", "gap", "category", "threshold"])
def test_a_feature_from_which_the_outcome_follows(disguise: str) -> None:
    """An inverted copy, a gap where it is 1, a code and a threshold are named; what is right in 99 of 100 is not."""
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, 3000)
    good = np.where(rng.random(3000) < 0.01, 1 - y, y).astype(float)
    hidden = {
        "turned": 5.0 - y,
        "gap": np.where(y == 1, np.nan, rng.normal(size=3000)),
        "category": rng.normal(size=3000),
        "threshold": rng.uniform(0, 1, 3000) + y,
    }[disguise]
    words: dict[str, list[str | None]] = {"code": ["paid" if v else "due" for v in y]} if disguise == "category" else {}
    found = looked(np.stack([hidden, 3.0 - good]), [str(v) for v in y], words)
    assert found.determining == (("code",) if disguise == "category" else ("f0",))
    assert found.leaks == ()


def test_a_number_in_another_unit_determines_the_outcome() -> None:
    """A converted copy of a numeric outcome is named; one with a hundredth of noise is not."""
    rng = np.random.default_rng(8)
    y = rng.normal(20, 5, 2000)
    found = looked(np.stack([y * 1.8 + 32, y + rng.normal(0, 0.05, 2000)]), y.tolist())
    assert found.determining == ("f0",)


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_slice_is_found_and_clean_data_has_none(seed: int) -> None:
    """80 rows in a corner with the other outcome are one slice, with its place; without them there is none.

    Five seeds of noisy outcomes: a false slice would need eight neighbours, each a 1 in 500.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, 4000))
    truth: list[str | float | None] = [str(int(v)) for v in rng.random(4000) < 1 / (1 + np.exp(-6 * (x[0] + x[1])))]
    assert looked(x, truth).suspicious.slices == ()
    planted = rng.choice(4000, 80, replace=False)
    x[:, planted] = np.array([2, 2, 1, -1, 0.5])[:, None] + rng.normal(0, 0.1, (5, 80))
    for row in planted:
        truth[row] = "0"
    (found,) = looked(x, truth).suspicious.slices
    assert (found.label, found.around) == ("0", "1")
    assert found.n >= 40
    assert set(found.rows) <= set(planted.tolist())
    assert {name for name, _, _ in found.where} <= {"f0", "f1", "f2", "f3"}


@pytest.mark.parametrize("kind", ["xor", "clusters", "halves"])
def test_sharp_borders_are_no_slices(kind: str) -> None:
    """Outcomes that the features determine, with straight, crossed and many borders, look poisoned nowhere."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(3, 4000))
    cluster = rng.integers(0, 4, 4000)
    if kind == "clusters":
        x += np.array([[0, 6, 0, 6], [0, 0, 6, 6], [0, 0, 0, 0]])[:, cluster]
    told = {"xor": x[0] * x[1] > 0, "clusters": cluster, "halves": x[0] + x[1] > 0}[kind]
    assert looked(x, [str(int(v)) for v in told]).suspicious.slices == ()


def test_rows_of_a_sample_keep_their_numbers() -> None:
    """Examples of a sample are told by their places in the file."""
    numeric = np.array([[1.0, 2, 1, 3]])
    found = examine(["f0"], numeric, {}, [None] * 4, np.random.default_rng(0), np.array([5, 70, 800, 9000]))
    assert found.duplicates.examples == ((800, 5),)
