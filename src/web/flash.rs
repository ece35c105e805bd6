//! A message that survives one redirect, in a cookie that only this session could have made: it is authenticated with
//! the session's own token, so nobody else can put words into our pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rocket::Request;
use rocket::http::{Cookie, CookieJar};
use rocket::response::{self, Redirect, Responder};
use rocket::time::Duration;
use sha2::Sha256;

use super::cross_site::SESSION;
use super::site::Site;

const NAME: &str = "flash";

/// How a message looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Warn,
    Bad,
}

/// What the last action did, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    pub tone: Tone,
    pub text: String,
}

impl Flash {
    /// It worked.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { tone: Tone::Ok, text: text.into() }
    }

    /// It did not happen, for a reason nobody needs to worry about.
    pub fn warn(text: impl Into<String>) -> Self {
        Self { tone: Tone::Warn, text: text.into() }
    }

    /// It failed.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { tone: Tone::Bad, text: text.into() }
    }

    /// The class of the notice that shows it.
    pub fn class(&self) -> &'static str {
        match self.tone {
            Tone::Ok => "notice-ok",
            Tone::Warn => "notice-warn",
            Tone::Bad => "notice-bad",
        }
    }

    /// The icon beside it.
    pub fn icon(&self) -> &'static str {
        match self.tone {
            Tone::Ok => "circle-check",
            Tone::Warn => "triangle-alert",
            Tone::Bad => "circle-x",
        }
    }
}

/// Takes the message out of the cookies: it is shown once.
pub fn take(jar: &CookieJar<'_>, site: &Site) -> Option<Flash> {
    let name = site.cookie_name(NAME);
    let sealed = jar.get(&name)?.value().to_owned();
    jar.remove(Cookie::build(name).path("/").secure(site.https));
    open(&sealed, jar.get(&site.cookie_name(SESSION))?.value())
}

/// See other (303): the answer to every form, back to a page that shows what happened.
#[derive(Debug)]
pub struct Back {
    to: String,
    flash: Option<Flash>,
}

impl Back {
    /// To a path of ours.
    pub fn to(path: impl Into<String>) -> Self {
        Self { to: path.into(), flash: None }
    }

    /// With a message.
    #[must_use]
    pub fn saying(mut self, flash: Flash) -> Self {
        self.flash = Some(flash);
        self
    }
}

impl<'r> Responder<'r, 'static> for Back {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        if let (Some(flash), Some(site)) = (self.flash, request.rocket().state::<Site>()) {
            let jar = request.cookies();
            if let Some(session) = jar.get(&site.cookie_name(SESSION)) {
                let mut cookie = site.cookie(NAME, seal(&flash, session.value()));
                cookie.set_max_age(Duration::minutes(1));
                jar.add(cookie);
            }
        }
        Redirect::to(self.to).respond_to(request)
    }
}

fn seal(flash: &Flash, session: &str) -> String {
    let mark = match flash.tone {
        Tone::Ok => '+',
        Tone::Warn => '~',
        Tone::Bad => '-',
    };
    let text = format!("{mark}{}", flash.text);
    let tag = mac(session, &text).finalize().into_bytes();
    format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(tag))
}

fn open(sealed: &str, session: &str) -> Option<Flash> {
    let (text, tag) = sealed.split_once('.')?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    mac(session, &text).verify_slice(&URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
    let tone = match text.chars().next()? {
        '+' => Tone::Ok,
        '~' => Tone::Warn,
        _ => Tone::Bad,
    };
    Some(Flash { tone, text: text.get(1..)?.to_owned() })
}

fn mac(session: &str, text: &str) -> Hmac<Sha256> {
    // A key of any length is taken, so this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(session.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"flash:");
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_session_that_made_a_message_sees_it() {
        let sealed = seal(&Flash::warn("Nothing to retry"), "token");
        assert_eq!(open(&sealed, "token"), Some(Flash::warn("Nothing to retry")));
        assert_eq!(open(&sealed, "other"), None);
    }
}
