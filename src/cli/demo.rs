//! `throughline demo`: the real program on a throw-away database, against a stand-in for Zoho in a process of its own,
//! with sample leads arriving as you watch.

use std::fs::DirBuilder;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use throughline::accounts::{self, NewLeadMails, NewUser, Passwords, Role};
use throughline::app::App;
use throughline::config::{Config, Sources};
use throughline::connections::{self, ConnectForm, Occasion, books};
use throughline::http::{Method, Outgoing, ReqwestTransport, Transport};
use throughline::outbox::admin::Request;
use throughline::{db, random, sandbox};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{sample_catalog, samples_feed, serve, start};

const EMAIL: &str = "demo@throughline.example";

/// How the demonstration is run.
#[derive(Clone, Debug, Args)]
pub struct DemoArguments {
    /// The port of the pages; by default 8000, or a free one where that is taken.
    #[arg(long)]
    port: Option<u16>,
    /// Print one JSON object on standard output when ready, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Stop after so many seconds.
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
}

/// Runs the demonstration until a signal or until its time is over.
pub async fn run(arguments: &DemoArguments) -> anyhow::Result<()> {
    let folder = Folder::make()?;
    let (sandbox, sandbox_url) = start_sandbox().await?;
    let access = Access::draw();
    let smtp_url = smtp_url(&sandbox_url).await?;
    let config = config(arguments, &folder.database_url(), (&sandbox_url, &smtp_url), &access)?;
    let lock = db::lock_database(&config.database_url)?;
    let app = start::app(config).await?;
    prepare(&app, &sandbox_url, &access).await?;
    let (shown, fed) = (announcement(&app, &sandbox_url, &access), app.clone());
    let arguments = arguments.clone();
    let once_up = move |stop: serve::Stop| async move {
        announce(&shown, arguments.json);
        let mut stopped = stop.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = samples_feed::run(fed, access.sample_secret) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        if let Some(seconds) = arguments.seconds {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let _all_listen = stop.send(true);
        }
    };
    let result = serve::run_app(app, once_up).await;
    drop((sandbox, lock, folder));
    result
}

/// The secrets of one demonstration.
struct Access {
    password: String,
    cron_secret: SecretString,
    sample_secret: SecretString,
}

impl Access {
    fn draw() -> Self {
        let short = || random::token().chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>();
        Self { password: short(), cron_secret: short().into(), sample_secret: random::token().into() }
    }
}

fn config(arguments: &DemoArguments, database_url: &str, (sandbox_url, smtp_url): (&str, &str), access: &Access) -> anyhow::Result<Config> {
    let mut sources = Sources::of_process()?;
    let port = port(arguments.port)?.to_string();
    for (key, value) in [
        ("DATABASE_URL", database_url),
        ("ROCKET_ADDRESS", "127.0.0.1"),
        ("ROCKET_PORT", &port),
        ("THROUGHLINE_PUBLIC_URL", &format!("http://127.0.0.1:{port}")),
        ("THROUGHLINE_ENCRYPTION_KEY", ""),
        ("THROUGHLINE_ROLES", "all"),
        ("THROUGHLINE_CRON_SECRET", access.cron_secret.expose_secret()),
        ("THROUGHLINE_SAMPLE_SECRET", access.sample_secret.expose_secret()),
        ("THROUGHLINE_SMTP_URL", smtp_url),
        ("THROUGHLINE_MAIL_FROM", "Throughline Demo <desk@throughline.example>"),
        ("THROUGHLINE_MAIL_INBOX_URL", &format!("{sandbox_url}/inbox")),
        ("ZOHO_CLIENT_ID", "demo"),
        ("ZOHO_CLIENT_SECRET", "demo"),
        ("ZOHO_ACCOUNTS_URL", sandbox_url),
        ("ZOHO_API_URL", sandbox_url),
        ("STRIPE_API_URL", sandbox_url),
        ("STRIPE_SECRET_KEY", sandbox::stripe::SECRET_KEY),
        ("STRIPE_WEBHOOK_SECRET", sandbox::stripe::WEBHOOK_SECRET),
        ("STRIPE_ACCOUNT", ""),
    ] {
        sources.set(key, value);
    }
    Ok(Config::load(&sources)?)
}

fn port(wanted: Option<u16>) -> anyhow::Result<u16> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).and_then(|socket| socket.local_addr()).map(|address| address.port());
    match wanted {
        Some(0) => Ok(free(0)?),
        Some(port) => {
            free(port).with_context(|| format!("port {port} is taken; stop the program that has it, or choose another with --port"))
        }
        None => Ok(free(8000).or_else(|_| free(0))?),
    }
}

