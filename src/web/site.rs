//! Where this program is reached and what follows from it: origin, cookie names, believed proxies, the seller's zone.

use ipnet::IpNet;
use rocket::http::{Cookie, SameSite};

use crate::config::Config;

/// Facts about this installation that every request may need; managed by Rocket.
#[derive(Clone, Debug)]
pub struct Site {
    /// Scheme, host and port, as a browser sends it in `Origin`.
    pub origin: String,
    /// Without a trailing slash.
    pub public_url: String,
    /// The public address is https: cookies are `Secure` and named `__Host-…`, HSTS is sent.
    pub https: bool,
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of the seller's own sites: they may frame the form, call the intake by script, and be where a form leads.
    pub sites: Vec<String>,
    /// Until the seller has saved another.
    pub zone: chrono_tz::Tz,
    /// Other processes may change the database: live pages look again by themselves now and then.
    pub shared_database: bool,
}

impl Site {
    /// Reads what matters here from the configuration.
    pub fn new(config: &Config) -> Self {
        let public_url = config.public_url.trim_end_matches('/').to_owned();
        let origin = url::Url::parse(&public_url).map_or_else(|_| public_url.clone(), |url| url.origin().ascii_serialization());
        Self {
            https: public_url.starts_with("https://"),
            origin,
            public_url,
            trusted_proxies: config.trusted_proxies.clone(),
            sites: config.sites.clone(),
            zone: config.zone,
            shared_database: config.database_url.starts_with("postgres"),
        }
    }

    /// Whether an `Origin` is that of one of the seller's sites.
    pub fn is_listed(&self, origin: &str) -> bool {
        self.sites.iter().any(|site| site == origin)
    }

    /// The name a cookie has here: `__Host-` binds it to this host and to https.
    pub fn cookie_name(&self, name: &str) -> String {
        if self.https { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// A cookie no script can read and no other site's form can send.
    pub fn cookie(&self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build((self.cookie_name(name), value)).path("/").http_only(true).secure(self.https).same_site(SameSite::Lax).build()
    }
}

/// Whether an address leads to nothing but this machine.
pub fn names_this_machine(url: &str) -> bool {
    let parsed = url::Url::parse(url);
    match parsed.as_ref().map(url::Url::host) {
        Ok(Some(url::Host::Ipv4(ip))) => ip.is_loopback(),
        Ok(Some(url::Host::Ipv6(ip))) => ip.is_loopback(),
        Ok(Some(url::Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A site for tests of this folder.
    pub fn site(public_url: &str) -> Site {
        let origin = url::Url::parse(public_url).expect("a URL").origin().ascii_serialization();
        Site {
            origin,
            public_url: public_url.into(),
            https: public_url.starts_with("https"),
            sites: Vec::new(),
            trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            zone: chrono_tz::UTC,
            shared_database: false,
        }
    }

    #[test]
    fn cookies_are_bound_to_the_host_when_the_address_is_https() {
        let https = site("https://desk.example.com").cookie("session", "x".into());
        assert_eq!((https.name(), https.secure()), ("__Host-session", Some(true)));
        let http = site("http://127.0.0.1:8000").cookie("session", "x".into());
        assert_eq!((http.name(), http.secure()), ("session", Some(false)));
    }
}
