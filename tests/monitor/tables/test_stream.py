from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Config, config_from
from monitor.errors import UsageError
from monitor.events import DeadLetterReason, Prediction, decode_outcomes, decode_predictions
from monitor.tables import FIRST_TIME, SUFFIXES, RawBatch, read_stream

BINARY = {"label": "y", "probability": "p", "outcome": "t"}


def configured(**columns: Any) -> Config:
    return config_from(
        {"model": "m", "promise": {"max_error": "5%", "false_pages": "1 per 90d"}, "columns": columns}, {}
    )


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def predictions(batches: Sequence[RawBatch]) -> list[Prediction]:
    read: list[Prediction] = []
    for batch in batches:
        decoded, faults = decode_predictions(batch.predictions)
        assert faults == []
        read.extend(p for p in decoded if p is not None)
    return read


def features(batches: Sequence[RawBatch]) -> list[Any]:
    return [p.features for p in predictions(batches)]


def test_a_row_becomes_a_prediction_and_an_outcome(tmp_path: Path) -> None:
    """Each row of a flat file is a record that the wire's own decoder reads, with the outcome beside it."""
    path = written(tmp_path, "a.csv", "x,kind,y,p,t\n1.5,a,1,0.75,1\n2,b,0,0.25,1\n")
    (batch,) = read_stream(path, configured(**BINARY))
    first, second = predictions([batch])
    assert first.features == {"x": 1.5, "kind": "a"}
    assert first.output is not None
    assert (first.output.label, first.output.probabilities) == ("1", {"0": 0.25, "1": 0.75})
    assert second.id == "1"
    outcomes, faults = decode_outcomes([o for o in batch.outcomes if o is not None])
    assert faults == []
    assert [(o.id, o.label) for o in outcomes if o is not None] == [("0", "1"), ("1", "1")]
    assert batch.truth == ["1", "1"]


def test_missing_infinite_and_never_numbers(tmp_path: Path) -> None:
    """Empty and NaN are null; an infinity lies beyond every range; "NA" is missing among numbers, else a word."""
    path = written(tmp_path, "a.csv", "x,w\n1,a\ninf,NA\n-inf,\nNaN,c\n,d\n NA ,e\n")
    seen = features(list(read_stream(path, configured())))
    assert [row["x"] for row in seen] == [1.0, 1e308, -1e308, None, None, None]
    assert [row["w"] for row in seen] == ["a", "NA", None, "c", "d", "e"]


def test_an_empty_cell_is_no_outcome(tmp_path: Path) -> None:
    """A row whose outcome cell is empty has neither record nor truth."""
    (batch,) = read_stream(written(tmp_path, "a.csv", "x,y,t\n1,a,\n2,a,b\n"), configured(label="y", outcome="t"))
    assert batch.outcomes[0] is None
    assert batch.truth == [None, "b"]


def test_labels_keep_integer_text(tmp_path: Path) -> None:
    """1, 1.0 (a column with a gap, as tools write it) and Parquet's integer 1 are the label "1"."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"x": [1, 2], "y": pa.array([1, 0]), "p": [0.9, 0.1], "t": pa.array([1.0, None])})
    pq.write_table(table, tmp_path / "a.parquet")
    written(tmp_path, "a.csv", "x,y,p,t\n1,1,.9,1.0\n2,0,.1,\n")
    for name in ("a.csv", "a.parquet"):
        (batch,) = read_stream(tmp_path / name, configured(**BINARY))
        assert batch.truth == ["1", None]
        assert [p.output.label for p in predictions([batch]) if p.output] == ["1", "0"]


def test_which_class_a_single_probability_is_of(tmp_path: Path) -> None:
    """By default the greater label, numbers as numbers; `positive` says another; a profile's labels decide first."""
    path = written(tmp_path, "a.csv", "x,y,p\n1,9,.75\n2,10,.25\n")

    def classes(config: Config, labels: Sequence[str] = ()) -> Any:
        (first, *_) = predictions(list(read_stream(path, config, labels=labels)))
        return first.output.probabilities if first.output else None

    assert classes(configured(label="y", probability="p")) == {"9": 0.25, "10": 0.75}
    assert classes(configured(label="y", probability="p", positive=9)) == {"10": 0.25, "9": 0.75}
    assert classes(configured(label="y", probability="p"), ["9", "11"]) == {"9": 0.25, "11": 0.75}
    written(tmp_path, "a.csv", "x,y,p\n1,1,.75\n")
    assert classes(configured(label="y", probability="p")) == {"0": 0.25, "1": 0.75}


