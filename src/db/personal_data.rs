//! Which columns hold personal data, and how long it is kept. Erasing a person, exports and retention start from here; a
//! test fails for a column that is not named.

/// How long a personal value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// As long as the person's record; erasing the person removes it.
    UntilErased,
    /// So many days after the row was finished with; the retention sweep removes it.
    Days(u32),
    /// As long as the account of a member of staff.
    WithAccount,
}

/// One table's columns, all of them.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    pub table: &'static str,
    /// Columns that say something about a person.
    pub personal: &'static [(&'static str, Kept)],
    /// Columns that do not.
    pub plain: &'static [&'static str],
}

use Kept::{Days, UntilErased, WithAccount};

/// What providers answered and what we sent them: long enough to explain a failure, no longer.
const TRACE_DAYS: u32 = 90;

/// What was refused of an import, so that it can be mended and imported again; and a file that nobody imported.
const REFUSED_DAYS: u32 = 30;
const STAGED_DAYS: u32 = 7;

/// What was posted with a wrong signature: long enough to find out why.
const UNSIGNED_DAYS: u32 = 30;

/// Every column of the schema.
#[rustfmt::skip]
pub const REGISTRY: &[Register] = &[
    Register { table: "write_batches", personal: &[], plain: &["id", "committed_at"] },
    Register {
        table: "users",
        personal: &[("email", WithAccount), ("email_key", WithAccount), ("name", WithAccount), ("password_hash", WithAccount)],
        plain: &["id", "role", "password_changed_at", "created_at", "disabled_at"],
    },
    Register {
        table: "sessions",
        personal: &[("token_hash", WithAccount), ("user_id", WithAccount), ("seen_at", WithAccount)],
        plain: &["id", "created_at", "expires_at"],
    },
    Register {
        table: "events",
        personal: &[("data", UntilErased)],
        plain: &["id", "line_id", "source", "source_event_id", "kind", "subject", "occurred_at", "recorded_at"],
    },
    Register {
        table: "audit",
        personal: &[("actor", UntilErased), ("reason", UntilErased), ("before", UntilErased), ("after", UntilErased), ("address", Days(TRACE_DAYS)), ("salts", UntilErased)],
        plain: &["id", "at", "action", "subject", "line_id", "seal_seq", "seal", "commitments"],
    },
    Register { table: "audit_chain", personal: &[], plain: &["id", "last_seq", "last_seal", "sealed_at"] },
    Register { table: "processes", personal: &[], plain: &["id", "role", "version", "host", "started_at", "heartbeat_at", "clock_ahead_ms"] },
    Register {
        table: "jobs",
        personal: &[("last_error", Days(TRACE_DAYS)), ("note", Days(TRACE_DAYS))],
        plain: &[
            "id", "kind", "lane", "state", "payload", "line_id", "subject", "connection", "unique_key", "repeatable", "run_at", "attempts",
            "attempts_max", "provider_failures", "lease_token", "leased_by", "waits_for", "last_class", "last_failed_at", "created_at",
            "due_since", "started_at", "finished_at", "updated_at", "order_key", "order_place", "run_again", "batch_limit",
        ],
    },
    Register { table: "order_keys", personal: &[], plain: &["order_key", "changed_at", "lifted_to", "lifted_until"] },
    Register { table: "job_probes", personal: &[], plain: &["job_id", "probe_at", "probes"] },
    Register { table: "job_progress", personal: &[("message", Days(TRACE_DAYS))], plain: &["job_id", "done", "total", "updated_at"] },
    Register {
        table: "pauses",
        personal: &[("reason", WithAccount), ("paused_by", WithAccount)],
        plain: &["id", "scope", "name", "paused_at", "until"],
    },
    Register { table: "call_usage", personal: &[], plain: &["connection", "window_s", "bucket_at", "calls"] },
    Register { table: "call_reservations", personal: &[], plain: &["id", "connection", "process_id", "calls", "reserved_at"] },
    Register {
        table: "job_attempts",
        personal: &[("message", Days(TRACE_DAYS)), ("request", Days(TRACE_DAYS)), ("response", Days(TRACE_DAYS))],
        plain: &[
            "id", "job_id", "line_id", "attempt", "calls", "process_id", "started_at", "finished_at", "outcome", "class", "provider", "provider_call",
            "provider_status", "provider_ms", "provider_request_id",
        ],
    },
    Register {
        table: "schedule_runs",
        personal: &[("actor", WithAccount), ("reason", WithAccount)],
        plain: &["id", "schedule", "due_at", "decided_at", "decided_by", "job_id", "outcome"],
    },
    Register {
        table: "saved_filters",
        personal: &[("user_id", WithAccount), ("name", WithAccount), ("query", UntilErased)],
        plain: &["id", "list", "is_shared", "created_at"],
    },
    Register {
        table: "bulk_operations",
        personal: &[("filter", UntilErased), ("reason", WithAccount), ("started_by", WithAccount), ("cancelled_by", WithAccount)],
        plain: &[
            "id", "line_id", "subject", "act", "state", "job_id", "id_max", "total", "is_total_floor", "place", "done", "skipped", "refused",
            "reasons", "last_error", "created_at", "started_at", "finished_at", "updated_at",
        ],
    },
    Register {
        table: "schedules",
        personal: &[("paused_by", WithAccount), ("pause_reason", WithAccount)],
        plain: &["name", "since", "changed_at", "paused_at", "paused_until"],
    },
    Register {
        table: "orders",
        personal: &[("email", UntilErased), ("person", UntilErased), ("customer", UntilErased)],
        plain: &[
            "id", "reference", "state", "currency", "total_minor", "paid_minor", "refunded_minor", "lost_minor", "attention", "line_id", "placed_at",
            "paid_at", "updated_at", "booking_failed_at",
        ],
    },
    Register {
        table: "order_lines",
        personal: &[],
        plain: &["id", "order_id", "position", "sku", "name", "quantity", "unit_minor", "total_minor"],
    },
    Register {
        table: "checkouts",
        personal: &[("last_error", UntilErased)],
        plain: &[
            "order_id", "client_key_hash", "body_hash", "attempt", "session_id", "url", "expires_at", "success_url", "cancel_url", "created_at",
            "updated_at",
        ],
    },
    Register {
        table: "booking_steps",
        personal: &[("key", UntilErased), ("zoho_id", UntilErased)],
        plain: &["id", "order_id", "kind", "number", "amount_minor", "currency", "organisation_id", "account_id", "asked_at", "done_at"],
    },
    Register { table: "books_gone_customers", personal: &[("zoho_id", UntilErased)], plain: &["organisation_id", "found_at"] },
    Register {
        table: "stripe_objects",
        personal: &[("customer", UntilErased), ("email", UntilErased), ("person", UntilErased)],
        plain: &[
            "id", "object_id", "kind", "status", "status_rank", "amount_minor", "settled_minor", "currency", "made_at", "payment", "charge",
            "invoice", "subscription", "reference", "event_id", "event_at", "line_id", "order_id", "updated_at", "respond_by",
        ],
    },
    Register { table: "order_book", personal: &[], plain: &["id"] },
    Register { table: "encryption_keys", personal: &[], plain: &["id", "check_sealed", "created_at"] },
    Register {
        table: "connections",
        personal: &[("connected_by", WithAccount)],
        plain: &[
            "id", "provider", "state", "state_reason", "accounts_url", "api_url", "client_id", "client_secret_sealed", "refresh_token_sealed",
            "access_token_sealed", "access_expires_at", "refreshing_until", "refreshing_by", "external_field", "connected_at",
            "failures_in_a_row", "blocked_until", "blocked_reason", "probe_backoff_s", "last_success_at", "last_error", "last_error_at",
            "updated_at", "organisation_id", "organisation_name", "scopes", "calls_per_day",
        ],
    },
    Register {
        table: "oauth_states",
        personal: &[("session_id", Days(1))],
        plain: &[
            "id", "provider", "state_hash", "accounts_url", "client_id", "client_secret_sealed", "move_to", "created_at", "expires_at", "used_at",
        ],
    },
    Register { table: "crm_fields", personal: &[], plain: &["connection_id", "fields", "read_at"] },
    Register { table: "field_mappings", personal: &[("saved_by", WithAccount)], plain: &["provider", "mapping", "saved_at"] },
    Register { table: "token_refreshes", personal: &[], plain: &["id", "connection_id", "at", "error"] },
    Register {
        table: "leads",
        personal: &[
            ("name", UntilErased), ("email", UntilErased), ("email_key", UntilErased), ("phone", UntilErased), ("phone_e164", UntilErased),
            ("company", UntilErased), ("message", UntilErased), ("items", UntilErased), ("utm", UntilErased), ("page_url", UntilErased),
            ("conversation_id", UntilErased), ("transcript", UntilErased), ("extra", UntilErased), ("last_error", UntilErased),
            ("zoho_lead_id", UntilErased), ("provider_response", Days(TRACE_DAYS)), ("status_token_hash", UntilErased),
            ("consent_given", UntilErased), ("consent_wording", UntilErased), ("consent_version", UntilErased), ("language", UntilErased),
        ],
        plain: &["id", "line_id", "kind", "source", "status", "retry_count", "processed_at", "received_at", "updated_at"],
    },
    // Reasons quote what the person wrote.
    Register { table: "suspicions", personal: &[("reasons", UntilErased)], plain: &["lead_id", "score", "noted_at"] },
    Register {
        table: "mails",
        personal: &[
            ("reader", Days(TRACE_DAYS)), ("to_name", Days(TRACE_DAYS)), ("to_address", Days(TRACE_DAYS)), ("reply_name", Days(TRACE_DAYS)),
            ("reply_address", Days(TRACE_DAYS)), ("letter", Days(TRACE_DAYS)),
        ],
        plain: &["id", "message_key", "purpose", "line_id", "subject", "created_at", "sent_at"],
    },
    Register {
        table: "mail_choices",
        personal: &[("user_id", WithAccount), ("new_leads", WithAccount), ("daily_at", WithAccount), ("since", WithAccount)],
        plain: &[],
    },
    Register { table: "lead_news", personal: &[], plain: &["id", "lead_id", "noted_at"] },
    Register {
        table: "news_readers",
        personal: &[("reader", WithAccount)],
        plain: &["told_up_to", "held_until", "daily_until", "updated_at"],
    },
    Register { table: "reply_settings", personal: &[], plain: &["id", "is_on", "changed_at"] },
    Register { table: "reply_texts", personal: &[], plain: &["language", "subject", "body"] },
    Register { table: "replied_addresses", personal: &[("address_hash", Days(2))], plain: &["replied_at"] },
    Register {
        table: "idempotency_answers",
        personal: &[("answer", Days(1)), ("body_hash", Days(1)), ("key_hash", Days(1))],
        plain: &["route", "status", "created_at"],
    },
    // Of the staff; the seller's own name, address and numbers are public.
    Register {
        table: "seller",
        personal: &[("staff_emails", WithAccount)],
        plain: &["id", "name", "zone", "currency", "languages", "privacy_url", "email", "phone", "postal_address", "version", "updated_at"],
    },
    Register {
        table: "consent_wordings",
        personal: &[("created_by", WithAccount)],
        plain: &["id", "language", "version", "wording", "created_at"],
    },
    Register { table: "seller_logo", personal: &[], plain: &["id", "digest", "kind", "width_px", "height_px", "content", "updated_at"] },
    Register {
        table: "imports",
        personal: &[("created_by", WithAccount), ("file_name", WithAccount)],
        plain: &[
            "id", "source", "file_hash", "file_bytes", "plan", "state", "rows_done", "bytes_done", "queued", "sent", "failed", "skipped",
            "refused", "noted", "last_error", "created_at", "finished_at", "updated_at",
        ],
    },
    Register { table: "imported_leads", personal: &[], plain: &["source", "row_key", "line_id", "import_id"] },
    Register { table: "import_pieces", personal: &[("data", Days(STAGED_DAYS))], plain: &["import_id", "seq", "staged_at"] },
    Register {
        table: "import_refusals",
        personal: &[("why", Days(REFUSED_DAYS)), ("content", Days(REFUSED_DAYS))],
        plain: &["id", "import_id", "line", "refused_at"],
    },
    // What is left of a receipt says that the event came and what became of it.
    Register {
        table: "receipts",
        personal: &[("headers", Days(TRACE_DAYS)), ("body", Days(TRACE_DAYS)), ("address", Days(TRACE_DAYS)), ("reason", Days(TRACE_DAYS))],
        plain: &[
            "id", "provider", "event_id", "event_type", "object_id", "verdict", "livemode", "account", "api_version", "size_bytes",
            "happened_at", "received_at", "state", "caused", "line_id", "duplicates", "seen_again_at", "settled_at",
        ],
    },
    Register {
        table: "refused_webhooks",
        personal: &[("address", Days(UNSIGNED_DAYS)), ("headers", Days(UNSIGNED_DAYS)), ("body", Days(UNSIGNED_DAYS))],
        plain: &["id", "provider", "flaw", "size_bytes", "received_at"],
    },
    Register { table: "refused_webhook_counts", personal: &[], plain: &["provider", "flaw", "hour_at", "refused"] },
    Register {
        table: "event_feeds",
        personal: &[],
        plain: &[
            "provider", "begins_at", "cursor_id", "cursor_at", "walk_newest_id", "walk_newest_at", "walk_after_id", "read_at", "gap_from",
            "gap_found_at",
        ],
    },
    Register {
        table: "products",
        personal: &[],
        plain: &[
            "id", "sku", "sku_key", "kind", "category", "image_url", "is_active", "tax_class", "source", "zoho_item_id", "has_price", "version",
            "created_at", "updated_at",
        ],
    },
    Register { table: "product_names", personal: &[], plain: &["product_id", "language", "name"] },
    Register {
        table: "price_lists",
        personal: &[],
        plain: &[
            "id", "name", "name_key", "currency", "priority", "valid_from", "valid_until", "is_active", "is_default", "source",
            "zoho_pricebook_id", "version", "created_at", "updated_at",
        ],
    },
    Register { table: "prices", personal: &[], plain: &["id", "product_id", "price_list_id", "min_quantity", "amount_minor", "updated_at"] },
    Register {
        table: "companies",
        personal: &[("name", UntilErased), ("name_key", UntilErased), ("domain", UntilErased)],
        plain: &["id", "created_at"],
    },
    Register {
        table: "contacts",
        personal: &[("name", UntilErased), ("name_key", UntilErased), ("company_id", UntilErased)],
        plain: &["id", "is_name_vouched", "company_rule", "created_at", "updated_at"],
    },
    Register {
        table: "contact_addresses",
        personal: &[("value", UntilErased), ("confirmed_by", WithAccount)],
        plain: &["id", "contact_id", "kind", "is_identifying", "is_vouched", "told_by", "told_at", "confirmed_at"],
    },
    Register { table: "contact_links", personal: &[], plain: &["id", "subject", "line_id", "contact_id", "rule", "linked_at"] },
    Register { table: "event_links", personal: &[], plain: &["owner", "occurred_at", "event_id", "source", "kind"] },
    Register { table: "people_linker", personal: &[], plain: &["id", "event_id", "linked_at"] },
    // The database's own words may repeat a value; the row goes when the event is linked.
    Register {
        table: "people_linker_aside",
        personal: &[("reason", UntilErased)],
        plain: &["event_id", "subject", "tries", "set_at", "tried_at"],
    },
    Register { table: "people_linker_gaps", personal: &[], plain: &["first_id", "last_id", "seen_at"] },
    Register {
        table: "product_imports",
        personal: &[("created_by", WithAccount), ("file_name", WithAccount)],
        plain: &[
            "id", "state", "content", "plan", "row_count", "rows_done", "created", "changed", "unchanged", "last_error", "created_at",
            "updated_at", "finished_at",
        ],
    },
];

