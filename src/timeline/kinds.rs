//! What kinds of events there are, for filters: in groups, and whether a person did it.

/// Groups by the beginning of a kind; `money` is what Stripe tells.
pub const GROUPS: &[(&str, &str, &[&str])] = &[
    ("lead", "Leads", &["lead"]),
    ("money", "Payments", &["checkout", "payment", "refund", "dispute", "invoice", "subscription"]),
    ("mail", "Mail", &["mail"]),
    ("note", "Notes", &["note"]),
    ("connection", "Connections", &["connection"]),
];

/// Where events come from.
pub const SOURCES: &[(&str, &str)] = &[
    ("intake", "Forms and chatbot"),
    ("stripe", "Stripe"),
    ("zoho", "Zoho"),
    ("outbox", "Outbox"),
    ("import", "Import"),
    ("staff", "Staff"),
];

/// What a customer or somebody of the staff did themselves. All else was done by a program, ours or another's, or is not sure to be a
/// person's (a submission that was held).
const BY_PEOPLE: &[&str] = &[
    "lead.received",
    "lead.released",
    "checkout.paid",
    "checkout.processing",
    "checkout.failed",
    "payment.succeeded",
    "payment.declined",
    "dispute.opened",
    "note.added",
    "address.confirmed",
];

/// Whether a person did it.
pub fn is_by_people(kind: &str) -> bool {
    BY_PEOPLE.contains(&kind)
}

/// Whether a kind is the one asked for, or of the group asked for.
pub fn is_of(kind: &str, asked: &str) -> bool {
    let start = kind.split('.').next().unwrap_or(kind);
    kind == asked || GROUPS.iter().any(|(name, _, starts)| *name == asked && starts.contains(&start))
}
