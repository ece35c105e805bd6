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
