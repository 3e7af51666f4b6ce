"""`holdback schema`: JSON Schema of the configuration and of every record."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import Annotated, Any

import typer

from monitor.cli.options import print_json
from monitor.errors import UsageError

__all__ = ["SCHEMAS", "schema"]

SCHEMAS = MappingProxyType(
    {
        "config": "monitor.config:Config",
        "prediction": "monitor.events:Prediction",
        "outcome": "monitor.events:Outcome",
        "decision": "monitor.events:Decision",
        "answer": "monitor.events:Answer",
        "review": "monitor.events:Review",
        "dead-letter": "monitor.events:DeadLetter",
        "summary": "monitor.summaries:Summary",
        "order": "monitor.summaries:OperatorOrder",
        "joined": "monitor.events:JoinRecord",
        "ledger": "monitor.judging.records:Record",
    }
)
"""Where each struct is: `module:name`, imported when its schema is asked for."""


def schema(name: Annotated[str, typer.Argument(help=f"One of {', '.join(SCHEMAS)}.", show_default=False)]) -> None:
    """Print the JSON Schema of the configuration or of a record."""
    if name not in SCHEMAS:
        raise UsageError(f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}")
    print_json("-", _schema(name))


def _schema(name: str) -> dict[str, Any]:
    from monitor.config import config_schema
    from monitor.events import record_schema

    if name == "config":
        return config_schema()
    module, _, attribute = SCHEMAS[name].partition(":")
    return record_schema(getattr(importlib.import_module(module), attribute))
