//! Whether a webhook comes from Stripe: `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…][,v0=<hex>]`, where v1 is the
//! HMAC-SHA256 of `<t>.<body>`, keyed with the whole signing secret, its `whsec_` included (docs.stripe.com/webhooks and the
//! official packages, read 2026-11).

use std::fmt::Write;

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::clock::UtcTime;
use crate::db::text_enum;

/// The header it stands in.
pub const HEADER: &str = "Stripe-Signature";
/// As the official packages have it, and on one side only: a sender's clock that is ahead does no harm. Each repeat of an event
/// is signed anew, so that those of the third day pass too.
pub const TOLERANCE_S: i64 = 300;
/// Stripe sends one signature for each secret of an endpoint, which are two while one is rolled.
const SIGNATURES_MAX: usize = 16;

text_enum! {
    /// What is wrong with a webhook's signature.
    pub enum Flaw {
        /// There is none.
        Missing => "missing",
        /// The header has another form.
        Malformed => "malformed",
        /// None fits the body and a secret of ours.
        NoMatch => "no_match",
        /// One fits, and was made too long ago: it may have been recorded and sent again.
        TooOld => "too_old",
    }
}

impl Flaw {
    /// What it means, for whoever sent the webhook and for whoever looks for the reason. Gives nothing away.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Missing => "There is no Stripe-Signature header. Only Stripe posts here.",
            Self::Malformed => "The Stripe-Signature header is not of the form t=…,v1=….",
            Self::NoMatch => {
                "No signature fits this body and a signing secret that is set here. Each endpoint at Stripe has its own secret, test and \
                 live differ, and nothing between Stripe and here may change the body."
            }
            Self::TooOld => {
                "The signature fits but was made more than 300 seconds ago. Stripe signs each delivery anew: the clock of this machine \
                 is ahead, or somebody sends a recorded webhook again."
            }
        }
    }
}

/// Ok: some v1 signature fits the body and one of the secrets, and is young enough. Every other scheme is ignored, so that
/// nobody can choose a weaker one. Without a secret nothing fits.
pub fn verify(header: Option<&str>, body: &[u8], secrets: &[SecretString], now: UtcTime) -> Result<(), Flaw> {
    let header = header.map(str::trim).filter(|header| !header.is_empty()).ok_or(Flaw::Missing)?;
    let (signed_at, given) = read(header).ok_or(Flaw::Malformed)?;
    let mut fits = Choice::from(0);
    for secret in secrets.iter().filter(|secret| !secret.expose_secret().trim().is_empty()) {
        let ours = v1(secret, signed_at, body);
        // All are compared, whichever fits: how long it takes tells nothing.
        for theirs in &given {
            fits |= ours.as_bytes().ct_eq(theirs.as_bytes());
        }
    }
    if !bool::from(fits) {
        return Err(Flaw::NoMatch);
    }
    // The age last, as the packages do: who does not know the secret learns nothing about our clock.
    let is_old = DateTime::from_timestamp(signed_at, 0).is_none_or(|at| (now - at.naive_utc()).num_seconds() > TOLERANCE_S);
    if is_old { Err(Flaw::TooOld) } else { Ok(()) }
}

/// The header that Stripe would send: for the sandbox and for tests.
pub fn sign(secret: &SecretString, body: &[u8], at: UtcTime) -> String {
    let signed_at = at.and_utc().timestamp();
    format!("t={signed_at},v1={}", v1(secret, signed_at, body))
}

fn read(header: &str) -> Option<(i64, Vec<&str>)> {
    let (mut signed_at, mut given) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", text) => signed_at = signed_at.or(Some(text.parse().ok()?)),
            ("v1", signature) if given.len() < SIGNATURES_MAX => given.push(signature),
            _ => {}
        }
    }
    Some((signed_at?, given)).filter(|(_, given)| !given.is_empty())
}

