"""Where a person's money may be sent: the saved places, adding one with its check, removing one (W5, W7)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from lockbay import clock
from lockbay.people.models import User
from notifications.texts import clean_name
from payments.withdrawing import payout_methods
from telegrambot.callback_data import Press, Verb
from telegrambot.handlers.pay import network_in_words
from telegrambot.keyboards import to
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from wallets.actions.destinations import remove_destination
from wallets.errors import DestinationNotFound
from wallets.models import Destination
from wallets.withdrawal_queries import destinations_of


@dataclass(frozen=True)
class PlaceView:
    """A saved place as templates read it; `usable_at` None: it can be used now."""

    key: str
    is_bank: bool
    asset: str
    network: str
    short: str  # enough to tell it from the others
    target: str  # all of it
    holder: str
    bank: str
    usable_at: datetime | None


def view_of_place(destination: Destination) -> PlaceView:
    """The place in words."""
    details, target = destination.details, destination.target
    is_bank = "account_number" in details
    bank = clean_name(str(details.get("bank_name", "")))
    return PlaceView(
        key=str(destination.pk),
        is_bank=is_bank,
        asset=destination.payout_asset,
        network=network_in_words(destination.network, destination.payout_asset),
        short=f"{bank} …{target[-4:]}" if is_bank else f"{target[:6]}…{target[-4:]}",
        target=target,
        holder=clean_name(str(details.get("account_name", ""))),
        bank=bank,
        usable_at=destination.usable_at if clock.now() < destination.usable_at else None,
    )


def cool_off_hours() -> int:
    """How long a new place waits (W7)."""
    return int(settings.DESTINATION_COOL_OFF.total_seconds()) // 3600


def show_places(turn: Turn) -> Reply:
    """All of them, newest first."""
    return Reply(places_screen(turn.user))


def show_place(turn: Turn) -> Reply:
    """One with everything about it. Raises: DestinationNotFound."""
    return Reply(place_screen(_place_of(turn)))


def ask_to_remove(turn: Turn) -> Reply:
    """The question before it is taken from the list. Raises: DestinationNotFound."""
    place = _place_of(turn)
    key = str(place.pk)
    rows: Keyboard = (
        (Button("place_remove_yes", Press(Verb.PLACE_REMOVE, extra=key)),),
        (Button("not_now", Press(Verb.PLACE, extra=key)),),
    )
    return Reply(Screen("place_remove_ask", {"place": view_of_place(place)}, rows))


def remove(turn: Turn) -> Reply:
    """Takes it from the list; a second press finds it gone. Raises: DestinationNotFound, DestinationInUse."""
    remove_destination(actor=turn.user, destination_id=_pressed_key(turn))
    return Reply(places_screen(turn.user), toast="place_removed")


def places_screen(user: User) -> Screen:
    """The list with a button each."""
    places = [view_of_place(destination) for destination in destinations_of(user.pk)]
    rows: list[tuple[Button, ...]] = [(place_button(place, Verb.PLACE),) for place in places[:MOST_SHOWN]]
    if payout_methods():
        rows.append((to("place_new", Verb.PLACE_NEW),))
    rows.append((to("wallet", Verb.WALLET), to("menu", Verb.MENU)))
    context = {"places": places[:MOST_SHOWN], "is_open": bool(payout_methods()), "hours": cool_off_hours()}
    return Screen("places", context, tuple(rows))


def place_screen(destination: Destination, *, news: str = "") -> Screen:
    """One place. `news`: "saved" when it just was."""
    place = view_of_place(destination)
    rows: Keyboard = (
        (to("withdraw", Verb.WITHDRAW), Button("place_remove", Press(Verb.PLACE_REMOVE_ASK, extra=place.key))),
        (to("places", Verb.PLACES), to("wallet", Verb.WALLET)),
    )
    return Screen("place", {"place": place, "news": news}, rows)


def place_button(place: PlaceView, verb: Verb, *, subject: str = "") -> Button:
    """A button that says enough to tell the place from the others."""
    words = {"asset": place.asset, "short": place.short, "waits": place.usable_at is not None}
    return Button("place_row", Press(verb, subject, extra=place.key), words=words)


def _place_of(turn: Turn) -> Destination:
    found = Destination.objects.live().filter(owner=turn.user, pk=_pressed_key(turn)).first()
    if found is None:
        raise DestinationNotFound
    return found


def _pressed_key(turn: Turn) -> int:
    key = turn.press.extra if turn.press else ""
    if not key.isdecimal() or len(key) > 18:
        raise DestinationNotFound
    return int(key)


MOST_SHOWN = 12
BUTTONS = {
    Verb.PLACES: show_places,
    Verb.PLACE: show_place,
    Verb.PLACE_REMOVE_ASK: ask_to_remove,
    Verb.PLACE_REMOVE: remove,
}
