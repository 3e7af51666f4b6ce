"""What the user writes: one YAML file, checked as a whole.

config = load_config("holdback.yaml", os.environ)
config.promise.max_error, config.promise.false_pages.n
"""

from __future__ import annotations

from monitor.config.hops import Chain, ConstantHop, Hop, HttpHop, LastGoodHop, RiverHop, RuleHop, TorchHop
from monitor.config.kafka import Kafka, Sasl, Tls
from monitor.config.load import ENV_PREFIX, config_from, load_config, read_secret
from monitor.config.promises import Columns, Flags, Outcomes, Promise, Section
from monitor.config.root import Config
from monitor.config.running import Evidence, Log, Paging, Security, Views, Web
from monitor.config.schema import config_schema
from monitor.config.serving import Breaker, Canary, Reviews, Route
from monitor.config.units import Delay, FalsePages, parse_delay, parse_duration, parse_false_pages, parse_share

__all__ = [
    "ENV_PREFIX",
    "Breaker",
    "Canary",
    "Chain",
    "Columns",
    "Config",
    "ConstantHop",
    "Delay",
    "Evidence",
    "FalsePages",
    "Flags",
    "Hop",
    "HttpHop",
    "Kafka",
    "LastGoodHop",
    "Log",
    "Outcomes",
    "Paging",
    "Promise",
    "Reviews",
    "RiverHop",
    "Route",
    "RuleHop",
    "Sasl",
    "Section",
    "Security",
    "Tls",
    "TorchHop",
    "Views",
    "Web",
    "config_from",
    "config_schema",
    "load_config",
    "parse_delay",
    "parse_duration",
    "parse_false_pages",
    "parse_share",
    "read_secret",
]