fn v1(secret: &SecretString, signed_at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed_at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut hex = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        let _infallible = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\n  \"id\": \"evt_1\"\n}";

    fn at(s: i64) -> UtcTime {
        DateTime::from_timestamp(1_795_000_000 + s, 0).expect("a time").naive_utc()
    }

    fn secrets(all: &[&str]) -> Vec<SecretString> {
        all.iter().map(|secret| SecretString::from(*secret)).collect()
    }

    #[test]
    fn the_signature_is_what_openssl_says() {
        // printf '1795000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret
        let header = sign(&"whsec_test_secret".into(), br#"{"id":"evt_1"}"#, at(0));
        assert_eq!(header, "t=1795000000,v1=3511d18a343d1afb3e94774a798032a44b9e3ef6ae7b5210fedfdc6efe1773d0");
    }

    #[test]
    fn any_signature_of_any_secret_is_enough_and_other_schemes_are_ignored() {
        let own = sign(&"whsec_new".into(), BODY, at(0));
        let (t, v1) = own.split_once(',').expect("two parts");
        let zeros = "0".repeat(64);
        for header in [own.clone(), format!("{t},v1={zeros},{v1},v0={zeros}"), format!(" {t}, {v1}"), format!("v0=x,{v1},{t},future=1")] {
            assert_eq!(verify(Some(&header), BODY, &secrets(&["whsec_old", "whsec_new"]), at(0)), Ok(()), "{header}");
        }
        let downgraded = format!("{t},v0={}", v1.trim_start_matches("v1="));
        assert_eq!(verify(Some(&downgraded), BODY, &secrets(&["whsec_new"]), at(0)), Err(Flaw::Malformed));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_says_why() {
        let own = secrets(&["whsec_new"]);
        let header = sign(&own[0], BODY, at(0));
        let verify = |header: Option<&str>, body: &[u8], secrets: &[SecretString], now| super::verify(header, body, secrets, now);
        assert_eq!(verify(None, BODY, &own, at(0)), Err(Flaw::Missing));
        assert_eq!(verify(Some("  "), BODY, &own, at(0)), Err(Flaw::Missing));
        for malformed in ["t=1795000000", "v1=00", "t=x,v1=00", "nonsense", "t=1795000000,v1", "t=99999999999999999999,v1=00"] {
            assert_eq!(verify(Some(malformed), BODY, &own, at(0)), Err(Flaw::Malformed), "{malformed}");
        }
        assert_eq!(verify(Some(&header), br#"{"id":"evt_1"}"#, &own, at(0)), Err(Flaw::NoMatch), "written anew, it is another body");
        assert_eq!(verify(Some(&header), BODY, &secrets(&["whsec_old"]), at(0)), Err(Flaw::NoMatch));
        assert_eq!(verify(Some(&header), BODY, &[], at(0)), Err(Flaw::NoMatch), "without a secret nothing fits");
        assert_eq!(verify(Some(&sign(&"".into(), BODY, at(0))), BODY, &secrets(&["", " "]), at(0)), Err(Flaw::NoMatch));
        let later = header.replace("t=1795000000", "t=1795000001");
        assert_eq!(verify(Some(&later), BODY, &own, at(0)), Err(Flaw::NoMatch), "its time is signed too");
    }

    #[test]
    fn three_hundred_seconds_is_young_enough_and_the_future_too() {
        let own = secrets(&["whsec_new"]);
        let header = sign(&own[0], BODY, at(0));
        for (now, expected) in [(0, Ok(())), (300, Ok(())), (301, Err(Flaw::TooOld)), (-86_400, Ok(()))] {
            assert_eq!(verify(Some(&header), BODY, &own, at(now)), expected, "{now} s later");
        }
        let other = secrets(&["whsec_old"]);
        assert_eq!(verify(Some(&header), BODY, &other, at(301)), Err(Flaw::NoMatch), "the age is told to those alone who know the secret");
    }
}
