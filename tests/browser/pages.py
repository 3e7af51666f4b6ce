"""A real Chromium for the tests of pages, and what a person who can't see them would meet."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["CHROMIUM", "FLAGS", "needs_chromium", "violations"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    (CHROMIUM is None or importlib.util.find_spec("playwright") is None) and os.environ.get("CI") != "true",
    reason="playwright or Chromium (set CHROMIUM to its path) is not installed; under CI=true this is a failure",
)


def violations(page: Page) -> list[str]:
    """What axe finds wrong by WCAG 2.2, levels A and AA, each with the elements."""
    import axe_playwright_python

    script = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(script)
    found: list[dict[str, Any]] = page.evaluate(
        """async () => {
            const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
            const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
            return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((n) => n.target.join(" ")) }));
        }"""
    )
    return [f"{each['id']}: {', '.join(each['nodes'])}" for each in found]
