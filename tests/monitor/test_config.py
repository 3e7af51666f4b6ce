from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import (
    Config,
    ConstantHop,
    Delay,
    FalsePages,
    HttpHop,
    RuleHop,
    config_from,
    config_schema,
    load_config,
    read_secret,
)
from monitor.errors import ConfigError, UsageError

MINIMAL: dict[str, Any] = {"model": "m", "promise": {"max_error": "2%", "false_pages": "1 per 90d"}}


def faults_of(raw: object, environ: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        config_from(raw, environ or {})
    return dict(caught.value.faults)


def of_file(tmp_path: Path, text: str | bytes) -> Config:
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path, {})


def test_only_model_and_promise_are_required() -> None:
    """Everything else has a working default."""
    config = config_from(MINIMAL, {})
    assert (config.promise.max_error, config.promise.false_pages) == (0.02, FalsePages(90, "days"))
    assert (config.promise.coverage, config.promise.audit, config.promise.confidence) == (0.9, 0.05, 0.95)
    assert (config.promise.within, config.outcomes.known, config.outcomes.expire) == (None, "all", 7 * 86400)
    assert tuple(config.route.chain) == ("human", "refuse")
    assert (config.web.host, config.web.port, config.delivery) == ("127.0.0.1", 8088, "exactly_once")


def test_what_is_required_is_named_down_to_the_key() -> None:
    """An empty file is told the three keys that it needs."""
    assert list(faults_of(None)) == ["model", "promise.max_error", "promise.false_pages"]


def test_every_fault_is_reported_at_once_with_its_path_and_value() -> None:
    """Nobody has to run the check once a fault."""
    found = faults_of(
        {
            "model": 7,
            "version": 1.10,
            "promise": {"max_error": "-3%", "false_pages": "often", "coverage": 1.2, "within": -1},
            "kafcka": {},
            "outcomes": {"known": "some", "delay": "5 parsecs", "expire": 7},
            "columns": {"features": ["a", 1]},
            "route": {"chain": [{"http": "ftp://x"}, "robot", {"constant": "a", "tmeout": 3}], "when_blind": "statc"},
            "web": {"port": 99_999},
            "log": [1],
        }
    )
    assert list(found) == [
        "model",
        "version",
        "promise.max_error",
        "promise.false_pages",
        "promise.coverage",
        "promise.within",
        "kafcka",
        "outcomes.known",
        "outcomes.delay",
        "outcomes.expire",
        "columns.features[1]",
        "route.chain[0].http",
        "route.chain[1]",
        "route.chain[2].tmeout",
        "route.when_blind",
        "web.port",
        "log",
    ]
    assert "did you mean `kafka`" in found["kafcka"]
    assert "in quotes" in found["version"]
    assert "'-3%' must be above 0 and below 1" in found["promise.max_error"]
    assert "`static`, `open`, `degraded`, `closed`" in found["route.when_blind"]


