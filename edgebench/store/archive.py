"""Zip files of plain files, nothing compressed: written the same every time, read as if an enemy had made them.

A member that is stored is as large as it says, and all members together are no larger than the file: there is nothing
to inflate. Of the format (PKWARE APPNOTE 6.3.10) only what `write` writes is taken; nothing is extracted by its name.
"""

import contextlib
import hashlib
import math
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

MOST_MEMBERS = 4096

_MOST_DIRECTORY_BYTES = 2**20  # zipfile reads the central directory whole; 4096 members take 0.6 MB
_CHUNK_BYTES = 2**20
_LONGEST_SHOWN = 100
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell: the same content is the same file
_PLAIN_FILE = (stat.S_IFREG | 0o644) << 16

_END = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16, end of central directory record
_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14; stands where an offset is beyond 2 GiB
_NPY = re.compile(  # numpy.lib.format, version 1.0, as numpy.save writes it: no pickled objects, no records
    rb"\x93NUMPY\x01\x00[\x00-\xff]{2}"
    rb"(\{'descr': '[<|][fiub]([1248])', 'fortran_order': False, 'shape': \(((?:[0-9]{1,10},? ?){0,8})\), \} *\n)"
)
_LONGEST_HEADER = 512

_END_SIGN, _LOCATOR_SIGN, _END64_SIGN = b"PK\5\6", b"PK\6\7", b"PK\6\6"


class Unusable(ValueError):  # noqa: N818 - what is wrong with a file, worded by who knows which file it is
    """A zip that `write` did not write; the message says what was found."""


def write(file: IO[bytes], texts: Mapping[str, bytes], files: Mapping[str, Path]) -> None:
    """Write a zip: first the texts, then the files, each in the order of their names."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(texts):
            archive.writestr(_entry(name, len(texts[name])), texts[name])
        for name in sorted(files):
            entry = _entry(name, files[name].stat().st_size)
            with files[name].open("rb") as source, archive.open(entry, "w") as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)


@contextlib.contextmanager
def opened(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Give a zip to read after a look at all that it says of its members; raise Unusable for what it should not."""
    size = _checked_end(file)
    with said("it is no zip that can be read"), zipfile.ZipFile(file) as archive:
        _check_members(archive.infolist(), size)
        yield archive


def read(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """Return a member of at most so many bytes."""
    if name not in archive.namelist():
        raise Unusable(f"it holds no {name}")
    if archive.getinfo(name).file_size > most_bytes:
        raise Unusable(f"its {name} has more than {most_bytes} bytes")
    return archive.read(name)


def copy(archive: zipfile.ZipFile, name: str, target: IO[bytes] | None = None) -> str:
    """Copy a member, chunk by chunk, and return the SHA-256 of its content; without a target only that."""
    digest = hashlib.sha256()
    with archive.open(name) as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            if target is not None:
                target.write(chunk)
    return digest.hexdigest()


def check_arrays(file: IO[bytes], names: frozenset[str] | None) -> None:
    """Raise Unusable unless an .npz holds plain numbers, as many as it says, under these names (None: any)."""
    with opened(file) as zipped:
        found = {one.filename.removesuffix(".npy") for one in zipped.infolist()}
        if names is not None and found != names:
            raise Unusable(f"its arrays are {shown(', '.join(sorted(found)))}: expected {', '.join(sorted(names))}")
        for member in zipped.infolist():
            _check_array(zipped, member)


@contextlib.contextmanager
def said(otherwise: str) -> Iterator[None]:
    """Turn all that reading a damaged zip, or an array in one, is known to raise into Unusable."""
    try:
        yield
    except Unusable:
        raise
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, struct.error, ValueError) as error:
        raise Unusable(f"{otherwise} ({shown(str(error))})") from error


def shown(text: str) -> str:
    """Return what a stranger's file says so that it can stand in a sentence on a terminal.

    >>> shown("../\\x1b[2J")
    '../ [2J'
    """
    return "".join(sign if sign.isprintable() else " " for sign in text[:_LONGEST_SHOWN])


def _entry(name: str, size_bytes: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3  # Unix, on whatever system it is written
    entry.external_attr = _PLAIN_FILE
    entry.file_size = size_bytes
    return entry


def _checked_end(file: IO[bytes]) -> int:
    """Return the size of a zip whose central directory is small and lies right before its end."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END64.size - _LOCATOR.size - _END.size))
    tail = file.read()
    if len(tail) < _END.size:
        raise Unusable("it is no zip")
    sign, *_, directory_bytes, offset, comment_bytes = _END.unpack(tail[-_END.size :])
    if sign != _END_SIGN or comment_bytes:
        raise Unusable("it does not end like a zip")
    end_bytes = _END.size
    locator = tail[-_END.size - _LOCATOR.size : -_END.size]
    if locator.startswith(_LOCATOR_SIGN):
        end_bytes = _END64.size + _LOCATOR.size + _END.size
        directory_bytes, offset = _checked_end64(tail[: -_END.size], size - end_bytes)
    if directory_bytes > _MOST_DIRECTORY_BYTES or offset + directory_bytes + end_bytes != size:
        raise Unusable("its list of members is not where it should be")
    return size


def _checked_end64(records: bytes, expected: int) -> tuple[int, int]:
    """Return size and offset of the central directory from the records of a large zip."""
    if len(records) != _END64.size + _LOCATOR.size:
        raise Unusable("it does not end like a zip")
    sign, *_, directory_bytes, offset = _END64.unpack(records[: _END64.size])
    found: int = _LOCATOR.unpack(records[_END64.size :])[2]
    if sign != _END64_SIGN or found != expected:
        raise Unusable("it does not end like a zip")
    return directory_bytes, offset


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    if len(members) > MOST_MEMBERS:
        raise Unusable(f"it holds {len(members)} members, at most {MOST_MEMBERS} are taken")
    if len({member.filename for member in members}) < len(members):
        raise Unusable("two of its members have one name")
    for member in members:
        _check_member(member)
    if sum(member.file_size for member in members) > size:
        raise Unusable("its members overlap")


def _check_member(member: zipfile.ZipInfo) -> None:
    what = f"its member {shown(member.orig_filename)}"
    if member.filename != member.orig_filename:
        raise Unusable(f"{what} has another name than it seems")
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise Unusable(f"{what} is compressed")
    if member.flag_bits:
        raise Unusable(f"{what} is encrypted or otherwise unusual")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG) or member.is_dir():
        raise Unusable(f"{what} is no plain file")


def _check_array(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    with zipped.open(member) as array:
        match = _NPY.match(array.read(_LONGEST_HEADER))
        if match is None or len(match[1]) != int.from_bytes(match[0][8:10], "little"):
            raise Unusable(f"its array {shown(member.filename)} is none of plain numbers")
        sides = [int(side) for side in match[3].replace(b",", b" ").split()]
        if match.end() + math.prod(sides) * int(match[2]) != member.file_size:
            raise Unusable(f"its array {shown(member.filename)} is not as large as it says")
