from __future__ import annotations

import pytest

from monitor.config import Columns
from monitor.errors import UsageError
from monitor.tables.roles import binary_classes, resolve


@pytest.mark.parametrize(
    ("labels", "positive", "expected"),
    [
        (["0", "1"], None, ("0", "1")),
        (["10", "9"], None, ("9", "10")),
        (["b", "a"], None, ("a", "b")),
        (["yes", "no"], "no", ("yes", "no")),
        (["True", "False"], True, ("False", "True")),
        (["TRUE", "FALSE"], False, ("TRUE", "FALSE")),
        (["1", "0"], 1.0, ("0", "1")),
        (["0"], None, ("1", "0")),
        (["good"], None, ("not good", "good")),
        (["good"], "bad", ("good", "bad")),
        ([], None, ("0", "1")),
    ],
)
def test_negative_and_positive_class(labels: list[str], positive: object, expected: tuple[str, str]) -> None:
    """The greater label is positive unless the configuration says another; one label alone gets a counterpart."""
    assert binary_classes(labels, positive, "a file") == expected


def test_features_are_what_has_no_other_role() -> None:
    """Without a list of features every column is one that is not named in `columns`."""
    columns = Columns(id="i", label="y", probability={"a": "pa", "b": "pb"}, outcome="t", segment=["s"])
    roles = resolve(columns, ["i", "x", "y", "pa", "pb", "t", "s", "z"], "a file")
    assert roles.features == ("x", "z")
    assert roles.features_of(["x", "y", "later"]) == ("x", "later")


def test_all_missing_columns_are_named_at_once() -> None:
    """Nobody has to run it again for the next fault."""
    with pytest.raises(UsageError) as caught:
        resolve(Columns(id="a", time="b", label="c", outcome="d"), ["x"], "a file")
    assert all(f"no column {name!r}" in str(caught.value) for name in "abcd")
