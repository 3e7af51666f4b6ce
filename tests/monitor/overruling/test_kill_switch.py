"""The kill switch: its file, its signals, and what the ledger hears."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from monitor.errors import RunError
from monitor.overruling import KillSwitch
from monitor.summaries import KillNotice


def switch(path: Path | None, notices: list[KillNotice]) -> KillSwitch:
    return KillSwitch(path, "r", lambda: 100.0, notices.append)


def test_it_is_on_as_long_as_its_file_is_there(tmp_path: Path) -> None:
    """Whoever has nothing but a shell makes the file and removes it; each is told once."""
    file, notices = tmp_path / "kill", list[KillNotice]()
    kill = switch(file, notices)
    assert kill.look() is None
    file.write_text("prices are wrong")
    killed = kill.look()
    assert killed is not None
    assert killed.reason == "prices are wrong"
    assert kill.look() == killed
    file.unlink()
    assert kill.look() is None
    assert [(each.on, each.reason) for each in notices] == [(True, "prices are wrong"), (False, "the file was removed")]


def test_it_outlives_a_restart(tmp_path: Path) -> None:
    """Turned on over the API, it is on again after the process has come back, with its words."""
    file, notices = tmp_path / "kill", list[KillNotice]()
    switch(file, notices).turn_on("ada", "bad release")
    again = switch(file, []).look()
    assert again is not None
    assert (again.actor, again.reason, again.since) == ("ada", "bad release", 100.0)
    switch(file, []).turn_off("bob", "mended")
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{" * 5000, b'{"actor": 3}', b"null"])
def test_whatever_is_in_the_file_it_is_on(tmp_path: Path, content: bytes) -> None:
    """Its being there is what counts."""
    (tmp_path / "kill").write_bytes(content)
    assert switch(tmp_path / "kill", []).look() is not None


def test_a_signal_turns_it_with_the_next_look(tmp_path: Path) -> None:
    """A handler only asks, since it runs in the midst of anything."""
    notices = list[KillNotice]()
    kill = switch(tmp_path / "kill", notices)
    kill.ask(on=True)
    assert not notices
    assert kill.look() is not None
    kill.ask(on=False)
    assert kill.look() is None
    assert [each.on for each in notices] == [True, False]


def test_a_file_that_cannot_be_written_turns_it_on_all_the_same(tmp_path: Path) -> None:
    """It holds in memory, and says that a restart would not know of it."""
    (tmp_path / "folder").write_text("")
    kill = switch(tmp_path / "folder" / "kill", [])
    with pytest.raises(RunError, match="ends with this process"):
        kill.turn_on("ada", "now")
    assert kill.look() is not None
    kill.turn_off("ada", "over")
    assert kill.look() is None


def test_a_file_that_cannot_be_removed_keeps_it_on(tmp_path: Path) -> None:
    """What can't be turned off stays on."""
    (tmp_path / "kill").mkdir()
    kill = switch(tmp_path / "kill", [])
    with pytest.raises(RunError, match="stays on"):
        kill.turn_off("ada", "over")
    assert kill.look() is not None


def test_the_words_are_cut_to_what_the_ledger_takes() -> None:
    """A notice that is too long would be damage to whoever reads it."""
    notices = list[KillNotice]()
    switch(None, notices).turn_on("a" * 1000, "r" * 5000)
    assert msgspec.json.decode(msgspec.json.encode(notices[0]), type=KillNotice) == notices[0]
