"""Messages as real receivers get them, and what happens while a receiver does not take them."""

import json

import pytest
from pydantic import SecretStr

from order_pipeline.alerts.message import write_test_message
from order_pipeline.alerts.messengers import LOG_FILE, NotDeliveredError, messengers_of
from order_pipeline.alerts.watch import Look, watch
from order_pipeline.operations.incident_messages import backlogs
from order_pipeline.operations.incidents import Incident
from order_pipeline_tests.alerts.receivers import certificate_for, running_mailbox, writing_command

FAILED = Incident(
    kind="run_failed",
    subject="kibo_job",
    message="kibo_job failed: fetch_kibo: GET https://kibo.example/orders: answered 503 (after 5 tries).",
    next_step="Open the run, mend the cause & re-execute it <there>.",
    run_id="1c0a9d5e-0000-4000-8000-3f5f8f1f2a11",
    partitions="2026-02-16...2026-03-01",
)


def look_for(*found):
    return [Look("tests", (), lambda: found)]


def tell(settings, store, *found):
    return watch(settings, store, look_for(*found), messengers_of(settings))


def test_the_webhook_gets_slack_shaped_json_once_and_once_more_when_it_is_over(settings, store, webhook, clock):
    settings.alerts.webhook_url = SecretStr(webhook.url)
    for _ in range(3):
        tell(settings, store, FAILED)
        clock.advance(300)
    tell(settings, store)
    tell(settings, store)
    assert webhook.texts == [
        (
            "ALERT kibo_job failed: fetch_kibo: GET https://kibo.example/orders: answered 503 (after 5 tries).\n"
            "since: 2026-03-01 12:00 UTC\n"
            "days: 2026-02-16...2026-03-01\n"
            "run: http://127.0.0.1:3000/runs/1c0a9d5e-0000-4000-8000-3f5f8f1f2a11\n"
            "next: Open the run, mend the cause &amp; re-execute it &lt;there&gt;."
        ),
        (
            "OVER kibo_job failed: fetch_kibo: GET https://kibo.example/orders: answered 503 (after 5 tries).\n"
            "since: 2026-03-01 12:00 UTC   over: 2026-03-01 12:15 UTC, after 15 minutes\n"
            "days: 2026-02-16...2026-03-01\n"
            "run: http://127.0.0.1:3000/runs/1c0a9d5e-0000-4000-8000-3f5f8f1f2a11"
        ),
    ]


def test_mail_goes_out_by_smtp_with_a_login(settings, store, mailbox):
    settings.alerts.smtp_url, settings.alerts.mail_to = SecretStr(mailbox.url), ["lead@shop.example", "it@shop.example"]
    tell(settings, store, FAILED)
    (mail,) = mailbox.mails
    assert mail["Subject"].startswith("ALERT kibo_job failed")
    assert mail["To"] == "lead@shop.example, it@shop.example"
    assert "run: http://127.0.0.1:3000/runs/1c0a9d5e" in mail.get_content()


def test_a_command_gets_the_text_and_the_parts_and_none_of_our_settings(settings, store, tmp_path, monkeypatch):
    monkeypatch.setenv("ORDER_PIPELINE_KIBO__API_SECRET", "not-for-others")
    settings.alerts.command = writing_command(tmp_path / "called.txt")
    tell(settings, store, FAILED)
    called = (tmp_path / "called.txt").read_text().splitlines()
    assert called[0].startswith("run_failed|ALERT kibo_job failed")
    assert called[-1] == "next: Open the run, mend the cause & re-execute it <there>."
    assert not any("ORDER_PIPELINE_" in line for line in called)


def test_the_log_has_every_message_as_one_line_of_json(settings, store):
    tell(settings, store, FAILED)
    tell(settings, store)
    lines = [json.loads(line) for line in (settings.data_dir / LOG_FILE).read_text().splitlines()]
    assert [line["event"] for line in lines] == ["opened", "closed"]
    assert lines[0]["next_step"] == FAILED.next_step


