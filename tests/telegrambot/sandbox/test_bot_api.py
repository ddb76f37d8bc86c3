"""python-telegram-bot itself talks to the sandbox as it talks to Telegram."""

import asyncio
from datetime import timedelta
from io import BytesIO

import pytest
import segno
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto
from telegram.constants import ChatAction
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

from telegrambot.sandbox.testing import SandboxClient

BEA, SOL, STRANGER = 611240718, 5930417265, 42
MENU = InlineKeyboardMarkup(
    [[InlineKeyboardButton("New trade", callback_data="new"), InlineKeyboardButton("Wallet", callback_data="wallet")]]
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def picture() -> bytes:
    image = BytesIO()
    segno.make("SANDBOXTabc").save(image, kind="png", scale=8)
    return image.getvalue()


async def start(people: SandboxClient, *names: str) -> None:
    for name in names or ("bea",):
        await asyncio.to_thread(people.start, name)


async def test_refuses_a_wrong_token(people: SandboxClient) -> None:
    stranger = Bot("1:wrong", base_url=f"{people.base_url}/bot")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.request.shutdown()


async def test_knows_itself(bot: Bot) -> None:
    assert (bot.id, bot.username) == (1000001, "LockBaySandboxBot")


async def test_shows_a_message_with_its_keyboard(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    sent = await bot.send_message(BEA, "Hello <b>Bea</b>", parse_mode="HTML", reply_markup=MENU)
    assert sent.text == "Hello Bea"
    assert sent.reply_markup == MENU
    shown = people.messages("bea")[-1]
    assert (shown["html"], shown["message_id"]) == ("Hello <b>Bea</b>", sent.message_id)
    assert [button["text"] for button in shown["buttons"][0]] == ["New trade", "Wallet"]


async def test_delivers_texts_and_presses_again_until_they_are_acknowledged(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    message = await bot.send_message(BEA, "Menu", reply_markup=MENU)
    people.press("bea", message.message_id, "New trade")
    first = await bot.get_updates(timeout=0)
    again = await bot.get_updates(timeout=0)
    assert [update.update_id for update in first] == [update.update_id for update in again]
    assert first[0].message.text == "/start"
    assert first[0].message.entities[0].type == "bot_command"
    assert first[1].callback_query.data == "new"
    assert first[1].callback_query.message.message_id == message.message_id
    assert people.messages("bea")[0]["read"] is False
    assert await bot.get_updates(offset=first[-1].update_id + 1, timeout=0) == ()
    assert await bot.get_updates(timeout=0) == ()
    assert people.messages("bea")[0]["read"] is True


async def test_wakes_a_long_poll_at_once(bot: Bot, people: SandboxClient) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    people.send_text("sol", "hello")
    updates = await asyncio.wait_for(poll, 3)
    assert (updates[0].effective_user.id, updates[0].effective_user.username) == (SOL, "sol_sells")


async def test_lets_the_newer_of_two_polls_win(bot: Bot, people: SandboxClient) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    newer = asyncio.create_task(bot.get_updates(timeout=1))
    with pytest.raises(Conflict):
        await older
    assert await newer == ()


async def test_edits_in_place_and_refuses_an_edit_that_changes_nothing(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    message = await bot.send_message(BEA, "●○○ 1/3", reply_markup=MENU)
    edited = await bot.edit_message_text("●●○ 2/3", BEA, message.message_id, reply_markup=MENU)
    assert edited.edit_date is not None
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_text("●●○ 2/3", BEA, message.message_id, reply_markup=MENU)
    await bot.edit_message_reply_markup(BEA, message.message_id, reply_markup=None)
    shown = people.messages("bea")[-1]
    assert (shown["text"], shown["edited"], shown["buttons"]) == ("●●○ 2/3", True, [])
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", BEA, 999)


async def test_keeps_pictures_and_changes_them(bot: Bot, people: SandboxClient, picture: bytes) -> None:
    await start(people)
    sent = await bot.send_photo(BEA, picture, caption="<b>Pay</b> here", parse_mode="HTML")
    assert sent.photo[0].width == sent.photo[0].height > 100
    assert bytes(await (await bot.get_file(sent.photo[0].file_id)).download_as_bytearray()) == picture
    await bot.edit_message_caption(BEA, sent.message_id, caption="Paid")
    again = await bot.send_photo(BEA, sent.photo[0].file_id)
    await bot.edit_message_media(InputMediaPhoto(picture, caption="New"), BEA, again.message_id)
    await bot.send_document(BEA, b"a,b\n1,2\n", filename="proof.csv")
    first, second, third = people.messages("bea")[-3:]
    assert (first["text"], first["photo"]["width"]) == ("Paid", sent.photo[0].width)
    assert second["text"] == "New"
    assert third["document"]["name"] == "proof.csv"
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await bot.send_photo(BEA, b"no picture")


async def test_deletes_a_message_once(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    message = await bot.send_message(BEA, "gone soon")
    await bot.delete_message(BEA, message.message_id)
    assert all(shown["message_id"] != message.message_id for shown in people.messages("bea"))
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(BEA, message.message_id)


async def test_shows_the_answer_to_a_button_once(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    message = await bot.send_message(BEA, "Menu", reply_markup=MENU)
    callback = people.press("bea", message.message_id, "wallet")
    await bot.answer_callback_query(callback, "Your wallet", show_alert=True)
    toast = people.state()["toasts"][-1]
    assert (toast["person"], toast["text"], toast["alert"]) == ("bea", "Your wallet", True)
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(callback)


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("x" * 4097, {}, "message is too long"),
        ("  ", {}, "message text is empty"),
        ("<b>x", {"parse_mode": "HTML"}, "can't parse entities"),
        (
            "x",
            {"reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="é" * 33)]])},
            "Button_data_invalid",
        ),
    ],
)
async def test_refuses_what_telegram_refuses(
    bot: Bot, people: SandboxClient, text: str, options: dict, reason: str
) -> None:
    await start(people)
    before = people.messages("bea")
    with pytest.raises(BadRequest, match=f"(?i){reason}"):
        await bot.send_message(BEA, text, **options)
    assert people.messages("bea") == before


async def test_writes_only_to_people_who_started_and_did_not_block(bot: Bot, people: SandboxClient) -> None:
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(BEA, "hello")
    with pytest.raises(BadRequest, match=r"[Cc]hat not found"):
        await bot.send_message(STRANGER, "hello")
    await start(people)
    people.set_blocked("bea", True)
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(BEA, "hello")
    assert (await bot.get_updates(timeout=0))[-1].my_chat_member.new_chat_member.status == "kicked"
    await start(people)
    await bot.send_message(BEA, "welcome back")


async def test_asks_for_patience_when_told_to(bot: Bot, people: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    await start(people)
    people.faults(too_many={"count": 1, "retry_after": 7})
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(BEA, "hello")
    assert caught.value.retry_after == timedelta(seconds=7)
    await bot.send_message(BEA, "hello")


async def test_takes_a_message_and_loses_the_answer(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    people.faults(lose_reply=1)
    with pytest.raises(NetworkError):
        await bot.send_message(BEA, "did it arrive?")
    assert people.messages("bea")[-1]["text"] == "did it arrive?"


async def test_is_down_for_as_long_as_ordered(bot: Bot, people: SandboxClient) -> None:
    people.faults(down=30)
    with pytest.raises(NetworkError):
        await bot.get_me()
    people.faults(clear=True)
    await bot.get_me()


async def test_publishes_commands_and_shows_typing(bot: Bot, people: SandboxClient) -> None:
    await start(people)
    await bot.set_my_commands([("start", "Begin"), ("menu", "Menu")])
    await bot.send_chat_action(BEA, ChatAction.TYPING)
    state = people.state()
    assert [command["command"] for command in state["commands"]] == ["start", "menu"]
    assert state["people"][0]["typing"] is True
    assert (await bot.get_chat(BEA)).first_name == "Bea"
    assert (await bot.get_webhook_info()).url == ""


async def test_pushes_updates_to_a_webhook(bot: Bot, people: SandboxClient, web) -> None:
    web.answers = [500]
    await bot.set_webhook(web.url, secret_token="s3cret")
    people.send_text("bea", "hello")
    for _ in range(100):
        if (await bot.get_webhook_info()).pending_update_count == 0:
            break
        await asyncio.sleep(0.05)
    assert len(web.received) == 2, "a refused update comes again"
    headers, body = web.received[-1]
    assert headers["X-Telegram-Bot-Api-Secret-Token"] == "s3cret"
    assert b'"hello"' in body
    with pytest.raises(Conflict):
        await bot.get_updates(timeout=0)
