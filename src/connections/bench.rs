//! What the tests of this folder stand on: an app on an embedded database, with the sandbox in process.

use std::sync::Arc;

use chrono::NaiveDate;

use super::{ConnectForm, Occasion};
use crate::app::{App, Parts};
use crate::clock::{Clock, UtcTime};
use crate::config::{Config, Sources};
use crate::db::{Store, StoreOptions, migrate};
use crate::sandbox::{InProcess, Options, Sandbox};
use crate::vault::Vault;

/// Sunday 2026-11-22, 09:00 UTC.
pub(super) fn now() -> UtcTime {
    NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a real time")
}

pub(super) fn store() -> (tempfile::TempDir, Store) {
    store_with(Clock::manual(now()))
}

fn store_with(clock: Clock) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/throughline.db", folder.path().display());
    migrate::migrate(&url).expect("the migrations apply");
    let store = Store::open_with(StoreOptions::new(&url, clock)).expect("the store opens");
    (folder, store)
}

pub(super) fn config(database_url: &str) -> Config {
    let env = [
        ("DATABASE_URL", database_url),
        ("THROUGHLINE_CRON_SECRET", "cron-secret-of-the-tests"),
        ("ZOHO_CLIENT_ID", "client"),
        ("ZOHO_CLIENT_SECRET", "secret"),
        ("ZOHO_ACCOUNTS_URL", "http://sandbox.test"),
    ];
    Config::load(&Sources::given(env)).expect("a configuration")
}

/// An app and its sandbox, not connected yet.
pub(super) struct Bench {
    pub app: App,
    pub sandbox: Sandbox,
    pub clock: Clock,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new(options: Options) -> Self {
        let clock = Clock::manual(now());
        let (folder, store) = store_with(clock.clone());
        let sandbox = Sandbox::new(options);
        let app = App::new(Parts {
            store,
            clock: clock.clone(),
            transport: Arc::new(InProcess::new(sandbox.clone(), clock.clone())),
            vault: Vault::generate(),
            config: config(&format!("sqlite:{}/throughline.db", folder.path().display())),
            process_id: "test".into(),
        });
        Self { app, sandbox, clock, _folder: folder }
    }

    /// The same database and sandbox, as another process sees them.
    pub(super) fn other_process(&self) -> App {
        App::new(Parts {
            store: self.app.store.clone(),
            clock: self.clock.clone(),
            transport: Arc::clone(&self.app.transport),
            vault: self.app.vault.clone(),
            config: self.app.config.clone(),
            process_id: "other".into(),
        })
    }

    pub(super) async fn connected() -> Self {
        let bench = Self::new(Options::default());
        super::connect(&bench.app, form("sandbox"), by_cli()).await.expect("the sandbox accepts this");
        bench
    }

    /// How many refreshes reached Zoho.
    pub(super) fn refreshes(&self) -> u64 {
        self.sandbox.calls("POST /oauth/v2/token")
    }
}

pub(super) fn form(refresh_token: &str) -> ConnectForm {
    ConnectForm { client_id: None, client_secret: None, refresh_token: refresh_token.into() }
}

pub(super) fn by_cli() -> Occasion {
    Occasion::Any { actor: "cli".into(), address: None }
}
