"""Tables that others have published, on their own settings: python -m benchmarks.published."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from threadpoolctl import threadpool_limits

from benchmarks.tables import machine, publish

from .friedman import friedman
from .okcusum import okcusum
from .wine import wine

__all__ = ["main"]

_ALL: dict[str, Callable[[], tuple[str, list[str]]]] = {"wine": wine, "okcusum": okcusum, "friedman": friedman}


def main(args: Sequence[str] | None = None) -> None:
    """Measure, print and publish what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    # `choices` would refuse an empty list before Python 3.12
    parser.add_argument("what", nargs="*", help=", ".join(_ALL))
    wanted = parser.parse_args(args).what or [*_ALL]
    if unknown := [name for name in wanted if name not in _ALL]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(_ALL)}")
    with threadpool_limits(1):
        for name in wanted:
            text, aims = _ALL[name]()
            publish(f"published {name}", machine("river", "scikit-learn"), text, *(["\n".join(aims)] if aims else []))


if __name__ == "__main__":
    main()
