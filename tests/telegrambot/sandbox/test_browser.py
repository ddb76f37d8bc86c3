"""The page in a real browser: open an invitation as the seller, press a button, pay, read an e-mail."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from lockbay import http
from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient
from tests.plugins.browser import FLAGS

BEA, SOL = 611240718, 5930417265

pytestmark = pytest.mark.browser


def as_bot(people: SandboxClient, config: SandboxConfig, method: str, **arguments: Any) -> Any:
    """One call of the bot, in a thread because the browser's loop owns this one."""

    async def call() -> Any:
        async with Bot(config.token, base_url=f"{people.base_url}/bot") as bot:
            return await getattr(bot, method)(**arguments)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, call()).result()


def test_a_trade_can_be_clicked(people: SandboxClient, config: SandboxConfig, web: Any, chromium: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(people.base_url)

        bea, sol = page.locator("[data-person=bea]"), page.locator("[data-person=sol]")
        bea.get_by_role("button", name="Start").click()
        expect(bea.locator("[data-message-id='1']")).to_contain_text("/start")
        link = "Send this: https://t.me/LockBaySandboxBot?start=inv_7Q2M"
        as_bot(people, config, "send_message", chat_id=BEA, text=link)
        bea.locator("a[data-start]").click()
        page.locator("[data-open-as=sol]").click()
        expect(sol.locator("[data-message-id='1']")).to_contain_text("/start inv_7Q2M")

        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Accept", callback_data="accept")]])
        hostile = "Offer &lt;img src=x onerror=alert(1)&gt;"
        as_bot(people, config, "send_message", chat_id=SOL, text=hostile, parse_mode="HTML", reply_markup=keyboard)
        sol.locator("button[data-callback=accept]").click()
        expect(sol.locator("button.pressed")).to_be_visible()
        update = as_bot(people, config, "get_updates", timeout=0)[-1]
        as_bot(people, config, "answer_callback_query", callback_query_id=update.callback_query.id, text="Accepted")
        expect(sol.locator("[data-role=toast]")).to_have_text("Accepted")
        as_bot(people, config, "edit_message_text", chat_id=SOL, message_id=2, text="Offer accepted")
        expect(sol.locator("[data-message-id='2']")).to_contain_text("edited")

        body = {"reference": "ESC-1", "amount": "10", "currency": "USDT", "network": "TRC20", "webhook_url": web.url}
        headers = {"X-Api-Key": config.api_key}
        http.request("POST", f"{people.base_url}/provider/payments", json=body, headers=headers)
        page.locator("[data-pay=short]").click()
        expect(page.locator(".payment .chip")).to_have_text("short")
        page.locator("[data-pay=rest]").click()
        expect(page.locator(".payment .chip")).to_have_text("paid")
        expect(page.locator("[data-role=deliveries] li")).to_have_count(4)

        bea.locator("[data-role=composer]").fill("/menu")
        bea.locator("[data-role=composer]").press("Enter")
        expect(bea.locator(".message.own").last).to_contain_text("/menu")
        browser.close()
        assert errors == []