def test_labels_are_searched_until_there_are_two(tmp_path: Path) -> None:
    """A file that begins with one class for megabytes still names both."""
    rows = "".join(f"{i},a,0.5\n" for i in range(300_000))
    path = written(tmp_path, "a.csv", f"x,y,p\n{rows}1,b,0.5\n")
    first = next(read_stream(path, configured(label="y", probability="p")))
    assert json.loads(first.predictions[0])["output"]["probabilities"] == {"a": 0.5, "b": 0.5}


def test_a_missing_probability_is_no_confidence(tmp_path: Path) -> None:
    """A row with a gap among its probabilities has none at all, instead of some that do not sum to one."""
    path = written(tmp_path, "a.csv", "x,y,pa,pb\n1,a,.2,.8\n2,b,,.4\n")
    config = configured(label="y", probability={"a": "pa", "b": "pb"})
    given_, none = (p.output.probabilities for p in predictions(list(read_stream(path, config))) if p.output)
    assert given_ == {"a": 0.2, "b": 0.8}
    assert none is None


def test_logits_draws_and_log_probabilities_have_columns(tmp_path: Path) -> None:
    """Each goes into its field of the output; a row with a gap among its logits or draws has none of them."""
    path = written(tmp_path, "a.csv", "x,y,la,lb,p\n1,a,.2,-1.5,.7\n2,b,,.4,\n")
    config = configured(label="y", logits={"a": "la", "b": "lb"}, label_probability="p")
    first, second = (p.output for p in predictions(list(read_stream(path, config))) if p.output)
    assert (first.logits, first.probability) == ({"a": 0.2, "b": -1.5}, 0.7)
    assert (second.logits, second.probability) == (None, None)
    path = written(tmp_path, "b.csv", "x,v,m1,m2\n1,2,1.5,2.5\n2,3,,4\n")
    first, second = (
        p.output for p in predictions(list(read_stream(path, configured(value="v", samples=["m1", "m2"])))) if p.output
    )
    assert (first.samples, second.samples) == ([1.5, 2.5], None)
    path = written(tmp_path, "c.csv", "x,y,lp,gap,n\n1,Paris,-3.5,.2,7\n")
    (found,) = predictions(list(read_stream(path, configured(label="y", logprob="lp", margin="gap", length="n"))))
    assert found.output is not None
    assert (found.output.logprob, found.output.margin, found.output.length) == (-3.5, 0.2, 7)


def test_regression_with_segment_version_client_and_id(tmp_path: Path) -> None:
    """Every column of `columns` has its place in the record, and large integers keep their digits as ids."""
    path = written(tmp_path, "a.csv", "x,v,lo,hi,s,t,region,id,ver,who\n1,2.5,1,inf,.5,2,eu,9007199254740993,1.0,bob\n")
    config = configured(
        value="v",
        lower="lo",
        upper="hi",
        spread="s",
        outcome="t",
        segment=["region"],
        id="id",
        version="ver",
        client="who",
    )
    (batch,) = read_stream(path, config)
    (event,) = predictions([batch])
    assert (event.id, event.version, event.client) == ("9007199254740993", "1.0", "bob")
    assert event.segment == {"region": "eu"}
    assert event.features == {"x": 1.0}
    assert event.output is not None
    assert (event.output.value, event.output.lower, event.output.upper, event.output.spread) == (2.5, 1.0, None, 0.5)
    assert batch.truth == [2.0]


