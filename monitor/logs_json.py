"""JSON logs on standard error: one object a line, for this package and for libraries that use the standard logging."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, TextIO

import structlog

from monitor.observing import Alarm, Counted, Evidence, KillState, Observation, Paged, Transition

__all__ = ["LEVELS", "LogObserver", "json_handler", "json_logger"]

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_OWN_NAMES: Final = {"level": "alarm_level", "event": "position"}

_Logger = structlog.typing.FilteringBoundLogger


def _chain() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def json_logger(stream: TextIO | None = None, *, level: str = "info", **bound: object) -> _Logger:
    """Make a logger of its own, without global configuration; `bound` is in every line."""
    logger: _Logger = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[*_chain(), structlog.processors.JSONRenderer(default=repr)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger.bind(**bound)


def json_handler(stream: TextIO | None = None, *, level: str = "warning") -> logging.Handler:
    """For the root logger of the standard library, so that other libraries' lines are JSON as well."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setLevel(LEVELS[level])
    final: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(default=repr),
    ]
    named: list[structlog.typing.Processor] = [structlog.stdlib.add_logger_name, *_chain()]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=named, processors=final))
    return handler


class LogObserver:
    """Writes a line for what a person may have to act on; batches as such are in the metrics."""

    def __init__(self, logger: _Logger) -> None:
        self._log = logger

    def __call__(self, seen: Observation, /) -> None:
        """Log alarms, transitions, pages and dead letters."""
        match seen:
            case Alarm():
                self._log.warning(
                    "alarm", **_fields(seen, "level", "view", "event", "log10_evidence", "why", "version")
                )
            case Transition():
                fields = _fields(seen, "version", *(("segment",) if seen.segment else ()), "event", "reason")
                self._log.warning("breaker", **{"from": seen.before, "to": seen.after}, **fields)
            case Paged():
                report = self._log.warning if seen.sent else self._log.error
                report("page", **_fields(seen, "summary", "sent"))
            case Evidence(opinions=opinions) if opinions:
                self._log.info("second_opinions", alarms=[f"{by}: {view}" for by, view in opinions], at=seen.event)
            case KillState():
                self._log.warning("kill_switch", on=seen.on, actor=seen.actor, reason=seen.reason)
            case Counted(dead_letters=letters) if letters:
                self._log.info("dead_letters", reasons=dict(letters))
            case _:
                pass


def _fields(seen: Observation, *names: str) -> dict[str, Any]:
    # `level` and `event` are the log line's own
    return {_OWN_NAMES.get(name, name): getattr(seen, name) for name in names}
