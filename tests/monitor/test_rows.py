"""Arranging: what becomes of an event does not depend on which others it came with."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fallback.types import Reason, reason_code
from monitor.events import Output, Prediction
from monitor.rows import Schema, arrange

SCHEMA = Schema(("a", "b"), ("c",), "classification", ("no", "yes"))
VALUES = st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.sampled_from(["", "x", "3.5", "nan"]))
OUTPUTS = st.one_of(
    st.none(),
    st.builds(Output, label=st.sampled_from([None, "no", "yes", "other"])),
    st.builds(Output, probabilities=st.sampled_from([{"no": 0.25, "yes": 0.75}, [0.5, 0.5], [1.0], {"yes": 1.0}])),
    st.builds(Output, logits=st.sampled_from([[0.0, 1.0], [0.0]])),
)
EVENTS = st.builds(
    Prediction,
    id=st.just("i"),
    features=st.one_of(
        st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES),
        st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=4),
    ),
    output=OUTPUTS,
)


def event(**features: Any) -> Prediction:
    return Prediction(id="i", features=features, output=Output(label="yes", probabilities={"no": 0.0, "yes": 1.0}))


@given(st.lists(EVENTS, min_size=1, max_size=6))
def test_a_batch_is_arranged_as_its_events_alone(events: list[Prediction]) -> None:
    """Numbers, labels, guards, and how many features lack or are new."""
    whole, alone = arrange(events, SCHEMA), [arrange([each], SCHEMA) for each in events]
    np.testing.assert_array_equal(whole.rows.numeric, np.concatenate([each.rows.numeric for each in alone], axis=1))
    np.testing.assert_array_equal(whole.probabilities, np.concatenate([each.probabilities for each in alone]))
    assert whole.rows.label == [each.rows.label[0] for each in alone]
    assert whole.rows.categorical[0] == [each.rows.categorical[0][0] for each in alone]
    assert whole.guard.tolist() == [each.guard[0] for each in alone]
    assert (whole.missing, whole.new) == (sum(each.missing for each in alone), sum(each.new for each in alone))


def test_a_text_is_no_number_even_if_it_reads_like_one() -> None:
    """It is missing, and the event is guarded, whether or not another event of the batch lacks a feature."""
    guards = [arrange([event(a=1.0, b="3.5", c="k"), other], SCHEMA) for other in (event(a=1.0, b=2.0, c="k"), event())]
    for arranged in guards:
        assert np.isnan(arranged.rows.numeric[1, 0])
        assert arranged.guard[0] == reason_code(Reason.INVALID_FEATURES)


def test_null_is_missing_without_a_guard() -> None:
    """A feature that is there and null is a missing value, which the views count; nothing is wrong with the event."""
    arranged = arrange([event(a=None, b=2.0, c=None)], SCHEMA)
    assert np.isnan(arranged.rows.numeric[0, 0])
    assert (arranged.guard[0], arranged.missing) == (0, 0)