@pytest.mark.parametrize("cell", ["abc", "inf"])
def test_an_outcome_that_is_no_number_is_not_lost(tmp_path: Path, cell: str) -> None:
    """A regression's outcome that cannot be one goes out all the same: the decoder refuses it, and it is counted."""
    path = written(tmp_path, "a.csv", f"x,v,t\n1,2,3\n1,2,{cell}\n1,2,\n")
    (batch,) = read_stream(path, configured(value="v", outcome="t"))
    assert batch.truth == [3.0, None, None]
    assert batch.outcomes[2] is None
    _, faults = decode_outcomes([o for o in batch.outcomes if o is not None])
    assert [(f.index, f.reason) for f in faults] == [(1, DeadLetterReason.SCHEMA)]


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["2026-01-01", "2026-01-02"], [FIRST_TIME, FIRST_TIME + 86400]),
        (["2026-01-01 00:00:00.250", "2026-01-01 00:00:01.000"], [FIRST_TIME + 0.25, FIRST_TIME + 1]),
        (["2026-01-01T02:00:00+02:00", "2026-01-01T00:00:01Z"], [FIRST_TIME, FIRST_TIME + 1]),
        (["1767225600", "1767225601.5"], [FIRST_TIME, FIRST_TIME + 1.5]),
        (["1767225600123", "1767225601000"], [FIRST_TIME + 0.123, FIRST_TIME + 1]),
        (["2026-01-01T00:00:09", "no time"], [FIRST_TIME + 9, FIRST_TIME + 9]),
    ],
)
def test_times(tmp_path: Path, cells: list[str], seconds: list[float]) -> None:
    """Dates, times with and without an offset, epoch seconds and milliseconds; a row without one has the last."""
    path = written(tmp_path, "a.csv", "when,x\n" + "".join(f"{cell},1\n" for cell in cells))
    (batch,) = read_stream(path, configured(time="when"))
    np.testing.assert_allclose(batch.times, seconds, rtol=0, atol=1e-6)
    for event, second, cell in zip(predictions([batch]), seconds, cells, strict=True):
        assert (event.time.timestamp() if event.time else None) == (None if cell == "no time" else second)


def test_rows_without_a_time_column_are_evenly_spaced(tmp_path: Path) -> None:
    """Row i is made `every` times i after the first time, whatever the size of the batches."""
    path = written(tmp_path, "a.csv", "x\n" + "1\n" * 10)
    batches = list(read_stream(path, configured(every="250ms"), rows=3))
    assert [len(b) for b in batches] == [3, 3, 3, 1]
    times = np.concatenate([b.times for b in batches])
    np.testing.assert_array_equal(times, FIRST_TIME + 0.25 * np.arange(10))
    assert [b.first for b in batches] == [0, 3, 6, 9]


def test_a_column_is_read_as_the_profile_says(tmp_path: Path) -> None:
    """With the profile's categories 007 stays a word, and in a number's column only what is none stays text."""
    path = written(tmp_path, "a.csv", "x,w\n1,1\n2,007\nabc,3\n")
    seen = features(list(read_stream(path, configured(), categorical=["w"])))
    assert seen == [{"x": 1.0, "w": "1"}, {"x": 2.0, "w": "007"}, {"x": "abc", "w": "3"}]
    by_itself = features(list(read_stream(path, configured())))
    assert by_itself[0] == {"x": "1", "w": 1.0}


def test_compressed_tabbed_and_quoted(tmp_path: Path) -> None:
    """gzip and tabs by the suffix; quotes, line breaks, NUL and bytes that are no UTF-8 within cells."""
    config = configured()
    plain = b'x,w\n1,"two\nlines, ""quoted"""\n2,caf\xe9\n3,\x00z\n'
    expected = ['two\nlines, "quoted"', "caf�", "\x00z"]
    for name, content in {
        "a.csv": plain,
        "a.csv.gz": gzip.compress(plain),
        "a.tsv": plain.replace(b"x,w", b"x\tw").replace(b"1,", b"1\t").replace(b"2,", b"2\t").replace(b"3,", b"3\t"),
    }.items():
        assert [row["w"] for row in features(list(read_stream(written(tmp_path, name, content), config)))] == expected


