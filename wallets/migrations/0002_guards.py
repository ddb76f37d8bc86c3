"""The database's own guards of the books: append-only rows on both engines, balanced operations on PostgreSQL (B2)."""

from django.db import migrations

from lockbay.database import AppendOnly

# At the end of the statement that inserts entries, not at commit: a fault shows inside its savepoint.
_BALANCE = """
CREATE OR REPLACE FUNCTION wallets_require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
    SELECT operation_id, asset, sum(amount) AS total INTO bad FROM new_entries
    GROUP BY operation_id, asset HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % is not balanced in %: %', bad.operation_id, bad.asset, bad.total
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER wallets_entry_balance AFTER INSERT ON wallets_entry
REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION wallets_require_balance();
"""
_RELEASE = """
DROP TRIGGER IF EXISTS wallets_entry_balance ON wallets_entry;
DROP FUNCTION IF EXISTS wallets_require_balance();
"""


def _on_postgresql(sql):
    def run(_apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql, params=None)

    return run


class Migration(migrations.Migration):
    dependencies = [("wallets", "0001_initial")]
    operations = [
        AppendOnly("wallets_operation"),
        AppendOnly("wallets_entry"),
        migrations.RunPython(_on_postgresql(_BALANCE), _on_postgresql(_RELEASE)),
    ]
