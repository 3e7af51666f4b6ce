"""Arrays are packed without loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from detectors.compact import pack_arrays, unpack_arrays

SHAPES = hn.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)
DOUBLES = hn.arrays(np.float64, SHAPES, elements=st.floats(allow_nan=True, allow_infinity=True))
MULTIPLES = hn.arrays(np.int64, SHAPES, elements=st.integers(-(10**7), 10**7)).map(lambda whole: whole / 1000)
WHOLE = hn.arrays(np.int64, SHAPES)
OTHERS = st.one_of(*(hn.arrays(kind, SHAPES) for kind in (np.float32, np.bool_, np.uint8, np.int32)))


@given(st.dictionaries(st.text(max_size=5), st.one_of(DOUBLES, MULTIPLES, WHOLE, OTHERS), max_size=4))
def test_every_array_comes_back_to_the_bit(arrays: dict[str, np.ndarray]) -> None:
    """Any shape and kind: missing and infinite numbers, zeros with a sign, the greatest integers."""
    back = unpack_arrays(pack_arrays(arrays))
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


def test_multiples_take_few_bytes() -> None:
    """Ten thousand numbers with three decimals below 10 take two bytes each, not eight."""
    numbers = np.random.default_rng(0).integers(0, 10_000, 10_000) / 1000
    assert len(pack_arrays({"x": numbers})) < 18_500


def test_what_was_not_packed_is_refused() -> None:
    """A snapshot of another format, say."""
    with pytest.raises(ValueError, match="decompressed"):
        unpack_arrays(b"nothing of the kind")
