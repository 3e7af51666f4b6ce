"""`holdback init`: a commented starter configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import UsageError

__all__ = ["init"]

_SAMPLE_BYTES = 4_000_000
_NAMED = 5
_SUFFIXES = {".csv", ".jsonl", ".ndjson"}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write holdback.yaml.", show_default=False)],
    events: Annotated[
        Path | None,
        typer.Option(help="A sample of events: CSV or JSON lines. Default: the only such file in DIR."),
    ] = None,
    model: Annotated[str, typer.Option(help="The model's name.")] = "my-model",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write a commented starter configuration into DIR, with the columns guessed from a sample of events."""
    from monitor.config import config_from
    from monitor.fit.starter import guess, read_sample, starter_yaml

    target = folder / "holdback.yaml"
    if target.exists() and not force:
        raise UsageError(f"{str(target)!r} is already there; --force overwrites it")
    config_from({"model": model, "promise": {"max_error": 0.02, "false_pages": "1 per 90d"}}, {}, "--model")
    sample = events if events is not None else _only_sample(folder)
    found = guess(read_sample(_head_of(sample), f"the sample {str(sample)!r}"))
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(starter_yaml(model, found), encoding="utf-8")
    typer.echo(f"wrote {target}; next: set `promise`, then holdback check -c {target}")


def _only_sample(folder: Path) -> Path:
    samples = sorted(p for p in folder.glob("*") if p.suffix in _SUFFIXES) if folder.is_dir() else []
    if len(samples) != 1:
        names = ", ".join(repr(p.name) for p in samples[:_NAMED]) + (", ..." if len(samples) > _NAMED else "")
        raise UsageError(
            f"{str(folder)!r} has {len(samples)} files that could be a sample of events (.csv, .jsonl, .ndjson), "
            f"not one{f' ({names})' if names else ''}; name it with --events"
        )
    return samples[0]


def _head_of(path: Path) -> str:
    """The first few megabytes of whole lines. Raises UsageError."""
    try:
        with path.open("rb") as file:
            head = file.read(_SAMPLE_BYTES)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    whole = head if len(head) < _SAMPLE_BYTES else head[: head.rfind(b"\n") + 1]
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{str(path)!r} is not UTF-8 text: {error.reason} at byte {error.start}; save it as UTF-8"
        ) from None
