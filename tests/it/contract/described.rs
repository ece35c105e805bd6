//! A door through which every call passes twice: to Prism, which judges it by the published description, and to the sandbox,
//! which answers it. Prism's own answers are made up and are not read.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use throughline::http::{Answer, Outgoing, ReqwestTransport, SendFailure, Transport};
use throughline::sandbox::InProcess;
use url::Url;

use super::given;

/// Which published file describes an address: the first that it begins with.
const DESCRIBED_BY: &[(&str, &str)] = &[
    ("/crm/v8/settings/fields", "fields"),
    ("/crm/v8/coql", "coql"),
    ("/crm/v8/Notes", "notes"),
    ("/crm/v8/Leads", "record"),
    ("/books/v3/contacts", "contacts"),
    ("/books/v3/invoices", "invoices"),
    ("/books/v3/customerpayments", "customer-payments"),
];
/// The end of an address that none of the published files describes, though Zoho's pages do: a lead's notes.
const NOT_DESCRIBED: &str = "/Notes";

/// What no published file at hand describes at all, though Zoho's pages do.
const NOT_JUDGED: [&str; 4] = ["/crm/v8/org", "/books/v3/organizations", "/books/v3/settings/", "/books/v3/creditnotes"];
/// Books' files leave this out of their addresses.
const BOOKS: &str = "/books/v3";

/// What Prism said of one call.
#[derive(Clone, Debug)]
pub struct Judged {
    /// `POST /crm/v8/Leads/upsert`
    pub call: String,
    /// What is wrong with it, in Prism's words.
    pub violation: Option<String>,
}

/// The descriptions, served.
#[derive(Clone)]
pub struct Described {
    network: ReqwestTransport,
    judged: Arc<Mutex<Vec<Judged>>>,
}

/// The descriptions in front of a sandbox.
struct Beside {
    described: Described,
    sandbox: InProcess,
}

impl Described {
    pub fn new() -> Self {
        Self { network: ReqwestTransport::new().expect("a transport"), judged: Arc::default() }
    }

    pub fn in_front_of(&self, sandbox: InProcess) -> Arc<dyn Transport> {
        Arc::new(Beside { described: self.clone(), sandbox })
    }

    /// Every call that was judged so far, oldest first.
    pub fn judged(&self) -> Vec<Judged> {
        self.judged.lock().expect("nobody panicked").clone()
    }

    /// Has one request judged.
    pub async fn judge(&self, request: &Outgoing) -> Judged {
        let url = Url::parse(&request.url).expect("an address");
        let call = format!("{} {}", request.method.as_str(), url.path());
        let violation = match served_at(url.path()) {
            Some(prism) => violation(&self.network.send(&at(request, &prism, &url)).await, url.path()),
            None => Some("no description of it is served: name its file in DESCRIBED_BY and in scripts/contract-test".into()),
        };
        Judged { call, violation }
    }
}

impl Transport for Beside {
    fn send<'a>(&'a self, request: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>> {
        async {
            let is_api = request.url.contains("/crm/") || request.url.contains("/books/");
            if is_api && !NOT_JUDGED.iter().any(|path| request.url.contains(path)) {
                let judged = self.described.judge(request).await;
                self.described.judged.lock().expect("nobody panicked").push(judged);
            }
            self.sandbox.send(request).await
        }
        .boxed()
    }
}

/// Where the file that describes this address is served: `THROUGHLINE_PRISM` is `record=http://127.0.0.1:1234 notes=…`.
fn served_at(path: &str) -> Option<String> {
    let (_, file) = DESCRIBED_BY.iter().find(|(prefix, _)| path.starts_with(prefix))?;
    let given = given("THROUGHLINE_PRISM");
    given.split(' ').filter_map(|pair| pair.split_once('=')).find(|(name, _)| name == file).map(|(_, address)| address.to_owned())
}

fn at(request: &Outgoing, prism: &str, url: &Url) -> Outgoing {
    let address = &url[url::Position::BeforePath..];
    Outgoing { url: format!("{prism}{}", address.strip_prefix(BOOKS).unwrap_or(address)), ..request.clone() }
}

/// Prism refuses with 401, 404, 405 or 422; where the description has an answer for mistakes it gives that, and names the mistake
/// in a header.
fn violation(answer: &Result<Answer, SendFailure>, path: &str) -> Option<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return Some(format!("Prism did not answer: {failure}")),
    };
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status == 404 && path.starts_with("/crm/v8/Leads/") && path.ends_with(NOT_DESCRIBED) {
        return None;
    }
    if body.contains("stoplight.io/prism/errors") {
        return Some(body);
    }
    answer.header("sl-violations").filter(|told| told.contains(r#"["request""#)).map(str::to_owned)
}
