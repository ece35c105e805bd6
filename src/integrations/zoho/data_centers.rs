//! Zoho's data centres, and which hosts we let an answer send us to. Source: Zoho's multi-dc page, read 2026-11-21; the
//! hosts of UK and AE are inferred from the others.

use url::Url;

use super::{Failure, FailureClass};

/// One data centre: where grants are made and where calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataCenter {
    /// As in the callback's `location`.
    pub name: &'static str,
    pub accounts_host: &'static str,
    pub api_host: &'static str,
}

/// All of them.
pub const ALL: &[DataCenter] = &[
    DataCenter { name: "us", accounts_host: "accounts.zoho.com", api_host: "www.zohoapis.com" },
    DataCenter { name: "eu", accounts_host: "accounts.zoho.eu", api_host: "www.zohoapis.eu" },
    DataCenter { name: "in", accounts_host: "accounts.zoho.in", api_host: "www.zohoapis.in" },
    DataCenter { name: "au", accounts_host: "accounts.zoho.com.au", api_host: "www.zohoapis.com.au" },
    DataCenter { name: "jp", accounts_host: "accounts.zoho.jp", api_host: "www.zohoapis.jp" },
    DataCenter { name: "ca", accounts_host: "accounts.zohocloud.ca", api_host: "www.zohoapis.ca" },
    DataCenter { name: "cn", accounts_host: "accounts.zoho.com.cn", api_host: "www.zohoapis.com.cn" },
    DataCenter { name: "sa", accounts_host: "accounts.zoho.sa", api_host: "www.zohoapis.sa" },
    DataCenter { name: "uk", accounts_host: "accounts.zoho.uk", api_host: "www.zohoapis.uk" },
    DataCenter { name: "ae", accounts_host: "accounts.zoho.ae", api_host: "www.zohoapis.ae" },
];

/// Whether grants may be exchanged there: a listed host over https, or what the configuration names itself.
pub fn may_exchange_at(accounts_url: &str, configured: &str) -> bool {
    same_origin(accounts_url, configured) || by_accounts_url(accounts_url).is_some()
}

/// Where the code of a sign-in may be exchanged, after what Zoho's redirect names: anyone can write such a link, so a server is
/// followed only if it is listed (or the one that was started at), and if it is the one of the `location` beside it.
pub fn exchange_url(accounts_server: Option<&str>, location: Option<&str>, started_at: &str) -> Result<String, Failure> {
    let named = accounts_server.unwrap_or(started_at);
    if !may_exchange_at(named, started_at) {
        return Err(refuse(
            "The answer names an accounts server that is not one of Zoho's, so the code was not sent there [accounts-server]".into(),
        ));
    }
    let (center, told) = (by_accounts_url(named), location.map(str::to_ascii_lowercase));
    if let (Some(center), Some(told)) = (center, told.as_deref())
        && center.name != told
    {
        let message = format!(
            "The answer names the accounts server of the data centre “{}” and another data centre beside it, so the code was not sent [location]",
            center.name
        );
        return Err(refuse(message));
    }
    Ok(trimmed(named))
}

/// The accounts servers that a person may be sent to from one that is configured: Zoho hands people over to their own data
/// centre. One that is not Zoho's (the sandbox) stands alone.
pub fn accounts_urls(configured: &str) -> Vec<String> {
    match by_accounts_url(configured) {
        Some(_) => ALL.iter().map(|center| format!("https://{}", center.accounts_host)).collect(),
        None => vec![trimmed(configured)],
    }
}

/// Where API calls go after a token answer: the `api_domain` it names, if we may follow it. With `configured`
/// (`ZOHO_API_URL`) nothing else is accepted. An accounts server of one's own may name its own host.
pub fn api_url(api_domain: Option<&str>, accounts_url: &str, configured: Option<&str>) -> Result<String, Failure> {
    let center = by_accounts_url(accounts_url);
    let named = match (api_domain, configured, center) {
        (Some(named), _, _) => named.to_owned(),
        (None, Some(configured), _) => configured.to_owned(),
        (None, None, Some(center)) => format!("https://{}", center.api_host),
        (None, None, None) => return Err(refuse("The token answer names no api_domain; set ZOHO_API_URL".into())),
    };
    if let Some(configured) = configured {
        return if same_origin(&named, configured) {
            Ok(trimmed(configured))
        } else {
            Err(refuse(format!(
                "Zoho answers for {named}, but ZOHO_API_URL names {configured}: correct ZOHO_API_URL or leave it out [api_domain]"
            )))
        };
    }
    let is_listed = https_host(&named).is_some_and(|host| ALL.iter().any(|center| center.api_host == host));
    if is_listed || (center.is_none() && same_origin(&named, accounts_url)) {
        return Ok(trimmed(&named));
    }
    Err(refuse(format!("The token answer names {named}, which is not one of Zoho's hosts; set ZOHO_API_URL if it is right [api_domain]")))
}

