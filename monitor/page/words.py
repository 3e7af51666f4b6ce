"""The one plain sentence on top of the page: what is going on, and what it means for callers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from monitor.page.picture import KillNote, Rate, Shares, Status, Version

__all__ = ["SEVERITY", "chosen", "describe", "percent"]

SEVERITY: Final = {
    "closed": 0,
    "forced_closed": 1,
    "degraded": 2,
    "half_open": 3,
    "open": 4,
    "forced_open": 5,
}
_WHO: Final = {"model": "the model", "fallback": "the fallback", "human": "people", "refuse": "nobody (refused)"}
_Words = tuple[str, str, str]
"""Tone (`good`, `watch`, `bad`, `unknown`), headline, detail."""


def describe(status: Status) -> _Words:
    """Tone, headline and detail for the version that is worst off; the kill switch is above all."""
    if status.kill is not None:
        return _killed(status, status.kill)
    if not status.versions:
        return _quiet(status)
    worst = max(status.versions, key=lambda v: (v.health == "blind", SEVERITY.get(v.state, 9)))
    if worst.health == "blind":
        return _blind(status, worst)
    return _by_state(status, worst)


def _killed(status: Status, kill: KillNote) -> _Words:
    at = datetime.fromtimestamp(kill.since, UTC)
    text = f"The kill switch is on since {at:%Y-%m-%d %H:%M:%S} UTC, by {kill.actor}: {_reason(kill.reason)}."
    return "bad", text, "The model answers nothing here, whatever the breaker says. " + _sentence(_who(status.shares))


def _quiet(status: Status) -> _Words:
    if status.counts.events == 0:
        return "unknown", "Waiting for the first predictions.", f"Watching {status.model}."
    text = f"{status.counts.events:,} requests counted so far; the judge has not given its first verdict yet."
    return "unknown", text, _sentence(_who(status.shares))


def _blind(status: Status, worst: Version) -> _Words:
    text = f"We do not know: the last verdict{_of(status, worst)} is {_age(worst.age)} old."
    return "unknown", text, "Requests are routed as `when_blind` says. " + _sentence(_who(status.shares))


def _by_state(status: Status, worst: Version) -> _Words:
    error = _error(status.accepted_lately, status.max_error)
    because = f" because {_reason(worst.reason)}" if worst.reason else ""
    name, since = f"The breaker{_of(status, worst)}", _since(worst, status.now)
    match worst.state:
        case "closed":
            tone = "watch" if worst.health == "stale" or _broken(status) else "good"
            text = f"The model is answering {percent(status.shares.model, 0)} of requests; {error}."
            return tone, text, _sentence(_rest(status.shares))
        case "degraded":
            text = f"{name} is DEGRADED{since}{because}."
            share = percent(status.shares.model, 0)
            return "watch", text, f"The model still answers the {share} of requests that it is surest of; {error}."
        case "half_open":
            text = f"{name} is HALF-OPEN{since}: the model is being tried again on probes."
            return "watch", text, _sentence(_who(status.shares))
        case "open":
            text = f"{name} is OPEN{since}{because}."
            return "bad", text, "The model answers nothing and is scored in shadow. " + _sentence(_who(status.shares))
        case _:
            held = "closed" if worst.state == "forced_closed" else "open"
            text = f"An operator holds the breaker{_of(status, worst)} {held}{since}{because}."
            return "bad" if held == "open" else "watch", text, _sentence(_who(status.shares))


def _error(rate: Rate, promise: float) -> str:
    if rate.rate is None:
        return f"no outcome of its last accepted answers is known yet, promise {chosen(promise)}"
    return f"{percent(rate.rate)} of its accepted answers were wrong, promise {chosen(promise)}"


def _broken(status: Status) -> bool:
    """Above the promise by more than chance."""
    low = status.accepted_lately.low
    return low is not None and low > status.max_error


def _who(shares: Shares) -> str:
    parts = [(getattr(shares, route), who) for route, who in _WHO.items()]
    named = [f"{who} answered {percent(share, 0)}" for share, who in sorted(parts, reverse=True) if share >= 0.005]
    return f"of the last {shares.n:,} requests {_join(named)}" if named else ""


def _rest(shares: Shares) -> str:
    parts = [(getattr(shares, route), who) for route, who in _WHO.items() if route != "model"]
    named = [f"{percent(share, 0)} to {who}" for share, who in sorted(parts, reverse=True) if share >= 0.005]
    return f"the others went elsewhere: {_join(named)}" if named else ""


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""


def _of(status: Status, version: Version) -> str:
    return f" of version {version.version}" if len(status.versions) > 1 else ""


def _since(version: Version, now: float) -> str:
    if version.since is None:
        return ""
    at, today = datetime.fromtimestamp(version.since, UTC), datetime.fromtimestamp(now, UTC)
    return f" since {at:%H:%M:%S} UTC" if at.date() == today.date() else f" since {at:%Y-%m-%d %H:%M} UTC"


def _reason(reason: str) -> str:
    """Turn a code into words; a sentence stays as it is, without its full stop."""
    return (reason if " " in reason else reason.replace("_", " ")).rstrip(".")


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def percent(share: float, digits: int = 1) -> str:
    """Write a measured share: `0.018` as "1.8 %", with a narrow no-break space."""
    return f"{100 * share:.{digits}f}\u202f%"


def chosen(share: float) -> str:
    """Write a share that somebody chose, without idle zeros: `0.05` as "5 %"."""
    return f"{100 * share:.5g}\u202f%"
