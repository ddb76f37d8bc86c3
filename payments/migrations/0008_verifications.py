import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Every verification is a row, and payments are found by the support reference that people read out."""

    dependencies = [("payments", "0007_vanished_payments")]

    operations = [
        migrations.AddField("intent", "correlation_id", models.CharField(blank=True, default="", max_length=64), False),
        migrations.AddIndex(
            model_name="intent",
            index=models.Index(
                fields=["correlation_id"], name="intent_by_reference", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(
                fields=["correlation_id"], name="inbox_by_reference", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "question",
                    models.CharField(
                        choices=[("address", "Address"), ("payment", "Payment"), ("transaction", "Transaction")],
                        max_length=12,
                    ),
                ),
                ("provider", models.CharField(max_length=24)),
                ("chain", models.CharField(blank=True, max_length=16)),
                ("txid", models.CharField(blank=True, max_length=128)),
                ("address", models.CharField(blank=True, max_length=128)),
                ("coin", models.CharField(max_length=8)),
                ("network", models.CharField(max_length=16)),
                ("expected", models.CharField(max_length=48)),
                ("correlation_id", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=24)),
                ("reason", models.CharField(blank=True, max_length=100)),
                ("results", models.JSONField(default=list)),
                (
                    "intent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="verifications", to="payments.intent"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["correlation_id"],
                        name="verification_by_reference",
                        opclasses=["varchar_pattern_ops"],
                    )
                ],
            },
        ),
    ]
