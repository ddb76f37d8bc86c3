from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money in and out"

    def ready(self) -> None:
        from lockbay.events.recording import call_after_recording
        from payments import health, jobs, proofs, purposes, repair_kinds
        from payments.payouts.jobs import send_soon
        from payments.rates import prewarm
        from payments.wallet_purpose import PURPOSE, WalletTopUp
        from payments.withdrawing import PaymentsQuoter
        from wallets.quoting import register_quoter

        purposes.register(PURPOSE, WalletTopUp())
        register_quoter(PaymentsQuoter())
        proofs.register_rules()
        repair_kinds.register_repairs()
        health.register_payment_checks()
        prewarm.prewarm_when_worker_starts()
        jobs.fetch_fees_when_worker_starts()
        call_after_recording(send_soon)
