//! The whole program around a test's database: intake and pages through Rocket, the worker turned by hand, the sandbox in
//! process and on the test's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rocket::http::{ContentType, Header, Status};
use rocket::local::asynchronous::{Client, LocalResponse};
use secrecy::SecretString;
use serde_json::{Value, json};
use throughline::accounts::{self, NewUser, Passwords, Role};
use throughline::app::{App, Parts};
use throughline::config::{Config, Sources};
use throughline::connections::{self, ConnectForm, Occasion, books};
use throughline::db::Conn;
use throughline::http::Transport;
use throughline::leads::{Lead, LeadId};
use throughline::mail::Mailer;
use throughline::outbox::admin::Request;
use throughline::outbox::{Engine, JobId, JobRow, Registry};
use throughline::sandbox::{BOOKS_ORGANISATION, InProcess, Options, Sandbox, stripe};
use throughline::vault::Vault;

use super::app::TestApp;

/// What the cron routes ask for in tests.
pub const CRON_SECRET: &str = "the-cron-secret";

/// The program, its sandbox and a way to turn its worker.
pub struct Whole {
    pub app: App,
    pub sandbox: Sandbox,
    pub registry: Registry,
    pub outbox: Engine,
    pub client: Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answered {
    pub status: Status,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answered {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|cause| panic!("not JSON ({cause}): {}", self.text))
    }

    /// A header, asked for in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl TestApp {
    /// The whole program with Zoho connected, as Enterprise edition with the unique field.
    pub async fn whole(&self) -> Whole {
        let whole = self.whole_with(Options::default(), &[]).await;
        whole.connect_zoho().await;
        whole
    }

    /// The whole program, not connected, with settings of its own.
    pub async fn whole_with(&self, options: Options, settings: &[(&str, &str)]) -> Whole {
        self.whole_through(options, settings, |sandbox| Arc::new(sandbox)).await
    }

    /// The same, with something of the test's own in front of the sandbox.
    pub async fn whole_through(
        &self,
        options: Options,
        settings: &[(&str, &str)],
        door: impl FnOnce(InProcess) -> Arc<dyn Transport>,
    ) -> Whole {
        let mut sources = Sources::given([
            ("DATABASE_URL", self.url.as_str()),
            ("THROUGHLINE_CRON_SECRET", CRON_SECRET),
            ("THROUGHLINE_INTAKE_LIMIT", "off"),
            ("ZOHO_CLIENT_ID", "client"),
            ("ZOHO_CLIENT_SECRET", "secret"),
            ("ZOHO_ACCOUNTS_URL", options.base_url.as_str()),
            ("ZOHO_API_URL", options.base_url.as_str()),
        ]);
        settings.iter().for_each(|(key, value)| sources.set(key, value));
        let sandbox = Sandbox::new(options);
        let mailer = Mailer::by(Arc::new(InProcess::new(sandbox.clone(), self.clock.clone())));
        let app = App::new(Parts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            transport: door(InProcess::new(sandbox.clone(), self.clock.clone())),
            vault: Vault::generate(),
            config: Config::load(&sources).expect("the test's configuration"),
            process_id: "test-1".into(),
        })
        .with_mailer(mailer);
        throughline::messages::announce(&app).await.expect("the connection of mail is noted");
        throughline::inbox::announce(&app).await.expect("the connection of Stripe is noted");
        let registry = throughline::registry(&app.config).expect("every kind has a name of its own");
        let client = Client::tracked(throughline::rocket(app.clone(), registry.clone())).await.expect("the routes fit together");
        let outbox = Engine::new(app.clone(), registry.clone());
        Whole { app, sandbox, registry, outbox, client }
    }
}

/// What switches mail on.
pub const MAIL: [(&str, &str); 2] =
    [("THROUGHLINE_SMTP_URL", "smtp://127.0.0.1:1025?tls=none"), ("THROUGHLINE_MAIL_FROM", "Example Desk <desk@example.com>")];

/// What switches Stripe on, as the sandbox has it.
pub const STRIPE: [(&str, &str); 2] = [("STRIPE_WEBHOOK_SECRET", stripe::WEBHOOK_SECRET), ("STRIPE_SECRET_KEY", stripe::SECRET_KEY)];

impl Whole {
    /// The same installation in another process: its writers are its own.
    pub fn elsewhere(&self, app: &TestApp) -> App {
        App::new(Parts {
            store: app.open_store(|_| {}),
            clock: self.app.clock.clone(),
            transport: Arc::clone(&self.app.transport),
            vault: self.app.vault.clone(),
            config: self.app.config.clone(),
            process_id: "test-2".into(),
        })
    }

    /// Its routes.
    pub async fn client_elsewhere(&self, app: &TestApp) -> Client {
        Client::tracked(throughline::rocket(self.elsewhere(app), self.registry.clone())).await.expect("the routes fit together")
    }

    /// The same with another way for mails.
    pub fn with_mailer(self, mailer: Mailer) -> Self {
        let app = self.app.with_mailer(mailer);
        Self { outbox: Engine::new(app.clone(), self.registry.clone()), app, ..self }
    }

    /// Connects Zoho with the sandbox's refresh token.
    pub async fn connect_zoho(&self) {
        self.connect_zoho_with("sandbox").await;
    }

