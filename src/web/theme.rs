//! Light, dark, or as the system says: a cookie, so that the server writes it into the page and nothing flashes.

use rocket::Request;
use rocket::http::CookieJar;
use rocket::request::{FromRequest, Outcome};
use rocket::time::Duration;
use rocket::{Route, State, post, routes};

use super::fields::Fields;
use super::flash::Back;
use super::site::Site;

const NAME: &str = "theme";

/// The chosen look of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The value of the form field and of the cookie.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// From the cookie of a request.
    pub fn of(request: &Request<'_>) -> Self {
        request.cookies().get(NAME).map_or(Self::System, |cookie| Self::parse(cookie.value()))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Theme {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}

/// The route that keeps the choice.
pub fn routes() -> Vec<Route> {
    routes![choose]
}

#[post("/theme", data = "<fields>")]
fn choose(site: &State<Site>, jar: &CookieJar<'_>, fields: Fields) -> Back {
    let mut cookie = site.cookie(NAME, Theme::parse(fields.text("theme")).as_str().into());
    // No secret, and read before anyone signs in: the plain name, on http and https alike.
    cookie.set_name(NAME);
    cookie.set_max_age(Duration::days(365));
    jar.add(cookie);
    Back::to(local_path(fields.text("next")))
}

/// A path on this site, or the first page: what a form says about where to go next is not trusted.
pub fn local_path(next: &str) -> String {
    let is_local = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if is_local && rocket::http::uri::Origin::parse(next).is_ok() { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_leaves_this_site() {
        assert_eq!(local_path("/leads?status=failed"), "/leads?status=failed");
        for away in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nSet-Cookie: x=y"] {
            assert_eq!(local_path(away), "/", "{away}");
        }
    }
}
