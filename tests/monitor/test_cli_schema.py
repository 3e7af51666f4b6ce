from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from monitor.cli import main
from monitor.cli.schema import SCHEMAS

EXAMPLES: dict[str, dict[str, Any]] = {
    "config": {"model": "m", "promise": {"max_error": "2%", "false_pages": "1 per 90d"}},
    "prediction": {
        "id": "a",
        "time": "2026-01-01T00:00:00Z",
        "model": "m",
        "version": "1",
        "segment": {"region": "eu"},
        "client": None,
        "features": {"x": 1.5, "c": "red", "n": None},
        "embedding": [0.5],
        "output": {"label": "1", "probabilities": {"0": 0.25, "1": 0.75}, "logits": [0.0, 1.0]},
    },
    "outcome": {"id": "a", "value": 3.5, "source": "review", "by": "ann", "harmful": False},
    "answer": {
        "id": "a",
        "decision_id": "d",
        "time": "2026-01-01T00:00:00Z",
        "answer": "1",
        "answered_by": "ann",
        "expired": False,
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid_and_describes_what_it_is_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`holdback schema NAME` prints JSON Schema that accepts an example and nothing without what is required."""
    with pytest.raises(SystemExit) as ended:
        main(["schema", name])
    assert not ended.value.code
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    if name in EXAMPLES:
        jsonschema.validate(EXAMPLES[name], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, schema)