    /// Connects Zoho with another refresh token.
    pub async fn connect_zoho_with(&self, refresh_token: &str) {
        let form = ConnectForm { client_id: None, client_secret: None, refresh_token: SecretString::from(refresh_token) };
        connections::connect(&self.app, form, Occasion::Any { actor: "cli".into(), address: None }).await.expect("the sandbox connects");
    }

    /// Has paid orders booked to the sandbox's first organisation.
    pub async fn choose_books(&self) {
        let choice = books::Choice { organisation_id: BOOKS_ORGANISATION.into(), plan: "premium".into() };
        let by = Request { actor: "cli".into(), reason: None, address: None, now: self.app.clock.now() };
        books::choose(&self.app, &choice, &by).await.expect("the sandbox lets us");
    }

    /// Runs every job that is ready now, and what becomes ready through it.
    pub async fn run_until_idle(&self) {
        self.outbox.run_until_idle().await.expect("the engine turns");
    }

    /// Posts a webhook as Stripe would.
    pub async fn push(&self, webhook: &stripe::Webhook) -> Answered {
        self.push_signed(&webhook.body, Some(&webhook.signature)).await
    }

    /// Posts to where Stripe's webhooks go.
    pub async fn push_signed(&self, body: &[u8], signature: Option<&str>) -> Answered {
        let mut request = self.client.post("/api/stripe/webhook").header(ContentType::JSON).body(body);
        if let Some(signature) = signature {
            request.add_header(Header::new("Stripe-Signature", signature.to_owned()));
        }
        request.add_header(Header::new("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"));
        read(request.dispatch().await).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answered {
        read(self.client.post(path).header(ContentType::JSON).body(body.to_string()).dispatch().await).await
    }

    /// Posts a lead that is accepted, and gives its id.
    pub async fn post_lead(&self, name: &str, email: &str) -> LeadId {
        let answered = self.post("/api/store-lead", &json!({ "name": name, "email": email })).await;
        assert_eq!(answered.status, Status::Created, "{}", answered.text);
        LeadId(answered.json()["id"].as_i64().expect("an id"))
    }

    /// Calls a cron route with the secret.
    pub async fn cron(&self, path: &str, body: &str) -> Answered {
        let request = self.client.post(path).header(Header::new("Authorization", format!("Bearer {CRON_SECRET}"))).body(body);
        read(request.dispatch().await).await
    }

    /// Gets a page as a program would.
    pub async fn get_json(&self, path: &str) -> Answered {
        read(self.client.get(path).header(Header::new("Accept", "application/json")).dispatch().await).await
    }

    /// Signs in as a new user with this role; the client keeps the session.
    pub async fn sign_in(&self, role: Role) {
        let email = format!("{}@example.com", role.as_str());
        let password = "a long and odd passphrase";
        let new = NewUser { email: email.clone(), name: "Test".into(), role, password: password.into() };
        accounts::create_user(&self.app, &Passwords::default(), new, "cli").await.expect("a user is made");
        let form = format!("email={}&password={}", email.replace('@', "%40"), password.replace(' ', "+"));
        let answer = self.client.post("/login").header(ContentType::Form).body(form).dispatch().await;
        assert_eq!(answer.status(), Status::SeeOther);
    }

    /// Asks the database.
    pub async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&mut Conn) -> diesel::QueryResult<T> + Send + 'static) -> T {
        self.app.store.read(move |conn| ask(conn).map_err(throughline::Error::from)).await.expect("the database answers")
    }

    /// How many statements a question takes.
    pub async fn statements<T>(&self, ask: impl FnOnce(&mut Conn) -> diesel::QueryResult<T> + Send + 'static) -> usize {
        use diesel::connection::{Connection, InstrumentationEvent};
        self.ask(move |conn| {
            let count = Arc::new(AtomicUsize::new(0));
            let counted = count.clone();
            conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
            let answer = ask(conn);
            conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
            answer.map(|_| count.load(Ordering::SeqCst))
        })
        .await
    }

    /// The lead as it stands.
    pub async fn lead(&self, id: LeadId) -> Lead {
        self.ask(move |conn| throughline::leads::queries::find(conn, id)).await.expect("the lead is there")
    }

    /// The newest job about this subject.
    pub async fn job_of(&self, subject: &str) -> JobRow {
        use diesel::prelude::*;
        use throughline::db::schema::jobs;
        let subject = subject.to_owned();
        self.ask(move |conn| jobs::table.filter(jobs::subject.eq(subject)).order(jobs::id.desc()).select(JobRow::as_select()).first(conn))
            .await
    }

    /// A job by its id.
    pub async fn job(&self, id: JobId) -> JobRow {
        use diesel::prelude::*;
        use throughline::db::schema::jobs;
        self.ask(move |conn| jobs::table.filter(jobs::id.eq(id)).select(JobRow::as_select()).first(conn)).await
    }
}

/// Reads an answer whole.
pub async fn read(answer: LocalResponse<'_>) -> Answered {
    let status = answer.status();
    let headers = answer.headers().iter().map(|header| (header.name().to_string(), header.value().to_owned())).collect();
    Answered { status, headers, text: answer.into_string().await.unwrap_or_default() }
}
