"""Has anything changed since the profile? An e-process that is never restarted."""

from __future__ import annotations

import numpy as np

from .types import FloatArray, State

__all__ = ["Anytime"]

_MOST = 1e300
_LEADING = ~((1 << 49) - 1)  # sign, exponent and three bits of a double


class Anytime:
    r"""Evidence that the stream has changed at any time since the reference, to be read at any time.

    .. math:: E_t = \sum_{s \le t} \pi_s \prod_{r = s}^{t} G_r + \sum_{s > t} \pi_s, \qquad \pi_s = \frac{1}{s (s + 1)}

    averaged over the bets of a view and, with their weights, over views. The e-detector asks "is there a change now?",
    is given a new coin with each batch, and alarms for ever once in a while; this begins with one coin, spread in
    advance over all moments at which a change may come, and is given no other. Where it is :math:`1 / \alpha` one may
    say "something has changed" and is wrong with a probability of :math:`\alpha` at most; with payoffs whose mean is at
    most one given the past that holds at any time, however it is chosen (Ville). For batches of binned ranks what is
    proven is :math:`E[E_t] \le 1` at each fixed t, by the argument of `docs/evidence.md`.

    A change at batch s costs :math:`2 \log s` beside one that was waited for, whatever came before.

    Parameters
    ----------
    share
        (bets,): weight of each bet's view times its share of it; they sum to one.

    References
    ----------
    Ramdas, Grünwald, Vovk & Shafer, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science
    2023; Shin, Ramdas & Rinaldo, "E-detectors", 2023.

    Examples
    --------
    >>> anytime = Anytime(np.array([1.0]))
    >>> anytime.add(np.array([0.0]))
    >>> round(anytime.log_e, 6)
    0.0
    >>> for _ in range(5):
    ...     anytime.add(np.log(np.array([10.0])))
    >>> round(float(anytime.log_e / np.log(10)), 2)
    4.83
    """

    def __init__(self, share: FloatArray) -> None:
        self._share = share
        self._e, self._factor = np.zeros((2, len(share)))
        self._batches = 0

    def add(self, growth: FloatArray) -> None:
        """Take in a batch: (bets,) log-growth."""
        self._batches += 1
        self._e += 1.0 / (self._batches * (self._batches + 1))
        with np.errstate(over="ignore"):
            self._e *= np.exp(growth, out=self._factor)
        # beyond this there is nothing to be said; infinity would poison what follows
        np.minimum(self._e, _MOST, out=self._e)

    @property
    def log_e(self) -> float:
        """Logarithm of E."""
        return float(np.log(self._share @ self._e + 1.0 / (self._batches + 1)))

    def settle(self) -> None:
        """Round the wealth of each bet down, to three binary digits behind the first."""
        self._e.view(np.int64)[:] &= _LEADING

    def state(self) -> State:
        """Wealth of each bet, and batches so far."""
        return {"anytime_e": self._e.copy(), "anytime_batches": np.array([self._batches])}

    def restore(self, state: State) -> None:
        """Continue from `state`."""
        self._e = state["anytime_e"].astype(np.float64)
        self._batches = int(state["anytime_batches"][0])
