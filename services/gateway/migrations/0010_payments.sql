ALTER TABLE gateway.organizations
    ADD COLUMN withholding_bp integer NOT NULL DEFAULT 0 CHECK (withholding_bp BETWEEN 0 AND 1500);

COMMENT ON COLUMN gateway.organizations.withholding_bp IS
    'tax withheld from what an intern is paid, in hundredths of a percent';

CREATE TABLE gateway.payments (
    id              uuid        PRIMARY KEY,
    project_id      uuid        NOT NULL REFERENCES gateway.projects (id),
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    seat            integer     NOT NULL CHECK (seat > 0),
    position        integer     NOT NULL CHECK (position >= 0),
    part            integer     NOT NULL DEFAULT 0 CHECK (part >= 0),
    engagement_id   uuid        REFERENCES gateway.engagements (id),
    milestone_id    uuid        REFERENCES gateway.milestones (id),
    applicant_id    uuid        REFERENCES gateway.people (id),
    split_of        uuid        REFERENCES gateway.payments (id),
    amount          bigint      NOT NULL CHECK (amount > 0),
    withheld        bigint      NOT NULL DEFAULT 0,
    currency        text        NOT NULL DEFAULT 'PHP' CHECK (currency = 'PHP'),
    state           text        NOT NULL CHECK (state IN (
        'due', 'holding', 'held', 'scheduled', 'refunding', 'frozen', 'sending', 'paid', 'retrying',
        'unclaimed', 'refunded', 'refund_stuck', 'void')),
    reason          text,
    version         integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    troubled_at     timestamptz,
    retry_at        timestamptz,
    refund_at       timestamptz,
    UNIQUE (project_id, seat, position, part),
    CHECK (num_nonnulls(engagement_id, milestone_id, applicant_id) IN (0, 3)),
    CHECK (withheld >= 0 AND withheld * 10000 <= amount * 1500),
    CHECK (refund_at IS NULL OR state = 'frozen')
);

COMMENT ON COLUMN gateway.payments.part IS '0 is what was planned; a split or a top-up is a further part of the same milestone';
COMMENT ON COLUMN gateway.payments.troubled_at IS 'when it first could not be sent';
COMMENT ON COLUMN gateway.payments.refund_at IS 'until then an appeal may still give it to the intern';

CREATE INDEX payments_engagement_id ON gateway.payments (engagement_id);
CREATE INDEX payments_milestone_id ON gateway.payments (milestone_id);
CREATE INDEX payments_applicant_id ON gateway.payments (applicant_id, id);
CREATE INDEX payments_organization_id ON gateway.payments (organization_id);
CREATE INDEX payments_split_of ON gateway.payments (split_of);
CREATE INDEX payments_retry_at ON gateway.payments (retry_at) WHERE state = 'retrying';

-- What a payment provider is asked. Only these three: money is taken from an employer, given to an
-- intern, or given back. The id is what makes asking twice harmless.
CREATE TABLE gateway.payment_orders (
    id             uuid        PRIMARY KEY,
    payment_id     uuid        NOT NULL REFERENCES gateway.payments (id),
    kind           text        NOT NULL CHECK (kind IN ('hold', 'pay', 'refund')),
    amount         bigint      NOT NULL CHECK (amount > 0),
    provider       text        NOT NULL CHECK (provider IN ('sandbox', 'bank_file')),
    state          text        NOT NULL CHECK (state IN ('waiting', 'asked', 'done', 'failed')),
    payout_id      uuid,
    reference      text,
    reason         text,
    tries          integer     NOT NULL DEFAULT 0,
    next_try_at    timestamptz NOT NULL,
    taken_until    timestamptz,
    made_at        timestamptz NOT NULL,
    asked_at       timestamptz,
    polled_at      timestamptz,
    answered_at    timestamptz,
    correlation_id uuid        NOT NULL,
    tenant         text        NOT NULL
);

COMMENT ON COLUMN gateway.payment_orders.taken_until IS 'the end of the lease of the process that asks';

CREATE UNIQUE INDEX payment_orders_live ON gateway.payment_orders (payment_id, kind)
 WHERE state IN ('waiting', 'asked');
CREATE UNIQUE INDEX payment_orders_done ON gateway.payment_orders (payment_id, kind)
 WHERE state = 'done';
CREATE INDEX payment_orders_payment_id ON gateway.payment_orders (payment_id);
CREATE INDEX payment_orders_next_try_at ON gateway.payment_orders (next_try_at)
 WHERE state IN ('waiting', 'asked');
CREATE INDEX payment_orders_payout_id ON gateway.payment_orders (payout_id);

-- What a provider said that contradicts what it proved before, or what was asked.
CREATE TABLE gateway.provider_surprises (
    id        uuid        PRIMARY KEY,
    order_id  uuid        NOT NULL REFERENCES gateway.payment_orders (id),
    what      text        NOT NULL,
    reference text,
    amount    bigint,
    said_at   timestamptz NOT NULL
);

