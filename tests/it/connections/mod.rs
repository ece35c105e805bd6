//! Connections: tokens, connecting, and the key that seals them.

mod books;
mod connect;
mod custody;
mod keys;

use secrecy::SecretString;
use throughline::connections::{ConnectForm, Occasion};

fn form(refresh_token: &str) -> ConnectForm {
    ConnectForm { client_id: None, client_secret: None, refresh_token: SecretString::from(refresh_token) }
}

fn by_cli() -> Occasion {
    Occasion::Any { actor: "cli".into(), address: None }
}
