"""The whole report: one file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from monitor.page.html import element, style
from monitor.report.compare import compare
from monitor.report.course import course
from monitor.report.facts import provenance, quality, unknown
from monitor.report.honesty import honesty, risk
from monitor.report.moved import moved
from monitor.report.over_time import coverage, errors, evidence, routes
from monitor.report.parts import Run
from monitor.report.verdict import figures, headline, promises

__all__ = ["report"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def report(runs: Sequence[Run], profiles: Mapping[str, str], source: str = "") -> str:
    """The report of the first run as HTML, the others beside it; the same bytes for the same runs.

    `profiles` are digests by version, `source` is the recording's name.
    """
    run = runs[0]
    title = f"{run.config.model}: backtest"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        style(files("monitor.report").joinpath("report.css").read_text(encoding="utf-8")),
    )
    top = element(
        "header",
        element("p", "Holdback", class_="brand"),
        element("p", f"{run.config.model}, a backtest", class_="model"),
        class_="top",
    )
    main = element(
        "main",
        headline(run),
        figures(run),
        promises(run),
        course(run),
        errors(run),
        evidence(run),
        moved(run),
        coverage(run),
        honesty(run),
        risk(run),
        routes(run),
        compare(runs),
        quality(run),
        unknown(run, source),
        provenance(run, profiles, source),
    )
    return f"<!doctype html>\n{element('html', head, element('body', top, main), lang='en')}\n"
