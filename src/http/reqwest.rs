//! The production transport: reqwest over rustls with ring. No retries in here: the outbox decides about those.

use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use url::Url;

use super::{Answer, Method, Outgoing, SendFailure, Transport, count_call};

/// A provider that cannot be reached at all is known by then.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The whole call, from the first byte of the connection to the last of the body.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that idled longer is not used again: a server that has just closed it would make a call look lost.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// No answer we ask for comes near this; more is a mistake or an attack.
const BODY_SIZE_MAX_BYTES: usize = 10 * 1024 * 1024;

/// Sends over the network. Clones share their connections.
#[derive(Clone)]
pub struct ReqwestTransport {
    /// Err: why there is none, in words. Plain calls to this machine must work on one without root certificates.
    outside: Result<reqwest::Client, String>,
    /// For the sandbox and the like: no proxy, no certificates.
    loopback: reqwest::Client,
}

impl ReqwestTransport {
    /// Builds the clients.
    pub fn new() -> anyhow::Result<Self> {
        // Another part of the process may have chosen a provider already; ours is only the default.
        let _already_chosen = rustls::crypto::ring::default_provider().install_default();
        let outside = builder().build().map_err(|cause| {
            format!("this machine's root certificates cannot be read ({}); install the package ca-certificates", chain(&cause))
        });
        let loopback = builder().no_proxy().tls_certs_only([]).build().context("building the HTTP client")?;
        Ok(Self { outside, loopback })
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, SendFailure> {
        if is_loopback(url) && url.scheme() == "http" {
            return Ok(&self.loopback);
        }
        self.outside.as_ref().map_err(|why| SendFailure::NotSent(why.clone()))
    }

    async fn call(&self, request: &Outgoing) -> Result<Answer, SendFailure> {
        let url = Url::parse(&request.url).map_err(|cause| SendFailure::NotSent(format!("the address to call is not one: {cause}")))?;
        let mut call = self.client_for(&url)?.request(method(request.method), url).body(request.body.clone());
        for (name, value) in &request.headers {
            call = call.header(*name, value);
        }
        let mut response = call.send().await.map_err(|cause| failure(&cause))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|cause| failure(&cause))? {
            if body.len() + chunk.len() > BODY_SIZE_MAX_BYTES {
                return Err(SendFailure::Lost("the answer is larger than 10 MiB".into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

impl Transport for ReqwestTransport {
    fn send<'a>(&'a self, request: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>> {
        count_call();
        self.call(request).boxed()
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_idle_timeout(IDLE_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("throughline/", env!("CARGO_PKG_VERSION")))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Only a failure before the request could leave is `NotSent`; when in doubt it is `Lost`.
fn failure(cause: &reqwest::Error) -> SendFailure {
    if cause.is_builder() {
        return SendFailure::NotSent(format!("the request cannot be built: {}", chain(cause)));
    }
    if cause.is_connect() {
        return SendFailure::NotSent(format!("no connection: {}", chain(cause)));
    }
    if cause.is_timeout() {
        return SendFailure::Lost(format!("no whole answer within {} s", TOTAL_TIMEOUT.as_secs()));
    }
    SendFailure::Lost(format!("the connection broke: {}", chain(cause)))
}

/// The innermost cause in words. Never the URL: reqwest's own text would carry it, with its query string.
fn chain(cause: &reqwest::Error) -> String {
    let mut words = "unknown cause".to_owned();
    let mut next = std::error::Error::source(cause);
    while let Some(inner) = next {
        words = inner.to_string();
        next = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn get(url: String) -> Outgoing {
        Outgoing { method: Method::Get, url, headers: vec![("authorization", "Zoho-oauthtoken x".into())], body: Vec::new() }
    }

    /// Answers one connection with these bytes, then closes it.
    fn answering(bytes: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0u8; 4096];
            let _read = stream.read(&mut request);
            let _closed_early = stream.write_all(&bytes);
        });
        url
    }

    #[tokio::test]
    async fn a_port_nobody_listens_on_means_nothing_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        drop(listener);
        let failure = ReqwestTransport::new().expect("a client").send(&get(url)).await.expect_err("nobody listens");
        assert!(matches!(failure, SendFailure::NotSent(_)), "{failure:?}");
    }

    #[tokio::test]
    async fn a_connection_that_closes_without_an_answer_leaves_the_effect_unknown() {
        let failure = ReqwestTransport::new().expect("a client").send(&get(answering(Vec::new()))).await.expect_err("no answer");
        assert!(matches!(failure, SendFailure::Lost(_)), "{failure:?}");
    }

    #[tokio::test]
    async fn a_body_that_ends_early_leaves_the_effect_unknown() {
        let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":".to_vec());
        let failure = ReqwestTransport::new().expect("a client").send(&get(url)).await.expect_err("half an answer");
        assert!(matches!(failure, SendFailure::Lost(_)), "{failure:?}");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_not_read_to_its_end() {
        let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        bytes.resize(BODY_SIZE_MAX_BYTES + 4096, b'x');
        let failure = ReqwestTransport::new().expect("a client").send(&get(answering(bytes))).await.expect_err("too large");
        assert!(failure.to_string().contains("10 MiB"), "{failure}");
    }

    #[tokio::test]
    async fn redirects_are_answers_not_followed() {
        let url = answering(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec());
        let answer = ReqwestTransport::new().expect("a client").send(&get(url)).await.expect("an answer");
        assert_eq!((answer.status, answer.header("location")), (302, Some("http://127.0.0.1:1/")));
    }
}
