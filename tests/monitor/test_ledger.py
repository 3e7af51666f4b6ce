from __future__ import annotations

import json
import math
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli import main
from monitor.ledger.chain import GENESIS, Chain, LedgerBroken, Verified, read_ledger, verify

START = 1_767_225_600.0


def written(n: int = 4) -> tuple[list[bytes], Chain]:
    chain = Chain()
    lines = [chain.append("verdict", START + i, {"state": "CLOSED", "why": f"é {i}", "n": i / 3}) for i in range(n)]
    return [line + b"\n" for line in lines], chain


def sealed(body: bytes) -> bytes:
    """A line with a right hash, whatever else it holds."""
    return b'%b,"hash":"%b"}' % (body, sha256(body).hexdigest().encode())


LINES, CHAIN = written()
WHOLE = b"".join(LINES)


def check(data: bytes, head: str | None = None) -> Verified:
    return verify(data.splitlines(keepends=True) if b"\r" not in data else _lines(data), head)


def _lines(data: bytes) -> list[bytes]:
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def test_a_line_is_what_the_wire_format_says() -> None:
    """Compact, its fields in their order, the hash over the bytes before it, prev the hash of the line before."""
    chain = Chain()
    line = chain.append("verdict", START, {"b": 1, "a": [None, "x"]})
    body = b'{"seq":0,"prev":"%b","time":"2026-01-01T00:00:00Z","kind":"verdict","b":1,"a":[null,"x"]' % (b"0" * 64)
    assert line == sealed(body)
    assert (chain.seq, chain.head) == (1, sha256(body).hexdigest())
    assert json.loads(chain.append("next", START, {}))["prev"] == sha256(body).hexdigest()


def test_numbers_that_json_lacks_become_null_and_numpys_are_plain() -> None:
    """NaN and infinities are null; numpy's numbers and arrays are written as Python's."""
    fields = {"a": math.nan, "b": -math.inf, "c": np.array([1.5, np.nan]), "d": np.int64(3), "e": np.float64(0.5)}
    record = json.loads(Chain().append("x", START, fields))
    assert [record[name] for name in "abcde"] == [None, None, [1.5, None], 3, 0.5]


@pytest.mark.parametrize("name", ["seq", "prev", "time", "kind", "hash"])
def test_a_records_own_names_are_refused(name: str) -> None:
    """A field cannot stand twice, and a refused record leaves the chain as it was."""
    chain = Chain()
    with pytest.raises(ValueError, match=name):
        chain.append("x", START, {name: 1})
    with pytest.raises(TypeError, match="object"):
        chain.append("x", START, {"a": object()})
    assert chain == Chain()


def test_a_whole_ledger_verifies_with_or_without_its_last_newline() -> None:
    """So does an empty one; the head is the last hash."""
    assert check(WHOLE) == check(WHOLE[:-1]) == check(WHOLE, CHAIN.head) == Verified(4, CHAIN.head)
    assert verify([]) == Verified(0, GENESIS)


def test_a_chain_resumes_and_takes_back() -> None:
    """From its last line it goes on as if it had never stopped; a copy from before is the way back."""
    resumed = Chain.resume(LINES[-1])
    assert resumed == CHAIN
    kept = replace(resumed)
    line = resumed.append("more", START, {})
    assert verify([*LINES, line]).records == 5
    assert kept.append("more", START, {}) == line
    with pytest.raises(LedgerBroken):
        Chain.resume(LINES[-1][:-3])


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_found(at: int, bit: int) -> None:
    """Wherever it is: in a field, a hash, the syntax or a newline; the line named is the one it is in."""
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit
    with pytest.raises(LedgerBroken) as found:
        verify(_lines(bytes(damaged)))
    # A record made longer or shorter by a newline is broken itself, so no later line can be the first.
    assert found.value.line == WHOLE.count(b"\n", 0, at) + 1


@given(st.data())
def test_any_line_deleted_inserted_repeated_or_swapped_is_found(data: st.DataObject) -> None:
    """Even when each line is whole by itself."""
    lines = list(LINES)
    at = data.draw(st.integers(0, len(lines) - 1))
    what = data.draw(st.sampled_from(["delete", "repeat", "swap", "foreign", "blank"]))
    if what == "delete" and at < len(lines) - 1:
        del lines[at]
    elif what == "swap":
        other = data.draw(st.sampled_from([i for i in range(len(lines)) if i != at]))
        lines[at], lines[other] = lines[other], lines[at]
    elif what == "foreign":
        lines.insert(at, Chain(at, GENESIS[:-1] + "1").append("verdict", START, {}) + b"\n")
    elif what == "blank":
        lines.insert(at, data.draw(st.sampled_from([b"\n", b" \n", b"\r\n"])))
    else:
        lines.insert(at, lines[at])
    with pytest.raises(LedgerBroken):
        verify(lines)


@given(st.integers(0, len(WHOLE) - 2))
def test_a_cut_off_end_is_found_with_the_head(at: int) -> None:
    """Within a line at once; between lines, only whoever knows the head can tell."""
    cut = WHOLE[:at]
    with pytest.raises(LedgerBroken):
        verify(_lines(cut), CHAIN.head)