CREATE INDEX provider_surprises_order_id ON gateway.provider_surprises (order_id);

CREATE TABLE gateway.provider_choices (
    kind     text PRIMARY KEY CHECK (kind IN ('hold', 'pay', 'refund')),
    provider text NOT NULL CHECK (provider IN ('sandbox', 'bank_file'))
);

INSERT INTO gateway.provider_choices VALUES
    ('hold', 'sandbox'), ('pay', 'sandbox'), ('refund', 'sandbox');

-- Where an intern wants to be paid. Private: it leaves this table for a payout file alone.
CREATE TABLE gateway.payout_accounts (
    person_id  uuid        PRIMARY KEY REFERENCES gateway.people (id) ON DELETE CASCADE,
    holder     text        NOT NULL,
    bank       text        NOT NULL,
    number     text        NOT NULL,
    changed_at timestamptz NOT NULL
);

COMMENT ON COLUMN gateway.payout_accounts.bank IS 'a BIC, or the name of the bank';

CREATE TABLE gateway.payouts (
    id      uuid        PRIMARY KEY,
    text    text        NOT NULL,
    count   integer     NOT NULL CHECK (count > 0),
    total   bigint      NOT NULL CHECK (total > 0),
    made_by uuid        NOT NULL REFERENCES gateway.people (id),
    made_at timestamptz NOT NULL
);

ALTER TABLE gateway.payment_orders ADD FOREIGN KEY (payout_id) REFERENCES gateway.payouts (id);

CREATE TABLE gateway.receipts (
    payment_id      uuid        PRIMARY KEY REFERENCES gateway.payments (id),
    organization_id uuid        NOT NULL REFERENCES gateway.organizations (id),
    year            integer     NOT NULL,
    number          integer     NOT NULL CHECK (number > 0),
    gross           bigint      NOT NULL CHECK (gross > 0),
    fee             bigint      NOT NULL DEFAULT 0 CHECK (fee = 0),
    withheld        bigint      NOT NULL CHECK (withheld >= 0),
    net             bigint      NOT NULL CHECK (net = gross - fee - withheld),
    reference       text,
    issued_at       timestamptz NOT NULL,
    UNIQUE (organization_id, year, number)
);

COMMENT ON COLUMN gateway.receipts.fee IS 'what the platform keeps of an intern''s pay: nothing';

-- The sandbox provider's own books, as if they were somebody else's.
CREATE TABLE gateway.sandbox_orders (
    id        uuid        PRIMARY KEY,
    tenant    text        NOT NULL,
    kind      text        NOT NULL,
    amount    bigint      NOT NULL,
    behaviour text        NOT NULL,
    state     text        NOT NULL CHECK (state IN ('done', 'failed')),
    answer_at timestamptz,
    callbacks text[]      NOT NULL
);

COMMENT ON COLUMN gateway.sandbox_orders.answer_at IS 'from when on it tells its state; null is never';
COMMENT ON COLUMN gateway.sandbox_orders.callbacks IS 'what it will still say unasked';

CREATE INDEX sandbox_orders_callbacks ON gateway.sandbox_orders (answer_at)
 WHERE cardinality(callbacks) > 0;

CREATE TABLE gateway.sandbox_behaviours (
    project_id uuid REFERENCES gateway.projects (id),
    kind       text CHECK (kind IN ('hold', 'pay', 'refund')),
    behaviour  text NOT NULL CHECK (behaviour IN (
        'ok', 'fail', 'delay', 'twice', 'late', 'never', 'silent', 'differently', 'other_amount')),
    seconds    double precision NOT NULL DEFAULT 0 CHECK (seconds >= 0),
    UNIQUE NULLS NOT DISTINCT (project_id, kind)
);

-- The ledger: double entry in centavos, added to and never changed. Each posting is one row of the
-- table in ledger_entries_posting; whatever is not in it cannot be written. No posting lowers what an
-- intern was paid, and what an intern is owed is lowered by paying alone.
CREATE TABLE gateway.ledger_accounts (
    kind     text   NOT NULL CHECK (kind IN (
        'world', 'held', 'owed', 'paid', 'withheld', 'refunding', 'returned')),
    owner_id uuid   NOT NULL,
    balance  bigint NOT NULL DEFAULT 0,
    floor    bigint GENERATED ALWAYS AS (CASE WHEN kind <> 'world' THEN 0 END) STORED,
    PRIMARY KEY (kind, owner_id),
    CONSTRAINT ledger_accounts_floor CHECK (balance >= floor)
);

COMMENT ON COLUMN gateway.ledger_accounts.owner_id IS
    'a project (held), an intern (owed, paid), or an organization';

CREATE TABLE gateway.ledger_transactions (
    id         uuid        PRIMARY KEY,
    posting    text        NOT NULL CHECK (posting IN ('hold', 'release', 'send', 'refund', 'return')),
    payment_id uuid        NOT NULL REFERENCES gateway.payments (id),
    order_id   uuid        REFERENCES gateway.payment_orders (id),
    at         timestamptz NOT NULL,
    made_in    xid8        NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (id, posting),
    UNIQUE (payment_id, posting)
);