@pytest.mark.parametrize(
    ("raw", "path", "told"),
    [
        ({"model": "my model"}, "model", "'my model' must be letters of A to Z, digits"),
        ({"version": 1}, "version", "1 must be a text: write it in quotes"),
        ({"promise": {"max_error": 2}}, "promise.max_error", "did you mean `2%`?"),
        ({"promise": {"max_error": "5"}}, "promise.max_error", "did you mean `5%`?"),
        ({"promise": {"within": "ten"}}, "promise.within", "'ten' must be a number;"),
        ({"promise": {"within": -1}}, "promise.within", "-1 must be above 0;"),
        ({"outcomes": {"known": "some"}}, "outcomes.known", "'some' is not allowed; allowed are `all`, `asked`"),
        ({"columns": {"features": "a"}}, "columns.features", "'a' must be a list: write it in square brackets, ['a'];"),
        ({"columns": {"features": ["a", 7]}}, "columns.features[1]", "7 must be a text: write it in quotes;"),
        ({"evidence": {"bins": 8.5}}, "evidence.bins", "8.5 must be a whole number;"),
        ({"evidence": {"bins": 1}}, "evidence.bins", "1 must be at least 4;"),
        ({"evidence": {"temper": "on"}}, "evidence.temper", "'on' is not allowed;"),
        ({"views": {"joint": "maybe"}}, "views.joint", "'maybe' must be true or false;"),
        ({"views": {"tolerance": {"a": []}}}, "views.tolerance", "must be a number or a text;"),
        ({"views": {"context": "hourly"}}, "views.context", "'hourly' must be hour_of_day, quarter_of_day,"),
        ({"uncertainty": {"scorer": {"torch": "a", "classes": ["b"], "features": ["c"]}}}, "uncertainty.scorer.classes",
         "must have at least 2 items;"),
        ({"paging": {"page_url": "a.com"}}, "paging.page_url", "'a.com' must be an address that begins with http://"),
        ({"kafka": {"decisions": "a b"}}, "kafka.decisions", "'a b' must be letters of A to Z"),
    ],
)  # fmt: skip
def test_a_fault_says_in_words_what_the_value_must_be(raw: dict[str, Any], path: str, told: str) -> None:
    """No type of the program's, no pattern: what would be right, and how it is written."""
    found = faults_of(MINIMAL | {key: MINIMAL.get(key, {}) | value if isinstance(value, dict) else value
                                 for key, value in raw.items()})  # fmt: skip
    assert told in found[path]
    assert not [word for word in ("expected `", "got `", "regex", "null") if word in found[path]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "promise:\n\tmax_error: 2%",
            "line 2, column 1: found character '\\t' that cannot start any token. Indent with",
        ),
        ("promise: max_error: 2%", "line 1, column 19: mapping values are not allowed here. Put each key on a line"),
        ("promise: {max_error: 2%", "line 1, column 24: expected ',' or '}', but got '<stream end>'. Look for"),
        ("a:\n    b: 1\n  c: 2", "line 3, column 3: expected <block end>, but found '<block mapping start>'. Look for"),
        ("model: a\nmodel: b", "line 2, column 1: `model` is written twice"),
    ],
)
def test_a_file_that_is_no_yaml_is_told_where_and_what_to_do(tmp_path: Path, text: str, told: str) -> None:
    """Line, column, and what mostly helps."""
    with pytest.raises(ConfigError) as caught:
        of_file(tmp_path, text)
    assert caught.value.faults[0][1].startswith(f"is not YAML, {told}")


@pytest.mark.parametrize(
    ("written", "share"), [("2%", 0.02), ("2 %", 0.02), (0.02, 0.02), ("0.02", 0.02), ("99.5%", 0.995), (".5", 0.5)]
)
def test_shares_are_percent_or_fractions(written: object, share: float) -> None:
    """2% and 0.02 are the same."""
    promise = MINIMAL["promise"] | {"max_error": written}
    assert config_from(MINIMAL | {"promise": promise}, {}).promise.max_error == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize("written", ["", "x", "2%%", True, None, [1], float("nan"), float("inf"), 0, 1, "100%", "nan"])
def test_a_share_out_of_range_or_unreadable_is_a_fault(written: object) -> None:
    """A promise of 0 or of 100 % wrong answers is no promise."""
    assert "promise.max_error" in faults_of(MINIMAL | {"promise": MINIMAL["promise"] | {"max_error": written}})


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("1 per 90d", FalsePages(90, "days")),
        ("2 per 30d", FalsePages(15, "days")),
        ("1 per 12h", FalsePages(0.5, "days")),
        ("1 per 1000000 events", FalsePages(1e6, "events")),
        ("1 per 1_000_000 events", FalsePages(1e6, "events")),
        ("1 in 1e6 events", FalsePages(1e6, "events")),
    ],
)
def test_false_pages_are_days_or_events_between_two(written: str, rate: FalsePages) -> None:
    """The rate becomes what the promise counts: days or events a false page."""
    assert (
        config_from(MINIMAL | {"promise": MINIMAL["promise"] | {"false_pages": written}}, {}).promise.false_pages
        == rate
    )


@pytest.mark.parametrize(
    "written", ["1 per 0d", "0 per 90d", "1 per 90", 90, "per 90d", "1 per d", "-1 per 90d", "1 per 1e400 events"]
)
def test_a_rate_that_is_none_is_a_fault(written: object) -> None:
    """Nought in any place of the rate is refused, and so is a missing unit."""
    assert "promise.false_pages" in faults_of(MINIMAL | {"promise": MINIMAL["promise"] | {"false_pages": written}})


