"""A person clicks the whole trade through in the sandbox's page; in the middle the bot dies and the e-mail tells the
seller.

Screenshots go to LOCKBAY_SCREENSHOTS when it is set, else to the test's own folder.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.journeys.house import House, open_house
from tests.journeys.trade import require_right_books, require_told_once
from tests.plugins.browser import FLAGS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 30_000  # ms
FALLBACK_PATIENCE = 100_000


class Clicks:
    """A page and what a person does on it."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self._folder, self._count = page, folder, 0

    def phone(self, person: str) -> Locator:
        return self.page.locator(f"[data-person={person}]")

    def press(self, person: str, verb: str, extra: str = "") -> None:
        chosen = f"button[data-callback^='{verb}:']" + (f"[data-callback$='{extra}']" if extra else "")
        button = self.phone(person).locator(chosen).last
        expect(button).to_be_visible(timeout=PATIENCE)
        button.click()

    def say(self, person: str, text: str) -> None:
        composer = self.phone(person).locator("[data-role=composer]")
        composer.fill(text)
        composer.press("Enter")

    def sees(self, person: str, words: str) -> None:
        expect(self.phone(person).locator(".message").filter(has_text=words).last).to_be_visible(timeout=PATIENCE)

    def picture(self, name: str) -> None:
        self._count += 1
        self.page.wait_for_timeout(700)
        self.page.screenshot(path=self._folder / f"{self._count:02d}-{name}.png")


@pytest.fixture
def clicks(chromium: Path, tmp_path: Path) -> Iterator[Clicks]:
    folder = Path(os.environ.get("LOCKBAY_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield Clicks(page, folder)
        browser.close()
    assert errors == []


@pytest.mark.timeout(400)
def test_a_whole_trade_is_clicked_through(tmp_path: Path, clicks: Clicks) -> None:
    with open_house(tmp_path, NOTIFY_TELEGRAM_LIMIT_SECONDS="5") as house:
        clicks.page.goto(house.sandbox_url)
        _hello_and_email(clicks)
        _make_an_offer(clicks)
        _pay_while_the_bot_is_dead(clicks, house)
        _deliver_and_release(clicks)
        require_right_books(house)
        require_told_once(house)
        _look_at_the_desk(clicks, house)


def _hello_and_email(clicks: Clicks) -> None:
    for person in ("bea", "sol"):
        clicks.phone(person).get_by_role("button", name="Start").click()
        clicks.sees(person, "LockBay")
    clicks.say("sol", "/settings")
    clicks.press("sol", "contact", "email")
    clicks.say("sol", "sol@example.org")
    mail = clicks.page.locator("[data-role=email]").filter(has_text="sol@example.org").first
    expect(mail).to_be_visible(timeout=FALLBACK_PATIENCE)
    code = re.search(r"\b(\d{6})\b", mail.inner_text())
    assert code is not None, mail.inner_text()
    clicks.say("sol", code[1])
    clicks.sees("sol", "sol@example.org")
    clicks.picture("the seller has confirmed an e-mail address")


def _make_an_offer(clicks: Clicks) -> None:
    clicks.say("bea", "/new")
    clicks.press("bea", "n_side", "buyer")
    clicks.press("bea", "n_skip")
    clicks.sees("bea", "What is the price")
    clicks.say("bea", "1,000")
    clicks.sees("bea", "1,000")
    clicks.picture("a doubtful amount is refused")
    clicks.say("bea", "100")
    clicks.sees("bea", "What is it about")
    clicks.say("bea", "Vintage Leica M3, body only")
    clicks.press("bea", "n_hours", "24")
    clicks.press("bea", "n_fee", "buyer")
    clicks.picture("the exact preview of the trade")
    clicks.press("bea", "n_create!")
    clicks.phone("bea").locator("a[data-start]").last.click()
    clicks.page.locator("[data-open-as=sol]").click()
    clicks.sees("sol", "Leica")
    clicks.picture("the seller has opened the invitation")


def _pay_while_the_bot_is_dead(clicks: Clicks, house: House) -> None:
    clicks.press("bea", "pay")
    clicks.sees("bea", "One way to reach you")
    clicks.press("bea", "payone!")
    clicks.press("bea", "paym!", "USDT.TRC20")
    clicks.sees("bea", "SANDBOX")
    clicks.picture("the payment screen")
    house.kill("bot")
    clicks.page.locator("[data-pay=exact]").first.click()
    mail = clicks.page.locator("[data-role=email]").filter(has_text="sol@example.org")
    expect(mail).to_have_count(2, timeout=FALLBACK_PATIENCE)
    mail.first.click()
    clicks.picture("the bot is dead, the e-mail tells the seller")
    clicks.page.keyboard.press("Escape")
    house.start("bot")
    clicks.press("sol", "accept!")
    clicks.sees("bea", "accepted")
    clicks.picture("the seller has accepted")


def _deliver_and_release(clicks: Clicks) -> None:
    clicks.press("sol", "deliv?")
    clicks.press("sol", "deliv!")
    clicks.press("bea", "rel?")
    clicks.press("bea", "rel_sure?")
    clicks.picture("who gets what, before the release")
    clicks.press("bea", "rel!")
    clicks.sees("sol", "100.00")
    clicks.say("sol", "/wallet")
    clicks.say("bea", "/wallet")
    clicks.sees("sol", "100.00 USD")
    clicks.picture("released")


def _look_at_the_desk(clicks: Clicks, house: House) -> None:
    page = clicks.page
    page.goto(f"{house.web_url}/admin/")
    page.fill("[name=username]", "olu")
    page.fill("[name=password]", "playground")
    page.press("[name=password]", "Enter")
    for name, path in {
        "desk": "",
        "escrows": "escrows/escrow/",
        "accounts": "wallets/account/",
        "operations": "wallets/operation/",
        "inbox": "payments/inboxevent/",
        "deliveries": "notifications/delivery/",
        "proof": "wallets/ledgercheck/",
        "channels": "channels/",
        "previews": "previews/?kind=escrow.payment_confirmed",
    }.items():
        answer = page.goto(f"{house.web_url}/admin/{path}")
        assert answer is not None
        assert answer.status == 200, path
        clicks.picture(f"admin {name}")
    page.goto(f"{house.web_url}/admin/escrows/escrow/")
    page.get_by_role("link", name=re.compile("^ES")).first.click()
    expect(page.get_by_text("escrow.completed").first).to_be_visible()
    clicks.picture("admin one trade")
    page.goto(f"{house.web_url}/admin/notifications/delivery/?q=trade_offered")
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("next channel opened:").first).to_be_visible()
    clicks.picture("admin the story of a message")
    page.goto(f"{house.web_url}/ready")
    clicks.picture("ready")
