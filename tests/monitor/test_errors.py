from __future__ import annotations

from monitor.errors import CheckFailed, ConfigError, HoldbackError, RunError, UsageError


def test_each_error_knows_the_exit_status() -> None:
    """1 failed while running, 2 unusable, 3 a check does not hold."""
    assert [e.exit_status for e in (HoldbackError, RunError, UsageError, ConfigError, CheckFailed)] == [1, 1, 2, 2, 3]


def test_a_config_error_names_the_file_and_every_path() -> None:
    """The message alone is enough to mend the file."""
    error = ConfigError([("a.b", "is wrong"), ("", "is empty")], "c.yaml")
    assert str(error) == "c.yaml: 2 faults\n  a.b: is wrong\n  (whole file): is empty"
    assert error.faults == (("a.b", "is wrong"), ("", "is empty"))
