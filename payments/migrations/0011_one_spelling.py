"""Deposits stored before addresses had one spelling get it: a provider that reports an old payment again finds it.

Bitcoin Cash in base58 or without its prefix, Litecoin's old 3…, Aptos without leading zeros. Others had it already.
Where two spellings of one payment were stored as two deposits, neither is touched: a person must see them.
"""

from django.db import migrations

from payments.networks import NETWORKS, normal_address

NETWORK_OF = {"bitcoincash": "BCH", "litecoin": "LTC", "aptos": "APT"}


def spell_alike(apps, schema_editor):
    deposits = apps.get_model("payments", "Deposit").objects.using(schema_editor.connection.alias)
    for chain, network in NETWORK_OF.items():
        stored = deposits.filter(chain=chain).exclude(recipient="").order_by("pk")
        for pk, txid, recipient in stored.values_list("pk", "txid", "recipient").iterator():
            spelled = normal_address(NETWORKS[network], recipient)
            is_taken = txid and deposits.filter(chain=chain, txid=txid, recipient=spelled).exclude(pk=pk).exists()
            if spelled != recipient and not is_taken:
                deposits.filter(pk=pk).update(recipient=spelled)


class Migration(migrations.Migration):
    dependencies = [("payments", "0010_watching")]

    operations = [migrations.RunPython(spell_alike, migrations.RunPython.noop)]
