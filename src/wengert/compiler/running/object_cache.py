"""Native code kept on disk, so that a process does not compile what an earlier one has compiled.

An object is found by the hash of all that it depends on: the text, the processor and its features, the versions. The directory
is the user's own (`$WENGERT_CACHE`, or the system's place for caches; `off` for none). It, and each file in it, has to belong
to the user and to be writable by nobody else, or it is not read. A file that is not whole is ignored; files come into
being whole, by a rename.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

MOST_BYTES = 512 << 20  # of all files; beyond, those go that were used longest ago
MARK = b"wengert object 1\n"


def directory() -> Path | None:
    """The directory, made if need be; None if there is none that is the user's alone."""
    chosen = os.environ.get("WENGERT_CACHE", "")
    if chosen.lower() == "off":
        return None
    path = Path(chosen) if chosen else _usual()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if _own(path) and _safe_above(path.resolve().parent) else None
    except OSError:
        return None


def _usual() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "wengert"


def _own(path: Path) -> bool:
    """Does this belong to the user, and can nobody else write it? Links count for nothing."""
    if not hasattr(os, "geteuid"):
        return True  # Windows gives what is below a user's own directory to the user
    found = path.lstat()
    kind = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    return kind and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _safe_above(path: Path) -> bool:
    """Can nobody but the user and the system exchange the directory itself? Sticky directories keep others from it."""
    if not hasattr(os, "geteuid"):
        return True
    for parent in (path, *path.parents):
        found = parent.stat()
        if found.st_uid not in (0, os.geteuid()) or (found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX):
            return False
    return True


def key(*parts: str) -> str:
    """The name of what depends on these texts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(f"{len(part)}:".encode())
        found.update(part.encode())
    return found.hexdigest()


def read(name: str) -> bytes | None:
    """The object of this name, if it is there, whole, and nobody else's."""
    place = directory()
    if place is None:
        return None
    path = place / name
    try:
        if not _own(path):
            return None
        content = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    head = len(MARK) + 32
    if not content.startswith(MARK) or hashlib.sha256(content[head:]).digest() != content[len(MARK) : head]:
        return None
    return content[head:]


def write(name: str, content: bytes) -> None:
    """Keep an object. What goes wrong (a full disk, a directory that can not be written) is no harm."""
    place = directory()
    if place is None:
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".", suffix=".part")  # readable by the user alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MARK + hashlib.sha256(content).digest() + content)
            os.replace(temporary, place / name)
        except BaseException:
            os.unlink(temporary)
            raise
        _prune(place)
    except OSError:
        return


def _prune(place: Path) -> None:
    files = [(entry.stat(), entry.path) for entry in os.scandir(place) if entry.is_file(follow_symlinks=False)]
    total = sum(found.st_size for found, _ in files)
    for found, path in sorted(files, key=lambda pair: pair[0].st_mtime):
        if total <= MOST_BYTES:
            return
        os.unlink(path)
        total -= found.st_size
