"""The configured hops of the chain, built: those who may answer instead of the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from fallback.answerers.chain import HopPolicy
from fallback.answerers.constant import Constant
from fallback.answerers.rule import Rules
from fallback.answerers.types import Answer, Answerer, AskedRequest
from fallback.errors import AnswererError
from fallback.types import Route
from monitor.config import Config, ConstantHop, Hop, HttpHop, LastGoodHop, RiverHop, RuleHop, TorchHop, read_secret

__all__ = ["built", "plain", "recorded"]


class _AtHand(Protocol):
    """An answerer that needs nobody to be asked."""

    name: str

    def said(self, request: AskedRequest, /) -> Answer: ...


_Built = Answerer | Route | tuple[Answerer, HopPolicy]


def built(config: Config) -> list[_Built]:
    """Every hop, in the chain's order."""
    return [_hop(each, i, config) for i, each in enumerate(config.route.chain)]


def recorded(chain: Sequence[Hop]) -> Callable[[AskedRequest], tuple[Route, str | float | None, str | None]]:
    """What the chain would have said in a backtest, as far as that can be known without anybody to ask.

    Rules, torch programs and constants are at hand; whatever else stands before them counts as a person, whose answer
    is the recorded outcome.
    """
    steps: list[tuple[Route, _AtHand | None, str | float | None, str | None]] = []
    for i, hop in enumerate(chain):
        if isinstance(hop, RuleHop):
            steps.append((Route.FALLBACK, _rules(hop), None, None))
        elif isinstance(hop, TorchHop):
            from monitor.torch_hop import torch_answerer

            steps.append((Route.FALLBACK, torch_answerer(hop, i), None, None))
        elif isinstance(hop, ConstantHop):
            steps.append((Route.FALLBACK, None, plain(hop.constant), hop.name or "constant"))
        else:
            steps.append((Route.REFUSE if hop == "refuse" else Route.HUMAN, None, None, None))

    def said(request: AskedRequest) -> tuple[Route, str | float | None, str | None]:
        for route, at_hand, answer, name in steps:
            if at_hand is None:
                return route, answer, name
            try:
                return route, at_hand.said(request).value, at_hand.name
            except AnswererError:
                continue
        return Route.REFUSE, None, None

    return said


def plain(value: str | float | bool) -> str | float:
    """A label or a number as answers have it: labels compare as texts."""
    return str(value).lower() if isinstance(value, bool) else value


def _rules(hop: RuleHop) -> Rules:
    return Rules([(rule.when, plain(rule.answer)) for rule in hop.rule], name=hop.name or "rule")


def _hop(hop: Hop, place: int, config: Config) -> _Built:
    if isinstance(hop, HttpHop):
        from fallback.answerers.http import Http

        token = read_secret(hop.token_file) if hop.token_file else None
        answerer = Http(hop.http, name=hop.name or hop.http, connections=hop.bulkhead, token=token)
        return (answerer, HopPolicy(timeout=hop.timeout, at_once=hop.bulkhead))
    if isinstance(hop, LastGoodHop):
        from fallback.answerers.last_good import LastGood

        return LastGood(hop.last_good, hop.max_age, hop.keys, time.monotonic, name=hop.name or "last good")
    if isinstance(hop, TorchHop):
        from monitor.torch_hop import torch_answerer

        return (torch_answerer(hop, place), HopPolicy(timeout=hop.timeout, at_once=hop.bulkhead))
    if isinstance(hop, RiverHop):
        return _river(hop, place, config)
    return _rules(hop) if isinstance(hop, RuleHop) else _fixed(hop)


def _fixed(hop: ConstantHop | Literal["human", "refuse"]) -> _Built:
    return Constant(plain(hop.constant), name=hop.name or "constant") if isinstance(hop, ConstantHop) else Route(hop)


def _river(hop: RiverHop, place: int, config: Config) -> Answerer:
    from fallback.answerers.examples import Examples
    from fallback.answerers.river import River

    # where nothing outlives the process, there is nothing to learn again
    kept = None
    if config.state_dir is not None and hop.remembered:
        kept = Examples(Path(config.state_dir) / f"learnt-{place}.jsonl", hop.remembered)
    return River(
        hop.river,
        examples=hop.examples,
        max_error=hop.max_error,
        within=hop.within,
        kept=kept,
        name=hop.name or "river",
    )