/// How long a personal column is kept; None for one that says nothing about a person.
pub fn kept(table: &str, column: &str) -> Option<Kept> {
    let register = REGISTRY.iter().find(|register| register.table == table)?;
    register.personal.iter().find(|(name, _)| *name == column).map(|(_, kept)| *kept)
}

/// Table, column and days of every value that is forgotten by itself.
pub fn ending() -> impl Iterator<Item = (&'static str, &'static str, u32)> {
    REGISTRY.iter().flat_map(|register| {
        register
            .personal
            .iter()
            .filter_map(|(column, kept)| if let Days(days) = kept { Some((register.table, *column, *days)) } else { None })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `table.column` of each column in schema.rs.
    fn in_schema() -> BTreeSet<String> {
        let mut table = String::new();
        let mut columns = BTreeSet::new();
        for line in include_str!("schema.rs").lines() {
            if let Some((name, _)) = line.trim().split_once(" (").filter(|_| line.ends_with(") {")) {
                name.clone_into(&mut table);
            } else if let Some((column, _)) = line.trim().split_once(" -> ") {
                columns.insert(format!("{table}.{column}"));
            }
        }
        columns
    }

    #[test]
    fn every_column_is_registered_once_and_nothing_else_is() {
        let mut registered = BTreeSet::new();
        for register in REGISTRY {
            for column in register.personal.iter().map(|(column, _)| column).chain(register.plain) {
                assert!(registered.insert(format!("{}.{column}", register.table)), "{}.{column} stands there twice", register.table);
            }
        }
        let schema = in_schema();
        assert!(schema.len() > 100, "the schema was not read");
        let missing: Vec<_> = schema.difference(&registered).collect();
        assert!(missing.is_empty(), "say in src/db/personal_data.rs whether these hold personal data: {missing:?}");
        let stale: Vec<_> = registered.difference(&schema).collect();
        assert!(stale.is_empty(), "src/db/personal_data.rs names columns that do not exist: {stale:?}");
    }
}