CREATE INDEX ledger_transactions_order_id ON gateway.ledger_transactions (order_id);

CREATE TABLE gateway.ledger_entries (
    transaction_id uuid   NOT NULL,
    posting        text   NOT NULL,
    kind           text   NOT NULL,
    owner_id       uuid   NOT NULL,
    amount         bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (transaction_id, kind),
    FOREIGN KEY (transaction_id, posting) REFERENCES gateway.ledger_transactions (id, posting),
    FOREIGN KEY (kind, owner_id) REFERENCES gateway.ledger_accounts (kind, owner_id),
    CONSTRAINT ledger_entries_posting CHECK ((posting, kind, amount > 0) IN (
        ('hold',    'world',     false), ('hold',    'held',      true),
        ('release', 'held',      false), ('release', 'owed',      true),
        ('send',    'owed',      false), ('send',    'paid',      true), ('send', 'withheld', true),
        ('refund',  'held',      false), ('refund',  'refunding', true),
        ('return',  'refunding', false), ('return',  'returned',  true)))
);

CREATE INDEX ledger_entries_account ON gateway.ledger_entries (kind, owner_id);

CREATE FUNCTION gateway.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is added to, never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON gateway.ledger_transactions
   FOR EACH STATEMENT EXECUTE FUNCTION gateway.refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON gateway.ledger_entries
   FOR EACH STATEMENT EXECUTE FUNCTION gateway.refuse_change();
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON gateway.ledger_accounts
   FOR EACH STATEMENT EXECUTE FUNCTION gateway.refuse_change();

-- An account begins at zero, and only entries move it.
CREATE FUNCTION gateway.guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.balance := 0;
    ELSIF pg_trigger_depth() < 2 OR (NEW.kind, NEW.owner_id) IS DISTINCT FROM (OLD.kind, OLD.owner_id) THEN
        RAISE EXCEPTION 'a balance is the sum of its entries' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER guard_balance BEFORE INSERT OR UPDATE ON gateway.ledger_accounts
   FOR EACH ROW EXECUTE FUNCTION gateway.guard_balance();

CREATE FUNCTION gateway.mark_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.made_in := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE TRIGGER mark_transaction BEFORE INSERT ON gateway.ledger_transactions
   FOR EACH ROW EXECUTE FUNCTION gateway.mark_transaction();

CREATE FUNCTION gateway.refuse_late_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gateway.ledger_transactions
                WHERE id = NEW.transaction_id AND made_in <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'ledger transaction % is closed', NEW.transaction_id
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER refuse_late_entry BEFORE INSERT ON gateway.ledger_entries
   FOR EACH ROW EXECUTE FUNCTION gateway.refuse_late_entry();

-- Accounts are locked in one order, so that two postings never wait for each other.
CREATE FUNCTION gateway.move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM gateway.ledger_accounts AS account
      WHERE EXISTS (SELECT FROM added WHERE (added.kind, added.owner_id) = (account.kind, account.owner_id))
      ORDER BY account.kind, account.owner_id FOR NO KEY UPDATE;
    UPDATE gateway.ledger_accounts AS account
       SET balance = account.balance + moved.amount
      FROM (SELECT kind, owner_id, sum(amount)::bigint AS amount FROM added GROUP BY kind, owner_id) AS moved
     WHERE (account.kind, account.owner_id) = (moved.kind, moved.owner_id);
    RETURN NULL;
END $$;

CREATE TRIGGER move_balances AFTER INSERT ON gateway.ledger_entries
   REFERENCING NEW TABLE AS added
   FOR EACH STATEMENT EXECUTE FUNCTION gateway.move_balances();

-- At the end of the database's transaction, so that the entries may come one by one.
CREATE FUNCTION gateway.check_sum(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    SELECT count(*) AS entries, coalesce(sum(amount), 0) AS total,
           coalesce(sum(amount) FILTER (WHERE kind = 'withheld'), 0) AS withheld,
           coalesce(-sum(amount) FILTER (WHERE kind = 'owed'), 0) AS gross
      INTO found FROM gateway.ledger_entries WHERE transaction_id = wanted;
    IF found.entries < 2 OR found.total <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % has % entries that come to %, not to zero',
              wanted, found.entries, found.total USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF found.withheld > 0 AND found.withheld * 10000 > found.gross * 1500 THEN
        RAISE EXCEPTION 'ledger transaction % withholds more than the law allows', wanted
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

CREATE FUNCTION gateway.check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gateway.check_sum(NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION gateway.check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gateway.check_sum(NEW.transaction_id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER check_transaction AFTER INSERT ON gateway.ledger_transactions
   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gateway.check_transaction();
CREATE CONSTRAINT TRIGGER check_entry AFTER INSERT ON gateway.ledger_entries
   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gateway.check_entry();
