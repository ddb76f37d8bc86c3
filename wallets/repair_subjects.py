"""What repairs start from, by name: rows of any room, found by their names so that the books import none of them."""

from django.apps import apps

# what repairs call it → its model
SUBJECTS = {
    "escrow": "escrows.escrow",
    "user": "people.user",
    "deposit": "payments.deposit",
    "intent": "payments.intent",
    "inbox": "payments.inboxevent",
    "operation": "wallets.operation",
}


def name_of_subject(subject_type: str, subject_id: int) -> str:
    """How people call the row; its type and number when it is not there."""
    label = SUBJECTS.get(subject_type)
    found = apps.get_model(label)._default_manager.filter(pk=subject_id).first() if label else None
    return f"{subject_type} {subject_id}" if found is None else str(found)


def page_name_of(subject_type: str) -> str:
    """What the admin calls its pages; "" for what has none."""
    return SUBJECTS.get(subject_type, "").replace(".", "_")
