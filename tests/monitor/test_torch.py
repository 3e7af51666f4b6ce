"""Torch programs in the whole: from a key in the configuration to what is in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.types import FloatArray
from monitor.errors import UsageError
from monitor.fit.fitting import fit_profile
from monitor.wanted import Wanted
from tests.monitor.streams import configured, raw, stream
from tests.monitor.test_wanted import alarms, run
from tests.programs import digits, exported, hand_made, rotated
from tests.tools import require_torch


@pytest.fixture
def torch() -> Any:
    require_torch()
    import torch

    torch.manual_seed(0)
    return torch


def photographed(images: FloatArray, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The usual stream, each event with an image: pixels in rows."""
    predictions, truth = stream(len(images), seed)
    for each, image in zip(predictions, images, strict=True):
        each["embedding"] = image.reshape(8, 8).tolist()
    return predictions, truth


@pytest.mark.torch
def test_an_encoder_sees_images_from_the_record_to_the_ledger(torch: Any) -> None:
    """`views.encoder: autoencoder`, digits as nested lists: turned, its view alarms; as they were, none of it does."""
    x = digits()[0][np.random.default_rng(0).permutation(1797)]
    config = configured(views={"encoder": "autoencoder"})
    profile = fit_profile([raw(*photographed(x[:1000], 0))], config).profile
    seen = [each["view"] for each in alarms(run(config, profile, photographed(rotated(x[1000:1400]), 1)[0]))]
    assert "reconstruction error" in seen
    assert alarms(run(config, profile, photographed(x[1400:], 2)[0])) == []


def test_an_encoder_that_is_no_program_is_a_usage_error(tmp_path: Path) -> None:
    """No such file, and a file of something else: the message names the key, with torch or without."""
    x = np.random.default_rng(0).random((200, 64))
    for data, words in ((None, "views.encoder.*cannot be read"), (b"nonsense", "views.encoder.*no zip file")):
        path = tmp_path / "encoder.pt2"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(UsageError, match=words):
            fit_profile([raw(*photographed(x, 0))], configured(views={"encoder": str(path)}))


def test_without_torch_an_encoder_is_a_usage_error(tmp_path: Path) -> None:
    """The message names the extra."""
    from importlib.util import find_spec

    if find_spec("torch") is not None:
        pytest.skip("torch is installed")
    (tmp_path / "encoder.pt2").write_bytes(hand_made())
    for encoder in ("autoencoder", str(tmp_path / "encoder.pt2")):
        config = configured(views={"encoder": encoder})
        with pytest.raises(UsageError, match=r"holdback\[torch\]"):
            fit_profile([raw(*photographed(np.random.default_rng(0).random((200, 64)), 0))], config)


@pytest.mark.torch
def test_a_given_encoder_is_in_the_profile(torch: Any, tmp_path: Path) -> None:
    """`views.encoder` names a file; its vector has views, and the file may go once the profile is fitted."""
    path = tmp_path / "encoder.pt2"
    path.write_bytes(exported(torch.nn.Linear(64, 6), 64))
    config = configured(views={"encoder": str(path)})
    learnt = fit_profile([raw(*photographed(digits()[0][:400], 0))], config)
    path.unlink()
    assert "encoded norm" in learnt.profile.fitted.views.layout().names
    run(config, learnt.profile, photographed(digits()[0][400:500], 1)[0])


def test_images_are_read_as_one_row_of_numbers() -> None:
    """Rows of pixels, channels of rows, and a flat list are the same; a ragged image is missing."""
    flat = [float(i) for i in range(8)]
    forms: list[Any] = [
        flat,
        [flat[:4], flat[4:]],
        [[flat[:2], flat[2:4]], [flat[4:6], flat[6:]]],
        [flat[:4], flat[4:7]],
    ]
    from monitor.events import decode_predictions

    records = [msgspec.json.encode({"id": str(i), "embedding": form, "features": {}}) for i, form in enumerate(forms)]
    found = [each for each in decode_predictions(records, 10_000)[0] if each is not None]
    assert len(found) == 4
    from detectors.types import Rows

    wanted, nothing = Wanted.by(found), np.full(4, np.nan)
    assert wanted.dimensions == 8
    rows = wanted.add(Rows(np.empty((0, 4)), (), [None] * 4, nothing, nothing, nothing, nothing), found, None)
    assert rows.embedding is not None
    assert rows.embedding[:3].tolist() == [flat] * 3
    assert np.isnan(rows.embedding[3]).all()
