//! What the address and the browser of a visitor say about the page they should get.

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::speech;
use crate::seller::{Language, Seller};
use crate::web::parts::href;

/// Tags of campaigns that an address may carry into the form.
const TAGS_MAX: usize = 10;
const TAG_CHARS_MAX: usize = 500;

/// One visit of a form.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    asked: Option<String>,
    accept_language: String,
    /// A browser sends a form of a page and shows what it is answered with. A program names JSON, anything, or nothing.
    pub is_from_a_page: bool,
    /// In a frame on another site: no header, no footer.
    pub is_embedded: bool,
    /// `utm_…` and `source` of the address: they go along with what is sent.
    pub tags: Vec<(String, String)>,
}

impl Visit {
    fn of(request: &Request<'_>) -> Self {
        let query = request.uri().query().map(|query| query.as_str().to_owned()).unwrap_or_default();
        let is_form = request.content_type().is_some_and(|kind| kind.is_form());
        let mut visit = Self {
            accept_language: request.headers().get_one("Accept-Language").unwrap_or_default().into(),
            is_from_a_page: is_form && request.headers().get("Accept").any(|accept| accept.contains("text/html")),
            ..Self::default()
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "lang" => visit.asked = Some(value.into_owned()),
                "embed" => visit.is_embedded = true,
                tag if is_tag(tag, &value) && visit.tags.len() < TAGS_MAX => visit.tags.push((name.into_owned(), value.into_owned())),
                _ => {}
            }
        }
        visit
    }

    /// The language of the page.
    pub fn language(&self, seller: &Seller) -> Language {
        speech::choose(self.asked.as_deref(), &self.accept_language, &seller.languages)
    }

    /// The address of a page of ours in this language, framed as this one is.
    pub fn at(&self, path: &str, language: Language) -> String {
        href(path, &[("lang", language.as_str()), ("embed", if self.is_embedded { "1" } else { "" })])
    }
}

fn is_tag(name: &str, value: &str) -> bool {
    let is_short = name.len() + value.len() <= TAG_CHARS_MAX && !value.chars().any(char::is_control);
    (name.starts_with("utm_") || name == "source") && is_short
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Visit {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}
