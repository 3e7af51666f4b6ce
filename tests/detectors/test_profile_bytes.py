"""A profile as bytes: what is read back is what was written, or it is refused."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from detectors.counting import ViewSettings
from detectors.errors import ProfileError
from detectors.evidence import Evidence
from detectors.profile import Profile, Reference, fit
from detectors.profile_bytes import dump, load
from detectors.types import Rows


def rows(seed: int, n: int) -> Rows:
    rng = np.random.default_rng(seed)
    kinds: list[str | None] = [str(each) for each in rng.choice(["a", "b", "ü\n\"'"], n)]
    return Rows(rng.normal(size=(2, n)), (kinds,), kinds[::-1], *rng.random((4, n)))


def profile(n: int = 400, settings: ViewSettings | None = None, **changed: object) -> Profile:
    rng = np.random.default_rng(1)
    made = Reference(rows(0, n), ("x", "y"), ("kind",), np.round(rng.random(n)), rng.random(n), 1234.5)
    fields = {"model": "loan", "version": "7", "task": "classification", "classes": ("a", "b")}
    facts = {"size_threshold": 0.25, "note": "ä"}
    return Profile(fit(made, settings), **{**fields, "facts": facts, **changed})  # type: ignore[arg-type]  # by name


def test_what_is_read_back_is_what_was_written() -> None:
    """Every field, every array to the bit; written again it has the same digest."""
    written = profile()
    data, digest = dump(written)
    read = load(data)
    assert dump(read)[1] == digest
    assert (read.digest, read.model, read.version, read.task, read.classes) == (
        digest, "loan", "7", "classification", ("a", "b")
    )  # fmt: skip
    assert dict(read.facts) == dict(written.facts)
    one, other = written.fitted, read.fitted
    assert one.views.layout() == other.views.layout()
    for name in ("counts", "knots", "rank_counts", "scores"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert (one.n, one.labelled, one.events_per_day) == (other.n, other.labelled, other.events_per_day)


def test_a_profile_that_was_read_back_gives_the_same_next_reading() -> None:
    """Same counts of the same rows, same evidence to the bit."""
    readings = []
    written = profile()
    for each in (written.fitted, load(dump(written)[0]).fitted):
        counts = each.views.count(rows(5, 300), np.array([0, 100, 200, 300]))
        evidence = Evidence(each.views.layout(), each.counts, np.log(1e6))
        readings.append((counts.tobytes(), evidence.update(counts, np.full(3, 100.0), np.arange(3.0)).top.tobytes()))
    assert readings[0] == readings[1]


def test_one_flipped_bit_is_refused_wherever_it_is() -> None:
    """One bit of every byte in turn: length, header, manifest, digest, arrays."""
    data, _ = dump(profile(20, ViewSettings(bins=4, projections=1)))
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << (at * 5 % 8)
        with pytest.raises(ProfileError):
            load(bytes(damaged))


@pytest.mark.parametrize("damage", ["empty", "cut", "one byte short", "one byte more", "zip", "pickle", "ones"])
def test_other_bytes_are_refused(damage: str) -> None:
    """Whatever they are: an error of this package, which says what to do."""
    data, _ = dump(profile(20, ViewSettings(bins=4, projections=1)))
    damaged = {
        "empty": b"",
        "cut": data[:100],
        "one byte short": data[:-1],
        "one byte more": data + b"\0",
        "zip": b"PK\3\4" + data,
        "pickle": pickle.dumps({"a": 1}),
        "ones": b"\xff" * 64,
    }
    with pytest.raises(ProfileError, match="fit it again"):
        load(damaged[damage])


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (json.dumps({"format": "holdback-profile-9"}), "'holdback-profile-9', this version reads 'holdback-profile-4'"),
        (json.dumps({"format": "holdback-profile-4"}), "no readable profile"),
        ("[" * 100_000, "no readable profile"),
        ("[]", "no readable profile"),
    ],
    ids=["another format", "nothing in it", "nested without end", "a list"],
)
def test_a_manifest_that_is_not_understood_is_refused(manifest: str, message: str) -> None:
    """Though its digest is right: a later version's is named with both formats."""
    from safetensors.numpy import save

    from detectors.profile_bytes import _digest

    digest = _digest(manifest, {"counts": np.zeros(3)})
    with pytest.raises(ProfileError, match=message):
        load(save({"counts": np.zeros(3)}, metadata={"manifest": manifest, "digest": digest}))


def test_safetensors_of_something_else_are_no_profile() -> None:
    """Without a manifest there is nothing to hold it against."""
    from safetensors.numpy import save

    with pytest.raises(ProfileError, match="no readable profile"):
        load(save({"weights": np.zeros(3)}))


def test_the_digest_covers_everything() -> None:
    """Model, version, classes, facts, a single count: each gives another digest."""
    plain = profile()
    fitted = plain.fitted
    counts = fitted.counts.copy()
    counts[0] += 1
    others = [
        replace(plain, model="loans"),
        replace(plain, version="8"),
        replace(plain, classes=("b", "a")),
        replace(plain, facts={}),
        replace(plain, fitted=replace(fitted, counts=counts)),
        replace(plain, fitted=replace(fitted, events_per_day=1.0)),
    ]
    digests = {dump(each)[1] for each in (plain, *others)}
    assert len(digests) == len(others) + 1
    assert dump(replace(plain, digest="other"))[1] in digests
