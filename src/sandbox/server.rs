//! The sandbox mounted over HTTP, on this machine only. Faults that a connection shows (reset, no answer) are shown as far
//! as HTTP can: a connection cannot be refused once it stands, so `refuse` closes it without an answer.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rocket::data::ToByteUnit;
use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use rocket::http::{Method as HttpMethod, Status};
use rocket::response::Response;
use rocket::route::{Handler, Outcome, Route};
use rocket::tokio::io::{AsyncRead, ReadBuf};
use rocket::{Data, Request, Shutdown};

use super::answer::{Delivery, SandboxAnswer, SandboxRequest};
use super::{Edition, InFlight, Options, Sandbox, parent, smtp};
use crate::clock::Clock;
use crate::http::Method;
use crate::web::assets;

/// Longer than any caller waits.
const NEVER: Duration = Duration::from_secs(60);
/// As large as our own transport reads.
const BODY_MAX_MIB: u64 = 10;

/// How the sandbox is set up, where it listens, and with whom it ends.
#[derive(Clone, Copy, Debug)]
pub struct Mount {
    /// 0: any free port.
    pub port: u16,
    pub edition: Edition,
    /// The process that started it; None: whichever is the parent now.
    pub parent_pid: Option<u32>,
}

/// Serves the sandbox on 127.0.0.1 until its parent ends or a signal comes; `ready` is told its address.
pub async fn serve(mount: Mount, ready: impl FnOnce(&str) + Send + Sync + 'static) -> anyhow::Result<()> {
    let sandbox = Sandbox::new(Options { edition: mount.edition, ..Options::default() });
    serve_one(sandbox, mount, ready).await
}

async fn serve_one(sandbox: Sandbox, mount: Mount, ready: impl FnOnce(&str) + Send + Sync + 'static) -> anyhow::Result<()> {
    let figment = rocket::Config::figment()
        .merge(("address", Ipv4Addr::LOCALHOST))
        .merge(("port", mount.port))
        .merge(("ident", false))
        .merge(("ip_header", false))
        .merge(("log_level", "off"))
        .merge(("keep_alive", 30))
        .merge(("shutdown.grace", 1))
        .merge(("shutdown.mercy", 1));
    let door = Door { sandbox: sandbox.clone() };
    sandbox.set_smtp_port(smtp::listen(sandbox.clone()).await.context("starting the mail server of the sandbox")?);
    let methods = [HttpMethod::Get, HttpMethod::Post, HttpMethod::Put, HttpMethod::Delete];
    let routes: Vec<_> = methods.into_iter().map(|method| Route::new(method, "/<path..>", door.clone())).collect();
    let liftoff = AdHoc::on_liftoff("sandbox", move |rocket| {
        Box::pin(async move {
            let url = format!("http://{}:{}", rocket.config().address, rocket.config().port);
            sandbox.set_base_url(&url);
            end_with_parent(mount.parent_pid, rocket.shutdown());
            ready(&url);
        })
    });
    match rocket::custom(figment).mount("/", [routes, assets::routes()].concat()).attach(liftoff).launch().await {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            ErrorKind::Bind(cause) => {
                anyhow!("the sandbox cannot listen on 127.0.0.1:{}: {cause}; choose another with --port", mount.port)
            }
            other => anyhow!("the sandbox cannot start: {other}"),
        }),
    }
}

fn end_with_parent(pid: Option<u32>, shutdown: Shutdown) {
    tokio::spawn(async move {
        parent::ended(pid).await;
        tracing::info!("The process that started the sandbox has ended, and so does the sandbox");
        shutdown.notify();
    });
}

#[derive(Clone)]
struct Door {
    sandbox: Sandbox,
}

#[rocket::async_trait]
impl Handler for Door {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let body = match data.open(BODY_MAX_MIB.mebibytes()).into_bytes().await {
            Ok(body) if body.is_complete() => body.into_inner(),
            Ok(_) => return Outcome::Success(to_response(SandboxAnswer::empty(413))),
            Err(_) => return Outcome::Success(broken()),
        };
        let under_way = self.sandbox.enter(request.uri().path().as_str());
        let answer = self.sandbox.handle(&incoming(request, body, &under_way), Clock::machine().now());
        match answer.delivery {
            Delivery::Whole => {}
            Delivery::Slow(delay) => tokio::time::sleep(delay).await,
            Delivery::Never => {
                // It is done and only the answer is missing: the call no longer counts as under way.
                drop(under_way);
                tokio::time::sleep(NEVER).await;
                return Outcome::Success(broken());
            }
            Delivery::Reset | Delivery::Refused => return Outcome::Success(broken()),
        }
        Outcome::Success(to_response(answer))
    }
}

