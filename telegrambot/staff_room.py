"""The staff's group: what stands under an alert there, and what happens when somebody takes it on (N6).

Nobody gets an account by pressing there: the presser is looked up, and must be staff with the right to it. The alert
then says who has it, for all to read.
"""

from typing import Any

import telegram
from django.conf import settings
from django.utils import translation
from telegram import Update
from telegram.ext import CallbackQueryHandler

from lockbay import clock
from lockbay.people.models import Channel, User
from notifications import staff_chat
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.errors import IncidentNotTheirs
from notifications.models import Delivery, DeliveryState, Incident
from notifications.rendering import render
from telegrambot import answering, rendering
from telegrambot.callback_data import Press, StaleButton, Verb, decode
from telegrambot.database import in_database
from telegrambot.turn import Button, Keyboard

_LONGEST_ID = 19  # digits: what the database takes


class GroupPressHandler(CallbackQueryHandler[Any, Any]):
    """Takes presses outside private chats."""

    def __init__(self) -> None:
        super().__init__(_answer_press)

    def check_update(self, update: object) -> bool | object | None:
        """See BaseHandler."""
        chat = update.effective_chat if isinstance(update, Update) else None
        is_group = chat is not None and chat.type != telegram.constants.ChatType.PRIVATE
        return super().check_update(update) if is_group else None


def staff_keyboard(incident: Incident | None, desk_link: str) -> Keyboard:
    """To take it on, while nobody has; and the way to the desk."""
    desk = (Button("desk", url=desk_link),)
    if incident is None or not incident.is_open or incident.acknowledged_at is not None:
        return (desk,)
    return ((Button("take_alert", Press(Verb.TAKE_ALERT, str(incident.pk))),), desk)


def render_alert(delivery: Delivery) -> rendering.Rendered:
    """An alert as the group reads it now: with who has it, once somebody has."""
    rendered = render(delivery, Channel.TELEGRAM.value)
    incident = Incident.objects.select_related("acknowledged_by").filter(pk=delivery.incident_id or 0).first()
    with translation.override(settings.LANGUAGE_CODE):
        markup = rendering.render_keyboard(staff_keyboard(incident, rendered.link))
        taken = _render_taken(incident) if incident is not None and incident.acknowledged_at is not None else ""
    text = f"{rendered.html}\n\n{taken}" if taken else rendered.html
    return rendering.Rendered(rendering.cut_html(text, rendering.LONGEST_TEXT), markup)


def take_press(*, telegram_id: int, message_id: int, data: str) -> answering.Answer:
    """What a press in the group does and says; whatever was pressed, the alert shows how things stand."""
    presser = User.objects.filter(telegram_id=telegram_id, is_active=True, is_staff=True).first()
    incident_id = _incident_of(data)
    with translation.override(presser.language if presser else settings.LANGUAGE_CODE):
        answer = _take_on(presser, incident_id)
    # A supergroup counts its messages anew: only with the incident does the number say which one it was.
    shown = Delivery.objects.filter(audience=staff_chat.AUDIENCE, provider_id=str(message_id), incident=incident_id)
    alert = shown.select_related("event").first() if incident_id else None
    if alert is None:
        return answer
    Delivery.objects.filter(pk=alert.pk, state__in=[DeliveryState.SENT, DeliveryState.DELIVERED]).update(
        state=DeliveryState.OPENED, opened_at=clock.real_now()
    )
    return answering.Answer(screen=render_alert(alert), toast=answer.toast, refusal=answer.refusal)


def _incident_of(data: str) -> int:
    """0 for any other button."""
    try:
        press = decode(data)
    except StaleButton:
        return 0
    is_ours = press.verb is Verb.TAKE_ALERT and press.subject.isdecimal()
    return int(press.subject) if is_ours and len(press.subject) < _LONGEST_ID else 0


def _take_on(presser: User | None, incident_id: int) -> answering.Answer:
    try:
        if presser is None:
            raise IncidentNotTheirs
        incident = acknowledge_incident(actor=presser, incident_id=incident_id)
    except IncidentNotTheirs:
        return answering.Answer(refusal=rendering.phrase("toasts", "alert_not_yours"))
    except Incident.DoesNotExist:
        return answering.Answer(refusal=rendering.phrase("toasts", "alert_gone"))
    if incident.acknowledged_by_id == presser.pk:
        return answering.Answer(toast=rendering.phrase("toasts", "alert_taken"))
    if incident.acknowledged_by is None:
        return answering.Answer(toast=rendering.phrase("toasts", "alert_over"))
    words = {"name": incident.acknowledged_by.display_name}
    return answering.Answer(toast=rendering.phrase("toasts", "alert_taken_by", words))


def _render_taken(incident: Incident) -> str:
    return rendering.render_template("telegram/partials/alert_taken.html", {"incident": incident})


async def _answer_press(update: Update, context: Any) -> None:
    query = update.callback_query
    if query is None or query.message is None or query.from_user.is_bot:
        return
    answer = await in_database(
        take_press, telegram_id=query.from_user.id, message_id=query.message.message_id, data=query.data or ""
    )
    await answering.deliver(context.bot, update, answer)
