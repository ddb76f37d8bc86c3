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

-- One confirmed payment: inbox row, deposit, hold account, operation, four entries, trade, event, note for the fan-out.
CREATE OR REPLACE FUNCTION bench_confirm(p_inbox bigint, p_payment text, p_txid text, p_coin bigint, p_minor bigint,
    p_data jsonb, p_at timestamptz, p_seq integer, p_previous text, p_hash text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE asked payments_intent; deposit bigint; trade escrows_escrow; hold bigint; op bigint; ev bigint; op_key text;
BEGIN
    PERFORM 1 FROM payments_inboxevent WHERE id = p_inbox AND status = 'pending' FOR NO KEY UPDATE;
    SELECT * INTO STRICT asked FROM payments_intent
    WHERE provider = 'sandbox' AND provider_payment_id = p_payment FOR NO KEY UPDATE;
    INSERT INTO payments_deposit (intent_id, provider, provider_payment_id, chain, txid, recipient, asset, minor,
        raw_amount, state, credits, value_minor, value_rate, is_late, first_seen_at, confirmed_at)
    VALUES (asked.id, 'sandbox', p_payment, 'tron', p_txid, asked.address, 'USDT', p_coin, '', 'confirmed', 1, p_minor,
        asked.rate, false, p_at, p_at)
    RETURNING id INTO deposit;
    UPDATE payments_intent SET ask_due_at = NULL WHERE id = asked.id;
    SELECT * INTO STRICT trade FROM escrows_escrow WHERE public_id = asked.reference FOR NO KEY UPDATE;
    UPDATE escrows_escrow SET status = 'payment_confirmed', version = version + 1, payment_confirmed_at = p_at,
        deposit_reference = p_txid, delivery_deadline = p_at + make_interval(hours => delivery_hours),
        accept_by = p_at + interval '24 hours', expires_at = NULL
    WHERE id = trade.id AND status = 'payment_pending';
    INSERT INTO wallets_account (code, kind, asset, reference, balance, opened_at)
    VALUES ('escrow:' || trade.public_id || ':hold:USD', 'hold', 'USD', trade.public_id, p_minor, p_at)
    RETURNING id INTO hold;
    op_key := 'deposit:' || deposit || ':credit:1';
    INSERT INTO wallets_operation (kind, key, reference, memo, digest, posted_at)
    VALUES ('escrow_fund', op_key, 'ESC_' || trade.public_id, trade.public_id, '', p_at) RETURNING id INTO op;
    INSERT INTO wallets_entry (operation_id, account_id, asset, amount, balance_after)
    VALUES (op, (SELECT id FROM wallets_account WHERE code = 'platform:clearing/sandbox:USDT'), 'USDT', -p_coin, NULL),
        (op, (SELECT id FROM wallets_account WHERE code = 'platform:fx:USDT'), 'USDT', p_coin, NULL),
        (op, (SELECT id FROM wallets_account WHERE code = 'platform:fx:USD'), 'USD', -p_minor, NULL),
        (op, hold, 'USD', p_minor, p_minor);
    INSERT INTO events_event (kind, subject_type, subject_id, seq, data, at, correlation_id, previous_hash, hash)
    VALUES ('escrow.payment_confirmed', 'escrow', trade.id, p_seq, p_data, p_at, '', p_previous, p_hash)
    RETURNING id INTO ev;
    INSERT INTO notifications_pendingfanout (event_id) VALUES (ev);
    UPDATE payments_inboxevent SET status = 'applied', attempts = attempts + 1, last_outcome = 'applied',
        effect = 'credited', operations = jsonb_build_array(op_key), next_try_at = NULL, applied_at = p_at
    WHERE id = p_inbox;
    RETURN op;
END $$;
