//! What is set, as it may be shown to whoever runs the program: never a secret.

use serde::Serialize;

use super::Sources;

/// A setting as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub key: String,
    /// None: not set, so its default holds. Of a secret only that it is set.
    pub shown: Option<String>,
}

impl Sources {
    /// Every setting that was looked for, secrets hidden: after `Config::load` all there are.
    pub fn asked(&self) -> Vec<Setting> {
        let asked = self.asked.borrow();
        asked.iter().map(|(key, value)| Setting { key: key.clone(), shown: value.as_deref().map(|value| shown(key, value)) }).collect()
    }
}

/// Only what names no secret: a password may stand in an address, before the host or behind the question mark.
fn shown(key: &str, value: &str) -> String {
    if ["SECRET", "KEY", "TOKEN", "PASSWORD"].iter().any(|end| key.ends_with(end)) {
        return "set".into();
    }
    match url::Url::parse(value) {
        Ok(mut url) if url.has_host() && (url.password().is_some() || url.query().is_some()) => {
            let _has_a_host = url.set_password(None);
            let has_query = url.query().is_some();
            url.set_query(None);
            if has_query { format!("{url}?…") } else { url.to_string() }
        }
        // Something before the host, and no address that could be taken apart.
        _ if value.contains("://") && value.contains('@') => "set".into(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_shown_of_the_settings_gives_no_secret_away() {
        let sources = Sources::given([
            ("DATABASE_URL", "postgres://desk:pa55@db.example/x?password=pa55"),
            ("THROUGHLINE_CRON_SECRET", "pa55-of-the-cron"),
            ("ZOHO_CLIENT_SECRET", "pa55"),
            ("THROUGHLINE_ZONE", "Asia/Dubai"),
        ]);
        Config::load(&sources).expect("it is right");
        let all = sources.asked();
        let shown = |key: &str| all.iter().find(|setting| setting.key == key).and_then(|setting| setting.shown.clone());
        assert_eq!(shown("DATABASE_URL").as_deref(), Some("postgres://desk@db.example/x?…"));
        assert_eq!([shown("ZOHO_CLIENT_SECRET"), shown("THROUGHLINE_ZONE")], [Some("set".into()), Some("Asia/Dubai".into())]);
        assert!(all.len() > 15 && shown("ROCKET_PORT").is_none() && !format!("{all:?}").contains("pa55"), "{all:?}");
    }
}
