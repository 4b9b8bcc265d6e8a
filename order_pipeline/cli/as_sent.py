"""Prints what was known of a pick line when it was sent, for `order-pipeline outbox show --as-sent`."""

from __future__ import annotations

from rich.text import Text

from order_pipeline.cli.tables import minute, print_listing, print_records, print_text, result_console, shown
from order_pipeline.story.as_sent import AsSent

_NOT_SHOWN = {"pick_id", "read_at", "raw_versions"}


def print_as_sent(known: AsSent, *, with_payload: bool, wide: bool) -> None:
    """Print one line's basis, and the versions of raw that it stood on; payloads name the customer."""
    if known.basis is None:
        print_text("Nothing is kept: it was not sent, or by a version of the project that kept nothing.")
        return
    print_text(f"known when it was sent, read at {known.basis['read_at']:%Y-%m-%d %H:%M:%S} UTC:")
    told = {name: value for name, value in known.basis.items() if name not in _NOT_SHOWN and value is not None}
    print_records([{"": "", **told}], [""], longest=200)
    print_listing(
        known.versions,
        {
            "raw record": lambda version: f"{version['resource']} {version['record_id']}",
            "version": lambda version: version["content_sha256"][:12],
            "fetched (UTC)": lambda version: minute(version["fetched_at"]),
            "since then": lambda version: "nothing newer" if version["is_current"] else "it changed",
        },
        wide=wide,
    )
    if known.missing:
        print_text(f"{known.missing} versions are not in raw any more: another lake, or one that was put back older.")
    for version in known.versions if with_payload else ():
        print_text(f"{version['resource']} {version['record_id']} as received:")
        result_console.print(Text(shown(version["payload"])), soft_wrap=True)  # one line, so that a program can read it
