"""A `.pt2` file as records: a zip of raw numbers and JSON, of which nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from detectors.errors import ProgramError

__all__ = ["LARGEST", "Archive"]

LARGEST = 1 << 28
"""Bytes of a program at most, by default: 64 million weights in single precision."""
_MOST_RECORDS = 20_000
_LARGEST_NAME = 1024
_GRAPH = "models/model.json"
_SAVE_AGAIN = "save it with torch.export.save of torch 2.9 or later, under the one name that it gives"


@dataclass(frozen=True, slots=True)
class Archive:
    """Records of a program's file by name, without the folder that all of them lie in.

    `torch.export.load` unpickles the sample inputs of a file, and falls back on unpickling anything there; so it is not
    used. What is needed besides them, the graph as JSON and the weights as raw numbers, is read from here.

    Attributes
    ----------
    records
        Bytes by name, such as `models/model.json` and `data/weights/weight_0`.
    digest
        SHA-256 of the whole file, in hexadecimal.

    Examples
    --------
    >>> Archive.read(b"no program", largest=5)
    Traceback (most recent call last):
    ...
    detectors.errors.ProgramError: it has 10 bytes; a program has 5 at most
    """

    records: Mapping[str, bytes]
    digest: str

    @classmethod
    def read(cls, data: bytes, largest: int = LARGEST) -> Archive:
        """Take a file apart.

        Raises
        ------
        ProgramError
            No zip file, larger than `largest` bytes, with compressed records, or not of one program.
        """
        if len(data) > largest:
            raise ProgramError(f"it has {len(data)} bytes; a program has {largest} at most")
        try:
            records = _records(data, largest)
        except zipfile.BadZipFile as error:
            raise ProgramError(f"it is no zip file, as programs are: {_SAVE_AGAIN}") from error
        except (OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
            raise ProgramError(f"its zip file is damaged ({error}): {_SAVE_AGAIN}") from error
        if _GRAPH not in records:
            raise ProgramError(f"it has no {_GRAPH}: {_SAVE_AGAIN}")
        order = records.get("byteorder", b"little")
        if order != b"little":
            raise ProgramError(f"its numbers are in byte order {order[:20]!r}; only little can be read")
        return cls(records, hashlib.sha256(data).hexdigest())


def _records(data: bytes, largest: int) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        if len(members) > _MOST_RECORDS:
            raise ProgramError(f"it has {len(members)} records; a program has {_MOST_RECORDS} at most")
        for each in members:
            # torch stores; a compressed record may be a thousand times as large as it looks
            if each.compress_type != zipfile.ZIP_STORED or each.file_size != each.compress_size:
                raise ProgramError(f"its record {each.filename[:80]!r} is compressed, which torch never does")
        if sum(each.file_size for each in members) > largest:
            raise ProgramError(f"its records have more than {largest} bytes in all, more than the file can hold")
        folders = {each.filename.partition("/")[0] for each in members}
        if len(folders) != 1:
            raise ProgramError(f"its records lie in {len(folders)} folders, and not in one: {_SAVE_AGAIN}")
        records = {each.filename.partition("/")[2][:_LARGEST_NAME]: archive.read(each) for each in members}
    if len(records) != len(members):
        raise ProgramError("two of its records have the same name")
    return records
