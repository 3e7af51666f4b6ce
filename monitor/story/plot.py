"""What happens when: upright digits, then the camera turns and stays turned, until somebody puts it straight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from detectors.types import FloatArray, IntArray
from monitor.story.images import SIDE, Camera
from monitor.story.networks import DIGITS, fit_turned, fit_upright
from monitor.tables import FIRST_TIME, RawBatch

__all__ = ["Scene", "Story"]


_MODEL, _VERSION = "digits", "1"
_FEATURES = tuple(f"p{row}{column}" for row in range(SIDE) for column in range(SIDE))
_REFERENCE = 4_000
_encode = msgspec.json.Encoder().encode

_CONFIG = """\
model: digits
version: "1"
promise:
  max_error: 6%                     # wrong answers among those that the model was allowed to give
  false_pages: 1 per 1000000 events
  audit: 10%
outcomes:
  known: all
  delay: {delay}                        # events: the truth comes late
kafka: {{partitions: 1}}             # events in one row, as the story counts them
evidence:
  tolerance: 0.25                   # standard deviations: what is less takes longer to see than the story lasts
breaker:                            # the story lasts a minute, not weeks: shorter clocks, and the usual rules
  warning_hold: 1s
  backoff: 5s
  max_backoff: 10s
  half_open_wait: 10s
  close_hold: 5s
  ramp_hold: 2s
reviews:
  depth: 400
route:
  chain:
    - {{http: "{url}", name: turned-network, timeout: 2s, bulkhead: 4}}   # one thread serves: more at once only wait
    - {{river: logistic, name: pupil, max_error: 30%}}    # learns from people; the model itself would be wrong in 56 %
    - human
    - refuse
  deadline: 2s
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """Some events in a row.

    Attributes
    ----------
    batch
        Their records, as a recorded stream has them; `batch.truth` are the digits that were shown.
    answers
        What the served model says.
    pictures
        (events, 8, 8) grey values, 0 to 16.
    angles
        (events,) degrees.
    """

    batch: RawBatch
    answers: list[str]
    pictures: IntArray
    angles: FloatArray

    def __len__(self) -> int:
        return len(self.answers)


class Story:
    """The whole demo, decided by a seed: the networks, what is normal, and every event with its truth.

    `length` events come at `rate` a second from `first_time` on (epoch seconds); from event `drift_at` on the camera
    turns, to `angle` degrees within `turning` events; from `mended_at` on it is straight again. Outcomes come `delay`
    events late. Between `fallback_down_at` and `fallback_back_at` the fallback is down; at `ordered_at` somebody forces
    the breaker open for `ordered` events.
    """

    length = 26_000
    drift_at = 4_000
    fallback_down_at = 8_000
    fallback_back_at = 10_500
    ordered_at = 11_200
    ordered = 1_800
    mended_at = 12_000
    turning = 3_000
    angle = 40.0
    rate = 430.0
    delay = 300

    def __init__(self, seed: int = 0, first_time: float = FIRST_TIME, rate: float = rate) -> None:
        lots, upright, turned, reference, live = (np.random.default_rng([seed, part]) for part in range(5))
        learning, serving = Camera.pair(lots)
        self.first_time, self.rate = first_time, rate
        self.network = fit_upright(learning, upright, seed)
        self.turned_network = fit_turned(learning, turned, seed)
        self._reference = self._scene(serving, np.zeros(_REFERENCE), reference, "reference", -_REFERENCE)
        self._live = self._scene(serving, self.angles(), live, "digit", 0)

    @cached_property
    def truth(self) -> Mapping[str, str]:
        """The digit that each live event shows, by the event's id."""
        batch = self._live.batch
        return {str(key): str(digit) for key, digit in zip(batch.ids, batch.truth, strict=True)}

    @property
    def order_seconds(self) -> float:
        """How long the order holds."""
        return self.ordered / self.rate

    def angles(self) -> FloatArray:
        """(length,) degrees by which the camera is turned at each event."""
        events = np.arange(self.length)
        return np.clip((events - self.drift_at) / self.turning, 0, 1) * self.angle * (events < self.mended_at)

    def reference(self) -> RawBatch:
        """What is normal: predictions with their truths, for `fit`. Drawn as the events before the drift are."""
        return self._reference.batch

    def events(self, start: int = 0, n: int | None = None) -> Scene:
        """`n` live events from number `start` on; fewer at the end."""
        stop = self.length if n is None else min(start + n, self.length)
        cut, live = slice(start, stop), self._live
        batch = RawBatch(
            first=start,
            predictions=live.batch.predictions[cut],
            ids=live.batch.ids[cut],
            times=live.batch.times[cut],
            outcomes=live.batch.outcomes[cut],
            truth=live.batch.truth[cut],
            progress=stop / self.length,
        )
        return Scene(batch, live.answers[cut], live.pictures[cut], live.angles[cut])

    def config(self, fallback_url: str) -> str:
        """The demo's configuration (YAML), with the fallback at this address."""
        return _CONFIG.format(url=fallback_url, delay=self.delay)

    def _scene(self, camera: Camera, angles: FloatArray, rng: np.random.Generator, prefix: str, first: int) -> Scene:
        pictures, digits = camera.take(angles, rng)
        probabilities = self.network.probabilities(pictures)
        answers = [DIGITS[k] for k in probabilities.argmax(axis=1)]
        times = self.first_time + (first + np.arange(len(angles))) / self.rate
        ids = [f"{prefix}-{i:05d}" for i in range(len(angles))]
        truth = [DIGITS[k] for k in digits]
        batch = RawBatch(
            first=0,
            predictions=_predictions(ids, pictures, answers, probabilities),
            ids=list(ids),
            times=times,
            outcomes=[_encode({"id": i, "label": t}) for i, t in zip(ids, truth, strict=True)],
            truth=list(truth),
            progress=1.0,
        )
        return Scene(batch, answers, pictures, angles)


def _predictions(
    ids: Sequence[str], pictures: IntArray, answers: Sequence[str], probabilities: FloatArray
) -> list[bytes]:
    """Records without a time: they have that at which they are sent."""
    rows = zip(ids, pictures.reshape(len(ids), -1).tolist(), answers, probabilities.tolist(), strict=True)
    return [
        _encode(
            {
                "id": key,
                "model": _MODEL,
                "version": _VERSION,
                "features": dict(zip(_FEATURES, pixels, strict=True)),
                "output": {"label": answer, "probabilities": dict(zip(DIGITS, shares, strict=True))},
            }
        )
        for key, pixels, answer, shares in rows
    ]
