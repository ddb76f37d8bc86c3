"""The staff's group in the sandbox: a supergroup that the bot writes into, and whose buttons members press."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import ChatMigrated, Forbidden

from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient, run_sandbox
from tests.ports import free_port

ROOM, MOVED, MEMBER, BEA = -1002147001001, -1002147009999, 741520963, 611240718
BUTTON = InlineKeyboardMarkup([[InlineKeyboardButton("Got it", callback_data="alert!:1::")]])
pytestmark = pytest.mark.asyncio


@pytest.fixture
def people(config: SandboxConfig) -> Iterator[SandboxClient]:
    config = replace(config, staff_chat_id=ROOM, staff_member_id=MEMBER)
    with run_sandbox(config, port=free_port()) as client:
        yield client


async def test_a_message_to_the_group_comes_without_anybody_pressing_start(bot: Bot, people: SandboxClient) -> None:
    sent = await bot.send_message(ROOM, "An alert", reply_markup=BUTTON)
    assert (sent.chat.id, sent.chat.type, sent.chat.title) == (ROOM, "supergroup", "Staff")
    assert people.messages("staff")[-1]["text"] == "An alert"
    shown = next(person for person in people.state()["people"] if person["key"] == "staff")
    assert shown["is_group"]


async def test_the_member_of_staff_presses_unless_another_is_named(bot: Bot, people: SandboxClient) -> None:
    sent = await bot.send_message(ROOM, "An alert", reply_markup=BUTTON)
    await asyncio.to_thread(people.press, "staff", sent.message_id, "Got it")
    await asyncio.to_thread(people.press, "staff", sent.message_id, "Got it", by="bea")
    presses = [update.callback_query for update in await bot.get_updates(timeout=0)]
    assert [(press.from_user.id, press.message.chat.id) for press in presses] == [(MEMBER, ROOM), (BEA, ROOM)]
    await bot.answer_callback_query(presses[0].id, "You have it")
    assert people.state()["toasts"][-1]["person"] == "staff"


async def test_a_bot_that_was_put_out_is_refused_until_it_is_let_in(bot: Bot, people: SandboxClient) -> None:
    await asyncio.to_thread(people.set_blocked, "staff", True)
    with pytest.raises(Forbidden, match="kicked from the supergroup chat"):
        await bot.send_message(ROOM, "An alert")
    await asyncio.to_thread(people.set_blocked, "staff", False)
    await bot.send_message(ROOM, "An alert")


async def test_a_group_that_moved_keeps_what_was_said_under_its_new_id(bot: Bot, people: SandboxClient) -> None:
    await bot.send_message(ROOM, "Before")
    await asyncio.to_thread(people.faults, move_chat={"from": ROOM, "to": MOVED})
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(ROOM, "After")
    assert moved.value.new_chat_id == MOVED
    await bot.send_message(MOVED, "After")
    assert [message["text"] for message in people.messages("staff")] == ["Before", "After"]


async def test_nobody_writes_in_it_and_a_reset_leaves_it_empty(bot: Bot, people: SandboxClient) -> None:
    await bot.send_message(ROOM, "An alert")
    with pytest.raises(RuntimeError, match="bot_does_not_read_groups"):
        await asyncio.to_thread(people.send_text, "staff", "hello")
    await asyncio.to_thread(people.reset)
    assert people.messages("staff") == []
