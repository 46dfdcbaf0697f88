"""EMAIL_URL as people set it, and a mail that really travels over SMTP."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from notifications.models import Delivery
from tests.agency import Agency
from tests.config.test_settings import read_with
from tests.notifications.conftest import deliver, look
from tests.plans import waiting_campaign


class Mailbox:
    """An SMTP server that takes every mail, or refuses the recipient with `refuse`."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuse = ""
        box = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 box")
                while command := self.rfile.readline().decode().strip().upper():
                    if command.startswith("EHLO"):
                        self.say("250 box")
                    elif command.startswith("RCPT") and box.refuse:
                        self.say(box.refuse)
                    elif command == "DATA":
                        self.say("354 go on")
                        box.mails.append(self.data())
                        self.say("250 taken")
                    elif command == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def data(self) -> bytes:
                lines: list[bytes] = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.removeprefix(b"."))
                return b"".join(lines)

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.server.daemon_threads = True


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    threading.Thread(target=box.server.serve_forever, args=(0.02,), daemon=True).start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.server.server_address[1]
    yield box
    box.server.shutdown()
    box.server.server_close()


def test_a_mail_travels_whole(agency: Agency, mailbox: Mailbox) -> None:
    waiting_campaign(agency, name="Frühling – 春")
    look()
    deliver()
    assert len(mailbox.mails) == 2
    mail = email.message_from_bytes(mailbox.mails[0], policy=email.policy.default)
    assert mail["Subject"].strip() == "[Flightdeck] Decision needed: Frühling – 春"
    assert mail["List-Unsubscribe"].endswith("/settings/notifications/>")
    assert mail["Message-ID"].strip("<>").split("@")[0] in {
        str(pk) for pk in Delivery.objects.values_list("pk", flat=True)
    }
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "Frühling – 春" in mail.get_body(("plain",)).get_content()


def test_a_refusal_is_tried_again(agency: Agency, mailbox: Mailbox) -> None:
    mailbox.refuse = "451 come back later"
    waiting_campaign(agency)
    look()
    deliver()
    assert mailbox.mails == []
    assert set(Delivery.objects.values_list("status", "tries")) == {("waiting", 1)}
    assert "SMTPRecipientsRefused" in Delivery.objects.first().note


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ["django.core.mail.backends.console.EmailBackend", None, None, False, False]),
        (
            "smtp+tls://me:p%40ss@mail.example:587",
            ["django.core.mail.backends.smtp.EmailBackend", "mail.example", 587, True, False],
        ),
        (
            "smtp+ssl://me:secret@mail.example:465",
            ["django.core.mail.backends.smtp.EmailBackend", "mail.example", 465, False, True],
        ),
    ],
)
def test_where_mails_go_is_one_variable(tmp_path: Any, url: str, expected: list[Any]) -> None:
    names = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT")
    switches = ("EMAIL_USE_TLS", "EMAIL_USE_SSL")
    expression = f"[getattr(settings, n) for n in {names}] + [bool(getattr(settings, n)) for n in {switches}]"
    found = read_with(tmp_path, expression, **({"EMAIL_URL": url} if url else {}))
    assert [found[0], found[1] or None, found[2] or None, *found[3:]] == expected
