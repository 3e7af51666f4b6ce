from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT, imports, module_name, sources

# What gives a clock, an environment, a log, randomness of its own, or the network.
IMPURE = {
    "time",
    "random",
    "secrets",
    "logging",
    "structlog",
    "socket",
    "ssl",
    "threading",
    "subprocess",
    "http",
    "urllib",
}
NETWORK = {"httpx", "httpcore", "asyncio", "anyio", "requests", "aiohttp"}
HEAVY = {"torch", "mapie", "sklearn", "scipy.stats", "river", "pyarrow", "matplotlib", "pandas", "starlette", "uvicorn"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
# Seeds and generators are passed in; the module-level functions of numpy.random have a hidden state.
HIDDEN_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.environ", "os.getenv"}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _within(module: str, names: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=_id)
def test_packages_import_only_what_lies_below_them(path: Path) -> None:
    """monitor imports detectors and fallback; these two import neither each other nor monitor."""
    own = path.relative_to(ROOT).parts[0]
    forbidden = set() if own == "monitor" else set(PACKAGES) - {own}
    assert [(m, line) for m, line in imports(_tree(path)) if _within(m, forbidden)] == []


@pytest.mark.parametrize("path", sources("detectors", "fallback"), ids=_id)
def test_no_clock_environment_log_or_randomness_below_monitor(path: Path) -> None:
    """Below monitor everything comes in as an argument; only answerers may use the network."""
    answerer = path.relative_to(ROOT).parts[:2] == ("fallback", "answerers")
    forbidden = IMPURE if answerer else IMPURE | NETWORK
    tree = _tree(path)
    assert [(m, line) for m, line in imports(tree) if _within(m, forbidden)] == []
    assert [(call, line) for call, line in _attributes(tree) if call in HIDDEN_CALLS or _hidden_random(call)] == []


@pytest.mark.parametrize("path", sources("detectors"), ids=_id)
def test_detectors_open_no_files(path: Path) -> None:
    """detectors turns bytes into profiles and back, and leaves files to monitor."""
    calls = {n.func.id for n in ast.walk(_tree(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not calls & {"open", "print", "input"}


@pytest.mark.parametrize("path", sources(), ids=_id)
def test_nothing_is_pickled(path: Path) -> None:
    """A profile or a state from elsewhere can never run code."""
    assert [(m, line) for m, line in imports(_tree(path)) if _within(m, PICKLES)] == []


@pytest.mark.parametrize("path", [p for p in sources() if "web" not in p.parts], ids=_id)
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    """Whoever imports a module does not wait for libraries that only some of its functions need."""
    assert [(m, line) for m, line in imports(_tree(path), inside_functions=False) if _within(m, HEAVY)] == []


@pytest.mark.parametrize("path", sources(), ids=_id)
def test_modules_stay_short(path: Path) -> None:
    """A module is at most 300 lines and has a docstring."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300, module_name(path)
    assert ast.get_docstring(_tree(path))


def test_the_layer_test_sees_a_breach() -> None:
    """Each kind of breach is found where it can hide: a plain import, a from-import, one inside a function."""
    tree = ast.parse("import time\ndef f():\n    from monitor import events\n    import sklearn.svm\n")
    found = [m for m, _ in imports(tree)]
    assert found == ["time", "monitor.events", "sklearn.svm"]
    assert [m for m, _ in imports(tree, inside_functions=False)] == ["time"]
    assert _hidden_random("np.random.rand")
    assert not _hidden_random("np.random.Generator")


def _attributes(tree: ast.AST) -> list[tuple[str, int]]:
    return [(ast.unparse(n), n.lineno) for n in ast.walk(tree) if isinstance(n, ast.Attribute)]


def _hidden_random(call: str) -> bool:
    head, _, name = call.rpartition(".")
    allowed = {"Generator", "SeedSequence", "PCG64", "BitGenerator", "default_rng"}
    return head in {"np.random", "numpy.random"} and name not in allowed