def test_a_delay_is_rows_or_a_duration() -> None:
    """A bare number counts rows; with a unit of time it is a duration."""
    for written, delay in [
        (500, Delay(rows=500)),
        ("500 rows", Delay(rows=500)),
        ("30m", Delay(seconds=1800)),
        (0, Delay(rows=0)),
    ]:
        assert config_from(MINIMAL | {"outcomes": {"delay": written}}, {}).outcomes.delay == delay
    assert "outcomes.delay" in faults_of(MINIMAL | {"outcomes": {"delay": -1}})


def test_the_chain_holds_models_constants_people_and_refusal() -> None:
    """Each kind of answerer is read, with its own knobs."""
    config = config_from(
        MINIMAL | {"route": {"chain": [{"http": "http://a/v2", "timeout": "200ms"}, "human", {"constant": 0}]}}, {}
    )
    assert tuple(config.route.chain) == (HttpHop(http="http://a/v2", timeout=0.2), "human", ConstantHop(constant=0))
    assert "route.chain" in faults_of(MINIMAL | {"route": {"chain": []}})


def test_the_environment_overrides_the_file() -> None:
    """HOLDBACK_A__B sets a.b, as text or as YAML, whichever fits."""
    environ = {
        "HOLDBACK_PROMISE__MAX_ERROR": "3%",
        "HOLDBACK_VERSION": "1",
        "HOLDBACK_WEB__PORT": "0",
        "HOLDBACK_VIEWS__JOINT": "false",
        "HOLDBACK_OUTCOMES__DELAY": "500",
        "HOLDBACK_ROUTE__CHAIN": "[{http: 'http://a/'}, refuse]",
        "HOLDBACK_PROFILE": "{'1': a.profile}",
        "PATH": "/bin",
    }
    config = config_from(MINIMAL, environ)
    assert (config.promise.max_error, config.version, config.web.port, config.views.joint) == (0.03, "1", 0, False)
    assert (config.outcomes.delay, config.versioned_profiles) == (Delay(rows=500), {"1": "a.profile"})
    assert tuple(config.route.chain) == (HttpHop(http="http://a/"), "refuse")


def test_a_wrong_override_is_a_fault_like_any_other() -> None:
    """A mistyped variable is not ignored; those that Kubernetes sets for a Service named holdback are."""
    found = faults_of(MINIMAL, {"HOLDBACK_WEB__PORTT": "1", "HOLDBACK_MODLE": "x", "HOLDBACK_MODEL__X": "1"})
    assert set(found) == {"web.portt", "modle", "model.x"}
    links = {
        "HOLDBACK_SERVICE_HOST": "10.0.0.1",
        "HOLDBACK_PORT": "tcp://10.0.0.1:80",
        "HOLDBACK_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert config_from(MINIMAL, links) == config_from(MINIMAL, {})


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"columns": {"label": "a", "value": "b"}}, "columns.value"),
        ({"columns": {"value": "a", "lower": "b"}}, "columns.upper"),
        ({"columns": {"spread": "b"}}, "columns.spread"),
        ({"columns": {"logits": {"0": "a"}, "probability": "b"}}, "columns.logits"),
        ({"columns": {"logprob": "a", "value": "b", "length": "c"}}, "columns.logprob"),
        ({"columns": {"logprob": "a"}}, "columns.length"),
        ({"columns": {"margin": "a"}}, "columns.margin"),
        ({"columns": {"samples": ["a"]}}, "columns.samples"),
        ({"columns": {"probability": {"0": "p"}, "positive": "0"}}, "columns.positive"),
        ({"columns": {"features": ["a", "a"]}}, "columns.features"),
        ({"columns": {"features": ["a"], "outcome": "a"}}, "columns.features"),
        ({"columns": {"label": "a", "outcome": "a"}}, "columns.outcome"),
        ({"columns": {"value": "a", "outcome": "a"}}, "columns.outcome"),
        ({"columns": {"label": "b", "probability": "a", "outcome": "a"}}, "columns.outcome"),
        ({"route": {"chain": ["refuse", "human"]}}, "route.chain[1]"),
        ({"route": {"chain": ["human", "human"]}}, "route.chain"),
        ({"outcomes": {"known": "asked"}, "promise": MINIMAL["promise"] | {"audit": 0}}, "promise.audit"),
        ({"columns": {"label": "a"}, "promise": MINIMAL["promise"] | {"within": 3}}, "promise.within"),
        ({"breaker": {"backoff": "2h"}}, "breaker.max_backoff"),
    ],
)
def test_keys_that_contradict_each_other_are_faults(section: dict[str, Any], path: str) -> None:
    """Each value is fine alone; together they cannot be meant."""
    assert path in faults_of(MINIMAL | section)


