"""`holdback demo`: the main job on real images, live."""

from __future__ import annotations

import signal
import time
from typing import Annotated

import typer

from monitor.cli.options import JsonOption, print_json

__all__ = ["demo"]


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="No page: run to the end and stop.")] = False,
    json_file: JsonOption = None,
    port: Annotated[int, typer.Option("--port", help="Of the page; 0 takes a free one.")] = 8088,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another story.")] = 0,
) -> None:
    """Watch a classifier go wrong while its camera turns, and Holdback hold it back, trip and page."""
    from monitor.demo import DEMO_RATE, play, staged
    from monitor.narrator import Narrator, epilogue

    # the same as Ctrl-C: what was started is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    narrator = Narrator()
    rate = DEMO_RATE if headless else DEMO_RATE / 2
    with staged(seed, rate, narrator, narrator.say) as stage:
        if headless:
            result = play(stage)
            narrator.say(epilogue(result))
            if json_file is not None:
                print_json(json_file, result)
            return
        from monitor.web.app import build_app
        from monitor.web.server import WebServer

        app = build_app(stage.board, stage.registry, lambda: (True, "the demo answers"))
        with WebServer(app, port=port) as web:
            narrator.say(f"watch it at {web.url} (Ctrl-C stops it)")
            try:
                result = play(stage)
                narrator.say(epilogue(result))
                if json_file is not None:
                    print_json(json_file, result)
                narrator.say(f"the page stays at {web.url} until Ctrl-C")
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                narrator.say("stopped")
