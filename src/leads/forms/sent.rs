//! A form that was sent: checked, taken in, and answered with a page. Whatever stands in the way, what was typed comes back.

use rocket::http::Status;
use serde_json::{Map, Value, json};

use super::answer::Outcome;
use super::pages::Refused;
use super::views::{Dress, Field, FormPage, PATH, THANKS, Typed};
use super::visit::Visit;
use crate::app::App;
use crate::error::{Error, Result};
use crate::leads::consent::{self, Wording};
use crate::leads::defence::{Defence, Form, HONEYPOT_FIELD, STAMP_FIELD, WORK_FIELD};
use crate::leads::model::LeadKind;
use crate::leads::payload;
use crate::leads::reception::{self, Arrival, Caller, Refusal};
use crate::leads::submission;
use crate::seller::{self, Seller};
use crate::web::{Body, ClientAddress, Problem};

/// The id of the hosted form, for its stamps.
const FORM_ID: &str = "quote";
/// Fields with a place of their own on the page, or made anew by it.
const OWN: [&str; 11] =
    ["name", "company", "email", "phone", "message", "consent", "next", "language", STAMP_FIELD, WORK_FIELD, HONEYPOT_FIELD];
/// Hidden fields of another site's form that go along.
const CARRIED_MAX: usize = 100;

/// Who has a form in front of them.
pub struct Sender<'a> {
    pub app: &'a App,
    pub defence: &'a Defence,
    pub visit: &'a Visit,
    pub address: ClientAddress,
}

impl Sender<'_> {
    /// The form with what was typed.
    pub async fn form(&self, typed: Typed) -> Result<FormPage> {
        let (visit, config) = (self.visit.clone(), self.app.config.clone());
        let read = move |conn: &mut crate::db::Conn| -> Result<(Seller, Wording)> {
            let seller = seller::current(conn, &config)?;
            let wording = consent::current(conn, visit.language(&seller))?;
            Ok((seller, wording))
        };
        let (seller, wording) = self.app.store.read(read).await?;
        let dress = Dress::new(seller, self.visit, PATH);
        let action = self.visit.at(PATH, dress.language);
        let defence = self.defence.fields_again(FORM_ID, &typed.stamp, &self.address, self.app.clock.now());
        Ok(FormPage { is_embedded: self.visit.is_embedded, action, typed, wording, defence, dress })
    }

    /// The form again, with what stands in the way.
    async fn again(&self, status: Status, typed: Typed) -> std::result::Result<Outcome, Refused> {
        let page = Box::new(self.form(typed).await?);
        Ok(Outcome::Form { status, page, retry_after_s: None })
    }
}

/// The seller, for a page.
pub async fn seller(app: &App) -> Result<Seller> {
    let config = app.config.clone();
    app.store.read(move |conn| seller::current(conn, &config).map_err(Error::from)).await
}

/// The hosted form, sent.
pub async fn take_hosted(
    app: &App,
    defence: &Defence,
    visit: &Visit,
    caller: Caller,
    body: &Body,
) -> std::result::Result<Outcome, Refused> {
    let mut fields = payload::from_form(&body.bytes).map_err(|cause| Refused(unreadable(&cause)))?;
    let sender = Sender { app, defence, visit, address: caller.address.clone() };
    let mut typed = typed(&fields, &body.bytes);
    let language = visit.language(&seller(app).await?);
    let texts = super::texts::of(language);
    let Ok(next) = next(&mut fields, &app.config.sites) else {
        typed.troubles.push(texts.foreign_next);
        return sender.again(Status::UnprocessableEntity, typed).await;
    };
    typed.carried.extend(next.clone().map(|next| ("next".into(), next)));
    let wording = shown_wording(app, &fields).await?;
    if !typed.is_consent_given {
        typed.consent_mistake = texts.consent_required;
    } else if wording.is_none() {
        typed.consent_mistake = texts.consent_changed;
        typed.is_consent_given = false;
    }
    // Exactly what was shown: looked up here, whatever the form says about it.
    let consent = wording.map(|wording| json!({ "given": true, "wording": wording.text, "version": wording.name() }));
    fields.insert("consent".into(), consent.unwrap_or(Value::Null));
    fields.insert("language".into(), language.as_str().into());
    let mistakes = submission::check(LeadKind::Quote, fields.clone(), app.config.phone_region.as_deref()).err().unwrap_or_default();
    typed.blame(&mistakes, texts);
    if !typed.mistakes().is_empty() || !typed.troubles.is_empty() {
        return sender.again(Status::UnprocessableEntity, typed).await;
    }
    let form = Form { id: FORM_ID, always_stamped: true };
    let arrival = Arrival { kind: LeadKind::Quote, route: PATH, form, fields, body: &body.bytes };
    let done = reception::take_in(app, defence, caller, arrival).await.map(drop);
    let thanks = next.unwrap_or_else(|| visit.at(THANKS, language));
    answered(&sender, done, thanks, typed).await
}

