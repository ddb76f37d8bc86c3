"""What is remembered of payments that may vanish again: our looks at them, and the block to look at once more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_fees_and_banks")]

    operations = [
        migrations.AddField(
            model_name="deposit",
            name="look",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="deposit",
            name="times_vanished",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="chainclaim",
            name="block_number",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chainclaim",
            name="block_hash",
            field=models.CharField(blank=True, db_default="", max_length=128),
        ),
        migrations.AddField(
            model_name="chainclaim",
            name="recheck_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chainclaim",
            name="vanished_look",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="chainclaim",
            index=models.Index(
                condition=models.Q(("recheck_at__isnull", False)), fields=["recheck_at"], name="claim_to_recheck"
            ),
        ),
        migrations.AlterField(
            model_name="inboxevent",
            name="effect",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("seen", "Seen"),
                    ("credited", "Credited"),
                    ("uncredited", "Uncredited"),
                ],
                default="",
                max_length=12,
            ),
        ),
    ]