def test_a_messenger_that_is_down_loses_nothing_and_holds_no_other(settings, store, webhook, mailbox):
    settings.alerts.webhook_url = SecretStr(webhook.url)
    settings.alerts.smtp_url, settings.alerts.mail_to = SecretStr(mailbox.url), ["lead@shop.example"]
    webhook.status = 503
    _, delivered = tell(settings, store, FAILED)
    assert delivered.failed == {"webhook": "POST to the webhook: answered 503"}
    assert len(mailbox.mails) == 1
    tell(settings, store)
    assert [(each.messenger, each.waiting) for each in backlogs(store)] == [("webhook", 1)]
    webhook.status = 200
    tell(settings, store)
    assert [text.split()[0] for text in webhook.texts] == ["ALERT", "OVER"]
    assert backlogs(store) == []
    assert len(mailbox.mails) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_url": SecretStr("http://127.0.0.1:9/services/hook-secret-1")},
        {"webhook_url": SecretStr("no url hook-secret-1")},
        {"smtp_url": SecretStr("smtp://me:hook-secret-1@127.0.0.1:9"), "mail_to": ["a@b.example"]},
        {"smtp_url": SecretStr("smtp://me:hook-secret-1@127.0.0.1:none"), "mail_to": ["a@b.example"]},
        {"command": "/no/such/program hook-secret-1"},
        {"command": "false hook-secret-1"},
        {"command": "'unclosed hook-secret-1"},
    ],
)
def test_what_cannot_be_brought_is_said_without_the_secret(settings, clock, change):
    for name, value in change.items():
        setattr(settings.alerts, name, value)
    message = write_test_message(clock.now, settings.alerts.ui_url)
    with pytest.raises(NotDeliveredError) as refused:
        messengers_of(settings)[1].bring(message)
    assert "hook-secret" not in f"{refused.value}"
    assert "hook-secret" not in f"{messengers_of(settings)[1]!r}"


def test_a_mail_server_that_refuses_the_login_is_named_without_the_password(settings, clock, mailbox):
    settings.alerts.smtp_url = SecretStr(mailbox.url.replace("p%40ss%2Fword", "wrong-password"))
    settings.alerts.mail_to = ["lead@shop.example"]
    with pytest.raises(NotDeliveredError, match="SMTPAuthenticationError 535"):
        messengers_of(settings)[1].bring(write_test_message(clock.now, settings.alerts.ui_url))


def test_mail_is_encrypted_by_starttls_and_the_certificate_is_checked(settings, clock, tmp_path, monkeypatch):
    message = write_test_message(clock.now, settings.alerts.ui_url)
    tls = certificate_for("127.0.0.1", tmp_path / "server.pem")
    with running_mailbox(tls=tls) as mailbox:
        settings.alerts.smtp_url, settings.alerts.mail_to = SecretStr(mailbox.url), ["lead@shop.example"]
        messenger = messengers_of(settings)[1]
        with pytest.raises(NotDeliveredError, match="SSLCertVerificationError"):
            messenger.bring(message)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        messenger.bring(message)
        assert len(mailbox.mails) == 1


def test_a_password_does_not_leave_the_machine_in_the_clear(settings, clock):
    with running_mailbox("0.0.0.0") as mailbox:
        settings.alerts.smtp_url, settings.alerts.mail_to = SecretStr(mailbox.url), ["lead@shop.example"]
        with pytest.raises(NotDeliveredError, match="no STARTTLS, so the password was not sent"):
            messengers_of(settings)[1].bring(write_test_message(clock.now, settings.alerts.ui_url))


def test_a_look_that_fails_is_an_incident_and_hides_no_other(settings, store, webhook):
    def fail():
        raise OSError("the text of Ada Lovelace, 7 Acre Lane")

    settings.alerts.webhook_url = SecretStr(webhook.url)
    looks = [Look("the sources", (), fail), *look_for(FAILED)]
    watch(settings, store, looks, messengers_of(settings))
    assert [text.partition("\n")[0][:47] for text in webhook.texts] == [
        "ALERT The look at the sources failed with OSErr",
        "ALERT kibo_job failed: fetch_kibo: GET https://",
    ]
    assert "Ada" not in "".join(webhook.texts)
