"""The status page as the server draws it, whole: for the first moment, and for readers without scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from monitor.page.draw.charts import charts
from monitor.page.draw.parts import parts
from monitor.page.picture import Status
from monitor.page.words import chosen

__all__ = ["HERE", "status_page"]

HERE = Path(__file__).parent


@cache
def _template() -> Template:
    return Template((HERE / "templates" / "status.html").read_text(encoding="utf-8"))


def status_page(status: Status) -> str:
    """Draw the page; every text that is put into it is escaped."""
    values = {
        "model": status.model,
        "tone": status.tone,
        "headline": status.headline,
        "detail": status.detail,
        "promise": chosen(status.max_error),
        "false_pages": status.false_pages or "not set",
        "time": f"{datetime.fromtimestamp(status.now, UTC):%H:%M:%S} UTC",
        "rolling": f"{status.rolling_over:,}",
        "lately": f"The last {status.shares.n:,} requests." if status.shares.n else "",
    }
    drawn = parts(status) | {f"{name}_chart": chart for name, chart in charts(status).items()}
    return _template().substitute({name: escape(value) for name, value in values.items()} | drawn)
