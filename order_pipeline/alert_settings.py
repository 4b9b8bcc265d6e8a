"""The settings of alerts: where messages go, and from when on something is worth one.

A threshold is what a person would call late, not what a machine can notice: alerts that are usually nothing are soon
read by nobody.
"""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr


class AlertSettings(BaseModel, extra="forbid"):
    """Alerts: one message when an incident opens, one when it is over."""

    webhook_url: SecretStr | None = Field(
        default=None,
        description="Gets a POST of Slack-shaped JSON (`text`): Slack, Mattermost, Rocket.Chat and others.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="`smtp://user:password@host:587` (STARTTLS where offered) or `smtps://...:465`. Special characters "
        "of the password percent-encoded.",
    )
    mail_from: str = Field(default="order-pipeline@localhost", description="The sender of mails.")
    mail_to: list[str] = Field(default_factory=list, description="Who gets mails; needed beside the SMTP URL.")
    command: str | None = Field(
        default=None,
        description="A command that is run for each message, without a shell: the text comes on its standard input, "
        "the parts as ALERT_* variables. It must end with 0 within 30 seconds.",
    )
    ui_url: str = Field(default="http://127.0.0.1:3000", description="Where people open the Dagster UI, for links.")
    seconds_between_looks: int = Field(default=120, ge=30, description="How often incidents are looked for.")
    quiet_minutes: float = Field(
        default=10,
        ge=0,
        description="An incident is over when it was not seen for so long: one that flickers stays one.",
    )
    reminder_hours: float | None = Field(
        default=None, gt=0, description="A message again while an incident is open, so often; None: never."
    )
    keep_days: int = Field(default=365, ge=1, description="Incidents that are over are kept so long.")

    queue_minutes: float = Field(
        default=60, gt=0, description="While sending is on: a planned line older than this says that picks stopped."
    )
    emission_minutes: float = Field(
        default=60, gt=0, description="While sending is on: no emission for so long says that picks stopped."
    )
    lease_minutes: float = Field(default=120, gt=0, description="An emitter that holds its lease longer is stuck.")
    stale_after_cadences: float = Field(
        default=4, gt=0, description="A source is stale when it was not read for so many moments of its cron."
    )
    unproved_hours: float = Field(
        default=6, ge=0, description="A window that is not proved complete for longer is an incident."
    )
    owed_hours: float = Field(
        default=6, ge=0, description="Days that core owes are an incident when they do not become fewer for so long."
    )
    disk_free_gigabytes: float = Field(
        default=5, ge=0, description="Less free space than this where the data directory lies is an incident."
    )
