-- Companies: one a mail domain; those told by name alone, one a name.
CREATE TABLE companies (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    domain TEXT UNIQUE,
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX companies_by_name_alone ON companies (name_key) WHERE domain IS NULL;
CREATE INDEX companies_by_name ON companies (name_key, id);
CREATE INDEX companies_by_time ON companies (created_at, id);
-- People we deal with. Who they are is in contact_addresses.
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT,
    name_key TEXT,
    -- The name was told by a provider or by staff, not merely typed into a form.
    is_name_vouched BOOLEAN NOT NULL,
    company_id BIGINT REFERENCES companies (id),
    company_rule TEXT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX contacts_by_time ON contacts (created_at, id);
CREATE INDEX contacts_by_name ON contacts (name_key, id) WHERE name_key IS NOT NULL;
CREATE INDEX contacts_by_company ON contacts (company_id, created_at, id) WHERE company_id IS NOT NULL;
-- Mail addresses, phones and providers' ids. One that identifies belongs to one contact; what was merely stated beside it matches nobody.
CREATE TABLE contact_addresses (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    contact_id BIGINT NOT NULL REFERENCES contacts (id),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    is_identifying BOOLEAN NOT NULL,
    is_vouched BOOLEAN NOT NULL,
    -- Who told it first: lead:12, order:4, user:3.
    told_by TEXT NOT NULL,
    told_at TIMESTAMP NOT NULL,
    UNIQUE (contact_id, kind, value)
);
CREATE UNIQUE INDEX contact_addresses_identifying ON contact_addresses (kind, value) WHERE is_identifying;
CREATE INDEX contact_addresses_by_value ON contact_addresses (value, contact_id);
-- Whose a lead, an order or an object of Stripe is, and by which rule. Links over what stays as it is, so that they can be made anew.
CREATE TABLE contact_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    subject TEXT NOT NULL UNIQUE,
    line_id TEXT,
    contact_id BIGINT NOT NULL REFERENCES contacts (id),
    rule TEXT NOT NULL,
    linked_at TIMESTAMP NOT NULL
);
CREATE INDEX contact_links_by_contact ON contact_links (contact_id, id);
CREATE INDEX contact_links_by_line ON contact_links (line_id) WHERE line_id IS NOT NULL;
-- Whose timeline an event stands in; owner is contact:7 or company:3. Time, source and kind are those of the event, which never change.
CREATE TABLE event_links (
    owner TEXT NOT NULL,
    occurred_at TIMESTAMP NOT NULL,
    event_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (owner, occurred_at, event_id)
) WITHOUT ROWID;
CREATE INDEX event_links_by_event ON event_links (event_id);
-- How far the linker has come. One row, locked by whoever links.
CREATE TABLE people_linker (
    id BIGINT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL,
    linked_at TIMESTAMP
);
INSERT INTO people_linker (id, event_id) VALUES (1, 0);
-- Ids of events that the linker passed and did not see: on PostgreSQL they become visible out of order.
CREATE TABLE people_linker_gaps (
    first_id BIGINT NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL,
    seen_at TIMESTAMP NOT NULL
);
-- What Stripe told of a customer before we knew whose it is.
CREATE INDEX stripe_objects_by_customer ON stripe_objects (customer, id) WHERE customer IS NOT NULL;