fn incoming(request: &Request<'_>, body: Vec<u8>, under_way: &InFlight) -> SandboxRequest {
    let method = match request.method() {
        HttpMethod::Post => Method::Post,
        HttpMethod::Put => Method::Put,
        HttpMethod::Delete => Method::Delete,
        _ => Method::Get,
    };
    let query = request.uri().query().map(|query| query.raw().as_str()).unwrap_or_default();
    SandboxRequest {
        method,
        path: request.uri().path().as_str().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        authorization: request.headers().get_one("authorization").map(str::to_owned),
        content_type: request.headers().get_one("content-type").map(str::to_owned),
        idempotency_key: request.headers().get_one("idempotency-key").map(str::to_owned),
        body,
        in_flight: under_way.calls,
        heavy_in_flight: under_way.heavy_calls,
    }
}

fn to_response(answer: SandboxAnswer) -> Response<'static> {
    let mut response = Response::build();
    response.status(Status::new(answer.status));
    for (name, value) in answer.headers {
        response.raw_header(name, value);
    }
    response.sized_body(answer.body.len(), io::Cursor::new(answer.body));
    response.finalize()
}

/// A body that fails at once: the connection is closed in the middle of the answer.
fn broken() -> Response<'static> {
    Response::build().status(Status::Ok).streamed_body(Broken).finalize()
}

struct Broken;

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use secrecy::SecretString;
    use serde_json::json;
    use tokio::sync::oneshot;

    use super::*;
    use crate::http::ReqwestTransport;
    use crate::integrations::zoho::crm::Crm;
    use crate::integrations::zoho::oauth::{Grant, refresh};

    async fn started(sandbox: &Sandbox) -> String {
        let (tell, told) = oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let ready = move |url: &str| {
            let tell = tell.lock().expect("one caller").take().expect("ready once");
            tell.send(url.to_owned()).expect("somebody waits");
        };
        tokio::spawn(serve_one(sandbox.clone(), mount(0), ready));
        told.await.expect("an address")
    }

    fn mount(port: u16) -> Mount {
        Mount { port, edition: Edition::Enterprise, parent_pid: None }
    }

    fn grant() -> Grant {
        Grant { client_id: "any".into(), client_secret: "any".into(), refresh_token: "sandbox".into() }
    }

    #[tokio::test]
    async fn the_real_transport_meets_the_same_rules_over_http() {
        let sandbox = Sandbox::new(Options::default());
        let url = started(&sandbox).await;
        let transport = ReqwestTransport::new().expect("a transport");
        let granted = refresh(&transport, &url, &grant()).await.result.expect("a token");
        assert_eq!(granted.api_domain.as_deref(), Some(url.as_str()));
        let crm = Crm::new(&transport, &url, &granted.token);
        assert!(crm.lead_fields().await.result.is_ok());
        let lead = json!({ "External_Lead_Id": "a", "Last_Name": "عائشة 🌙" });
        let lead = [lead.as_object().expect("an object").clone()];

        sandbox.script(json!({ "fault": "reset", "path": "/crm", "times": 1 }));
        assert!(crm.upsert_leads(&lead, "External_Lead_Id").await.whole.expect("reset").effect_unknown);
        sandbox.script(json!({ "fault": "truncated", "path": "/crm", "times": 1 }));
        assert!(crm.upsert_leads(&lead, "External_Lead_Id").await.whole.expect("cut").effect_unknown);
        sandbox.script(json!({ "fault": "slow", "path": "/crm", "times": 1, "delay_ms": 20 }));
        assert!(crm.upsert_leads(&lead, "External_Lead_Id").await.whole.is_none());
        assert_eq!((sandbox.leads().len(), sandbox.leads()[0]["accepted"].clone()), (1, json!(2)));

        let refused = Crm::new(&transport, &url, &SecretString::from("1000.made-up")).lead_fields().await;
        assert!(refused.credentials_refused);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_the_remedy() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = taken.local_addr().expect("an address").port();
        let told = serve(mount(port), |_| {}).await.expect_err("taken").to_string();
        assert!(told.contains(&format!("127.0.0.1:{port}")) && told.contains("--port"), "{told}");
    }
}
