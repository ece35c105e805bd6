//! `throughline serve` and `throughline worker`: everything a process does, until it is asked to stop.

use std::net::{IpAddr, TcpListener};

use anyhow::Context;
use clap::Args;
use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use throughline::app::App;
use throughline::config::{Config, Roles, Sources};
use throughline::db::{self, Engine};
use throughline::inbox;
use throughline::messages;
use throughline::outbox::{Announcement, Engine as Outbox, Registry, presence, worker};
use throughline::scheduler;
use tokio::sync::watch;

use super::start;

/// What may be asked of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// What this process does: web, worker, scheduler, separated by commas. On SQLite one process does it all.
    #[arg(long, value_name = "ROLES")]
    role: Option<String>,
}

impl ServeArguments {
    /// As `throughline worker` runs it.
    pub fn worker() -> Self {
        Self { role: Some("worker,scheduler".into()) }
    }
}

/// Serves with the configuration of the environment.
pub async fn run(arguments: &ServeArguments) -> anyhow::Result<()> {
    let mut sources = Sources::of_process()?;
    if let Some(role) = &arguments.role {
        sources.set("THROUGHLINE_ROLES", role);
    }
    let config = Config::load(&sources)?;
    let is_sqlite = Engine::of_url(&config.database_url) == Engine::Sqlite;
    if is_sqlite && config.roles != Roles::ALL {
        anyhow::bail!(
            "`worker` and --role need PostgreSQL: a SQLite database belongs to one process, a `serve` that does everything. Leave --role out, or set DATABASE_URL=postgres://…"
        );
    }
    let lock = if is_sqlite { Some(db::lock_database(&config.database_url)?) } else { None };
    if config.roles.web {
        // A process that cannot serve must not bring a database up to date, nor send the leads that wait in it.
        drop(TcpListener::bind((config.address, config.port)).map_err(|why| taken(&why, config.address, config.port))?);
    }
    let app = start::app(config).await?;
    run_app(app, |_| async {}).await?;
    drop(lock);
    Ok(())
}

/// Asks the process to stop as a signal would.
pub type Stop = watch::Sender<bool>;

/// Runs everything the process's roles ask for, until a signal; `once_up` runs when the pages answer.
pub async fn run_app<F>(app: App, once_up: impl FnOnce(Stop) -> F + Send + 'static) -> anyhow::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let registry = throughline::registry(&app.config)?;
    let (stop, stopped) = watch::channel(false);
    let background = Background::start(&app, &registry, &stopped).await?;
    let served = if app.config.roles.web { web(&app, registry, stop.clone(), once_up).await } else { until_signal().await };
    let _all_listen = stop.send(true);
    background.end().await;
    app.store.close().await;
    served
}

/// What runs beside the pages.
struct Background(Vec<tokio::task::JoinHandle<()>>);

impl Background {
    async fn start(app: &App, registry: &Registry, stopped: &watch::Receiver<bool>) -> anyhow::Result<Self> {
        let outbox = Outbox::new(app.clone(), registry.clone());
        messages::announce(app).await.context("noting which mail server is set")?;
        inbox::announce(app).await.context("noting whether Stripe is set")?;
        // Before anything is said or claimed: heartbeats and leases rest on the time.
        presence::keep_time(app).await.context("reading the database's clock")?;
        let now = app.clock.now();
        let announcement = Announcement {
            id: app.process_id.clone(),
            role: app.config.roles.as_text(),
            version: env!("CARGO_PKG_VERSION").into(),
            host: start::host_name(),
            started_at: now,
            heartbeat_at: now,
        };
        outbox.beat(announcement.clone()).await.context("announcing this process")?;
        let mut tasks = vec![tokio::spawn(presence::keep_time_while_running(app.clone(), stopped.clone()))];
        if app.config.roles.worker {
            let rescued = outbox.rescue_at_start().await.context("taking back the jobs of a process that ended")?;
            if rescued > 0 {
                tracing::warn!(rescued, "Jobs of a process that ended were taken back");
            }
            tasks.push(tokio::spawn(worker::work(outbox, announcement, stopped.clone())));
        } else {
            tasks.push(tokio::spawn(presence::beat_while_running(outbox, announcement, stopped.clone())));
        }
        if app.config.roles.scheduler {
            tasks.push(tokio::spawn(scheduler::keep_ticking(app.clone(), throughline::schedules(app)?, stopped.clone())));
        }
        Ok(Self(tasks))
    }

    async fn end(self) {
        for task in self.0 {
            if let Err(cause) = task.await {
                tracing::error!(error = %cause, "A background task ended badly");
            }
        }
    }
}

async fn web<F>(app: &App, registry: Registry, stop: Stop, once_up: impl FnOnce(Stop) -> F + Send + 'static) -> anyhow::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (address, port) = (app.config.address, app.config.port);
    let (ready, mut is_ready) = watch::channel(false);
    let liftoff = AdHoc::on_liftoff("ready", move |_| {
        Box::pin(async move {
            tracing::info!("Listening on http://{address}:{port}");
            let _somebody_waits = ready.send(true);
        })
    });
    let rocket = throughline::rocket(app.clone(), registry).attach(liftoff);
    let rocket = rocket.ignite().await.map_err(|cause| in_words(&cause, address, port))?;
    stop_together(rocket.shutdown(), &stop);
    tokio::spawn(async move {
        if is_ready.changed().await.is_ok() {
            once_up(stop).await;
        }
    });
    rocket.launch().await.map(drop).map_err(|cause| in_words(&cause, address, port))
}

/// The worker stops claiming at the signal, not only when the last page has been served; and the pages stop when the
/// process is asked to.
fn stop_together(web: rocket::Shutdown, stop: &Stop) {
    let (asked, all, mut stopped) = (web.clone(), stop.clone(), stop.subscribe());
    tokio::spawn(async move {
        asked.await;
        let _all_listen = all.send(true);
    });
    tokio::spawn(async move {
        drop(stopped.wait_for(|stop| *stop).await);
        web.notify();
    });
}

fn in_words(cause: &rocket::Error, address: IpAddr, port: u16) -> anyhow::Error {
    match cause.kind() {
        ErrorKind::Bind(why) => taken(why, address, port),
        other => anyhow::anyhow!("the web server ended: {other}"),
    }
}

fn taken(why: &dyn std::error::Error, address: IpAddr, port: u16) -> anyhow::Error {
    anyhow::anyhow!("{address}:{port} cannot be listened on ({why}). Stop the program that has it, or choose another with ROCKET_PORT")
}

async fn until_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        ctrl_c = tokio::signal::ctrl_c() => ctrl_c?,
    }
    Ok(())
}
