"""Files for their owner alone: orders, customers and tokens stand in them, and a machine may have other users.

Everything that a process of ours makes is closed to others from its first moment (`close_new_files`), so no place that
writes has to think of it. What an earlier version or a copy left open is found and mended here.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def close_new_files() -> None:
    """From now on this process and its children make directories of mode 0700 and files of mode 0600."""
    os.umask(_OTHERS)


@contextmanager
def new_draft(target: Path) -> Generator[tuple[Path, BinaryIO]]:
    """A new file beside the target, to be written and then renamed to it; removed if the block fails.

    Its name cannot be guessed and it must not exist, so no link that somebody laid out leads the bytes elsewhere.
    """
    draft = target.with_name(f"{target.name}.{secrets.token_hex(8)}.new")
    with os.fdopen(os.open(draft, _NEW, 0o600), "wb") as stream:
        try:
            yield draft, stream
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file as a whole; it survives a power cut before the caller goes on."""
    with new_draft(path) as (draft, stream):
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def open_to_others(directory: Path) -> Iterator[Path]:
    """The directory (or file) and all that is in it, as far as others may do anything with it.

    Links are neither named nor followed.
    """
    if _is_open(directory):
        yield directory
    for parent, folders, files in os.walk(directory):
        for name in (*folders, *files):
            path = Path(parent) / name
            if _is_open(path):
                yield path


def close_to_others(directory: Path) -> list[Path]:
    """Take the rights of others away in the whole directory; what is left, because it belongs to somebody else."""
    left: list[Path] = []
    for path in list(open_to_others(directory)):
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError:
            left.append(path)
    return left


def _is_open(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and bool(mode & _OTHERS)
