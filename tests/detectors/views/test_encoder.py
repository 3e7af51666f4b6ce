"""Views by an encoder: a program in the profile, or one that was trained, sees what it was made for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.errors import ProgramError
from detectors.evidence import Evidence
from detectors.profile import Fitted, Profile, Reference, fit
from detectors.profile_bytes import dump, load
from detectors.types import FloatArray, Rows
from detectors.views.encoder import TRAINED, Encoder
from detectors.views.kinds import Half, ViewSettings
from tests.detectors.views.test_registry import half, keeps_contract, rows
from tests.programs import digits, exported, rotated
from tests.tools import require_torch

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def torch() -> Any:
    torch = require_torch()
    torch.manual_seed(0)
    return torch


def images(pixels: FloatArray) -> Rows:
    n = len(pixels)
    nothing = np.full(n, np.nan)
    return Rows(np.empty((0, n)), (), [None] * n, nothing, nothing, nothing, nothing, embedding=pixels)


def fitted(pixels: FloatArray, encoder: bytes | None, *, joint: bool = True) -> Fitted:
    reference = Reference(images(pixels), (), (), np.full(len(pixels), np.nan), np.empty(0), 86400.0)
    return fit(reference, ViewSettings(encoder=encoder, joint=joint))


def alarms(found: Fitted, pixels: FloatArray, level: float) -> dict[str, int]:
    """The event after which each view that alarms first did, at A = `level` events, batches of 20."""
    evidence = Evidence(found.views.layout(), found.counts, np.log(level))
    n, names = len(pixels) // 20, found.views.layout().names
    counts = found.views.count(images(pixels[: n * 20]), np.arange(n + 1) * 20)
    first: dict[str, int] = {}
    for each in evidence.update(counts, np.full(n, 20.0), np.arange(float(n))).alarms:
        first.setdefault(names[each.view], (each.batch + 1) * 20)
    return first


def test_the_encoder_keeps_the_contract_of_a_kind(torch: Any) -> None:
    """A program with a vector and a reconstruction, and a trained one: as every other kind of views."""
    for encoder in (exported(torch.nn.Linear(40, 5), 40), exported(torch.nn.Linear(40, 40), 40), TRAINED):
        given = half(rows(0, 400))
        keeps_contract(Encoder, replace(given, settings=ViewSettings(bins=8, projections=3, encoder=encoder)))


def test_a_trained_autoencoder_sees_the_camera_turn(torch: Any) -> None:
    """Digits that are turned by 30°: at A = 10^6 the reconstruction error alarms in 100 events, seed 0; else never."""
    x, _ = digits()
    x = x[np.random.default_rng(0).permutation(len(x))]
    found = fitted(x[:1000], TRAINED)
    assert alarms(found, x[1000:], 1e6) == {}
    seen = alarms(found, rotated(x[1000:]), 1e6)
    assert seen["reconstruction error"] <= 100, seen


def test_what_was_trained_on_is_not_counted(torch: Any) -> None:
    """The edges are drawn on other rows than the network was trained on: unchanged rows fill the bins evenly."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 60))
    found = fitted(x[:800], TRAINED, joint=False)
    assert found.views.layout().ordered == ("reconstruction error",)
    bins = found.views.count(images(x[800:]), np.array([0, 2200]))[0][:32]
    expected = 2200 / 32
    # trained rows among them would put most of the others into the last bin, as they are given back worse
    assert bins[-8:].sum() < 2 * 8 * expected


def test_an_encoder_gives_vectors(torch: Any) -> None:
    """A given encoder of 64 pixels to 8 numbers: views of `encoded`, and no reconstruction error."""
    x, _ = digits()
    found = fitted(x[:500], exported(torch.nn.Linear(64, 8), 64))
    names = found.views.layout().ordered
    assert "encoded norm" in names
    assert "embedding norm" in names
    assert "reconstruction error" not in names


def test_a_profile_carries_its_encoder(torch: Any) -> None:
    """Read back it counts the same; its digest is in the manifest, and with any byte changed it is refused."""
    x, _ = digits()
    data = exported(torch.nn.Linear(64, 8), 64)
    made = Profile(fitted(x[:500], data), "m", "1", "classification", (), {})
    written, digest = dump(made)
    again = load(written)
    assert again.digest == digest
    every = np.array([0, len(x)])
    assert np.array_equal(again.fitted.views.count(images(x), every), made.fitted.views.count(images(x), every))
    kind = next(each for each in again.fitted.views.ordered_kinds if isinstance(each, Encoder))
    assert kind.data == data
    assert kind.ready().digest == kind.digest == kind.told()["digest"]


def test_rows_without_an_image_are_missing(torch: Any) -> None:
    """NaN where there is no embedding, one of another length, or one that the program fails on."""
    settings = ViewSettings(encoder=exported(torch.nn.Linear(64, 64), 64))
    kind = Encoder.fit(Half(images(digits()[0][:300]), (), (), settings, np.random.default_rng(0)))
    assert kind is not None
    x = digits()[0][:4].copy()
    x[1, 5] = np.nan
    assert np.isnan(kind.scalars(images(x))).all(axis=0).tolist() == [False, True, False, False]
    assert np.isnan(kind.scalars(images(x[:, :10]))).all()
    assert np.isnan(kind.scalars(replace(images(x), embedding=None))).all()
    assert np.isnan(kind.scalars(images(x[1:2]))).all()


def test_an_encoder_of_other_images_is_refused(torch: Any) -> None:
    """The message says how many numbers each takes."""
    with pytest.raises(ProgramError, match="takes rows of 10 numbers, embeddings have 64"):
        fitted(digits()[0][:300], exported(torch.nn.Linear(10, 3), 10))
