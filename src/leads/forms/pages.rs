//! The hosted form: opened, sent, thanked for. GET changes nothing; there is no cookie.

use rocket::http::Status;
use rocket::{State, get, post};

use super::answer::Outcome;
use super::sent::{self, Sender};
use super::views::{Dress, PATH, THANKS, ThanksPage, Typed};
use super::visit::Visit;
use crate::Result;
use crate::app::App;
use crate::leads::defence::Defence;
use crate::leads::reception::Caller;
use crate::web::{Body, ClientAddress, Problem, problem};

#[get("/forms/quote")]
pub async fn quote(app: &State<App>, defence: &State<Defence>, visit: Visit, caller: ClientAddress) -> Result<Outcome> {
    let typed = Typed { carried: visit.tags.clone(), ..Typed::default() };
    let sender = Sender { app, defence, visit: &visit, address: caller };
    let page = sender.form(typed).await?;
    Ok(Outcome::Form { status: Status::Ok, page: Box::new(page), retry_after_s: None })
}

#[post("/forms/quote", data = "<body>")]
pub async fn send_quote(
    app: &State<App>,
    defence: &State<Defence>,
    visit: Visit,
    caller: Caller,
    body: Result<Body, Problem>,
) -> std::result::Result<Outcome, Refused> {
    sent::take_hosted(app, defence, &visit, caller, &body.map_err(Refused)?).await
}

#[get("/forms/quote/thanks")]
pub async fn thanks(app: &State<App>, visit: Visit) -> Result<Outcome> {
    let seller = sent::seller(app).await?;
    let dress = Dress::new(seller, &visit, THANKS);
    let again = visit.at(PATH, dress.language);
    Ok(Outcome::Thanks(Box::new(ThanksPage { is_embedded: visit.is_embedded, again, dress })))
}

/// Cannot even be shown as the form again: the catcher has a page for it.
pub struct Refused(pub Problem);

impl<'r> rocket::response::Responder<'r, 'static> for Refused {
    fn respond_to(self, request: &'r rocket::Request<'_>) -> rocket::response::Result<'static> {
        Err(problem::keep(request, self.0))
    }
}

impl From<crate::Error> for Refused {
    fn from(error: crate::Error) -> Self {
        if let crate::Error::Internal(cause) = &error {
            tracing::error!(error = %format_args!("{cause:#}"), "A form could not be answered");
        }
        Self(Problem::from(&error))
    }
}
