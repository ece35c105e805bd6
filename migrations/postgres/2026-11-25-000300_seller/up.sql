-- Who sells: one row, there once somebody has saved the settings. `version` counts the saves, so that nobody overwrites unseen.
CREATE TABLE seller (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    languages TEXT NOT NULL,
    privacy_url TEXT,
    staff_emails TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    postal_address TEXT,
    version BIGINT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
-- Beside it, so that reading the settings does not read the picture.
CREATE TABLE seller_logo (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    digest TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('png', 'jpeg', 'webp')),
    width_px BIGINT NOT NULL,
    height_px BIGINT NOT NULL,
    content BYTEA NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
