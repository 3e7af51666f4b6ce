"""A profile as bytes: a safetensors file with a JSON manifest, refused when a single bit of it changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np

from .compact import pack_arrays, unpack_arrays
from .contexts import Context
from .counting import Views
from .errors import ProfileError
from .groups.fitted import Groups
from .method import Method
from .profile import Fitted, Profile
from .types import IntArray, State
from .views.categorical import CategoricalView
from .views.kinds import Kept
from .views.numeric import NumericViews
from .views.registry import ORDERED, STEPPED

__all__ = ["dump", "load"]

_FORMAT = "holdback-profile-4"
_PACKED = "packed"
_OPTIONAL = ("by_cell", "memory", "first")
_METHOD = "method."
_GROUPS = "groups."


def dump(profile: Profile) -> tuple[bytes, str]:
    """The bytes of a profile, and its digest: SHA-256 over the manifest and all arrays."""
    from safetensors.numpy import save

    arrays = _arrays(profile.fitted) | {f"{_METHOD}{name}": each for name, each in profile.method.state().items()}
    groups = profile.fitted.groups
    arrays |= {} if groups is None else {f"{_GROUPS}{name}": each for name, each in groups.state().items()}
    manifest = json.dumps(_manifest(profile), sort_keys=True, ensure_ascii=False)
    digest = _digest(manifest, arrays)
    packed = pack_arrays(arrays)
    # compressed anew by another release the bytes may differ, and the digest must not; each bit is held all the same
    told = {"manifest": manifest, "digest": digest, "bytes": hashlib.sha256(packed).hexdigest()}
    return save({_PACKED: np.frombuffer(packed, np.uint8)}, metadata=told), digest


def load(data: bytes) -> Profile:
    """Read a profile back.

    Raises
    ------
    ProfileError
        Not a profile, of another format, or not what was written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_arrays

    try:
        tensors = load_arrays(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        manifest, digest = header["manifest"], header["digest"]
        told = json.loads(manifest)
        if told["format"] != _FORMAT:
            raise ProfileError(f"its format is {told['format']!r}, this version reads {_FORMAT!r}; fit it again")
        packed = tensors[_PACKED].tobytes()
        whole = hashlib.sha256(packed).hexdigest() == header["bytes"]
        arrays: dict[str, Any] = unpack_arrays(packed) if whole else {}
        if digest != _digest(manifest, arrays):
            raise ProfileError("its content does not match its digest: it was damaged or changed; fit it again")
        return _profile(told, arrays, digest)
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ProfileError(f"it is no readable profile ({error}); fit it again") from error


def _digest(manifest: str, arrays: State) -> str:
    digest = hashlib.sha256(manifest.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _manifest(profile: Profile) -> dict[str, Any]:
    fitted, views = profile.fitted, profile.fitted.views
    return {
        "format": _FORMAT,
        "model": profile.model,
        "version": profile.version,
        "task": profile.task,
        "classes": list(profile.classes),
        "numeric": list(views.numeric),
        "categorical": list(views.categorical),
        "kinds": {kind.key: kind.told() for kind in (*views.ordered_kinds, *views.step_kinds)},
        "stepped": [{"frequent": list(view.frequent), "seen": list(view.codes)} for view in views.stepped],
        "context": {"name": views.context.name, "values": list(views.context.values)},
        "rows": fitted.n,
        "labelled": fitted.labelled,
        "events_per_day": fitted.events_per_day,
        "facts": dict(profile.facts),
        **({"method": told} if (told := profile.method.told()) else {}),
        **({} if fitted.groups is None else {"groups": fitted.groups.told()}),
    }


def _arrays(fitted: Fitted) -> State:
    views = fitted.views
    every = (*views.ordered_kinds, *views.step_kinds)
    kinds = {f"{kind.key}.{name}": array for kind in every for name, array in kind.state().items()}
    return {
        "edges": views.ordered.edges,
        # of neighbours in a list of all pairs little but the step is news
        "pairs": np.diff(views.pairs, axis=0, prepend=0),
        "medians": views.medians,
        "counts": views.layout().folded(fitted.counts),
        "knots": fitted.knots,
        "rank_counts": fitted.rank_counts,
        "scores": fitted.scores,
        **{name: array for name in _OPTIONAL if (array := getattr(fitted, name)) is not None},
        **{name: np.ascontiguousarray(array) for name, array in kinds.items()},
    }


def _profile(told: dict[str, Any], arrays: dict[str, Any], digest: str) -> Profile:
    pairs: IntArray = np.cumsum(arrays["pairs"], axis=0)
    kinds = {key: Kept(each, _of(key, arrays)) for key, each in told["kinds"].items()}
    known = {kind.key for kind in (*ORDERED, *STEPPED)}
    if not kinds.keys() <= known:
        raise ProfileError(
            f"it has kinds of views that this version lacks: {sorted(kinds.keys() - known)}; fit it again"
        )
    views = Views(
        numeric=tuple(told["numeric"]),
        categorical=tuple(told["categorical"]),
        ordered_kinds=tuple(kind.from_profile(kinds[kind.key]) for kind in ORDERED if kind.key in kinds),
        step_kinds=tuple(kind.from_profile(kinds[kind.key]) for kind in STEPPED if kind.key in kinds),
        ordered=NumericViews(arrays["edges"]),
        stepped=tuple(CategoricalView.of(each["frequent"], each["seen"]) for each in told["stepped"]),
        pairs=pairs,
        medians=arrays["medians"],
        context=Context(told["context"]["name"], tuple(told["context"]["values"])),
    )
    fitted = Fitted(
        views=views,
        counts=views.layout().unfolded(arrays["counts"]),
        knots=arrays["knots"],
        rank_counts=arrays["rank_counts"],
        scores=arrays["scores"],
        n=told["rows"],
        labelled=told["labelled"],
        events_per_day=told["events_per_day"],
        **{name: arrays.get(name) for name in _OPTIONAL},
        groups=Groups.of(told["groups"], _of(_GROUPS.rstrip("."), arrays)) if "groups" in told else None,
    )
    method = Method.of(told.get("method", {}), _of(_METHOD.rstrip("."), arrays))
    profile = Profile(
        fitted, told["model"], told["version"], told["task"], tuple(told["classes"]), told["facts"], method
    )
    return replace(profile, digest=digest)


def _of(key: str, arrays: State) -> State:
    """Arrays of a kind of views."""
    start = f"{key}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
