"""Files that the host copied to this side: each under the SHA-256 of its content, whole or not at all."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from edgebench.board.wire import FileName, WireError

FOLDER = "files"
PART = ".part"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_CHUNK_BYTES = 2**20


def settle(folder: Path, wanted: Iterable[FileName]) -> list[str]:
    """Return the SHA-256 of those files that are not here; what was copied in full takes its place.

    A file being copied ends in `.part`. It becomes the file itself once its content has the right hash.
    """
    missing = []
    for file in wanted:
        if not (_SHA256.fullmatch(file.sha256) and _NAME.fullmatch(file.name)):
            raise WireError(f"{file.sha256!r}, {file.name!r} is no hash and name of a file")
        path = folder / file.sha256 / file.name
        part = path.with_name(path.name + PART)
        if not path.is_file() and part.is_file() and sha256(part) == file.sha256:
            part.rename(path)
        if not path.is_file():
            missing.append(file.sha256)
    return missing


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's content (hashlib.file_digest needs Python 3.11)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
