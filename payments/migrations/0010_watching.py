"""Our own addresses are watched: how far each was read, and what came (P8)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STATES = ["waiting", "claimed", "booked", "suspended", "void"]


class Migration(migrations.Migration):
    dependencies = [("payments", "0009_payouts")]

    operations = [
        migrations.AlterField(
            model_name="chainclaim",
            name="claimed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="WatchedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("chain", models.CharField(max_length=16)),
                ("address", models.CharField(max_length=128)),
                ("cursor", models.TextField(blank=True)),
                ("blocks_left", models.PositiveIntegerField(default=0)),
                ("note", models.CharField(blank=True, max_length=20)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("next_look_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "watched addresses",
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "address"), name="watched_address_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SeenTransfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("chain", models.CharField(max_length=16)),
                ("txid", models.CharField(max_length=128)),
                ("recipient", models.CharField(max_length=128)),
                ("asset", models.CharField(max_length=8)),
                ("contract", models.CharField(blank=True, max_length=150)),
                ("raw_amount", models.CharField(max_length=80)),
                ("minor", models.BigIntegerField()),
                ("block_time", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[(state, state.title()) for state in STATES], default="waiting", max_length=12
                    ),
                ),
                ("look_at", models.DateTimeField(null=True)),
                (
                    "claim",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seen",
                        to="payments.chainclaim",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "waiting")), fields=["look_at"], name="seen_waiting"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain", "txid", "recipient", "asset"), name="seen_once_per_transaction"
                    ),
                    models.CheckConstraint(condition=models.Q(("state__in", STATES)), name="seen_state_known"),
                    models.CheckConstraint(condition=models.Q(("minor__gt", 0)), name="seen_is_something"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "claimed"), _negated=True), ("claim__isnull", False), _connector="OR"
                        ),
                        name="seen_claimed_has_claim",
                    ),
                ],
            },
        ),
    ]
