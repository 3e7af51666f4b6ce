"""What was promised, and was it kept?"""

from __future__ import annotations

from typing import Any

from monitor.page.html import Element, Node, element
from monitor.page.rates import rate
from monitor.page.words import chosen
from monitor.report.parts import Run, card, number, percent, table

__all__ = ["figures", "headline", "promises", "verdict_of"]

_WORDS = {"good": "kept", "watch": "not kept, perhaps by chance", "bad": "not kept", "unknown": "not known"}


def verdict_of(run: Run) -> str:
    """`good`, `watch`, `bad` or `unknown`: was the error of accepted answers at most what was promised?"""
    accepted = run.result["accepted"]
    found = rate(accepted["labelled"], accepted["errors"])
    if found.rate is None or found.low is None:
        return "unknown"
    promise = float(accepted["promise"])
    return "good" if found.rate <= promise else "watch" if found.low <= promise else "bad"


def headline(run: Run) -> Element:
    """The one sentence on top, and what it means."""
    tone = verdict_of(run)
    return element(
        "section",
        element("p", _WORDS[tone], class_="stamp"),
        element("h1", _sentence(run, tone)),
        element("p", _detail(run)),
        class_="hero",
        data_tone=tone,
    )


def _sentence(run: Run, tone: str) -> str:
    accepted = run.result["accepted"]
    promise = chosen(float(accepted["promise"]))
    if tone == "unknown":
        if not run.result["routes"]["model"]:
            return f"The model was not allowed to answer anything; promised were at most {promise} wrong answers."
        return f"No outcome of an accepted answer is known, so nobody can say whether at most {promise} were wrong."
    measured = f"{percent(accepted['error_rate'])} of the answers that the model was allowed to give were wrong"
    if tone == "watch":
        return f"{measured}; promised were at most {promise}. By chance alone it could be as much."
    return f"{measured}; promised were at most {promise}."


def _detail(run: Run) -> str:
    result, record = run.result, run.record
    share = result["routes"]["model"] / max(sum(result["routes"].values()), 1)
    alone = result["always_answering"]["error_rate"]
    told = [f"The model was allowed to answer {percent(share, 0)} of {record.events:,} requests."]
    if alone is not None:
        told.append(f"Had it always answered, {percent(alone)} would have been wrong.")
    opened = sum(step.after.lower() == "open" and not step.segment for step in record.steps)
    warnings, pages = record.levels["warning"], len(record.pages)
    told.append(
        f"There {_were(warnings, 'warning')} of changes, the breaker opened {_times(opened)}, and "
        f"{'nobody was paged' if pages == 0 else 'one page went out' if pages == 1 else f'{pages:,} pages went out'}."
    )
    return " ".join(told)


def promises(run: Run) -> Element:
    """A row for each promise: what was measured, and what can be said of it."""
    result, config = run.result, run.config
    accepted, coverage, tone = result["accepted"], result["coverage"], verdict_of(run)
    found = rate(accepted["labelled"], accepted["errors"])
    known = f"{number(accepted['labelled'])} known of {number(accepted['n'])}"
    certified, tracked = (percent(result["guarantee"][name], 0) for name in ("certified", "tracking"))
    rows: list[tuple[Node, ...]] = [
        (
            f"at most {chosen(config.promise.max_error)} wrong among accepted answers",
            f"{percent(found.rate)} ({percent(found.low)} to {percent(found.high)}), {known}",
            _badge(tone),
        ),
        (
            f"{_false_pages(run)} without a real change",
            f"{_count(len(run.record.pages), 'page')} in {_span(run)}",
            _pages(run),
        ),
        (
            f"{chosen(coverage['target'])} of sets or intervals hold the truth",
            f"{percent(coverage['overall'])}; in the worst 1,000 in a row {percent(coverage['worst_1000'])}",
            _badge(_covered(run)),
        ),
        (
            f"certified with {chosen(config.promise.confidence)} confidence where it says so",
            f"{certified} of accepted answers were certified, {tracked} tracked",
            "says what held when, and promises no share",
        ),
    ]
    return card(
        "What was promised, and was it kept?",
        table(
            "Each promise, what was measured, and whether it was kept",
            ("promised", "measured", "kept?"),
            rows,
            stacked=True,
        ),
        hint="Measured over all outcomes that the recording has, whether or not they had come in time. In brackets: "
        "the 95 % interval.",
    )


def figures(run: Run) -> Element:
    """Four numbers."""
    result = run.result
    accepted, alone, answered = result["accepted"], result["always_answering"], result["answered"]
    total = max(sum(result["routes"].values()), 1)

    def figure(name: str, big: str, small: str, *, over: bool = False) -> Element:
        value = element("dd", big, class_="big over" if over else "big")
        return element("div", element("dt", name), value, element("dd", small, class_="small"))

    def known(found: dict[str, Any]) -> str:
        return f"{number(found['errors'])} of {number(found['labelled'])} known"

    return element(
        "dl",
        figure(
            f"accepted answers that were wrong (promise: at most {chosen(accepted['promise'])})",
            percent(accepted["error_rate"]),
            known(accepted),
            over=verdict_of(run) == "bad",
        ),
        figure("the model alone, always answering, would be wrong", percent(alone["error_rate"]), known(alone)),
        figure("callers got wrong answers, whoever gave them", percent(answered["error_rate"]), known(answered)),
        figure(
            "requests that the model answered",
            percent(result["routes"]["model"] / total, 0),
            f"{number(result['routes']['model'])} of {number(total)}",
        ),
        class_="figures",
    )


def _badge(tone: str) -> Element:
    return element("span", _WORDS[tone], class_=f"badge b-{tone}")


def _covered(run: Run) -> str:
    """Kept unless even the upper end of the 95 % interval is below the target."""
    known, inside = run.record.timeline.stretches(run.record.events).sums[:, 10:12].sum(axis=0)
    found = rate(known, inside)
    if found.high is None:
        return "unknown"
    return "good" if found.high >= run.config.promise.coverage else "bad"


def _false_pages(run: Run) -> str:
    promised = run.config.promise.false_pages
    if promised.unit == "days":
        return f"a page in {promised.n:g} days"
    return f"a page in {promised.n:,.0f} events"


def _pages(run: Run) -> str:
    if not run.record.pages:
        return "nobody was woken"
    return "a recording does not say which changes were real: see below what moved"


def _span(run: Run) -> str:
    days = (run.record.last_time - run.record.first_time) / 86400
    events = f"{run.record.events:,} events"
    return f"{events}, {days:,.3g} days" if days > 0 else events


def _were(n: int, what: str) -> str:
    return f"was one {what}" if n == 1 else f"were {n:,} {what}s" if n else f"was no {what}"


def _times(n: int) -> str:
    return "never" if n == 0 else "once" if n == 1 else "twice" if n == 2 else f"{n:,} times"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
