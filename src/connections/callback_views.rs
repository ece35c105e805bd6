//! What a person reads whose sign-in at Zoho connected nothing: what happened, what it means, what to do.

use askama::Template;
use askama_web::WebTemplate;

use super::authorization::CallbackError;
use super::connect::ConnectError;
use crate::integrations::zoho::crm::Organisation;
use crate::integrations::zoho::scopes::Scope;
use crate::integrations::{Failure, FailureClass};
use crate::web::{Shell, Theme, format};

/// The page, for somebody who is signed in here.
#[derive(Template, WebTemplate)]
#[template(path = "connections/callback.html")]
pub struct CallbackPage {
    pub shell: Shell,
    pub refused: Refused,
}

/// The page, for somebody who is not.
#[derive(Template, WebTemplate)]
#[template(path = "connections/callback_bare.html")]
pub struct CallbackBare {
    pub theme: Theme,
}

/// A sign-in that connected nothing.
pub struct Refused {
    pub title: String,
    pub what: String,
    pub todo: String,
    /// Permissions that are missing.
    pub missing: Vec<Scope>,
    /// The organisation that the person may choose to move to.
    pub move_to: Option<MoveTo>,
    /// What the button says that begins again.
    pub again: String,
}

/// Another organisation than the one that is connected.
pub struct MoveTo {
    pub id: String,
    pub name: String,
}

/// Says what happened. What our own database did not do is left to the error pages.
pub fn refused(error: CallbackError) -> Result<Refused, crate::Error> {
    match error {
        CallbackError::Connect(ConnectError::Own(own)) => Err(own),
        CallbackError::Connect(error) => Ok(by_what_was_found(error)),
        CallbackError::UnknownState | CallbackError::AnotherSession | CallbackError::Replayed | CallbackError::TooLate => {
            Ok(by_state(&error))
        }
        other => Ok(by_redirect(&other)),
    }
}

fn told(title: &str, what: &str, todo: &str) -> Refused {
    Refused {
        title: title.into(),
        what: what.into(),
        todo: todo.into(),
        missing: Vec::new(),
        move_to: None,
        again: "Sign in at Zoho again".into(),
    }
}

/// The link does not belong to a sign-in that waits for it.
fn by_state(error: &CallbackError) -> Refused {
    match error {
        CallbackError::AnotherSession => told(
            "This sign-in was begun in another session",
            "It was begun by somebody else, or by you before you signed in here again. A sign-in ends in the session that began it.",
            "Begin again in this session.",
        ),
        CallbackError::Replayed => told(
            "This link was used before",
            "Each sign-in at Zoho comes back once. That happens too when its page is loaded again: what came of the first time is on the page of the connection.",
            "Look at the connection first. Begin again only if it is not connected.",
        ),
        CallbackError::TooLate => told(
            "The sign-in took longer than 10 minutes",
            "Until then the answer is waited for; this one came later and was not used.",
            "Begin again, and agree on Zoho's page within 10 minutes.",
        ),
        _ => told(
            "This sign-in was not begun here",
            "The link carries no state that Throughline has given out, so it was not followed. Somebody else may have made it.",
            "If you want to connect Zoho, begin here.",
        ),
    }
}

/// What Zoho's redirect or its token answer says or lacks.
fn by_redirect(error: &CallbackError) -> Refused {
    match error {
        CallbackError::Denied => told(
            "Access was refused on Zoho's page",
            "Somebody chose to reject what Throughline asks for, so it got nothing.",
            "Begin again and accept. It takes a user of Zoho CRM who may see all leads and the set-up of their fields, as administrators do.",
        ),
        CallbackError::NoCode => told(
            "Zoho's answer is incomplete",
            "It brought neither a code nor a reason. Something between Zoho and Throughline may have cut the address.",
            "Begin again. If it happens again, look at what your proxy does with long addresses.",
        ),
        CallbackError::Untrusted(failure) => told(
            "The answer names a server that is not Zoho's",
            &format!("{} Somebody else may have made this link.", format::ended(&failure.message)),
            "Begin again here. If Zoho itself brought you here, its data centre may be a new one: say so to whoever keeps Throughline up to date.",
        ),
        CallbackError::NoRefreshToken => told(
            "Zoho gave access for one hour only",
            "The answer has no refresh token. Leads would stop going out in an hour, so nothing was connected.",
            "At accounts.zoho.com (or your data centre's), under Sessions > Connected Apps, remove Throughline's access. Then begin again.",
        ),
        other => told(
            "Zoho ended the sign-in",
            &format::ended(&other.to_string()),
            "Check in Zoho's API console that the client is of the type “Server-based Applications” and has the redirect address shown on the page of the connection. Then begin again.",
        ),
    }
}

/// What the grant turned out to be, when it was tried out.
fn by_what_was_found(error: ConnectError) -> Refused {
    match error {
        ConnectError::Refused(failure) => by_zoho(&failure),
        ConnectError::OtherOrganisation { connected, found } => other(connected, found),
        ConnectError::MissingScopes(missing) => Refused {
            missing,
            ..told(
                "Permissions are missing",
                "Zoho's answer does not allow all that was asked for, so nothing was connected.",
                "Begin again and accept all of it. If it comes back the same, the user you sign in with lacks these rights in Zoho CRM: take an administrator.",
            )
        },
        other => told("Nothing was connected", &format::ended(&other.to_string()), "Begin again."),
    }
}

fn by_zoho(failure: &Failure) -> Refused {
    let what = format::ended(&failure.message);
    match failure.class {
        FailureClass::RateLimited => told("Zoho asks us to wait", &what, "Begin again in ten minutes."),
        FailureClass::Network | FailureClass::ServerError | FailureClass::Unknown => told(
            "Zoho did not complete the sign-in",
            &what,
            "Begin again in a few minutes. If it stays so, check that this server may call Zoho's accounts server and API.",
        ),
        FailureClass::Authentication | FailureClass::Validation | FailureClass::NotFound => {
            told("Zoho refused the sign-in", &what, "Mend what it names, then begin again.")
        }
    }
}

fn other(connected: Option<Organisation>, found: Organisation) -> Refused {
    let name = shown(&found);
    let (title, what, again) = match &connected {
        Some(connected) => (
            "You signed in to another organisation",
            format!("Connected is “{}” (id {}). You signed in for “{name}” (id {}).", shown(connected), connected.id, found.id),
            format!("Sign in again for “{}”", shown(connected)),
        ),
        None => (
            "Is this the right organisation?",
            format!(
                "You signed in for “{name}” (id {}). Of which organisation the present connection is, is not known: it was made without the right to ask.",
                found.id
            ),
            "Sign in again".to_owned(),
        ),
    };
    let todo = format!(
        "Either sign in again with a user of the organisation that is connected; or move to “{name}”: then all leads that wait go there, and those that went to the other one stay there. A lead whose answer was lost cannot be looked up any more in the organisation it was sent to."
    );
    Refused { title: title.into(), what, todo, missing: Vec::new(), move_to: Some(MoveTo { id: found.id.clone(), name }), again }
}

fn shown(organisation: &Organisation) -> String {
    if organisation.name.is_empty() { format!("organisation {}", organisation.id) } else { organisation.name.clone() }
}