def test_a_label_needs_no_probability() -> None:
    """A model that gives labels alone can be watched."""
    assert config_from(MINIMAL | {"columns": {"label": "y"}}, {}).columns.probability is None


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00",
        "a: [",
        "a: 1\na: 2",
        "promise: {max_error: 1%, max_error: 2%}",
        "\x00",
        "[" * 5000,
        "? {a: b}\n: c",
        "!!python/object:os.system x",
    ],
)
def test_a_file_that_is_no_yaml_is_one_fault(tmp_path: Path, text: str | bytes) -> None:
    """Whatever is in the file, the answer is a ConfigError; a key that is written twice is an error, too."""
    with pytest.raises(ConfigError) as caught:
        of_file(tmp_path, text)
    assert caught.value.exit_status == 2
    assert caught.value.faults


WORDS = ["on", "off", "yes", "no", "y", "n", "On", "OFF", "Yes", "NO"]


@pytest.mark.parametrize("word", WORDS)
def test_words_that_other_tools_take_for_booleans_are_texts(tmp_path: Path, word: str) -> None:
    """A model, a class, a country or a feature's value may be called so, as a key and as a value."""
    config = of_file(
        tmp_path,
        f"model: {word}\npromise: {{max_error: 2%, false_pages: 1 per 90d}}\n"
        f"columns: {{label: a, probability: {{{word}: p, other: q}}, segment: [{word}]}}\n"
        f"route: {{chain: [{{rule: [{{when: {{owner: {word}, country: [{word}, DE]}}, answer: {word}}}]}}, "
        f"{{constant: {word}}}]}}\n",
    )
    assert (config.model, config.columns.probability) == (word, {word: "p", "other": "q"})
    assert config.columns.segment == [word]
    rules, constant = config.route.chain
    assert isinstance(rules, RuleHop)
    assert (rules.rule[0].when, rules.rule[0].answer) == ({"owner": word, "country": [word, "DE"]}, word)
    assert constant == ConstantHop(constant=word)


@pytest.mark.parametrize("written", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_true_and_false_are_booleans(tmp_path: Path, written: str) -> None:
    """As YAML 1.2 has them; in quotes they are texts."""
    text = "model: m\npromise: {max_error: 2%, false_pages: 1 per 90d}\nroute: {chain: [{constant: "
    plain, quoted = (of_file(tmp_path, f"{text}{each}}}]}}").route.chain[0] for each in (written, f"'{written}'"))
    assert plain == ConstantHop(constant=written.lower() == "true")
    assert quoted == ConstantHop(constant=written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("yes", True), ("On", True), ("true", True), ("no", False), ("OFF", False), ("false", False), ("'no'", False)],
)
def test_a_key_that_is_a_boolean_takes_yes_and_no(tmp_path: Path, written: str, meant: bool) -> None:
    """In the file and in the environment."""
    config = of_file(tmp_path, f"{json.dumps(MINIMAL)[:-1]}, views: {{joint: {written}}}}}")
    assert config.views.joint is meant
    assert config_from(MINIMAL, {"HOLDBACK_VIEWS__JOINT": written.strip("'")}).views.joint is meant
    assert "views.joint" in faults_of(MINIMAL | {"views": {"joint": "maybe"}})


