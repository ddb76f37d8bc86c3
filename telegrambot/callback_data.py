"""What a button carries: one typed encoding of at most 64 bytes (T2).

    verb:subject:digest:extra      rel!:ES092925ZDWS:0f3a9c41d2b7:

`subject` is an escrow's public id or a draft's key, `digest` that of the preview which the button confirms (E5),
`extra` a short choice. Nothing here is secret or trusted: every action checks again who presses, and whether it still
holds (F33).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

MOST_BYTES = 64
_SHAPE = re.compile(r"^([a-z!?_]{1,12}):([A-Za-z0-9_-]{0,22}):([0-9a-f]{0,16}):([A-Za-z0-9_.-]{0,26})$", re.ASCII)


class Verb(StrEnum):
    """Every button. A "?" asks first, a "!" does it."""

    MENU = "menu"
    RESUME = "resume"
    HELP = "help"
    SUPPORT = "support"
    TRADES = "trades"
    TRADE = "trade"
    REFRESH = "refresh"
    WALLET = "wallet"
    HISTORY = "history"
    STATEMENT = "statement!"
    DEPOSIT = "dep"
    DEPOSIT_AMOUNT = "dep_sum"
    DEPOSIT_METHOD = "dep_m!"
    DEPOSIT_OTHER = "dep_other"
    DEPOSIT_SCREEN = "depscr"
    WITHDRAW = "wd"
    WITHDRAW_ALL = "wd_all"
    WITHDRAW_TO = "wd_to"
    WITHDRAW_BACK = "wd_back"
    WITHDRAW_DO = "wd!"
    WITHDRAWALS = "wds"
    WITHDRAWAL = "wd_one"
    WITHDRAWAL_MOVE = "wd_move"
    WITHDRAWAL_CANCEL_ASK = "wd_cancel?"
    WITHDRAWAL_CANCEL = "wd_cancel!"
    PLACES = "places"
    PLACE = "place"
    PLACE_NEW = "pl_new"
    PLACE_METHOD = "pl_method"
    PLACE_BANK = "pl_bank"
    PLACE_SAVE = "pl_save!"
    PLACE_REMOVE_ASK = "pl_gone?"
    PLACE_REMOVE = "pl_gone!"
    FEES = "fees"
    SETTINGS = "settings"
    MUTES = "mutes"
    MUTE = "mute!"
    REFER = "refer"
    EMAIL_ADD = "email"
    CONTACT_ADD = "contact"
    CONTACT_REMOVE_ASK = "ct_gone?"
    CONTACT_REMOVE = "ct_gone!"
    FLOW_CANCEL = "drop"
    NEW = "new"
    NEW_SIDE = "n_side"
    NEW_SKIP = "n_skip"
    NEW_HOURS = "n_hours"
    NEW_FEE = "n_fee"
    NEW_BACK = "n_back"
    NEW_CREATE = "n_create!"
    INVITE = "invite"
    PAY = "pay"
    PAY_UNTOLD = "payone!"
    PAY_CHOOSE = "paych"
    PAY_METHOD = "paym!"
    PAY_SCREEN = "payscr"
    PAY_HOW = "payhow"
    PAY_HASH = "payhash"
    PAY_WALLET_ASK = "payw?"
    PAY_WALLET = "payw!"
    LESS_ASK = "less?"
    LESS = "less!"
    LESS_ANSWER = "less_ans?"
    LESS_AGREE = "less_yes!"
    LESS_REFUSE = "less_no!"
    TAKE_BACK_ASK = "tback?"
    TAKE_BACK = "tback!"
    REVIVE_ASK = "revive?"
    REVIVE = "revive!"
    ACCEPT = "accept!"
    DECLINE_ASK = "decline?"
    DECLINE = "decline!"
    DELIVERED_ASK = "deliv?"
    DELIVERED = "deliv!"
    RELEASE_ASK = "rel?"
    RELEASE_SURE = "rel_sure?"
    RELEASE = "rel!"
    RELEASE_UNDO = "undo!"
    CANCEL_ASK = "cancel?"
    CANCEL = "cancel!"
    TAKE_ALERT = "alert!"


class StaleButton(ValueError):
    """Not a button of ours, or of an older version."""


@dataclass(frozen=True, slots=True)
class Press:
    """A button's data, or a press of it."""

    verb: Verb
    subject: str = ""
    digest: str = ""
    extra: str = ""

    def encode(self) -> str:
        """The callback data. Raises: ValueError when a part has the wrong shape or it is too long for Telegram."""
        data = f"{self.verb.value}:{self.subject}:{self.digest}:{self.extra}"
        if not _SHAPE.fullmatch(data) or len(data.encode()) > MOST_BYTES:
            raise ValueError(data)
        return data


def decode(data: str) -> Press:
    """Reads callback data. Raises: StaleButton for anything that `Press.encode` would not write today."""
    match = _SHAPE.fullmatch(data)
    if match is None:
        raise StaleButton(data[:MOST_BYTES])
    try:
        verb = Verb(match[1])
    except ValueError:
        raise StaleButton(data) from None
    return Press(verb=verb, subject=match[2], digest=match[3], extra=match[4])
