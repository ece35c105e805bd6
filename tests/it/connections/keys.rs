//! The key that seals the tokens: found, made, missing, wrong.

use std::path::Path;

use diesel::prelude::*;
use throughline::config::{Config, Sources};
use throughline::connections::{check_key, unlock};
use throughline::db::schema::encryption_keys;
use throughline::db::{Engine, sqlite_path};
use throughline::vault::Vault;

use crate::harness::{TestApp, both_engines};

fn config(app: &TestApp, key: Option<&str>) -> Config {
    let mut sources = Sources::given([("DATABASE_URL", app.url.as_str())]);
    if let Some(key) = key {
        sources.set("THROUGHLINE_ENCRYPTION_KEY", key);
    }
    Config::load(&sources).expect("a configuration")
}

both_engines! {
    async fn another_key_is_refused_with_its_remedy_and_nothing_is_changed(app: TestApp) {
        let (now, right) = (app.clock.now(), Vault::generate());
        check_key(&app.store, &right, now).await.expect("the first key");
        let wrong = check_key(&app.store, &Vault::generate(), now).await.expect_err("another key").to_string();
        assert!(wrong.contains(right.key_id()) && wrong.contains("set THROUGHLINE_ENCRYPTION_KEY"), "{wrong}");
        check_key(&app.store, &right, now).await.expect("still the right one");
        let whole = app.store.read(|conn| encryption_keys::table.count().get_result::<i64>(conn).map_err(throughline::Error::from));
        assert_eq!(whole.await.expect("a count"), 1);
    }

    async fn a_configured_key_must_be_one_and_is_used_on_both_engines(app: TestApp) {
        let key = "Zm9ydHktdHdvIGlzIG5vdCBhIGtleSBidXQgMzIgYXI=";
        let unlocked = unlock(&app.store, &config(&app, Some(key)), app.clock.now()).await.expect("32 bytes");
        assert!(unlocked.note.is_none());
    }

    async fn without_a_configured_key_only_an_embedded_database_gets_one(app: TestApp) {
        let (now, config) = (app.clock.now(), config(&app, None));
        let first = unlock(&app.store, &config, now).await;
        if app.engine == Engine::Postgres {
            let told = first.err().expect("no place for a key").to_string();
            assert!(told.contains("THROUGHLINE_ENCRYPTION_KEY is not set") && told.contains("openssl rand -base64 32"), "{told}");
            return;
        }
        let first = first.expect("a key is made");
        assert!(first.note.expect("a note").contains("Back it up"));
        let again = unlock(&app.store, &config, now).await.expect("the same key");
        assert_eq!((again.vault.key_id(), again.note), (first.vault.key_id(), None));

        let key = sqlite_path(&app.url).expect("a file").with_file_name("secret.key");
        std::fs::rename(&key, key.with_extension("elsewhere")).expect("moved");
        let missing = unlock(&app.store, &config, now).await.err().expect("the key is missing").to_string();
        assert!(missing.contains("secret.key back from its backup") && missing.contains("THROUGHLINE_ENCRYPTION_KEY"), "{missing}");
        assert!(!Path::new(&key).exists(), "no other key was made in its place");
    }
}
