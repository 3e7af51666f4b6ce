"""The operations of a program, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detectors.errors import ProgramError

from .arguments import Ref
from .graph import Graph, Node
from .operations import DROPOUTS, Operation, constant, operation

__all__ = ["Step", "steps", "take"]


@dataclass(frozen=True, slots=True)
class Step:
    """An operation that is ready to be called."""

    call: Operation
    arguments: dict[str, Any]
    outputs: tuple[str | None, ...]
    several: bool
    dropout: float | None
    done: tuple[str, ...]
    """Values that nobody needs after it."""


def steps(graph: Graph, device: str, *, double: bool) -> tuple[Step, ...]:
    """The operations of a graph, looked up; ProgramError for one that must not be run, or can't."""
    last: dict[str, int] = {}
    for i, node in enumerate(graph.nodes):
        for name in _names(list(node.arguments.values())):
            last[name] = i
        for output in node.outputs:
            if output is not None:
                last.setdefault(output, i)
    kept = {*graph.weights, *graph.results.values()}
    known = {*graph.weights, graph.given}
    steps = []
    for i, node in enumerate(graph.nodes):
        unknown = _names(list(node.arguments.values())) - known
        if unknown:
            raise ProgramError(f"its operation {node.target!r} needs {sorted(unknown)!r}, which was not computed")
        known |= {name for name in node.outputs if name is not None}
        _leaves_weights(node, graph)
        done = tuple(name for name, at in last.items() if at == i and name not in kept)
        arguments = {name: constant(each, device, double=double) for name, each in node.arguments.items()}
        call, dropout = operation(node), _dropout(node)
        steps.append(Step(call, arguments, node.outputs, node.several, dropout, done))
    return tuple(steps)


def _leaves_weights(node: Node, graph: Graph) -> None:
    """An operation whose name ends in `_` writes into its first argument."""
    first = next(iter(node.arguments.values()), None)
    packet = node.target.removeprefix("torch.ops.aten.").partition(".")[0]
    if packet.endswith("_") and isinstance(first, Ref) and first.name in graph.weights:
        raise ProgramError(f"it changes its weight {first.name!r} while it runs; export it in evaluation mode")


def _dropout(node: Node) -> float | None:
    """The share that it drops, where it is on; None for any other operation."""
    if node.target not in DROPOUTS:
        return None
    share = float(node.arguments.get("p", 0.5))
    return share if node.arguments.get("train", False) and 0.0 <= share < 1.0 else 0.0


def _names(value: Any) -> set[str]:
    if isinstance(value, Ref):
        return {value.name}
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


def take(step: Step, values: dict[str, Any], masks: Any) -> None:
    """Do one operation on the values that are there; `masks` is the generator of dropout's."""
    arguments = {name: _filled(each, values) for name, each in step.arguments.items()}
    if step.dropout is None:
        result = step.call(**arguments)
    else:
        result = _dropped(next(iter(arguments.values())), step.dropout, masks)
        if step.several:
            result = (result, None)
    given = zip(step.outputs, result if step.several else (result,), strict=False)
    values.update({name: each for name, each in given if name is not None})
    for name in step.done:
        values.pop(name, None)


def _dropped(x: Any, share: float, masks: Any) -> Any:
    """Dropout with the same mask for every row."""
    if not share:
        return x
    import torch

    keep = torch.rand(x.shape[1:], generator=masks, dtype=torch.float64) >= share
    return x * (keep.to(x.device, x.dtype) / (1.0 - share))


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Ref):
        return values[value.name]
    return [_filled(each, values) for each in value] if isinstance(value, list) else value
