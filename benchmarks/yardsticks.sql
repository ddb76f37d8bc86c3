-- The least SQL that does the same writes to the same tables, in one call: what the Python side is measured against.

-- One transfer: lock both accounts in order, write the balances, the operation and its two entries.
CREATE OR REPLACE FUNCTION bench_transfer(p_source bigint, p_target bigint, p_minor bigint, p_key text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE op bigint; source_after bigint; target_after bigint;
BEGIN
    PERFORM 1 FROM wallets_account WHERE id IN (p_source, p_target) AND balance IS NOT NULL ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO wallets_operation (kind, key, reference, memo, digest, posted_at)
    VALUES ('bench', p_key, '', '', '', clock_timestamp()) ON CONFLICT (key) DO NOTHING RETURNING id INTO op;
    IF op IS NULL THEN RETURN NULL; END IF;
    UPDATE wallets_account SET balance = balance - p_minor WHERE id = p_source AND balance IS NOT NULL
    RETURNING balance INTO source_after;
    UPDATE wallets_account SET balance = balance + p_minor WHERE id = p_target AND balance IS NOT NULL
    RETURNING balance INTO target_after;
    INSERT INTO wallets_entry (operation_id, account_id, asset, amount, balance_after)
    VALUES (op, p_source, 'USD', -p_minor, source_after), (op, p_target, 'USD', p_minor, target_after);
    RETURN op;
END $$;

-- A batch of transfers from different accounts to different accounts, set-based: four statements in one call.
CREATE OR REPLACE FUNCTION bench_batch(p_sources bigint[], p_targets bigint[], p_minors bigint[], p_keys text[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM wallets_account WHERE id = ANY (p_sources || p_targets) AND balance IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE;
    CREATE TEMPORARY TABLE IF NOT EXISTS bench_ops (key text, id bigint) ON COMMIT DELETE ROWS;
    WITH added AS (
        INSERT INTO wallets_operation (kind, key, reference, memo, digest, posted_at)
        SELECT 'bench', k, '', '', '', clock_timestamp() FROM unnest(p_keys) AS k ORDER BY k
        ON CONFLICT (key) DO NOTHING RETURNING key, id
    ) INSERT INTO bench_ops SELECT key, id FROM added;
    UPDATE wallets_account a SET balance = a.balance + d.delta
    FROM (SELECT account, sum(minor) AS delta FROM (
            SELECT unnest(p_sources) AS account, -unnest(p_minors) AS minor
            UNION ALL SELECT unnest(p_targets), unnest(p_minors)) AS moves GROUP BY account) AS d
    WHERE a.id = d.account AND a.id = ANY (p_sources || p_targets) AND a.balance IS NOT NULL;
    INSERT INTO wallets_entry (operation_id, account_id, asset, amount, balance_after)
    SELECT o.id, m.account, 'USD', m.minor, a.balance
    FROM (SELECT unnest(p_keys) AS key, unnest(p_sources) AS account, -unnest(p_minors) AS minor
          UNION ALL SELECT unnest(p_keys), unnest(p_targets), unnest(p_minors)) AS m
    JOIN bench_ops o ON o.key = m.key JOIN wallets_account a ON a.id = m.account;
    RETURN QUERY SELECT id FROM bench_ops;
END $$;
