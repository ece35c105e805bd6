-- Events that could not be linked to a contact: set aside with the reason, so that those behind them go on. Tried again every hour.
CREATE TABLE people_linker_aside (
    event_id BIGINT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    tries BIGINT NOT NULL,
    set_at TIMESTAMP NOT NULL,
    tried_at TIMESTAMP NOT NULL
);
CREATE INDEX people_linker_aside_by_try ON people_linker_aside (tried_at, event_id);
-- Customers that Books no longer has: deleted there, or merged into another. Nothing is booked to them again.
CREATE TABLE books_gone_customers (
    organisation_id TEXT NOT NULL,
    zoho_id TEXT NOT NULL,
    found_at TIMESTAMP NOT NULL,
    PRIMARY KEY (organisation_id, zoho_id)
);
-- Until when a dispute has to be answered.
ALTER TABLE stripe_objects ADD COLUMN respond_by TIMESTAMP;
-- What waits for its order, and disputes that are open: both are few among many.
CREATE INDEX stripe_objects_disputes ON stripe_objects (status, id) WHERE kind = 'dispute';
