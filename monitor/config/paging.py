"""Whom Holdback tells by itself when there is no Prometheus to do it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from monitor.config.forms import ADDRESS
from monitor.config.promises import Section
from monitor.config.units import describe

__all__ = ["PAGERDUTY", "Address", "Alertmanager", "PagerDuty", "Webhook"]

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
Address = Annotated[str, Meta(pattern=ADDRESS)]
"""http or https, with a host."""


class Alertmanager(Section, frozen=True, kw_only=True):
    """An Alertmanager without the rules in a Prometheus."""

    url: Annotated[Address | None, describe("Its address, without /api. Not set: nothing is sent there.")] = None


class PagerDuty(Section, frozen=True, kw_only=True):
    """PagerDuty, or who speaks its Events API v2."""

    routing_key_file: Annotated[
        str | None, describe("A file with the service's integration key. Not set: nothing is sent there.")
    ] = None
    url: Annotated[Address, describe("Where events go. PagerDuty's address; the EU has another.")] = PAGERDUTY


class Webhook(Section, frozen=True, kw_only=True):
    """Anything else that takes a POST of JSON."""

    url: Annotated[Address | None, describe("Its address. Not set: nothing is sent there.")] = None
    token_file: Annotated[
        str | None, describe("A file with a bearer token, read when it is needed. Not set: nobody asks for one.")
    ] = None
