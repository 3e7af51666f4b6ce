"""What the benchmarks share: CPU time, tables, and their place in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

__all__ = ["SHORT", "aim", "best", "cpu_time", "finish", "machine", "publish", "rounded", "table"]

SHORT = bool(os.environ.get("BENCH_SHORT"))
"""A minute instead of several: fewer events and repeats, and docs/benchmarks.md stays as it is."""
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def cpu_time(work: Callable[[], object]) -> float:
    """Seconds of CPU that `work` took; other processes on the machine only count by what they do to caches."""
    began = time.process_time()
    work()
    return time.process_time() - began


def best(times: Iterable[float]) -> float:
    """The median of the fastest quarter: what work takes on an idle machine, without trusting one lucky run."""
    ordered = sorted(times)
    return statistics.median(ordered[: (len(ordered) + 3) // 4])


def machine(*packages: str) -> str:
    """On what it was measured: processors, Python and packages."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", *packages))
    kind = f"{platform.system()} on {platform.machine()}"
    return f"{os.cpu_count()} CPUs, one used; {kind}, Python {platform.python_version()}, {versions}."


def rounded(value: float) -> str:
    """Three significant digits, thousands with commas."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aim(wanted: str, got: float, limit: float, *, most: bool = True) -> str:
    """A line on an aim: what was wanted, and whether this run came up to it; `limit` is the most, or the least."""
    met = got <= limit if most else got >= limit
    shown = f"{got:.3g}" if 0 < got < 1 else rounded(got)
    return f"- Aim: {wanted}. {'Met' if met else 'Missed'}: {shown}."


def table(head: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    """A Markdown table; numbers are rounded, and stand to the right."""
    texts = [[each if isinstance(each, str) else rounded(each) for each in row] for row in rows]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *texts]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(name: str, *parts: str) -> None:
    """Print what was measured, and put it between its markers in docs/benchmarks.md."""
    text = "\n\n".join(parts)
    print(text, flush=True)
    if SHORT:
        return
    begin, end = f"<!-- bench {name} -->", f"<!-- end {name} -->"
    page = _PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"docs/benchmarks.md has no place for {name!r}: it needs the lines {begin} and {end}")
    _PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def finish(claims: Iterable[tuple[bool, str]]) -> None:
    """Exit with 1 if a claim does not hold, and say which."""
    broken = [text for holds, text in claims if not holds]
    for text in broken:
        print(f"does not hold: {text}", file=sys.stderr)
    if broken:
        raise SystemExit(1)
