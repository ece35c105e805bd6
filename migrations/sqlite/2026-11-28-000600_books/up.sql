-- What a person chose as the number of calls a day, where that hangs on the provider's plan. Empty: the settings say.
ALTER TABLE connections ADD COLUMN calls_per_day BIGINT;
-- What of an order is to be in Zoho Books, and is: customer, invoice, payment, and a credit note with its refund for each refund.
CREATE TABLE booking_steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    kind TEXT NOT NULL,
    -- 0, and from 1 on for each refund.
    number BIGINT NOT NULL,
    -- Ours, by which the thing is found again in Books.
    key TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- Empty until it is done, like those that follow.
    organisation_id TEXT,
    zoho_id TEXT,
    -- Where a payment's money went: its refund comes from there.
    account_id TEXT,
    asked_at TIMESTAMP NOT NULL,
    done_at TIMESTAMP,
    UNIQUE (order_id, kind, number)
);
CREATE INDEX booking_steps_by_key ON booking_steps (key, id);
