"""What a replay would change, as text for a terminal of 80 columns."""

from __future__ import annotations

from collections import Counter

from order_pipeline.cli.output import note
from order_pipeline.cli.tables import print_table, print_text
from order_pipeline.replay.changes import ReplayChanges


def print_changes(found: ReplayChanges, limit: int) -> None:
    """Print the answer first, then core, rejects and picks as far as they change.

    Args:
        found: what would change.
        limit: at most so many picks are printed.
    """
    days = ", ".join(f"{count:,} days of {source}" for source, count in found.days.items())
    answer = "Nothing would change" if found.is_identical else "The replay differs from what is stored"
    print_text(f"{answer}: {days} replayed in {found.seconds:.1f} s", style="bold")
    for source, owed in found.owed.items():
        print_text(
            f"{source}: core owes {len(owed):,} of these days. Raw has something new there, which the next run builds:"
            " differences may come of that, and not of the code."
        )
    _print_core(found)
    _print_rejects(found)
    _print_picks(found, limit)


def _print_core(found: ReplayChanges) -> None:
    changed = [each for each in found.tables if not each.is_none]
    if not changed:
        note(f"core: {sum(each.before for each in found.tables):,} rows, all equal")
        return
    print_table(
        ["channel", "table", "before", "after", "added", "gone", "changed"],
        [(e.source, e.table, e.before, e.after, e.added, e.gone, e.changed) for e in changed],
        title="core",
    )
    columns = [(table, column) for table in changed for column in table.columns]
    if columns:
        print_table(
            ["column", "rows", "from -> to", "an example"],
            [
                (
                    f"{table.source}\n{table.table}.{column.column}",
                    column.rows,
                    "\n".join(f"{value.before} -> {value.after} ({value.rows:,})" for value in column.values),
                    column.example,
                )
                for table, column in columns
            ],
            title="columns of rows that stay",
        )


def _print_rejects(found: ReplayChanges) -> None:
    if not found.rejects:
        note("quarantine: as it is")
        return
    print_table(
        ["channel", "rule", "opened", "resolved", "an example"],
        [
            (each.source, f"{each.rule}\n{each.table}.{each.field}", each.opened, each.resolved, each.example)
            for each in found.rejects
        ],
        title="quarantine",
    )


def _print_picks(found: ReplayChanges, limit: int) -> None:
    if not found.picks:
        note("picks: as they are")
        return
    kinds = Counter((each.before or "not on the list", each.after or "not on the list") for each in found.picks)
    print_table(["now", "after the replay", "picks"], [(*kind, count) for kind, count in kinds.most_common()])
    print_table(
        ["pick", "now", "after the replay"],
        [(each.pick_id, each.before or "not on the list", each.after or "not on the list") for each in found.picks][
            :limit
        ],
        title="picks",
    )
    if len(found.picks) > limit:
        note(f"{len(found.picks) - limit:,} more: --limit, or --json for all")
