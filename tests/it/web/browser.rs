//! A browser, as far as these tests need one: cookies of its own, forms sent from our own pages.

use rocket::http::{ContentType, Header};
use rocket::local::asynchronous::Client;
use throughline::accounts::{self, NewUser, Passwords, Role};

use crate::harness::{Answered, Whole, read};

pub const PASSWORD: &str = "a long and odd passphrase";

/// One person's browser.
pub struct Browser(pub Client);

/// Makes a user; says their mail address.
pub async fn user(whole: &Whole, role: Role) -> String {
    let email = format!("{}@example.com", role.as_str());
    let new = NewUser { email: email.clone(), name: format!("Test {}", role.as_str()), role, password: PASSWORD.into() };
    accounts::create_user(&whole.app, &Passwords::default(), new, "cli").await.expect("a user is made");
    email
}

impl Browser {
    /// Opens it, with nobody signed in.
    pub async fn open(whole: &Whole) -> Self {
        Self(Client::tracked(throughline::rocket(whole.app.clone(), whole.registry.clone())).await.expect("the routes fit together"))
    }

    /// Makes a user of that role and signs them in.
    pub async fn signed_in(whole: &Whole, role: Role) -> Self {
        let (browser, email) = (Self::open(whole).await, user(whole, role).await);
        assert_eq!(browser.sign_in(&email, PASSWORD).await.status.code, 303);
        browser
    }

    pub async fn get(&self, path: &str) -> Answered {
        read(self.0.get(path.to_owned()).header(Header::new("Accept", "text/html")).dispatch().await).await
    }

    /// Sends a form from one of our pages.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.0.post(path.to_owned()).header(ContentType::Form).header(Header::new("Accept", "text/html"));
        read(request.header(Header::new("Sec-Fetch-Site", "same-origin")).body(body).dispatch().await).await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Answered {
        self.post("/login", &[("email", email), ("password", password)]).await
    }
}