def test_records_behind_the_head_are_found() -> None:
    """The head is the last record's hash, not any record's; the message tells the two cases apart."""
    with pytest.raises(LedgerBroken, match="that of line 2, but more records follow"):
        verify(LINES, json.loads(LINES[1])["hash"])
    with pytest.raises(LedgerBroken, match="cut off"):
        verify(LINES[:2], CHAIN.head)


HEAD = b'{"seq":0,"prev":"%b","time":"2026-01-01T00:00:00Z","kind":"x"' % (b"0" * 64)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (sealed(HEAD + b',"a":1,"a":2'), "'a' twice"),
        (sealed(HEAD + b',"b":{"c":1,"c":1}'), "'c' twice"),
        (sealed(HEAD + b',"kind":"y"'), "'kind' twice"),
        (sealed(HEAD + b',"a":NaN'), "not JSON"),
        (sealed(HEAD + b',"a":"\xff"'), "not JSON"),
        (sealed(HEAD + b',"a":'), "not JSON"),
        (sealed(HEAD + b',"a":' + b"[" * 5000 + b"]" * 5000), "not JSON"),
        (sealed(b" " + HEAD), "begin"),
        (sealed(HEAD.replace(b'"seq":0', b'"seq": 0')), "begin"),
        (sealed(HEAD.replace(b"2026-01-01", b"2026-13-01")), "time"),
        (sealed(HEAD) + b" ", "end"),
        (sealed(HEAD) + b"\r\n", "end"),
        (sealed(HEAD) + b"\n\n", "end"),
        (sealed(HEAD.replace(b'"seq":0', b'"seq":1')), "seq is 1, not 0"),
        (sealed(HEAD.replace(b"0" * 64, b"1" * 64)), "follows"),
        (HEAD + b"}", "end"),
        (b"[]", "end"),
    ],
)
def test_a_line_that_was_never_right_is_found(line: bytes, what: str) -> None:
    """Its own hash does not excuse a line that two readers could read in two ways."""
    with pytest.raises(LedgerBroken, match=what):
        verify([line])


def test_records_are_read_with_their_lines(tmp_path: Path) -> None:
    """In order, decoded, beside the bytes as they stand; an unreadable line is named."""
    path = tmp_path / "l"
    path.write_bytes(WHOLE)
    assert [(record["seq"], line) for record, line in read_ledger(path)] == [
        (i, line[:-1]) for i, line in enumerate(LINES)
    ]
    path.write_bytes(LINES[0] + b"{]\n")
    with pytest.raises(LedgerBroken, match="line 2"):
        list(read_ledger(path))


def run(args: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "run.ledger"
    path.write_bytes(WHOLE)
    return path


def test_verify_says_that_a_ledger_is_whole(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, the number of records and the head."""
    status, out, err = run(["ledger", "verify", str(ledger), "--head", CHAIN.head], capsys)
    assert (status, err) == (0, "")
    assert "4 records" in out
    assert CHAIN.head in out
    _, out, _ = run(["ledger", "verify", str(ledger), "--json", "-"], capsys)
    assert json.loads(out) == {"ok": True, "records": 4, "head": CHAIN.head}


def test_verify_names_the_first_bad_record(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 3 and one line on standard error; as JSON too."""
    ledger.write_bytes(WHOLE.replace(b"CLOSED", b"OPENED", 3))
    status, out, err = run(["ledger", "verify", str(ledger)], capsys)
    assert (status, out) == (3, "")
    assert "line 1" in err
    assert "Traceback" not in err
    status, out, _ = run(["ledger", "verify", str(ledger), "--json", "-"], capsys)
    assert status == 3
    assert json.loads(out)["line"] == 1


def test_verify_and_show_refuse_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 for a missing file or a time that is none."""
    assert run(["ledger", "verify", str(tmp_path / "none")], capsys)[0] == 2
    (tmp_path / "l").write_bytes(WHOLE)
    status, _, err = run(["ledger", "show", str(tmp_path / "l"), "--from", "noon"], capsys)
    assert status == 2
    assert "'noon'" in err


def test_show_prints_the_records_asked_for(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By kind and time, as a table in words or as JSON; brackets in a record are text, not style."""
    chain = Chain.resume(LINES[-1])
    fields: dict[str, Any] = {"from": "CLOSED", "to": "OPEN", "reason": "risk [bold]", "counts": {"a": 1, "b": True}}
    ledger.write_bytes(WHOLE + chain.append("transition", START + 9, fields))
    status, out, _ = run(["ledger", "show", str(ledger), "--kind", "transition"], capsys)
    assert status == 0
    said = " ".join(out.split())
    assert "CLOSED → OPEN; risk [bold]; counts a 1, b yes" in said
    assert "verdict" not in said
    args = ["--from", "2026-01-01T00:00:02Z", "--to", "2026-01-01T00:00:03Z", "--json", "-"]
    _, out, _ = run(["ledger", "show", str(ledger), *args], capsys)
    assert [record["seq"] for record in json.loads(out)] == [2, 3]
