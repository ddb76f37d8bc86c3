"""The books: tell the proof what they add to it about money on its way out."""

from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
    verbose_name = "Books"

    def ready(self) -> None:
        from lockbay.events.recording import call_after_recording
        from wallets import repair_kinds, withdrawal_proof
        from wallets.posted import note_recorded

        withdrawal_proof.register_rules()
        repair_kinds.register_repairs()
        call_after_recording(note_recorded)
