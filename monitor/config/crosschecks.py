"""What no single value shows: keys that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from fallback.answerers.rule import condition
from monitor.config.hops import ConstantHop, RiverHop, RuleHop
from monitor.config.kafka import Kafka
from monitor.config.paging import PagerDuty
from monitor.config.promises import Columns
from monitor.config.root import Config
from monitor.config.running import Paging, Views
from monitor.config.serving import Route
from monitor.config.tolerances import tolerated_share

__all__ = ["cross_faults"]


def cross_faults(config: Config) -> Iterator[tuple[str, str]]:
    """Every (path, message) of values that are fine alone and not together."""
    yield from _columns(config.columns)
    yield from _chain(config.route)
    yield from _login(config.kafka)
    yield from _paging(config.paging)
    yield from _tolerances(config.views)
    yield from _canary(config)
    if config.promise.within is not None and config.columns.label is not None:
        yield (
            "promise.within",
            "is for regression, but `columns.label` says that this is a classifier; drop one of them",
        )
    if config.outcomes.known == "asked" and config.promise.audit == 0:
        yield (
            "promise.audit",
            "0 with `outcomes.known: asked`: no answer that the model gave would ever be checked; audit at least 1%",
        )
    if config.breaker.max_backoff < config.breaker.backoff:
        yield (
            "breaker.max_backoff",
            f"{config.breaker.max_backoff:g} s is shorter than `breaker.backoff` ({config.breaker.backoff:g} s)",
        )


def _canary(config: Config) -> Iterator[tuple[str, str]]:
    canary = config.canary
    if canary is None:
        return
    if canary.baseline == canary.candidate:
        yield "canary.candidate", f"{canary.candidate!r} is the baseline, too; give the version that is tried"
    for role in ("baseline", "candidate"):
        version = getattr(canary, role)
        if isinstance(config.profile, dict) and version not in config.profile:
            known = ", ".join(map(repr, config.profile))
            yield f"canary.{role}", f"version {version!r} has no profile; `profile` has {known}"


def _tolerances(views: Views) -> Iterator[tuple[str, str]]:
    for name, raw in views.tolerance.items():
        try:
            tolerated_share(raw)
        except ValueError:
            allowed = "standard deviations such as 0.25, at most 1, or a share such as 2%, at most 35%"
            yield f"views.tolerance.{name}", f"{raw!r} is not {allowed}"


def _paging(p: Paging) -> Iterator[tuple[str, str]]:
    if p.pagerduty.url != PagerDuty().url and p.pagerduty.routing_key_file is None:
        yield (
            "paging.pagerduty.routing_key_file",
            "is required beside `paging.pagerduty.url`: without it nothing is sent",
        )
    if p.webhook.token_file is not None and p.webhook.url is None:
        yield "paging.webhook.url", "is required beside `paging.webhook.token_file`: there is nobody to show it to"


def _columns(c: Columns) -> Iterator[tuple[str, str]]:
    if c.label is not None and c.value is not None:
        yield (
            "columns.value",
            f"{c.value!r} beside `columns.label` {c.label!r}: a model gives either a class or a number",
        )
    if c.probability is not None and c.value is not None:
        yield "columns.probability", "is for classification, but `columns.value` says that this is a regression"
    yield from _outputs(c)
    for name in ("lower", "upper", "spread"):
        if getattr(c, name) is not None and c.value is None:
            yield f"columns.{name}", "needs `columns.value`: it is the doubt about a predicted number"
    if (c.lower is None) != (c.upper is None):
        missing = "lower" if c.lower is None else "upper"
        yield f"columns.{missing}", "is required: an interval has two ends"
    if c.positive is not None and not isinstance(c.probability, str):
        yield "columns.positive", "needs `columns.probability` with the one column that it is of"
    yield from _features(c)


def _outputs(c: Columns) -> Iterator[tuple[str, str]]:
    """Columns of classes beside those of numbers, and two ways of saying the same."""
    if c.logits is not None and c.probability is not None:
        yield "columns.logits", "beside `columns.probability`: they say the same; drop one of them"
    for name in ("logits", "label_probability", "logprob"):
        if getattr(c, name) is not None and c.value is not None:
            yield f"columns.{name}", "is for classification, but `columns.value` says that this is a regression"
    if c.samples is not None and c.value is None:
        what = "draws of a predicted number; those of classes go into `samples` of JSON lines with `features`"
        yield "columns.samples", f"needs `columns.value`: they are {what}"
    if c.logprob is not None and c.length is None:
        yield "columns.length", "is required beside `columns.logprob`: a long answer is less likely than a short one"
    for name in ("margin", "length"):
        if getattr(c, name) is not None and c.logprob is None:
            yield f"columns.{name}", "needs `columns.logprob`: it says more about a generated answer"


def _features(c: Columns) -> Iterator[tuple[str, str]]:
    features = c.features or []
    for name in sorted({f for f in features if features.count(f) > 1}):
        yield "columns.features", f"{name!r} is listed more than once"
    if c.outcome is not None and c.outcome in features:
        yield "columns.features", f"{c.outcome!r} is the outcome: a feature must be known before it"
    for name in ("label", "value", "probability"):
        if c.outcome is not None and c.outcome == getattr(c, name):
            yield "columns.outcome", f"{c.outcome!r} is also `columns.{name}`: the model would be compared with itself"


def _chain(route: Route) -> Iterator[tuple[str, str]]:
    for i, hop in enumerate(route.chain[:-1]):
        if hop == "refuse" or isinstance(hop, ConstantHop):
            what = "refuse" if hop == "refuse" else "a constant"
            yield f"route.chain[{i + 1}]", f"is never asked: {what} before it always answers"
            break
    for i, hop in enumerate(route.chain):
        if isinstance(hop, RiverHop) and (hop.river == "linear") != (hop.within is not None):
            what = "is required by linear: how far off is still right" if hop.river == "linear" else "is for linear"
            yield f"route.chain[{i}].within", what
        if isinstance(hop, RuleHop):
            yield from _rules(hop, f"route.chain[{i}].rule")
    if sum(hop == "human" for hop in route.chain) > 1:
        yield "route.chain", "`human` is listed more than once: there is one queue"


def _rules(hop: RuleHop, path: str) -> Iterator[tuple[str, str]]:
    for i, rule in enumerate(hop.rule):
        for feature, wanted in rule.when.items():
            try:
                condition(wanted)
            except ValueError as error:
                yield f"{path}[{i}].when.{feature}", str(error)


def _login(kafka: Kafka) -> Iterator[tuple[str, str]]:
    sasl, tls = kafka.sasl, kafka.tls
    if sasl is not None and sasl.mechanism == "OAUTHBEARER" and sasl.token_file is None:
        yield "kafka.sasl.token_file", "is required by OAUTHBEARER: a file with the token"
    if sasl is not None and sasl.mechanism != "OAUTHBEARER":
        for name in ("username", "password_file"):
            if getattr(sasl, name) is None:
                yield f"kafka.sasl.{name}", f"is required by {sasl.mechanism}"
    if tls is not None and (tls.cert_file is None) != (tls.key_file is None):
        missing = "cert_file" if tls.cert_file is None else "key_file"
        yield f"kafka.tls.{missing}", "is required: a certificate and its key go together"
