//! The fields of a form posted by one of our own pages, or of an address: text in, text out; each form parses them into its own types.

use std::ops::Deref;

use rocket::Request;
use rocket::data::{Data, FromData, Outcome};
use rocket::http::Status;
use rocket::request::{self, FromRequest};

use super::body::{self, LIMIT_BYTES};
use super::problem::{self, Problem};

/// Name and value pairs, in the order of the form.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text. NUL is refused: PostgreSQL cannot store it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let pairs: Vec<_> = url::form_urlencoded::parse(bytes).into_owned().collect();
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Problem::new(Status::BadRequest, "The form contains a NUL character"));
        }
        Ok(Self(pairs))
    }

    /// A field without the white space around it; empty when it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// Names and values, without the white space around these.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.trim()))
    }

    /// Every value of a field that may be sent several times, such as the rows that were ticked.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// A field exactly as typed (passwords); empty when it was not sent.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
}

/// The query of an address: the filter of a list.
#[derive(Clone, Debug, Default)]
pub struct Query(pub Fields);

impl Deref for Query {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Query {
    type Error = Problem;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Problem> {
        let query = request.uri().query().map_or("", |query| query.as_str());
        match Fields::parse(query.as_bytes()) {
            Ok(fields) => request::Outcome::Success(Self(fields)),
            Err(problem) => request::Outcome::Error((problem::keep(request, problem.clone()), problem)),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromData<'r> for Fields {
    type Error = Problem;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        if request.content_type().is_some_and(|kind| !kind.is_form()) {
            let problem = Problem::new(Status::UnsupportedMediaType, "This takes application/x-www-form-urlencoded");
            return Outcome::Error((problem::keep(request, problem.clone()), problem));
        }
        match body::read(data, LIMIT_BYTES).await.and_then(|bytes| Self::parse(&bytes)) {
            Ok(fields) => Outcome::Success(fields),
            Err(problem) => Outcome::Error((problem::keep(request, problem.clone()), problem)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_trimmed_but_passwords_are_not() {
        let fields = Fields::parse(b"name=+Ada%20L%C3%B8vlace+&password=+x+").expect("a form");
        assert_eq!((fields.text("name"), fields.raw("password"), fields.text("absent")), ("Ada Løvlace", " x ", ""));
        assert!(Fields::parse(b"name=a%00b").is_err());
    }
}
