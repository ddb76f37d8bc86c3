"""The proof's questions to the database, each one statement (one snapshot) that PostgreSQL and SQLite both take.

Every rule is (name, SQL that finds the rows which break it, a sentence over its columns); the last column is the asset.
Parameters: start and end, entry ids: entries in (start, end] are proven; start 0 is the full proof.
"""

# Each account's balance at `end`: its checkpoint (when it is not past the start of a full proof) plus the entries
# after it. Accounts whose checkpoint is past `end` already are left out.
SUMS = """
SELECT e.account_id, coalesce(max(c.balance), 0) + sum(e.amount)
FROM wallets_entry e
LEFT JOIN wallets_checkpoint c ON c.account_id = e.account_id AND %(start)s > 0
WHERE e.id > %(start)s AND e.id <= %(end)s AND e.id > coalesce(c.up_to_entry, 0)
AND e.account_id NOT IN (SELECT k.account_id FROM wallets_checkpoint k WHERE k.up_to_entry > %(end)s)
GROUP BY e.account_id
"""

_UNBALANCED = """
SELECT e.operation_id, sum(e.amount), e.asset FROM wallets_entry e
WHERE e.id > %(start)s AND e.id <= %(end)s
GROUP BY e.operation_id, e.asset HAVING sum(e.amount) <> 0
"""

_WRONG_ASSET = """
SELECT e.id, a.code, e.asset FROM wallets_entry e JOIN wallets_account a ON a.id = e.account_id
WHERE e.id > %(start)s AND e.id <= %(end)s AND a.asset <> e.asset
"""

# Ids do not commit in order, so the look goes back a while under the start.
_EMPTY_OPERATION = """
SELECT o.id, o.key, '' FROM wallets_operation o
WHERE o.id > (SELECT coalesce(max(e.operation_id), 0) - 10000 FROM wallets_entry e WHERE e.id <= %(start)s)
AND (SELECT count(*) FROM (SELECT 1 FROM wallets_entry e WHERE e.operation_id = o.id LIMIT 2) AS two) < 2 AND %(end)s
>= 0
"""

_CHAIN = """
SELECT x.account_id, x.id, x.asset FROM (
    SELECT e.id, e.account_id, e.asset, e.amount, e.balance_after,
           lag(e.balance_after) OVER (PARTITION BY e.account_id ORDER BY e.id) AS before,
           row_number() OVER (PARTITION BY e.account_id ORDER BY e.id) AS place,
           coalesce(c.balance, 0) AS checkpoint
    FROM wallets_entry e
    JOIN wallets_account a ON a.id = e.account_id AND a.balance IS NOT NULL
    LEFT JOIN wallets_checkpoint c ON c.account_id = e.account_id AND %(start)s > 0
    WHERE e.id > %(start)s AND e.id <= %(end)s AND e.id > coalesce(c.up_to_entry, 0)
) AS x
WHERE x.balance_after IS NULL OR x.balance_after <> x.amount + CASE WHEN x.place = 1 THEN x.checkpoint ELSE x.before END
"""

# The running balance against the last entry, in one snapshot: both change in the same transaction.
_RUNNING = """
SELECT a.code, a.balance, a.asset FROM wallets_account a
WHERE a.balance IS NOT NULL
AND (%(start)s = 0 OR a.id IN (SELECT e.account_id FROM wallets_entry e WHERE e.id > %(start)s AND e.id <= %(end)s))
AND a.balance <> coalesce(
    (SELECT e.balance_after FROM wallets_entry e WHERE e.account_id = a.id ORDER BY e.id DESC LIMIT 1), 0)
"""

_FLOOR = """
SELECT a.code, a.balance, a.asset FROM wallets_account a WHERE a.balance < 0 AND %(start)s >= 0 AND %(end)s >= 0
"""

# A full proof re-adds what earlier proofs wrote down.
_CHECKPOINT = """
SELECT a.code, c.balance, a.asset FROM wallets_checkpoint c JOIN wallets_account a ON a.id = c.account_id
WHERE %(start)s = 0 AND c.up_to_entry <= %(end)s AND c.balance <> coalesce(
    (SELECT sum(e.amount) FROM wallets_entry e WHERE e.account_id = c.account_id AND e.id <= c.up_to_entry), 0)
"""

# What a user owes is minus the balance of the user's loss account (P7); both change in the same transaction.
_OWES = """
SELECT coalesce(a.code, l.code), coalesce(a.owes, 0), l.asset
FROM wallets_account l
LEFT JOIN wallets_account a
    ON a.code = 'user:' || substr(l.reference, 6) || ':available:' || l.asset
WHERE l.kind = 'losses' AND substr(l.reference, 1, 5) = 'user-'
AND coalesce(a.owes, 0) <> -coalesce((SELECT sum(e.amount) FROM wallets_entry e WHERE e.account_id = l.id), 0)
UNION ALL
SELECT a.code, a.owes, a.asset FROM wallets_account a
WHERE a.owes <> 0 AND %(start)s >= 0 AND %(end)s >= 0
AND NOT EXISTS (
    SELECT 1 FROM wallets_account l WHERE l.code = 'platform:losses/user-' || a.owner_id || ':' || a.asset)
"""

RULES: tuple[tuple[str, str, str], ...] = (
    ("operation_balances", _UNBALANCED, "Operation {0} is off by {1} minor units."),
    ("entry_matches_account", _WRONG_ASSET, "Entry {0} is in {2}, its account {1} is not."),
    ("operation_has_entries", _EMPTY_OPERATION, "Operation {0} ({1}) has fewer than two entries."),
    ("balances_chain", _CHAIN, "Account {0}: the running balance does not follow at entry {1}."),
    ("balance_is_last_entry", _RUNNING, "{0} says {1}, its last entry says otherwise."),
    ("floor_holds", _FLOOR, "{0} is below zero: {1}."),
    ("debt_is_the_loss", _OWES, "{0} owes {1}, the loss account says otherwise."),
    ("checkpoint_holds", _CHECKPOINT, "The checkpoint of {0} says {1}, its entries say otherwise."),
)