@pytest.mark.parametrize("written", ["off", "false", "False"])
def test_off_in_the_environment_is_off(written: str) -> None:
    """Alone and in a mapping."""
    assert config_from(MINIMAL, {"HOLDBACK_EVIDENCE__TEMPER": written}).evidence.temper == "off"
    assert config_from(MINIMAL, {"HOLDBACK_EVIDENCE": f"{{temper: {written}}}"}).evidence.temper == "off"
    assert "evidence.temper" in faults_of(MINIMAL | {"evidence": {"temper": True}})


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(ConfigError, match=r"nope\.yaml(?s:.)*`holdback init` writes one"):
        load_config(tmp_path / "nope.yaml", {})


def test_json_is_yaml(tmp_path: Path) -> None:
    """A configuration that a program writes can be JSON."""
    assert of_file(tmp_path, json.dumps(MINIMAL)) == config_from(MINIMAL, {})


def test_the_schema_accepts_what_the_loader_accepts() -> None:
    """`holdback schema config` is a valid JSON Schema, and knows how units are written."""
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    full = MINIMAL | {
        "outcomes": {"delay": "30m", "expire": "7d"},
        "breaker": {"slow_call": None, "min_acceptance": 0.1},
        "route": {"chain": [{"http": "http://a/"}, {"constant": 1}]},
    }
    config_from(full, {})
    jsonschema.validate(full, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(MINIMAL | {"kafcka": {}}, schema)


def test_every_key_says_what_it_is() -> None:
    """Each leaf of the schema has a description: meaning, and the reason for its default."""
    definitions = config_schema()["$defs"]
    silent = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, value in definition["properties"].items()
        if "$ref" not in value and "description" not in value
    ]
    assert silent == []


def test_defaults_in_the_schema_are_written_as_people_write_them() -> None:
    """A default of the schema put into the file gives the same configuration."""
    definitions = config_schema()["$defs"]
    sections = {
        key: {
            k: v["default"]
            for k, v in definitions[value["$ref"].rpartition("/")[2]]["properties"].items()
            if v.get("default") is not None
        }
        for key, value in definitions["Config"]["properties"].items()
        if "$ref" in value and key != "promise"
    }
    assert config_from(MINIMAL | sections, {}) == config_from(MINIMAL, {})


def test_secrets_are_read_late_and_named_not_shown(tmp_path: Path) -> None:
    """The line's end is no part of a secret; an empty file is none."""
    (tmp_path / "token").write_text("s3cret\n")
    assert read_secret(tmp_path / "token") == "s3cret"
    (tmp_path / "token").write_text("\n")
    with pytest.raises(UsageError, match="is empty"):
        read_secret(tmp_path / "token")
    with pytest.raises(UsageError, match="FileNotFoundError"):
        read_secret(tmp_path / "nope")


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(sorted(Config.__struct_fields__)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(yaml_values, st.sampled_from(sorted(Config.__struct_fields__)))
def test_no_value_anywhere_raises_anything_but_a_config_error(raw: object, key: str) -> None:
    """Whatever stands in the file is a configuration or a list of faults."""
    for whole in (raw, MINIMAL | {key: raw}):
        assert isinstance(built_or_faults(whole), Config | tuple)


def built_or_faults(raw: object) -> Config | tuple[tuple[str, str], ...]:
    try:
        return config_from(raw, {})
    except ConfigError as error:
        return error.faults


def test_the_interface_example_loads() -> None:
    """The configuration of the documentation is one that works."""
    text = """
model: car-loan
version: "1"
promise: {max_error: 2%, confidence: 95%, false_pages: 1 per 90d, coverage: 90%, audit: 5%}
profile: {"1": one.profile, "2": two.profile}
outcomes: {known: all, delay: 500, expire: 7d}
kafka: {bootstrap: "broker:9092", predictions: car-loan.predictions, outcomes: car-loan.outcomes}
columns: {id: row, time: ts, features: [car_value], label: y_pred, probability: p, outcome: target, segment: [region]}
route: {chain: [{http: "http://small-model:8080/v2/models/small/infer"}, human, refuse], when_blind: static}
"""
    config = config_from(yaml.safe_load(text), {})
    assert config.kafka.topic("dead_letters", config.model) == "car-loan.dead-letters"
    assert config.kafka.topic("predictions", config.model) == "car-loan.predictions"
