"""The parts of the chart that follow from others: `make chart` writes them, and a test holds them.

The schema of `config` in values.schema.json is that of Holdback's own configuration, so that `helm install` refuses
what `holdback check` would; the table of values in the README is made of the comments in values.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from monitor.config.schema import config_schema
from tests.sources import ROOT

__all__ = ["CHART", "README", "SCHEMA", "VALUES", "readme", "rows", "schema"]

CHART = ROOT / "helm" / "holdback"
README, SCHEMA, VALUES = CHART / "README.md", CHART / "values.schema.json", CHART / "values.yaml"
_START, _END = "<!-- values: make chart -->\n", "<!-- end of values -->\n"


def schema() -> str:
    """The text of values.schema.json with the configuration's schema in it as it is now."""
    values = json.loads(SCHEMA.read_text(encoding="utf-8")) | {"$defs": config_schema()["$defs"]}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def readme() -> str:
    """The text of the README with the table of values as it is now."""
    before, rest = README.read_text(encoding="utf-8").split(_START)
    after = rest.split(_END)[1]
    table = "".join(f"| `{key}` | {default} | {meaning} |\n" for key, default, meaning in rows())
    return f"{before}{_START}| value | default | meaning |\n|---|---|---|\n{table}{_END}{after}"


def rows() -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every value; a key without a comment has an empty meaning."""
    text = VALUES.read_text(encoding="utf-8")
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    yield from _rows(root, "", text.splitlines())


def _rows(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        path, meaning = f"{prefix}{key.value}", _comment(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and not value.flow_style and _comment(lines, value.start_mark.line):
            if meaning:
                yield path, "", meaning
            yield from _rows(value, f"{path}.", lines)
        else:
            default = yaml.safe_load(yaml.serialize(value))
            yield path, f"`{json.dumps(default, ensure_ascii=False)}`", meaning


def _comment(lines: list[str], line: int) -> str:
    """The comment right above a line."""
    words: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        words.insert(0, lines[line].strip().lstrip("# "))
    return " ".join(words)


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
