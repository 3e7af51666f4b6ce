"""The demo's story: a classifier of handwritten digits whose camera begins to turn.

story = Story()
with FallbackServer(story.turned_network) as server:
    config = story.config(server.url)
"""

from __future__ import annotations

from monitor.story.images import Camera
from monitor.story.networks import Network
from monitor.story.plot import Scene, Story
from monitor.story.reviewer import Reviewer
from monitor.story.server import FallbackServer

__all__ = ["Camera", "FallbackServer", "Network", "Reviewer", "Scene", "Story"]
