"""Unchanged streams stay quiet, as rarely disturbed as promised; changed ones do not."""

from __future__ import annotations

import numpy as np

from detectors.counting import ViewSettings
from detectors.evidence import Evidence
from detectors.profile import Fitted, Reference, fit
from detectors.types import FloatArray, Rows

BATCH = 100


def rows(x: FloatArray, categories: list[str] | None = None) -> Rows:
    """Rows of numeric features (features, events), and perhaps a category."""
    n = x.shape[1]
    nothing = np.full(n, np.nan)
    return Rows(x, (categories,) if categories else (), [None] * n, nothing, nothing, nothing, nothing)  # type: ignore[arg-type]


def fitted(reference: Rows, settings: ViewSettings | None = None) -> Fitted:
    """A profile of some rows."""
    names = tuple(f"f{i}" for i in range(len(reference.numeric)))
    kinds = tuple(f"c{i}" for i in range(len(reference.categorical)))
    wrong = np.full(len(reference), np.nan)
    return fit(Reference(reference, names, kinds, wrong, np.empty(0), 86400.0), settings)


def alarms(profile: Fitted, level: float, stream: list[Rows], batch: int = BATCH) -> list[tuple[int, str]]:
    """(event, view) of each alarm of a stream of blocks, judged in batches."""
    evidence = Evidence(profile.views.layout(), profile.counts, np.log(level))
    names, found, at = profile.views.layout().names, [], 0
    for block in stream:
        starts = np.arange(0, len(block) + 1, batch)
        counts = profile.views.count(block, starts)
        times = (at + starts[1:]).astype(float)
        reading = evidence.update(counts, np.diff(starts).astype(float), times)
        found += [(at + int(starts[alarm.batch + 1]) - 1, names[alarm.view]) for alarm in reading.alarms]
        at += len(block)
    return found


def gaussian(rng: np.random.Generator, blocks: int, features: int = 20, shift: float = 0.0) -> list[Rows]:
    """Blocks of 5,000 rows; `shift` moves the first feature."""
    made = []
    for _ in range(blocks):
        x = rng.normal(size=(features, 5000))
        x[0] += shift
        made.append(rows(x))
    return made


def false_alarms(events: int, seed: int) -> int:
    """Alarms on unchanged Gaussian rows at A = 10,000 events."""
    rng = np.random.default_rng(seed)
    profile = fitted(rows(rng.normal(size=(20, 10_000))))
    blocks = gaussian(rng, events // 5000)
    return len(alarms(profile, 1e4, blocks))


def test_false_alarms_are_as_rare_as_promised() -> None:
    """A = 10,000, five million events: at most 560 (Poisson 99 % above the 500 promised)."""
    assert false_alarms(5_000_000, 1) <= 560


def test_the_same_detector_sees_half_a_sigma() -> None:
    """A mute detector would pass the test of false alarms: half a sigma in one of 20 is seen within 300 events."""
    delays = []
    for seed in range(5):
        rng = np.random.default_rng(100 + seed)
        profile = fitted(rows(rng.normal(size=(20, 10_000))))
        stream = [*gaussian(rng, 1), *gaussian(rng, 1, shift=0.5)]
        delays.append(min((event - 4999 for event, _ in alarms(profile, 1e4, stream) if event >= 5000), default=9999))
    assert sorted(delays)[2] <= 300


def test_categories_with_a_long_tail_stay_quiet() -> None:
    """Never seen categories start at what one half of the reference lacks of the other, not at zero."""
    rng = np.random.default_rng(2)

    def block(n: int) -> Rows:
        return rows(rng.normal(size=(1, n)), [f"c{k}" for k in rng.zipf(1.6, n)])

    for _ in range(3):
        profile = fitted(block(2000))
        assert [view for _, view in alarms(profile, 1e6, [block(5000) for _ in range(8)]) if view == "c0"] == []


def test_views_of_the_whole_row_stay_quiet() -> None:
    """Distances are fitted on one half and counted on the other; counted on their own half they alarm at once."""
    rng = np.random.default_rng(3)
    reference = rng.normal(size=(40, 600))
    profile = fitted(rows(reference))
    stream = gaussian(rng, 10, features=40)
    assert alarms(profile, 1e6, stream) == []
    first = np.zeros(600, dtype=bool)
    first[np.random.default_rng(0).permutation(600)[:300]] = True
    again = profile.views.count(rows(reference[:, first]), np.array([0, 300]))[0]
    flattered = Fitted(**{name: getattr(profile, name) for name in Fitted.__slots__} | {"counts": again})
    assert "distance from the centre" in {view for _, view in alarms(flattered, 1e6, stream)}


def test_one_lasting_change_is_one_episode() -> None:
    """Half a sigma for 90,000 events: the feature alarms, and no view alarms twice."""
    rng = np.random.default_rng(4)
    profile = fitted(rows(rng.normal(size=(20, 2000))))
    found = alarms(profile, 1e6, [*gaussian(rng, 2), *gaussian(rng, 18, shift=0.5)])
    views = [view for _, view in found]
    assert "f0" in views
    assert len(views) == len(set(views))


def test_a_change_that_ends_can_be_seen_again() -> None:
    """An episode is resolved after the stream is back; the next change of the same view is a new one."""
    rng = np.random.default_rng(5)
    profile = fitted(rows(rng.normal(size=(5, 5000))), ViewSettings(joint=False))
    spell = [*gaussian(rng, 1, 5), *gaussian(rng, 1, 5, shift=1.0)]
    views = [view for _, view in alarms(profile, 1e6, [*spell, *gaussian(rng, 2, 5), *spell])]
    assert views == ["f0", "f0"]
