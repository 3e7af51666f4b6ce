"""Pages that Holdback sends by itself, for those who have no Prometheus with the shipped rules.

pager = pager_from(config, observe)
judging.observe = Everyone(board, metrics, pager)
"""

from __future__ import annotations

from monitor.paging.page import Kind, NotSent, Page, Sender
from monitor.paging.pager import Pager, pager_from, senders_of

__all__ = ["Kind", "NotSent", "Page", "Pager", "Sender", "pager_from", "senders_of"]
