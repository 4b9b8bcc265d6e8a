"""The file of an invoice or receipt, checked before it is sent (apis/skroutz.md section 3.4).

The type is told from the content, not from the name: a wrong file would replace a right one at Skroutz.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from order_pipeline.channels.operator_commands import RequestError

MOST_BYTES = 7_000_000
_BEGINNINGS = ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """A file that Skroutz takes."""

    name: str
    content: bytes
    content_type: str


def read_invoice_file(path: Path) -> InvoiceFile:
    """Read and check the file.

    Raises:
        RequestError: missing, empty, larger than 7,000,000 bytes, or not a pdf, png or jpg.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.") from error
    if size > MOST_BYTES:
        raise RequestError(f"{path} has {size} bytes; Skroutz takes at most {MOST_BYTES}.")
    content_type = next((kind for beginning, kind in _BEGINNINGS if content.startswith(beginning)), None)
    if content_type is None:
        raise RequestError(f"{path} is not a pdf, png or jpg by its content; Skroutz takes only these.")
    return InvoiceFile(path.name, content, content_type)
