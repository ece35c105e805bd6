//! The wire between a process and the provider: the sandbox in process, with mishaps by chance. A process that crashes in
//! the middle of a call never hears the answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use throughline::http::{Answer, Outgoing, SendFailure, Transport};
use throughline::sandbox::{InProcess, Sandbox};
use tokio::sync::Notify;

use crate::dice::Dice;
use crate::planted;
use crate::settings::Planted;
use crate::trace::Trace;
use crate::world::World;

/// What befalls one call.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    /// A fault the sandbox knows, by its name there.
    Fault(&'static str),
    CrashBefore,
    CrashAfter,
}

const MISHAPS: &[(usize, Mishap)] = &[
    (4, Mishap::Fault("timeout_after_commit")),
    (3, Mishap::Fault("truncated")),
    (3, Mishap::Fault("reset")),
    (2, Mishap::Fault("refuse")),
    (3, Mishap::Fault("server_error")),
    (2, Mishap::Fault("rate_limited")),
    (1, Mishap::Fault("unauthorized")),
    (2, Mishap::Fault("refuse_record")),
    (4, Mishap::CrashBefore),
    (4, Mishap::CrashAfter),
];

/// One process's wire. Clones share it.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

struct Inner {
    inner: InProcess,
    sandbox: Sandbox,
    dice: Dice,
    trace: Trace,
    who: String,
    /// Mishaps in a hundred calls; shared by all wires of a world.
    percent: Arc<AtomicU64>,
    crash: Notify,
    planted: Planted,
    /// Calls that were answered before they were made, where that mistake is planted.
    hoped: Mutex<Vec<Outgoing>>,
}

impl Wire {
    /// The wire of the process with this name; `percent` is shared by all wires of a world.
    pub fn new(world: &World, who: &str, percent: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Inner {
            inner: InProcess::new(world.sandbox.clone(), world.clock.clone()),
            sandbox: world.sandbox.clone(),
            dice: world.dice.clone(),
            trace: world.trace.clone(),
            who: who.to_owned(),
            percent,
            crash: Notify::new(),
            planted: world.planted,
            hoped: Mutex::default(),
        }))
    }

    /// Does something in the process; None when the process crashes over it.
    pub async fn unless_it_crashes<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.0.crash.notified() => None,
            done = doing => Some(done),
        }
    }

    /// Makes the calls that were answered before they were made.
    pub async fn do_what_was_hoped(&self) {
        let hoped = std::mem::take(&mut *self.0.hoped.lock().unwrap_or_else(PoisonError::into_inner));
        for request in hoped {
            let _whatever_comes = self.unless_it_crashes(self.make(&request)).await;
        }
    }

    async fn crash(&self, when: &str) -> ! {
        self.0.trace.say(&self.0.who, format!("    crashes {when}"));
        self.0.crash.notify_one();
        std::future::pending().await
    }

    async fn call(&self, request: &Outgoing) -> Result<Answer, SendFailure> {
        match planted::hoped(request).filter(|_| self.0.planted == Planted::EarlyFinish) {
            Some(answer) => {
                self.0.hoped.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
                Ok(answer)
            }
            None => self.make(request).await,
        }
    }

    async fn make(&self, request: &Outgoing) -> Result<Answer, SendFailure> {
        let call = format!("{} {}", request.method.as_str(), path_of(&request.url));
        let strikes = self.0.dice.percent(self.0.percent.load(Ordering::SeqCst));
        let mishap = strikes.then(|| self.0.dice.weighted(MISHAPS));
        match mishap {
            Some(Mishap::CrashBefore) => self.crash(&format!("before {call}")).await,
            Some(Mishap::Fault(fault)) => {
                let code = self.0.dice.pick(&["RECORD_LOCKED", "RECORD_LOCKED", "INVALID_DATA"]);
                let retry_after_s = fault.eq("rate_limited").then(|| self.0.dice.between(1, 90));
                self.0.sandbox.script(json!({ "fault": fault, "times": 1, "code": code, "retry_after_s": retry_after_s }));
                let answer = self.0.inner.send(request).await;
                self.0.sandbox.clear_faults();
                self.0.trace.say(&self.0.who, format!("    {call}: {fault} ({})", told(&answer)));
                answer
            }
            Some(Mishap::CrashAfter) => {
                let answer = self.0.inner.send(request).await;
                self.crash(&format!("after {call} was answered ({})", told(&answer))).await
            }
            None => {
                let answer = self.0.inner.send(request).await;
                self.0.trace.say(&self.0.who, format!("    {call}: {}", told(&answer)));
                answer
            }
        }
    }
}

impl Transport for Wire {
    fn send<'a>(&'a self, request: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>> {
        self.call(request).boxed()
    }
}

fn path_of(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    path.split('?').next().unwrap_or(path)
}

fn told(answer: &Result<Answer, SendFailure>) -> String {
    match answer {
        Ok(answer) => answer.status.to_string(),
        Err(failure) => failure.to_string(),
    }
}
