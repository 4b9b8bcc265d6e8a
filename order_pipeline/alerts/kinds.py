"""The kinds of incidents. docs/operating.md has a section for each: what it means and what to do."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What kind of thing is wrong."""

    RUN_FAILED = "run_failed"
    """A run failed, and no retry is left."""
    CHECK_RED = "check_red"
    """A check that counts as an error is red."""
    PICKS_STOPPED = "picks_stopped"
    """Picks do not go out: no login, a stuck emitter, no emission, a queue that does not empty."""
    LOGIN_ENDING = "login_ending"
    """The login at ScanOrders ends soon, and only a person can renew it."""
    DOUBTS = "doubts"
    """Nobody knows whether picks are on the floor, for too long."""
    SOURCE_STALE = "source_stale"
    """A channel was not read to its end for too long."""
    QUOTA_STOPPED = "quota_stopped"
    """A channel's call quota ended its last run before its end."""
    WINDOW_UNPROVED = "window_unproved"
    """Days were read and are not proved complete."""
    DAYS_OWED = "days_owed"
    """Core owes days, and they do not become fewer."""
    DAYS_MISSING = "days_missing"
    """Days between others were never read."""
    DISK = "disk"
    """The disk of the data directory is nearly full."""
    DAEMON_STOPPED = "daemon_stopped"
    """Dagster's daemon is silent, so nothing starts by itself."""
    CANNOT_LOOK = "cannot_look"
    """One of the looks failed, so incidents of its kinds are not seen."""
