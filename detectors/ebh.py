"""Which views to name: the e-Benjamini-Hochberg procedure, whose list holds few false names under any dependence."""

from __future__ import annotations

import numpy as np

from .types import FloatArray, IntArray

__all__ = ["FALSE_DISCOVERIES", "e_bh"]

FALSE_DISCOVERIES = 0.1
"""Share of a list's names that may be wrong, on average."""


def e_bh(log_e: FloatArray, rate: float = FALSE_DISCOVERIES) -> IntArray:
    r"""Places of the e-values that stand out, the greatest first.

    With the e-values in falling order, :math:`e_{(1)} \ge e_{(2)} \ge \dots \ge e_{(K)}`, the first
    :math:`k^* = \max \{k : k\, e_{(k)} \ge K / \alpha\}` are named. If each e-value of a null has a mean of at most
    one, the mean share of nulls among the names is at most :math:`\alpha`, whatever the e-values have to do with each
    other: for a null that is named :math:`1 \le k^* \alpha e / K`, so the share of nulls,
    :math:`\sum 1\{named\} / k^*`, is at most :math:`\alpha \sum e / K`.

    Of a Shiryaev-Roberts detector M / t is an e-value at a time t that was fixed before. At an alarm, whose time
    depends on the evidence, that is so only roughly; the same bound at fixed times is what is proven.

    Parameters
    ----------
    log_e
        (views,): logarithms of the e-values.
    rate
        :math:`\alpha`, in (0, 1).

    References
    ----------
    Wang & Ramdas, "False discovery rate control with e-values", JRSS B 2022.

    Examples
    --------
    >>> e_bh(np.log([1.0, 300, 50, 2]), .1).tolist()
    [1, 2]
    """
    order = np.argsort(-log_e, kind="stable")
    k = np.arange(1, len(log_e) + 1)
    enough = np.flatnonzero(log_e[order] + np.log(k) >= np.log(len(log_e) / rate))
    named: IntArray = order[: enough[-1] + 1] if len(enough) else order[:0]
    return named