pub fn by_accounts_url(accounts_url: &str) -> Option<&'static DataCenter> {
    let host = https_host(accounts_url)?;
    ALL.iter().find(|center| center.accounts_host == host)
}

/// The host of an https address on its usual port, without user or password in front.
fn https_host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let is_plain = url.scheme() == "https" && url.port().is_none() && url.username().is_empty() && url.password().is_none();
    is_plain.then(|| url.host_str().map(str::to_owned)).flatten()
}

fn same_origin(one: &str, other: &str) -> bool {
    matches!((Url::parse(one), Url::parse(other)), (Ok(one), Ok(other)) if one.origin() == other.origin() && one.username().is_empty())
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Nothing about a lead is wrong: the connection is, and it waits for a person.
fn refuse(message: String) -> Failure {
    Failure::of_call(FailureClass::Authentication, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zohos_own_hosts_are_followed() {
        let accounts = "https://accounts.zoho.eu";
        assert_eq!(api_url(Some("https://www.zohoapis.eu/"), accounts, None).expect("listed"), "https://www.zohoapis.eu");
        assert_eq!(api_url(None, accounts, None).expect("from the data centre"), "https://www.zohoapis.eu");
        for wrong in [
            "http://www.zohoapis.eu",
            "https://www.zohoapis.eu:8443",
            "https://www.zohoapis.eu.evil.example",
            "https://www.zohoapis.eu@evil.example",
            "https://me@www.zohoapis.eu",
            "https://evil.example/www.zohoapis.eu",
            "www.zohoapis.eu",
            "https://accounts.zoho.eu",
        ] {
            assert!(api_url(Some(wrong), accounts, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_configured_address_allows_its_own_host_and_no_other() {
        let sandbox = "http://127.0.0.1:4011";
        assert_eq!(api_url(Some(sandbox), sandbox, None).expect("its own"), sandbox);
        assert_eq!(api_url(Some("http://127.0.0.1:4011/"), sandbox, Some(sandbox)).expect("configured"), sandbox);
        assert!(api_url(Some("http://127.0.0.1:4012"), sandbox, None).is_err());
        let refusal = api_url(Some("https://www.zohoapis.eu"), "https://accounts.zoho.eu", Some("https://www.zohoapis.com"));
        assert!(refusal.expect_err("another host").message.contains("correct ZOHO_API_URL or leave it out"));
        assert!(api_url(Some("https://www.zohoapis.com"), sandbox, None).is_ok(), "a listed host is always followed");
    }

    #[test]
    fn a_code_goes_only_where_zoho_may_have_sent_it_from() {
        let started_at = "https://accounts.zoho.com";
        assert_eq!(exchange_url(None, None, started_at).expect("where it began"), started_at);
        assert_eq!(
            exchange_url(Some("https://accounts.zoho.eu/"), Some("EU"), started_at).expect("handed over"),
            "https://accounts.zoho.eu"
        );
        for (server, location) in [
            ("https://accounts.zoho.com.evil.example", "us"),
            ("http://accounts.zoho.com", "us"),
            ("https://accounts.zoho.com@evil.example", "us"),
            ("https://accounts.zoho.eu", "us"),
            ("https://accounts.zoho.eu", "mars"),
            ("javascript:alert(1)", "us"),
            ("", "us"),
        ] {
            let refusal = exchange_url(Some(server), Some(location), started_at).expect_err("not Zoho's");
            assert!(!refusal.message.contains("evil") && refusal.class == FailureClass::Authentication, "{server}");
        }
        let sandbox = "http://127.0.0.1:4011";
        assert_eq!(exchange_url(Some(sandbox), Some("us"), sandbox).expect("its own"), sandbox);
        assert!(exchange_url(Some("http://127.0.0.1:4012"), None, sandbox).is_err());
        assert_eq!((accounts_urls(sandbox).len(), accounts_urls(started_at).len()), (1, ALL.len()));
    }

    #[test]
    fn grants_go_to_listed_or_configured_accounts_servers() {
        assert!(may_exchange_at("https://accounts.zohocloud.ca", "https://accounts.zoho.com"));
        assert!(may_exchange_at("http://127.0.0.1:4011/", "http://127.0.0.1:4011"));
        assert!(!may_exchange_at("https://accounts.zoho.ca", "https://accounts.zoho.com"));
        assert!(!may_exchange_at("http://127.0.0.1:4012", "http://127.0.0.1:4011"));
    }
}
