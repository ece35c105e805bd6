-- How an order that begins here is paid: the page that Stripe opened for it, and where its customer comes back to.
CREATE TABLE checkouts (
    order_id BIGINT NOT NULL PRIMARY KEY REFERENCES orders (id),
    -- SHA-256 of the client's own Idempotency-Key. Empty: it sent none.
    client_key_hash TEXT UNIQUE,
    -- Of the body it was asked for with.
    body_hash TEXT NOT NULL,
    -- Counts the sessions asked for: a part of the key under which Stripe makes each once.
    attempt BIGINT NOT NULL,
    session_id TEXT,
    url TEXT,
    expires_at TIMESTAMP,
    success_url TEXT NOT NULL,
    cancel_url TEXT NOT NULL,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
