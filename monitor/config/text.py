"""YAML as people mean it: yes, no, on and off are words, and a key stands once."""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["parse_yaml"]

_BOOL = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """Safe YAML in which true and false alone are booleans, and a key that is written twice is an error.

    YAML 1.1 takes yes, no, on and off for booleans as well, which YAML 1.2 ended (its core schema, section 10.3.2): a
    class `no`, a country `NO` and a setting `off` are texts. Of a key that is written twice the first would be lost.
    """


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` is written twice", key.start_mark)
        seen.add(str(key.value))
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != _BOOL]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_implicit_resolver(_BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))


def parse_yaml(text: str) -> Any:
    """The values that are written in `text`.

    Examples
    --------
    >>> parse_yaml("{temper: off, classes: [yes, no], joint: True}")
    {'temper': 'off', 'classes': ['yes', 'no'], 'joint': True}

    Raises
    ------
    yaml.YAMLError
        It is not YAML, or a key in it is written twice.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # _Loader is a SafeLoader
