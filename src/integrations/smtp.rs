//! The mail server: sends one mail, and says whose fault a failure is. What it answered is written down; the content is not.

use super::{Failure, FailureClass};
use crate::clock::Stopwatch;
use crate::http::{Exchange, count_call, tell_call};
use crate::mail::{Accepted, Mail, Mailer, Stage, Trouble};

/// The name under which connections, jobs and attempts know the mail server.
pub const PROVIDER: &str = "mail";

/// What came of sending one mail.
#[derive(Debug)]
pub struct Sent {
    pub result: Result<Accepted, Failure>,
    pub exchange: Exchange,
}

/// Sends one mail.
pub async fn send(mailer: &Mailer, mail: &Mail) -> Sent {
    count_call();
    let watch = Stopwatch::start();
    let answer = mailer.send(mail).await;
    let (status, response) = match &answer {
        Ok(accepted) => (Some(250), accepted.answer.clone()),
        Err(Trouble { answer: Some((code, words)), .. }) => (Some(*code), format!("{code} {words}")),
        Err(Trouble { cause, .. }) => (None, format!("(no answer: {cause})")),
    };
    let exchange = Exchange {
        provider: PROVIDER,
        call: "SMTP".into(),
        status,
        duration_ms: watch.elapsed_ms(),
        request_id: Some(mail.message_id.clone()),
        request: mail.head(),
        response,
    };
    tell_call(&exchange);
    Sent { result: answer.map_err(|trouble| failure(&trouble)), exchange }
}

/// Whose fault it is (RFC 5321, section 4.2; RFC 4954 for signing in).
fn failure(trouble: &Trouble) -> Failure {
    use FailureClass::{Authentication, ServerError, Validation};
    let Some((code, words)) = &trouble.answer else { return no_answer(trouble) };
    let words = without_addresses(words);
    let told = |what: &str| format!("{what}: {words} [{code}]");
    match (trouble.stage, *code) {
        (_, 421) => Failure::of_call(ServerError, told("The mail server is closing or overloaded")),
        (Stage::SignIn, 500..) => Failure::of_call(Authentication, told("The mail server refuses our user name or password")),
        (_, 530 | 534 | 535 | 538) => Failure::of_call(Authentication, told("The mail server wants another sign-in")),
        (Stage::Sender, 500..) => Failure::of_call(Authentication, told("The mail server does not let us send from our address")),
        (Stage::Connect | Stage::SignIn | Stage::Sender, _) => Failure::of_call(ServerError, told("The mail server is not ready for us")),
        (Stage::Recipient, 500..) => Failure::of_record(Validation, told("The mail server refuses the address")),
        (Stage::Recipient, _) => Failure::of_record(ServerError, told("The mail server does not take mail for the address at the moment")),
        (Stage::Content | Stage::Sent, 500..) => Failure::of_record(Validation, told("The mail server refuses the mail")),
        (Stage::Content | Stage::Sent, _) => Failure::of_record(ServerError, told("The mail server does not take the mail at the moment")),
    }
}

fn no_answer(trouble: &Trouble) -> Failure {
    let cause = without_addresses(&trouble.cause);
    match trouble.stage {
        Stage::Sent => Failure::of_unknown_effect(
            FailureClass::Network,
            format!("The mail server's answer was lost, so the mail may or may not go out: {cause}"),
        ),
        Stage::SignIn => Failure::of_call(FailureClass::Authentication, format!("Signing in at the mail server is not possible: {cause}")),
        _ => Failure::of_call(FailureClass::Network, format!("The mail server cannot be reached: {cause}")),
    }
}

/// Servers repeat the address they refuse, and why a job failed is logged: what was answered word for word is on the job's page.
fn without_addresses(words: &str) -> String {
    words.split(' ').map(|word| if word.contains('@') { "(the address)" } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stage: Stage, code: u16) -> Failure {
        failure(&Trouble { stage, answer: Some((code, "words".into())), cause: String::new() })
    }

    #[test]
    fn no_address_is_in_what_is_logged() {
        let answer = Some((550, "5.1.1 <ada@example.com>: no such user here".into()));
        let refused = failure(&Trouble { stage: Stage::Recipient, answer, cause: String::new() });
        assert_eq!(refused.message, "The mail server refuses the address: 5.1.1 (the address) no such user here [550]");
    }

    #[test]
    fn each_answer_has_somebody_whose_fault_it_is() {
        use FailureClass::{Authentication, Network, ServerError, Validation};
        for (stage, code, class, of_record) in [
            (Stage::Connect, 554, ServerError, false),
            (Stage::Connect, 421, ServerError, false),
            (Stage::SignIn, 535, Authentication, false),
            (Stage::SignIn, 454, ServerError, false),
            (Stage::Sender, 530, Authentication, false),
            (Stage::Sender, 550, Authentication, false),
            (Stage::Sender, 451, ServerError, false),
            (Stage::Recipient, 550, Validation, true),
            (Stage::Recipient, 450, ServerError, true),
            (Stage::Recipient, 421, ServerError, false),
            (Stage::Content, 554, Validation, true),
            (Stage::Sent, 451, ServerError, true),
            (Stage::Sent, 552, Validation, true),
        ] {
            let failure = of(stage, code);
            assert_eq!((failure.class, failure.of_record, failure.effect_unknown), (class, of_record, false), "{stage:?} {code}");
            assert!(failure.message.ends_with(&format!(": words [{code}]")), "{failure}");
        }
        let lost = |stage| failure(&Trouble { stage, answer: None, cause: "it broke".into() });
        assert_eq!((lost(Stage::Sent).class, lost(Stage::Sent).effect_unknown), (Network, true));
        for stage in [Stage::Connect, Stage::Sender, Stage::Recipient, Stage::Content] {
            assert_eq!((lost(stage).class, lost(stage).effect_unknown), (Network, false), "no byte of the content had left");
        }
    }
}
