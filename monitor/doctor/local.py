"""What can be checked without a broker: profiles, secrets, the folder for state, the port of the web pages."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from monitor.config import Config, read_secret
from monitor.doctor.findings import Finding, fail, ok, warn
from monitor.errors import UsageError

__all__ = ["check_profiles", "check_secrets", "check_state_dir", "check_web", "local_findings"]

_ANSWER_SECONDS = 2.0
_CERTIFICATES = ("ca_file", "cert_file", "key_file")


def local_findings(config: Config) -> Iterator[Finding]:
    """Every check of this machine."""
    yield from check_profiles(config)
    yield from check_secrets(config)
    yield check_state_dir(config)
    yield check_web(config)


def check_profiles(config: Config) -> Iterator[Finding]:
    """Each profile is there, whole, and of this model and version."""
    from monitor.fit.fitting import read_profile

    if not config.versioned_profiles:
        yield warn(
            "profile",
            "none is configured, so every request is held back without a guarantee",
            "Fit one with `holdback fit`, and name it in `profile`",
        )
    for version, path in config.versioned_profiles.items():
        check = f"profile {version}".rstrip()
        try:
            profile = read_profile(path)
        except UsageError as error:
            yield fail(check, str(error), "Fit it with `holdback fit`, or correct the path in `profile`")
            continue
        wanted = version or config.version
        if profile.model != config.model:
            yield fail(check, f"{path} is of model {profile.model!r}, not {config.model!r}", "Fit it for this model")
        elif wanted and profile.version and profile.version != wanted:
            yield warn(
                check,
                f"{path} was fitted for version {profile.version!r}, and is used for {wanted!r}",
                "Fit it for this version if its answers differ",
            )
        else:
            of = f"version {wanted or profile.version or '(of the event)'}"
            yield ok(check, f"{path}: {profile.fitted.n:,} rows, {of}, digest {profile.digest[:12]}")


def check_secrets(config: Config) -> Iterator[Finding]:
    """Each file that holds a secret or a certificate can be read; what is in it is never shown."""
    found = list(_files(config))
    faults = []
    for path, file in found:
        try:
            if path.rpartition(".")[2] in _CERTIFICATES:
                Path(file).read_bytes()
            else:
                read_secret(file)
        except UsageError as error:
            faults.append(fail("secrets", f"{path}: {error}", "Mount the secret there, readable for this user"))
        except OSError as error:
            faults.append(
                fail("secrets", f"{path}: {file!r} cannot be read: {error.strerror}", "Mount it there, readable")
            )
    yield from faults
    if not faults:
        told = f"{len(found)} file{'s' * (len(found) != 1)} can be read" if found else "none are configured"
        yield ok("secrets", told)


def check_state_dir(config: Config) -> Finding:
    """The folder can be written."""
    if config.state_dir is None:
        return ok("state_dir", "not set: a temporary folder, built anew from the topics at each start")
    folder = Path(config.state_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            pass
    except OSError as error:
        return fail(
            "state_dir",
            f"{str(folder)!r} cannot be written: {error.strerror}",
            "Let this user write there, or mount a volume that it may write to",
        )
    return ok("state_dir", f"{folder} can be written")


def check_web(config: Config) -> Finding:
    """The port is free, or a sidecar answers on it already."""
    host, port = config.web.host, config.web.port
    where = f"{host}:{port}"
    if port == 0:
        return ok("web", f"{host}, on any free port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), port))
    except OSError as error:
        if _answers(host, port):
            return ok("web", f"{where} is in use by a sidecar that answers there")
        return fail("web", f"{where} cannot be used: {error.strerror}", "Set web.host and web.port to a free address")
    return ok("web", f"{where} is free")


def _answers(host: str, port: int) -> bool:
    """Whether it is one of us that has the port."""
    import httpx

    at = "[::1]" if host == "::" else "127.0.0.1" if host in {"", "0.0.0.0"} else host  # noqa: S104  # compared only
    try:
        answer = httpx.get(f"http://{at}:{port}/metrics", timeout=_ANSWER_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and "holdback_" in answer.text


def _files(section: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, file) of every configured key that ends in `_file`."""
    if isinstance(section, msgspec.Struct):
        for name in section.__struct_fields__:
            value = getattr(section, name)
            at = f"{path}.{name}".lstrip(".")
            if name.endswith("_file") and value:
                yield at, value
            else:
                yield from _files(value, at)
    elif isinstance(section, tuple | list):
        for i, each in enumerate(section):
            yield from _files(each, f"{path}[{i}]")
