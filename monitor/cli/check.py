"""`holdback check`: every fault of the configuration, each with its path."""

from __future__ import annotations

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json
from monitor.errors import ConfigError

__all__ = ["check"]


def check(config: ConfigOption, json_file: JsonOption = None) -> None:
    """Report every fault of a configuration, each with its path. Exit status 2 if there is one."""
    try:
        configuration(config)
    except ConfigError as error:
        if json_file is not None:
            print_json(json_file, _report(error.faults))
        raise
    if json_file is not None:
        print_json(json_file, _report(()))
    if json_file != "-":
        print(f"{config}: no faults")  # noqa: T201  # a command's result


def _report(faults: tuple[tuple[str, str], ...]) -> dict[str, object]:
    return {"ok": not faults, "faults": [{"path": path, "message": message} for path, message in faults]}
