"""Data quality, what was not known, and what all of this was made from."""

from __future__ import annotations

from collections.abc import Mapping

from fallback.durations import lasting
from monitor import __version__
from monitor.page.html import Element, element
from monitor.report.parts import NOTHING, Run, card, moment, number, percent, table

__all__ = ["provenance", "quality", "unknown"]

_EVENTS = (".jsonl", ".ndjson")
_QUALITY = (
    ("duplicates", "requests whose id had been decided before", "the first decision stands"),
    ("skipped", "events of other models", "left out"),
    ("backwards", "events whose time lies before one already seen", "taken at the time already reached"),
    ("features_missing", "values of features that the profile knows and the event lacks", "counted as missing"),
    ("features_new", "values of features that the profile does not know", "not watched"),
    ("unmatched", "outcomes without a decision that they belong to", "not counted"),
    ("expired", "outcomes that were asked for and never came", "counted as errors"),
)


def quality(run: Run) -> Element:
    """What was wrong with the records."""
    found = run.record.quality
    rows = [(what, number(found[name]), then) for name, what, then in _QUALITY if found[name]]
    rows += [
        (f"dead letters: {reason.replace('_', ' ')}", number(n), "kept aside, never decided")
        for reason, n in run.record.letters.most_common()
    ]
    if not rows:
        return card(
            "Data quality", element("p", "Every record could be read, and none lacked a feature.", class_="hint")
        )
    return card(
        "Data quality",
        table(
            "What was wrong with the records",
            ("what", "how many", "what became of it"),
            rows,
            numbers=(1,),
            stacked=True,
        ),
    )


def unknown(run: Run, source: str = "") -> Element:
    """What nobody could know, or did not at the time."""
    result = run.result
    accepted, alone = result["accepted"], result["always_answering"]
    decided = sum(result["routes"].values())
    blind = accepted["n"] - accepted["labelled"]
    delay = run.config.outcomes.delay
    late = f"{delay.rows:,} rows" if delay.rows is not None else lasting(delay.seconds or 0.0)
    share = percent(blind / accepted["n"] if accepted["n"] else None)
    stood_in = (
        "" if result["routes"]["fallback"] else "; without a fallback model at hand, its requests count as theirs"
    )
    told = [
        f"Of {number(accepted['n'])} accepted answers {number(blind)} ({share}) have no outcome in the recording.",
        f"Of all {number(decided)} requests {number(decided - alone['labelled'])} have none.",
        f"Outcomes were shown {late} after their prediction; until a change has its first one, only the inputs speak.",
        f"Requests that went to people are taken to have been answered with the recorded outcome{stood_in}.",
        "A recording cannot say whether a change was real, so whether a page was false is for people to say.",
    ]
    if run.config.outcomes.known == "asked":
        told.append("Only outcomes of what was held back or audited were shown, as configured.")
    columns = run.config.columns
    if columns.time is None and source and not source.removesuffix(".gz").endswith(_EVENTS):
        told.append(
            f"The recording has no times (columns.time): rows were taken to be {lasting(columns.every)} apart, and "
            "all times here follow from that."
        )
    if not alone["labelled"]:
        told.insert(0, "No outcome is known: nothing is said of errors, and harm could not be seen.")
    return card("What was not known", element("ul", [element("li", each) for each in told], class_="said"))


def provenance(run: Run, profiles: Mapping[str, str], source: str) -> Element:
    """What all of this was made from, so that it can be made again."""
    result, config = run.result, run.config
    rows = [
        ("model", config.model),
        ("events", f"{number(run.record.events)} decided of {number(result['events'])} rows"),
        ("from, to (UTC)", f"{moment(run.record.first_time)}, {moment(run.record.last_time)}"),
        ("promise", f"max_error {config.promise.max_error:g}, false_pages {config.promise.false_pages}"),
        *((f"profile {version}".strip(), digest) for version, digest in profiles.items()),
        ("head of the ledger", result["ledger_head"] or NOTHING),
        ("made by", f"holdback {__version__}"),
    ]
    if source:
        rows.insert(1, ("recording", source))
    cells = [(name, element("span", value, class_="hash")) for name, value in rows]
    return card("Made from", table("What this report was made from", ("what", "which"), cells))
