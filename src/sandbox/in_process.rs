//! The sandbox mounted in process: a [`Transport`] without a network, for tests that turn the clock.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use url::Url;

use super::answer::{Delivery, SandboxAnswer, SandboxRequest};
use super::{InFlight, Sandbox};
use crate::clock::Clock;
use crate::http::{Answer, Outgoing, SendFailure, Transport, count_call};
use crate::mail::{Accepted, Mail, Post, Trouble};

/// Sends every call to the sandbox, whatever its host.
#[derive(Clone)]
pub struct InProcess {
    sandbox: Sandbox,
    clock: Clock,
}

impl InProcess {
    /// Mounts a sandbox; it lives by the clock given here.
    pub fn new(sandbox: Sandbox, clock: Clock) -> Self {
        Self { sandbox, clock }
    }

    async fn call(&self, request: &Outgoing) -> Result<Answer, SendFailure> {
        let url = Url::parse(&request.url).map_err(|cause| SendFailure::NotSent(format!("the address to call is not one: {cause}")))?;
        let under_way = self.sandbox.enter(url.path());
        let answer = self.sandbox.handle(&incoming(request, &url, &under_way), self.clock.now());
        match answer.delivery {
            Delivery::Whole => {}
            Delivery::Slow(delay) => tokio::time::sleep(delay).await,
            Delivery::Never => return Err(SendFailure::Lost("no whole answer within 30 s".into())),
            Delivery::Reset => return Err(SendFailure::Lost("the connection broke".into())),
            Delivery::Refused => return Err(SendFailure::NotSent("no connection: connection refused".into())),
        }
        Ok(outgoing(answer))
    }
}

impl Transport for InProcess {
    fn send<'a>(&'a self, request: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>> {
        count_call();
        self.call(request).boxed()
    }
}

/// The mail server that stands in, without a network between.
impl Post for InProcess {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Accepted, Trouble>> {
        let from = mail.envelope.from().map(ToString::to_string).unwrap_or_default();
        let to: Vec<String> = mail.envelope.to().iter().map(ToString::to_string).collect();
        let taken = self.sandbox.take_mail(&from, &to, &mail.bytes, self.clock.now());
        std::future::ready(taken.map(|answer| Accepted { answer })).boxed()
    }
}

fn incoming(request: &Outgoing, url: &Url, under_way: &InFlight) -> SandboxRequest {
    let header = |wanted: &str| request.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    SandboxRequest {
        method: request.method,
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        authorization: header("authorization"),
        content_type: header("content-type"),
        idempotency_key: header("idempotency-key"),
        body: request.body.clone(),
        in_flight: under_way.calls,
        heavy_in_flight: under_way.heavy_calls,
    }
}

fn outgoing(answer: SandboxAnswer) -> Answer {
    let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Answer { status: answer.status, headers, body: answer.body }
}