/// An admin to sign in as, the connection to the stand-in, and faults that meet sample leads only.
async fn prepare(app: &App, sandbox_url: &str, access: &Access) -> anyhow::Result<()> {
    let admin = NewUser { email: EMAIL.into(), name: "Demo Admin".into(), role: Role::Admin, password: access.password.clone() };
    let admin = accounts::create_user(app, &Passwords::default(), admin, "demo").await.context("making the demonstration's login")?;
    let told = (NewLeadMails::AtOnce, "08:00".to_owned());
    accounts::choose_mails(app, admin, told, String::new()).await.context("having the demonstration's admin told by mail")?;
    let form = ConnectForm { client_id: None, client_secret: None, refresh_token: SecretString::from("sandbox") };
    connections::connect(app, form, Occasion::Any { actor: "demo".into(), address: None })
        .await
        .context("connecting the stand-in for Zoho")?;
    let choice = books::Choice { organisation_id: sandbox::BOOKS_ORGANISATION.into(), plan: "premium".into() };
    let by = Request { actor: "demo".into(), reason: None, address: None, now: app.clock.now() };
    books::choose(app, &choice, &by).await.context("choosing the organisation of the stand-in for Zoho Books")?;
    sample_catalog::fill(app).await.context("filling the catalogue of the demonstration")?;
    for fault in sandbox::samples::faults() {
        let request = Outgoing {
            method: Method::Post,
            url: format!("{sandbox_url}/__faults"),
            headers: vec![("content-type", "application/json".into())],
            body: fault.to_string().into_bytes(),
        };
        let answer = app.transport.send(&request).await.context("scripting a fault of the demonstration")?;
        if answer.status >= 300 {
            bail!("the sandbox refused a fault of the demonstration: {}", String::from_utf8_lossy(&answer.body));
        }
    }
    Ok(())
}

/// The sandbox in a process of its own: what it holds is a witness that this process cannot have touched.
async fn start_sandbox() -> anyhow::Result<(Child, String)> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut child = Command::new(program)
        .args(["sandbox", "--port", "0", "--parent-pid", &std::process::id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting the sandbox")?;
    let printed = child.stdout.take().context("reading the sandbox's address")?;
    let url = BufReader::new(printed).lines().next_line().await?.context("the sandbox ended before it answered; see its log above")?;
    Ok((child, url.trim().to_owned()))
}

/// Where the sandbox takes mails.
async fn smtp_url(sandbox_url: &str) -> anyhow::Result<String> {
    let request = Outgoing { method: Method::Get, url: format!("{sandbox_url}/__health"), headers: Vec::new(), body: Vec::new() };
    let answer = ReqwestTransport::new()?.send(&request).await.context("asking the sandbox for its mail server")?;
    let told: serde_json::Value = serde_json::from_slice(&answer.body).context("reading what the sandbox says of its mail server")?;
    Ok(told["smtp_url"].as_str().context("the sandbox has no mail server")?.to_owned())
}

fn announcement(app: &App, sandbox_url: &str, access: &Access) -> serde_json::Value {
    json!({
        "url": app.config.public_url,
        "email": EMAIL,
        "password": access.password,
        "cron_secret": access.cron_secret.expose_secret(),
        "sandbox_url": sandbox_url,
        "inbox_url": format!("{sandbox_url}/inbox"),
        "database_url": app.config.database_url,
    })
}

#[expect(clippy::print_stdout, reason = "what the person who started the demonstration is waiting for")]
fn announce(shown: &serde_json::Value, as_json: bool) {
    if as_json {
        println!("{shown}");
        return;
    }
    let text = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
    let (url, email, password, secret, sandbox) = (text("url"), text("email"), text("password"), text("cron_secret"), text("sandbox_url"));
    println!(
        "\nThroughline is running. Sample leads are arriving; some meet trouble on purpose.\n\n  \
         {url}\n  sign in as {email}\n  password   {password}\n\nTry the form that customers see, then find what you sent among the leads:\n\n  {url}/forms/quote\n\nOr:\n\n  \
         curl -i {url}/api/store-lead -H 'Content-Type: application/json' \\\n    -d '{{\"name\": \"Ada Lovelace\", \"email\": \"ada@example.com\", \"items\": [{{\"sku\": \"G65\", \"quantity\": 2}}]}}'\n\n  \
         curl -i {url}/api/chatbot-leads -d 'name=Grace Hopper' --data-urlencode 'phone=+1 212 555 0123'\n\n  \
         curl -s {url}/api/process-leads -H 'Authorization: Bearer {secret}'\n\n\
         Buy something: this answers the address of a page to pay on, at the stand-in for Stripe. Pay there with the card that is filled in,\n\
         then look at {url}/orders\n\n  \
         curl -s {url}/api/checkout -H 'Content-Type: application/json' \\\n    -d '{{\"items\": [{{\"sku\": \"FLT-100\", \"quantity\": 2}}], \"currency\": \"EUR\", \"email\": \"ada@example.com\"}}'\n\n\
         What arrived at the stand-in for Zoho: {sandbox}/__ledger/zoho/crm/leads\n\
         What was booked at the stand-in for Zoho Books: {sandbox}/__ledger/zoho/books\n\
         The mails that were sent: {sandbox}/inbox\nCtrl-C ends it and removes its database.\n"
    );
}

/// A temporary folder that goes when the demonstration ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("throughline-demo-{}-{:x}", std::process::id(), random::positive_i64() & 0xffff_ffff));
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("making the folder {}", path.display()))?;
        Ok(Self(path))
    }

    fn database_url(&self) -> String {
        format!("sqlite:{}", self.path().join("throughline.db").display())
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(cause) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(error = %cause, "The demonstration's folder {} could not be removed", self.0.display());
        }
    }
}
