"""The table of handlers, and how an update becomes a Turn, a flow's Reply, and a change on somebody's screen."""

from collections.abc import Callable
from functools import partial
from typing import Any

import telegram
from django.utils import translation
from telegram import Update
from telegram.ext import (
    Application,
    ApplicationBuilder,
    BaseHandler,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    MessageHandler,
    filters,
)

from lockbay.people.models import User
from notifications.tracking import note_opened
from telegrambot import answering, identity, persistence, rendering, routing
from telegrambot.bot_client import LockBayBot
from telegrambot.callback_data import Press, StaleButton, decode
from telegrambot.commands import COMMANDS, Before
from telegrambot.database import in_database
from telegrambot.errors import TOLD, word_refusal
from telegrambot.handlers.price import fetch_prices_if_asked
from telegrambot.staff_room import GroupPressHandler
from telegrambot.turn import Flow, Reply, Screen, Turn
from telegrambot.updates import RawUpdate

Choose = Callable[[Turn], Flow]


class HonestApplication(Application[Any, Any, Any, Any, Any, Any]):
    """The library logs a handler's error and goes on; ours reaches the dispatcher, which tries again or parks."""

    async def process_error(self, update: object | None, error: Exception, *_args: Any, **_kwargs: Any) -> bool:
        """Lets the error through."""
        raise error


class BotApplication:
    """Handles raw updates. `bot` must be initialised."""

    def __init__(self, bot: LockBayBot) -> None:
        self.bot = bot
        builder = ApplicationBuilder().application_class(HonestApplication).bot(bot).updater(None).job_queue(None)
        self.application = builder.build()
        self.application.add_handlers(build_handlers())

    async def start(self) -> None:
        """Makes it ready; asks Telegram who the bot is unless it knows already."""
        await self.application.initialize()

    async def stop(self) -> None:
        """Closes the connections."""
        await self.application.shutdown()

    async def handle(self, body: RawUpdate) -> None:
        """Runs the flow that the update belongs to; whatever goes wrong is raised."""
        update = Update.de_json(body, self.bot)
        await self.application.process_update(update)

    async def apologise(self, body: RawUpdate, reference: str) -> None:
        """Says sorry to the sender of an update that was given up, with a reference for support."""
        update = Update.de_json(body, self.bot)
        if update.effective_user is None or update.effective_chat is None:
            return
        text = await in_database(_render_apology, update.effective_user, reference)
        await answering.send(self.bot, update.effective_chat.id, text)


def build_handlers() -> list[BaseHandler[Any, Any, Any]]:
    """The table: the first that fits takes the update. Only private chats are served, and presses in the staff's
    group."""
    private = filters.ChatType.PRIVATE
    commands = [
        CommandHandler(command.name, _flow(partial(_always, command.flow), before=command.before), filters=private)
        for command in COMMANDS
    ]
    return [
        *commands,
        MessageHandler(private & filters.COMMAND, _flow(partial(_always, routing.unknown_command))),
        MessageHandler(private & filters.TEXT, _flow(routing.flow_for_text, before=fetch_prices_if_asked)),
        MessageHandler(private & ~filters.StatusUpdate.ALL, _flow(routing.flow_for_other_content)),
        GroupPressHandler(),
        CallbackQueryHandler(_flow(routing.flow_for_press)),
        ChatMemberHandler(_note_membership, ChatMemberHandler.MY_CHAT_MEMBER),
    ]


def _always(flow: Flow, _turn: Turn) -> Flow:
    return flow


def _flow(choose: Choose, *, before: Before | None = None) -> Any:
    async def run(update: Update, context: Any) -> None:
        sender, chat = update.effective_user, update.effective_chat
        if sender is None or chat is None or sender.is_bot:
            return
        typed = _typed_text(update.effective_message) if update.callback_query is None else ""
        data = (update.callback_query.data or "") if update.callback_query else None
        if before is not None:
            await before(typed)
        answer = await in_database(
            take_turn, choose, sender=sender, chat_id=chat.id, update_id=update.update_id, text=typed, data=data
        )
        await answering.deliver(context.bot, update, answer)
        if update.callback_query is not None and update.callback_query.message is not None:
            await in_database(note_opened, chat.id, update.callback_query.message.message_id)

    return run


def take_turn(
    choose: Choose, *, sender: telegram.User, chat_id: int, update_id: int, text: str, data: str | None
) -> answering.Answer:
    """Who it is, which flow, its reply, and that reply in words. Runs with the database, without the network."""
    user = identity.person_of(sender)
    turn = Turn(
        user=user,
        chat_id=chat_id,
        update_id=update_id,
        text=text,
        press=_read_press(data),
        draft=persistence.draft_of(chat_id),
    )
    try:
        reply = choose(turn)(turn) if data is None or turn.press else routing.stale_button(turn)
    except TOLD as refusal:
        reply = routing.reply_to_refusal(turn, refusal)
    return word_reply(reply, user)


def word_reply(reply: Reply, user: User) -> answering.Answer:
    """The reply in the person's language."""
    with translation.override(user.language):
        refusal = word_refusal(reply.refusal) if reply.refusal else ""
        toast = rendering.phrase("toasts", reply.toast, reply.words) if reply.toast else ""
    screen = rendering.render_screen(reply.screen, language=user.language) if reply.screen else None
    return answering.Answer(screen=screen, toast=toast, refusal=refusal, in_place=reply.in_place)


def _typed_text(message: telegram.Message | None) -> str:
    """What was typed, without the command in front; null bytes are no text and no database takes them."""
    text = ((message.text if message else None) or "").replace("\x00", "")
    return text.partition(" ")[2].strip() if text.startswith("/") else text


def _read_press(data: str | None) -> Press | None:
    try:
        return decode(data) if data is not None else None
    except StaleButton:
        return None


def _render_apology(sender: telegram.User, reference: str) -> rendering.Rendered:
    user = identity.person_of(sender)
    return rendering.render_screen(Screen("apology", {"reference": reference}), language=user.language)


async def _note_membership(update: Update, _context: Any) -> None:
    change = update.my_chat_member
    if change is None or change.chat.type != telegram.constants.ChatType.PRIVATE:
        return
    is_gone = change.new_chat_member.status in (telegram.ChatMember.BANNED, telegram.ChatMember.LEFT)
    await in_database(identity.note_blocked if is_gone else identity.note_unblocked, change.chat.id)