def test_rows_of_a_wrong_length_are_passed_on(tmp_path: Path) -> None:
    """Too short or too long, such a row becomes a dead letter with its text; the other rows do not suffer."""
    (batch,) = read_stream(written(tmp_path, "a.csv", "x,w\n1,a\n2,b,c\n3\n4,d\n"), configured())
    decoded, faults = decode_predictions(batch.predictions)
    assert [p.features for p in decoded if p is not None] == [{"x": 1.0, "w": "a"}, {"x": 4.0, "w": "d"}]
    assert [batch.predictions[f.index] for f in faults] == [b"2,b,c", b"3"]


def test_events_are_passed_on_byte_for_byte(tmp_path: Path) -> None:
    """Whatever is on a line is the record: unreadable, of a wrong type, NaN, NUL, no UTF-8, or ten megabytes long."""
    lines = [
        b'{"id": "a", "time": "2026-01-01T00:00:05Z", "features": {"f": 1}, "outcome": 1}',
        b"{",
        b"[]",
        b"null",
        b'{"id": 1}',
        b'{"id": "n", "features": {"f": NaN}, "outcome": "x"}',
        b"\x00\xff",
        b'{"id": "' + b"y" * 10_000_000 + b'"}',
        b'{"id": "v", "output": {"value": 2}, "outcome": 2.5}',
    ]
    path = written(tmp_path, "a.jsonl", b"\n\r\n".join(lines))
    (batch,) = read_stream(path, configured())
    assert batch.predictions == lines
    assert batch.ids[:7] == ["a", None, None, None, None, "n", None]
    assert batch.truth == ["1", None, None, None, None, "x", None, None, 2.5]
    assert [o for o in batch.outcomes if o] == [
        b'{"id":"a","label":"1"}',
        b'{"id":"n","label":"x"}',
        b'{"id":"v","value":2.5}',
    ]
    assert set(batch.times) == {FIRST_TIME + 5}


def test_events_name_their_outcome_as_columns_say(tmp_path: Path) -> None:
    """`columns.outcome` is the field of an event that says what was true; without times events are evenly spaced."""
    path = written(
        tmp_path, "a.ndjson", '{"id":"a","features":{},"target":true}\n{"id":"b","features":{},"target":null}\n'
    )
    (batch,) = read_stream(path, configured(outcome="target"))
    assert batch.truth == ["true", None]
    assert batch.times.tolist() == [FIRST_TIME, FIRST_TIME + 1]


