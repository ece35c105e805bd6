//! A call whose token the provider refuses is made once more, with another token.

use futures_util::future::BoxFuture;

use super::custody::{refresh_after_rejection, require_reconnect};
use super::model::Access;
use crate::app::App;
use crate::integrations::Failure;
use crate::integrations::zoho::Called;
use crate::integrations::zoho::crm::{BatchAnswer, MemberAnswer};

/// What came of a call, as far as its token is concerned.
pub trait Answered {
    /// Why the token was refused; None: it was not.
    fn refusal(&self) -> Option<&Failure>;
    /// The same answer, with this failure in place of the refusal.
    #[must_use]
    fn failed_with(self, failure: Failure) -> Self;
}

/// Makes the call, and makes it again where its token is refused; `access` then holds the other token. One that is refused as
/// soon as it was given out leaves the connection to a person.
pub async fn with_renewal<'a, T: Answered>(app: &App, provider: &str, access: &mut Access, call: impl Fn(Access) -> BoxFuture<'a, T>) -> T {
    let answer = call(access.clone()).await;
    if answer.refusal().is_none() {
        return answer;
    }
    match refresh_after_rejection(app, provider, &access.token).await {
        Ok(fresh) => *access = fresh,
        Err(failure) => return answer.failed_with(failure),
    }
    let again = call(access.clone()).await;
    if let Some(refusal) = again.refusal() {
        require_reconnect(app, provider, &access.token, &refusal.message).await;
    }
    again
}

impl<T> Answered for Called<T> {
    fn refusal(&self) -> Option<&Failure> {
        self.result.as_ref().err().filter(|_| self.credentials_refused)
    }

    fn failed_with(self, failure: Failure) -> Self {
        Self { result: Err(failure), ..self }
    }
}

impl Answered for BatchAnswer {
    fn refusal(&self) -> Option<&Failure> {
        self.whole.as_ref().filter(|_| self.credentials_refused)
    }

    fn failed_with(self, failure: Failure) -> Self {
        let members = self.members.into_iter().map(|member| MemberAnswer { result: Err(failure.clone()), ..member }).collect();
        Self { members, whole: Some(failure), credentials_refused: self.credentials_refused }
    }
}
