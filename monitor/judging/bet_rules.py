"""From the configuration to the rules of the bets on a profile's views."""

from __future__ import annotations

import numpy as np

from detectors.by_event import EvidenceByEvent
from detectors.evidence import Evidence
from detectors.profile import Profile
from detectors.stakes import BetRules
from detectors.types import FloatArray
from monitor.config import Config
from monitor.config.tolerances import tolerated_share
from monitor.errors import UsageError

__all__ = ["bet_rules", "new_evidence"]

_SHOWN = 12


def bet_rules(config: Config, profile: Profile) -> BetRules:
    """Tolerances of the views and their temper; raises UsageError for a view that the profile does not have."""
    names = profile.fitted.views.layout().names
    unknown = [name for name in config.views.tolerance if name not in names]
    if unknown:
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise UsageError(f"views.tolerance names {unknown[0]!r}, which is no view of this profile; there are {shown}")
    shares = {name: tolerated_share(raw) for name, raw in config.views.tolerance.items()}
    return BetRules(config.evidence.tolerance, shares, _temper(config, profile, len(names)))


def new_evidence(config: Config, profile: Profile, log_level: float, quiet: float) -> Evidence:
    """The detector that `evidence.path` asks for; raises UsageError if the profile has not what it needs."""
    fitted, rules = profile.fitted, bet_rules(config, profile)
    layout = fitted.views.layout()
    if config.evidence.path == "batch":
        return Evidence(layout, fitted.reference, log_level, rules=rules, quiet=quiet)
    if rules.shares:
        raise UsageError(
            "evidence.path is 'exact', and views.tolerance is set; what is proven event by event holds against no "
            "drift at all. Take one of them out"
        )
    if fitted.first is None:
        raise UsageError(
            "evidence.path is 'exact', and this profile was fitted without it; run `holdback fit` with this "
            "configuration"
        )
    seed = int(profile.digest[:15] or "0", 16)
    return EvidenceByEvent(layout, fitted.reference, log_level, rules, quiet, first=fitted.first, seed=seed)


def _temper(config: Config, profile: Profile, views: int) -> FloatArray | None:
    """(views,): what the bets are divided by; None for nothing."""
    wanted = config.evidence.temper
    if wanted == "off":
        return None
    return profile.fitted.memory if wanted == "auto" else np.full(views, float(wanted))