def test_lines_of_flat_rows(tmp_path: Path) -> None:
    """JSON lines without `features` are rows: `columns` says what is what, and what is no row is passed on as it is."""
    lines = [
        '{"x": 1, "w": "a", "y": 1, "p": 0.75, "t": 0}',
        "{bad",
        '{"x": NaN, "w": null, "y": 0, "p": 0.25, "new": 3}',
        '{"x": [1]}',
    ]
    (batch,) = read_stream(written(tmp_path, "a.jsonl", "\n".join(lines)), configured(**BINARY))
    decoded, faults = decode_predictions(batch.predictions)
    first, second = (p for p in decoded if p is not None and p.id in {"0", "1"})
    assert first.features == {"x": 1.0, "w": "a", "new": None}
    assert second.features == {"x": None, "w": None, "new": 3.0}
    assert batch.truth == ["0", None, None, None]
    assert [batch.predictions[f.index] for f in faults] == [b"{bad", b'{"x": [1]}']


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Integers, floats, booleans, dates, words and gaps of Parquet are on the wire as what they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "i": pa.array([2**60 + 1, None]),
            "f": pa.array([1.5, float("inf")], pa.float32()),
            "w": pa.array(["5", None]).dictionary_encode(),
            "b": [True, None],
            "n": pa.nulls(2),
            "when": pa.array([0, 1_500_000_000], pa.timestamp("ns", "Europe/Berlin")),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    (batch,) = read_stream(tmp_path / "a.parquet", configured(time="when", id="i"))
    assert batch.ids == [str(2**60 + 1), None]
    assert batch.times.tolist() == [0.0, 1.5]
    assert json.loads(batch.predictions[0])["features"] == {"f": 1.5, "w": "5", "b": True, "n": None}
    assert json.loads(batch.predictions[1])["features"] == {"f": 1e308, "w": None, "b": None, "n": None}


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("a.csv", None, {}, ["does not exist"]),
        ("a.txt", "x\n1\n", {}, ["unknown suffix", *SUFFIXES]),
        ("a.csv", "", {}, ["is empty"]),
        ("a.csv", "x,y\n", {}, ["has no rows"]),
        ("a.csv", "x,x\n1,2\n", {}, ["more than one column named 'x'"]),
        ("a.csv", "x,y_prd\n1,a\n", {"label": "y_pred"}, ["columns.label", "did you mean 'y_prd'?", "'x', 'y_prd'"]),
        ("a.csv", "x,y\n1,a\n", {"features": ["x", "z"], "segment": ["s"]}, ["columns.features: no column 'z'", "'s'"]),
        ("a.csv", "y\na\n", {"label": "y"}, ["no column is left to be a feature"]),
        ("a.csv", "x,p\n1,much\n", {"value": "p"}, ["column 'p'", "'much'", "number"]),
        ("a.csv", "x,when\n1,then\n", {"time": "when"}, ["column 'when'", "'then'", "time"]),
        (
            "a.csv",
            "x,y,p\n1,a,1\n1,b,1\n1,c,1\n",
            {"label": "y", "probability": "p"},
            ["'a', 'b', 'c'", "class: column"],
        ),
        (
            "a.csv",
            "x,y,p\n1,a,1\n1,b,1\n",
            {"label": "y", "probability": "p", "positive": "z"},
            ["columns.positive", "'z'"],
        ),
        ("a.csv", "x;y\n1;2\n", {}, ["one column, 'x;y'", "separated by semicolons", "with commas"]),
        ("a.csv", "x\ty\n1\t2\n", {}, ["separated by tabs", "*.tsv"]),
        ("a.csv", "x\n1\n".encode("utf-16"), {}, ["not UTF-8 text: byte 0 is 0xff; save it as UTF-8"]),
        ("a.csv.gz", b"no gzip", {}, ["cannot be read"]),
        ("a.csv.gz", gzip.compress(b"x\n" + b"1\n" * 9999)[:-20], {}, ["cannot be read"]),
        ("a.parquet", "PAR1 not", {}, ["cannot be read"]),
        ("a.jsonl", "\n\n", {}, ["is empty"]),
        ("a.jsonl.gz", gzip.compress(b'{"id":"a","features":{}}\n' * 9999)[:-9], {}, ["cannot be read"]),
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, name: str, content: str | bytes | None, columns: dict[str, Any], said: list[str]
) -> None:
    """Exit status 2, naming the file, the column and the columns that there are."""
    path = tmp_path / name if content is None else written(tmp_path, name, content)
    with pytest.raises(UsageError) as caught:
        list(read_stream(path, configured(**columns)))
    assert caught.value.exit_status == 2
    assert str(path) in str(caught.value)
    assert [word for word in said if word not in str(caught.value)] == []


def test_parquet_lists_are_no_features(tmp_path: Path) -> None:
    """A column of lists is refused by name, unless it is left out of the features."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1], "l": [[1]]}), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="'l'"):
        next(read_stream(tmp_path / "a.parquet", configured()))
    assert features(list(read_stream(tmp_path / "a.parquet", configured(features=["x"])))) == [{"x": 1.0}]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(
        st.tuples(st.none() | st.floats(allow_nan=False, allow_infinity=False), TEXT, TEXT), min_size=1, max_size=30
    ),
    TEXT.filter(lambda name: name not in {"x", "y", "w"}).filter(bool),
    st.integers(1, 7),
)
def test_flat_lines_survive_the_wire(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float | None, str, str]], name: str, size: int
) -> None:
    """Numbers, words and labels, whatever is in them and whatever the features are called, arrive as they were."""
    path = tmp_path_factory.mktemp("flat") / "a.jsonl"
    lines = [msgspec.json.encode({"x": x, name: w, "y": y}) for x, w, y in rows]
    path.write_bytes(b"\n".join(lines))
    seen = predictions(list(read_stream(path, configured(label="y"), rows=size)))
    assert [p.features for p in seen] == [{"x": x, name: w} for x, w, _ in rows]
    assert [p.id for p in seen] == [str(i) for i in range(len(rows))]
