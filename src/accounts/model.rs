//! What a user is, and what each role may do.

use crate::clock::UtcTime;
use crate::db::{id_type, text_enum};

id_type! {
    /// A row of `users`.
    pub struct UserId;
}

id_type! {
    /// A row of `sessions`.
    pub struct SessionId;
}

text_enum! {
    /// What a user may do; each role includes those before it.
    pub enum Role {
        /// Sees everything.
        Viewer => "viewer",
        /// Retries, edits, cancels.
        Operator => "operator",
        /// Everything.
        Admin => "admin",
    }
}

impl Role {
    /// As pages show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Operator => "Operator",
            Self::Admin => "Admin",
        }
    }
}

/// A person who can sign in.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub password_hash: String,
    pub password_changed_at: UtcTime,
}

impl User {
    /// As audit rows name the actor: `user:3`.
    pub fn actor(&self) -> String {
        format!("user:{}", self.id.0)
    }
}

/// The form in which addresses are compared: without case and surrounding space.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}
