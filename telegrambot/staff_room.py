"""What stands under an alert in the staff's group: where the desk shows it (N6)."""

from telegrambot.turn import Button, Keyboard


def staff_keyboard(desk_link: str) -> Keyboard:
    """The way to the desk."""
    return ((Button("desk", url=desk_link),),)