/// A plain form of another site: taken in as programs' are, and answered with pages. Mistakes are corrected on our own form.
pub async fn answer_plain_form(sender: Sender<'_>, caller: Caller, mut arrival: Arrival<'_>) -> std::result::Result<Outcome, Refused> {
    let language = sender.visit.language(&seller(sender.app).await?);
    // They agreed to words of their own site; on our form stand others.
    let mut typed = Typed { is_consent_given: false, ..typed(&arrival.fields, arrival.body) };
    let Ok(next) = next(&mut arrival.fields, &sender.app.config.sites) else {
        typed.troubles.push(super::texts::of(language).foreign_next);
        return sender.again(Status::UnprocessableEntity, typed).await;
    };
    typed.carried.extend(next.clone().map(|next| ("next".into(), next)));
    let done = reception::take_in(sender.app, sender.defence, caller, arrival).await.map(drop);
    let thanks = next.unwrap_or_else(|| sender.visit.at(THANKS, language));
    answered(&sender, done, thanks, typed).await
}

async fn answered(
    sender: &Sender<'_>,
    done: std::result::Result<(), Refusal>,
    thanks: String,
    mut typed: Typed,
) -> std::result::Result<Outcome, Refused> {
    let problem = match done {
        Ok(()) => return Ok(Outcome::Next(thanks)),
        Err(Refusal::Mistakes(mistakes)) => {
            let texts = super::texts::of(sender.visit.language(&seller(sender.app).await?));
            typed.blame(&mistakes, texts);
            return sender.again(Status::UnprocessableEntity, typed).await;
        }
        Err(Refusal::Problem(problem)) => problem,
        Err(Refusal::Error(error)) => Refused::from(error).0,
    };
    let Ok(found) = seller(sender.app).await else { return Err(Refused(problem)) };
    typed.troubles.push(super::texts::of(sender.visit.language(&found)).unavailable);
    let page = Box::new(sender.form(typed).await?);
    Ok(Outcome::Form { status: problem.status, page, retry_after_s: problem.retry_after_s })
}

/// The body cannot be read, so that there is nothing to show again.
pub fn unreadable(cause: &payload::Unreadable) -> Problem {
    Problem::new(Status::BadRequest, "The form cannot be read").detail(format!("{cause}. Nothing was saved."))
}

/// Where to go afterwards, if the form says so; it must be on a site of the list.
fn next(fields: &mut Map<String, Value>, sites: &[String]) -> std::result::Result<Option<String>, ()> {
    let Some(Value::String(next)) = fields.remove("next") else { return Ok(None) };
    if next.trim().is_empty() {
        return Ok(None);
    }
    let url = url::Url::parse(next.trim()).map_err(drop)?;
    let is_listed = url.username().is_empty() && url.password().is_none() && sites.contains(&url.origin().ascii_serialization());
    if is_listed { Ok(Some(url.into())) } else { Err(()) }
}

/// The wording whose version the form names; None where there is no such.
async fn shown_wording(app: &App, fields: &Map<String, Value>) -> Result<Option<Wording>> {
    let Some(name) = fields.get("consent").and_then(|consent| consent["version"].as_str()).map(str::to_owned) else { return Ok(None) };
    app.store.read(move |conn| consent::find(conn, &name).map_err(Error::from)).await
}

/// What stands in the fields, to be shown again.
fn typed(fields: &Map<String, Value>, body: &[u8]) -> Typed {
    let field = |name: &str| Field { text: fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned(), mistake: "" };
    let given = fields.get("consent").and_then(|consent| consent["given"].as_str()).unwrap_or_default();
    let carried = url::form_urlencoded::parse(body).into_owned();
    let carried = carried.filter(|(name, _)| !name.is_empty() && !OWN.contains(&name.split(['[', '.']).next().unwrap_or_default()));
    Typed {
        name: field("name"),
        company: field("company"),
        email: field("email"),
        phone: field("phone"),
        message: field("message"),
        is_consent_given: !matches!(given, "" | "off" | "no" | "0" | "false"),
        carried: carried.take(CARRIED_MAX).collect(),
        stamp: field(STAMP_FIELD).text,
        ..Typed::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_leads_to_a_listed_site_or_nowhere() {
        let sites = ["https://www.example.com".to_owned()];
        let of = |text: &str| next(&mut Map::from_iter([("next".to_owned(), Value::from(text))]), &sites);
        assert_eq!(of("https://www.example.com/thanks?a=b#c"), Ok(Some("https://www.example.com/thanks?a=b#c".into())));
        assert_eq!((of(" "), next(&mut Map::new(), &sites)), (Ok(None), Ok(None)));
        for away in [
            "https://evil.example/",
            "//www.example.com/",
            "/thanks",
            "http://www.example.com/",
            "https://www.example.com:444/",
            "https://www.example.com@evil.example/",
            "https://x@www.example.com/",
            "https://www.example.com.evil.example/",
            "javascript:alert(1)//https://www.example.com",
            "https:\\\\evil.example",
        ] {
            assert_eq!(of(away), Err(()), "{away}");
        }
    }
}
