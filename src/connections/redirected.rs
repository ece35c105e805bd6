//! What a provider's redirect brought in its address. Read by hand: names with dashes, values of any kind, each cut to size.

use std::convert::Infallible;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::authorization::Callback;

/// Longer than any state or code.
const VALUE_MAX: usize = 2_000;

/// The address's parameters, as far as they are known.
pub struct Redirected(pub Callback);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Redirected {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let query = request.uri().query().map(|query| query.raw().as_str()).unwrap_or_default();
        Outcome::Success(Self(read(query)))
    }
}

fn read(query: &str) -> Callback {
    let value = |wanted: &str| {
        let (_, value) = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted)?;
        Some(value.into_owned()).filter(|value| !value.is_empty() && value.len() <= VALUE_MAX)
    };
    Callback {
        state: value("state"),
        code: value("code").map(Into::into),
        error: value("error"),
        accounts_server: value("accounts-server"),
        location: value("location"),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_value_of_each_name_counts_and_long_ones_do_not() {
        let long = "x".repeat(VALUE_MAX + 1);
        let read = read(&format!("code=1000.a%20b&code=other&accounts-server=https%3A%2F%2Faccounts.zoho.eu&location={long}&state=&&=%ff"));
        assert_eq!(read.code.expect("a code").expose_secret(), "1000.a b");
        assert_eq!((read.accounts_server.as_deref(), read.location, read.state), (Some("https://accounts.zoho.eu"), None, None));
    }
}
