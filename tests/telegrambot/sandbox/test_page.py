"""The page, its interface and the e-mail pane."""

from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.filebased import EmailBackend
from django.core.management import CommandError, call_command

from lockbay import http
from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient


def write_email(folder: Path, subject: str) -> None:
    folder.mkdir(exist_ok=True)
    email = EmailMultiAlternatives(
        subject, "Bea paid 105.25 USD – held.", "LockBay <bot@lockbay.example>", ["bea@x.example"]
    )
    email.attach_alternative("<h1>Paid</h1><script>alert(1)</script>", "text/html")
    EmailBackend(file_path=str(folder)).send_messages([email])


def test_shows_the_page_and_its_parts(people: SandboxClient) -> None:
    page = http.request("GET", people.base_url + "/")
    assert page.status_code == 200
    assert "play money" in page.text
    assert "$" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in ("sandbox.css", "sandbox.js", "lock.svg"):
        assert http.request("GET", f"{people.base_url}/static/{name}").status_code == 200


def test_shows_emails_newest_first_and_runs_nothing_in_them(people: SandboxClient, config: SandboxConfig) -> None:
    assert config.email_folder is not None
    write_email(config.email_folder, "First")
    write_email(config.email_folder, "Größe ✓")
    emails = people.emails()
    assert {email["subject"] for email in emails} == {"First", "Größe ✓"}
    assert emails[0]["text"].strip() == "Bea paid 105.25 USD – held."
    shown = http.request("GET", f"{people.base_url}/sandbox/emails/{emails[0]['id']}")
    assert "<h1>Paid</h1>" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    text = http.request("GET", f"{people.base_url}/sandbox/emails/{emails[0]['id']}?part=text")
    assert "Bea paid" in text.text


def test_moves_the_clock_forward_only(people: SandboxClient) -> None:
    assert people.advance_clock(3600) == 3600
    assert people.advance_clock(86400) == 90000
    with pytest.raises(RuntimeError, match="bad_seconds"):
        people.advance_clock(-5)


def test_refuses_a_button_that_is_not_there(people: SandboxClient) -> None:
    people.start("bea")
    with pytest.raises(RuntimeError, match="404"):
        people.press("bea", 1, "nothing")


def test_adds_a_phone_and_empties_everything(people: SandboxClient) -> None:
    assert people.add_person("max", first_name="Max") > 0
    people.start("max")
    with pytest.raises(RuntimeError, match="person_exists"):
        people.add_person("max")
    people.reset()
    assert [person["key"] for person in people.state()["people"]] == ["bea", "sol"]
    assert people.messages("bea") == []


def test_takes_json_only_so_that_foreign_pages_cannot_press_buttons(people: SandboxClient) -> None:
    answer = http.request("POST", f"{people.base_url}/sandbox/api/people/bea/text", data={"text": "hi"})
    assert answer.status_code == 415


def test_does_not_start_outside_sandbox_mode(settings: Any) -> None:
    settings.LOCKBAY_MODE = "production"
    with pytest.raises(CommandError, match="sandbox mode only"):
        call_command("sandbox")
