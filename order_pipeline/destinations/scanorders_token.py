"""The ScanOrders access token of each floor: kept in the data directory with mode 0600, and with its expiry.

There is no refresh token (docs/apis/scanorders.md section 4). When a token ends, a person must log in again
(`scanorders_login`), so the warning comes days before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from order_pipeline.destinations.settings import PipelineSettings, setting_of
from order_pipeline.floors import MAIN
from order_pipeline.http.errors import NotConfigured
from order_pipeline.private_files import write_durably
from order_pipeline.redaction.secrets import hide_secret

TOKEN_FILE = "scanorders_token.json"  # noqa: S105  (a file name)
LOGIN_COMMAND = "order-pipeline scanorders login"


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a login left. `expires_at` is None when the host named no lifetime.

    `uid` is the user who consented (docs/apis/scanorders.md section 4): as secret as the token, None where none came.
    """

    access_token: str
    obtained_at: datetime
    expires_at: datetime | None = None
    uid: str | None = None

    def __repr__(self) -> str:
        return f"StoredToken(obtained_at={self.obtained_at}, expires_at={self.expires_at})"


def login_command(floor: str) -> str:
    """What a person runs to log in to a floor's account."""
    return LOGIN_COMMAND if floor == MAIN else f"{LOGIN_COMMAND} --floor {floor}"


def of_floor(settings: PipelineSettings, floor: str) -> str:
    """The floor as part of a sentence; an empty text where there is only one."""
    return f" of the floor {floor}" if len(settings.floor_settings) > 1 else ""


def token_path(settings: PipelineSettings, floor: str = MAIN) -> Path:
    """Where the floor's token is kept."""
    name = TOKEN_FILE if floor == MAIN else f"scanorders_token.{floor}.json"
    return settings.data_dir / name


def save_token(settings: PipelineSettings, token: StoredToken, floor: str = MAIN) -> Path:
    """Replace the stored token atomically; only the owner can read the file at any moment."""
    path = token_path(settings, floor)
    hide_secret(token.access_token)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, msgspec.json.encode(token))
    return path


def load_token(settings: PipelineSettings, floor: str = MAIN) -> StoredToken | None:
    """The floor's stored token, or None when nobody has logged in.

    Raises:
        NotConfigured: the file cannot be read or is damaged.
    """
    path = token_path(settings, floor)
    try:
        token = msgspec.json.decode(path.read_bytes(), type=StoredToken)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        problem = f"The ScanOrders token in {path} cannot be read ({type(error).__name__})."
        message = f"{problem} Run `{login_command(floor)}`."
        raise NotConfigured(message) from error
    hide_secret(token.access_token)
    hide_secret(token.uid)
    return token


def expiry_warning(settings: PipelineSettings, now: datetime | None = None, *, floor: str = MAIN) -> str | None:
    """A warning that the token ends soon or has ended, or None while there is time. Never contains the token.

    A token given by setting has no known end and is not warned about.
    """
    there, command = settings.floor_settings[floor], login_command(floor)
    which = of_floor(settings, floor)
    if there.access_token is not None:
        return None
    token = load_token(settings, floor)
    if token is None:
        return f"Nobody has logged in to ScanOrders{which}: run `{command}`."
    if token.expires_at is None:
        return None
    left = token.expires_at - (now or datetime.now(UTC))
    ends = f"{token.expires_at:%Y-%m-%d %H:%M} UTC"
    if left <= timedelta(0):
        return f"The ScanOrders login{which} ended on {ends}: run `{command}`."
    if left <= timedelta(days=there.token_warning_days):
        return (
            f"The ScanOrders login{which} ends on {ends}, in {left.days} days, and cannot renew itself: "
            f"run `{command}` before."
        )
    return None


def how_to_renew(settings: PipelineSettings, floor: str = MAIN) -> str:
    """What a person does when ScanOrders does not take the token."""
    command = login_command(floor)
    if settings.floor_settings[floor].access_token is not None:
        return f"Put a new token into {setting_of(floor, 'ACCESS_TOKEN')}, or unset it and run `{command}`."
    return f"Run `{command}`."


class TokenKeeper:
    """A floor's token: the setting's, else the stored one. After a 401 it looks whether a person logged in again."""

    def __init__(self, settings: PipelineSettings, floor: str = MAIN) -> None:
        self._settings = settings
        self._floor = floor
        self._token: str | None = None

    def current(self) -> str:
        """The token.

        Raises:
            NotConfigured: there is none, or the stored one has ended.
        """
        if self._token is None:
            self._token = self._read()
        return self._token

    async def renew(self, refused: str) -> bool:
        """Whether there is another token than the refused one by now."""
        try:
            self._token = self._read()
        except NotConfigured:
            return False
        return self._token != refused

    def _read(self) -> str:
        setting = self._settings.floor_settings[self._floor].access_token
        if setting is not None:
            return setting.get_secret_value()
        token = load_token(self._settings, self._floor)
        if token is None or (token.expires_at is not None and token.expires_at <= datetime.now(UTC)):
            warning = expiry_warning(self._settings, floor=self._floor)
            raise NotConfigured(warning or f"Run `{login_command(self._floor)}`.")
        return token.access_token
