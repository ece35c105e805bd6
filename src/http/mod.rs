//! The one outbound door: every call to a provider goes through a [`Transport`], so that tests, `demo` and production
//! run the same clients. In here: what a call is, what can come of it, and what is written down about it.

mod exchange;
mod meter;
mod redact;
mod reqwest;
mod tally;

pub use exchange::Exchange;
pub use meter::{CallLine, Meter, TOLD_MAX, count_call, tell_call};
pub use redact::{hide_secrets, redact};
pub use reqwest::ReqwestTransport;
pub use tally::{BUCKETS_MS, Calls, calls};

use futures_util::future::BoxFuture;

/// The methods our providers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// As it stands on the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A request to a provider.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub method: Method,
    /// Absolute, with its query string.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A provider's answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most 10 MiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header, asked for in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendFailure {
    /// No byte of the request reached the provider, so it cannot have acted on it.
    #[error("{0}")]
    NotSent(String),
    /// The request, or a part of it, was sent: the provider may have acted on it.
    #[error("{0}")]
    Lost(String),
}

/// Sends a request and brings back the answer: `reqwest` in production, the sandbox in process in tests.
pub trait Transport: Send + Sync + 'static {
    /// One call, at most 30 s, redirects not followed.
    fn send<'a>(&'a self, request: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>>;
}
