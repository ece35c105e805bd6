//! Measures what cannot be measured over HTTP: enqueueing, draining and picking up jobs through the library, with the real
//! worker loop. Prints one JSON line a figure. `scripts/bench` calls it in a release build on a database of its own.
//!
//!     cargo run --release --example outbox_bench -- --url sqlite:/tmp/bench.db
//!
//! The database is filled and emptied: never give it one that matters.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use diesel::connection::{Connection, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use throughline::app::{App, Parts};
use throughline::clock::{Clock, Stopwatch, UtcTime};
use throughline::config::{Config, Sources};
use throughline::db::schema::jobs;
use throughline::db::{Conn, Engine as Database, Store, Tx, migrate, on_backend};
use throughline::http::ReqwestTransport;
use throughline::line::LineId;
use throughline::outbox::{
    Announcement, Claimed, Engine, Job, Lane, NewJob, Outcome, Registry, Repeatable, Report, enqueue, enqueue_all, worker,
};
use throughline::vault::Vault;
use tokio::sync::watch;

/// What to measure, and how much of it.
#[derive(Parser)]
struct Arguments {
    /// The database; it is filled and emptied.
    #[arg(long)]
    url: String,
    /// Jobs of a drain and of the enqueueing by many.
    #[arg(long, default_value_t = 50_000)]
    jobs: usize,
    /// How long jobs come at a steady rate for the pick-up latency.
    #[arg(long, default_value_t = 10)]
    pickup_s: u64,
    /// PostgreSQL: how long a transaction is held open while jobs are drained. 0 leaves it out.
    #[arg(long, default_value_t = 10)]
    held_s: u64,
}

/// A job that does nothing, and says when it begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noop {
    number: usize,
}

impl Job for Noop {
    const KIND: &'static str = "bench.noop";
    const LANE: Lane = Lane::Lead;
    const REPEATABLE: Repeatable = Repeatable::Always;
    const MIRRORS: bool = false;

    async fn run_batch(_app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        for member in members {
            PICKED_UP.note(member.job.number);
        }
        RAN.fetch_add(members.len(), Ordering::SeqCst);
        members.iter().map(|_| Outcome::Done(Value::Null).into()).collect()
    }
}

/// How many jobs ran.
static RAN: AtomicUsize = AtomicUsize::new(0);
static PICKED_UP: PickUps = PickUps(Mutex::new(Vec::new()));

/// For each job by its number: a watch started before its enqueue, then what it showed at the handler's first line.
struct PickUps(Mutex<Vec<(Stopwatch, Option<Duration>)>>);

impl PickUps {
    fn start(&self) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((Stopwatch::start(), None));
        all.len() - 1
    }

    fn note(&self, number: usize) {
        if let Some((watch, shown)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number) {
            *shown = shown.or(Some(watch.elapsed()));
        }
    }

    /// In order of length.
    fn take(&self) -> Vec<Duration> {
        let mut all: Vec<Duration> = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
            .into_iter()
            .filter_map(|(_, shown)| shown)
            .collect();
        all.sort();
        all
    }
}

/// A number that no `PickUps` entry has.
const UNWATCHED: usize = usize::MAX;
/// Rows of one closure, as the store's rules have it.
const CHUNK: usize = 500;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(arguments))
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
    let bench = Bench::open(&arguments.url)?;
    bench.enqueue_one_by_one(1, arguments.jobs / 25).await?;
    bench.enqueue_one_by_one(32, arguments.jobs).await?;
    bench.empty().await?;
    bench.enqueue_in_bulk(arguments.jobs).await?;
    // Statistics as an old database has them: a plan that is good only for an empty table must not flatter the figure.
    bench.analyze()?;
    let rate = bench.drain(arguments.jobs).await?;
    bench.say("drain of a backlog, one process", rate, "jobs/s", &json!({ "jobs": arguments.jobs, "finished_jobs_kept": true }));
    bench.pick_up(arguments.pickup_s).await?;
    if bench.app.store.engine() == Database::Postgres && arguments.held_s > 0 {
        bench.work_under_a_held_transaction(&arguments).await?;
    }
    bench.app.store.close().await;
    Ok(())
}

/// The program on the database to be measured.
struct Bench {
    app: App,
    registry: Registry,
    url: String,
    settings: Value,
}

impl Bench {
    fn open(url: &str) -> anyhow::Result<Self> {
        migrate::migrate(url)?;
        let registry = Registry::build(|kinds| {
            kinds.add::<Noop>();
        })?;
        let config = Config::load(&Sources::given([("DATABASE_URL", url)])).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
        let app = App::new(Parts {
            store: Store::open(url)?,
            clock: Clock::machine(),
            transport: Arc::new(ReqwestTransport::new()?),
            vault: Vault::generate(),
            config,
            process_id: "bench-1".into(),
        });
        let settings = settings(&mut Self::connect(url)?)?;
        Ok(Self { app, registry, url: url.to_owned(), settings })
    }

    /// A connection beside the store.
    fn connect(url: &str) -> anyhow::Result<Conn> {
        Ok(match url.strip_prefix("sqlite:") {
            Some(path) => Conn::Sqlite(diesel::sqlite::SqliteConnection::establish(path)?),
            None => Conn::Postgres(diesel::pg::PgConnection::establish(url)?),
        })
    }

    #[expect(clippy::print_stdout, reason = "the figures are this program's output")]
    fn say(&self, what: &str, value: f64, unit: &str, about: &Value) {
        let engine = if self.app.store.engine() == Database::Sqlite { "sqlite" } else { "postgres" };
        let mut settings = self.settings.clone();
        if let (Some(all), Some(about)) = (settings.as_object_mut(), about.as_object()) {
            all.extend(about.clone());
        }
        let value = (value * 100.0).round() / 100.0;
        println!("{}", json!({ "what": what, "engine": engine, "value": value, "unit": unit, "settings": settings }));
    }

    /// Each job in a transaction of its own, as a request would.
    async fn enqueue_one_by_one(&self, producers: usize, jobs: usize) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        let produced = (0..producers).map(|producer| {
            let (store, clock) = (self.app.store.clone(), self.app.clock.clone());
            tokio::spawn(async move {
                for number in 0..jobs / producers {
                    let now = clock.now();
                    let key = format!("{producer}:{number}");
                    store.write("bench.enqueue", &key, move |tx| put(tx, now, UNWATCHED)).await?;
                }
                anyhow::Ok(())
            })
        });
        for producer in produced.collect::<Vec<_>>() {
            producer.await??;
        }
        let count = jobs / producers * producers;
        self.say("enqueue, one a transaction", per_second(count, watch), "jobs/s", &json!({ "producers": producers, "jobs": count }));
        Ok(())
    }

    /// 500 jobs a transaction, from one producer.
    async fn enqueue_in_bulk(&self, jobs: usize) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        self.fill(jobs).await?;
        let about = json!({ "producers": 1, "jobs_a_transaction": CHUNK, "jobs": jobs });
        self.say("enqueue in bulk", per_second(jobs, watch), "jobs/s", &about);
        Ok(())
    }

    async fn fill(&self, jobs: usize) -> anyhow::Result<()> {
        for start in (0..jobs).step_by(CHUNK) {
            let (now, count) = (self.app.clock.now(), CHUNK.min(jobs - start));
            let put_all = move |tx: &mut Tx<'_>| put_all(tx, now, count);
            self.app.store.write("bench.fill", "fill", put_all).await?;
        }
        Ok(())
    }

    fn analyze(&self) -> anyhow::Result<()> {
        Ok(Self::connect(&self.url)?.batch_execute("ANALYZE")?)
    }

    async fn empty(&self) -> anyhow::Result<()> {
        Ok(Self::connect(&self.url)?.batch_execute("DELETE FROM jobs")?)
    }

    /// The worker as `serve` runs it.
    fn start_worker(&self) -> Worker {
        let now = self.app.clock.now();
        let announcement = Announcement {
            id: self.app.process_id.clone(),
            role: "worker".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            host: "bench".into(),
            started_at: now,
            heartbeat_at: now,
        };
        let (stop, stopped) = watch::channel(false);
        let engine = Engine::new(self.app.clone(), self.registry.clone());
        Worker { stop, task: tokio::spawn(worker::work(engine, announcement, stopped)) }
    }

    /// Jobs a second from the worker's start until the last one is finished in the database.
    async fn drain(&self, jobs: usize) -> anyhow::Result<f64> {
        RAN.store(0, Ordering::SeqCst);
        let watch = Stopwatch::start();
        let worker = self.start_worker();
        self.wait_until_finished(0, jobs).await?;
        let rate = per_second(jobs, watch);
        worker.end().await?;
        Ok(rate)
    }

    /// Jobs a second from the first enqueue, in bulk, until the last one is finished; a worker runs all the while.
    async fn flow(&self, jobs: usize) -> anyhow::Result<f64> {
        let before = self.last_id().await?;
        RAN.store(0, Ordering::SeqCst);
        let watch = Stopwatch::start();
        self.fill(jobs).await?;
        self.wait_until_finished(before, jobs).await?;
        Ok(per_second(jobs, watch))
    }

    /// Finished jobs are counted by their ids: to look for unfinished ones would walk over what PostgreSQL cannot clear away.
    async fn wait_until_finished(&self, after_id: i64, jobs: usize) -> anyhow::Result<()> {
        let (watch, all) = (Stopwatch::start(), i64::try_from(jobs)?);
        let finished = jobs::table.filter(jobs::id.gt(after_id)).filter(jobs::finished_at.is_not_null()).count();
        let count = move |conn: &mut Conn| -> throughline::Result<i64> { Ok(on_backend!(conn, |c| finished.get_result(c))?) };
        while RAN.load(Ordering::SeqCst) < jobs || self.app.store.read(count).await.context("counting what is done")? < all {
            if watch.elapsed() > Duration::from_secs(300) {
                bail!("after 300 s only {} of {jobs} jobs had run", RAN.load(Ordering::SeqCst));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    async fn last_id(&self) -> anyhow::Result<i64> {
        let last = |conn: &mut Conn| -> throughline::Result<Option<i64>> {
            Ok(on_backend!(conn, |c| jobs::table.select(diesel::dsl::max(jobs::id)).get_result(c))?)
        };
        Ok(self.app.store.read(last).await?.unwrap_or_default())
    }

    /// 100 jobs a second, from before the call that enqueues to the handler's first line.
    async fn pick_up(&self, seconds: u64) -> anyhow::Result<()> {
        let worker = self.start_worker();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut every = tokio::time::interval(Duration::from_millis(10));
        let count = usize::try_from(seconds)? * 100;
        for number in 0..count {
            every.tick().await;
            let (store, now) = (self.app.store.clone(), self.app.clock.now());
            tokio::spawn(async move {
                let place = PICKED_UP.start();
                store.write("bench.enqueue", &number.to_string(), move |tx| put(tx, now, place)).await
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        worker.end().await?;
        let times = PICKED_UP.take();
        if times.len() != count {
            bail!("{} of {count} jobs were picked up", times.len());
        }
        let about = json!({ "jobs_a_second": 100, "seconds": seconds, "from": "before the enqueue", "to": "the handler's first line" });
        self.say("pick-up latency, p50", at(&times, 50), "ms", &about);
        self.say("pick-up latency, p99", at(&times, 99), "ms", &about);
        Ok(())
    }

    /// A transaction that stays open keeps PostgreSQL from clearing dead rows away, while jobs come and go.
    async fn work_under_a_held_transaction(&self, arguments: &Arguments) -> anyhow::Result<()> {
        let worker = self.start_worker();
        let mut clean = self.flow(arguments.jobs).await?;
        for _ in 0..2 {
            clean = clean.max(self.flow(arguments.jobs).await?);
        }
        let mut holder = Self::connect(&self.url)?;
        holder.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM jobs")?;
        let (watch, held) = (Stopwatch::start(), Duration::from_secs(arguments.held_s));
        let mut rates = Vec::new();
        while watch.elapsed() < held {
            rates.push(self.flow(arguments.jobs).await?);
        }
        let held_s = watch.elapsed().as_secs();
        holder.batch_execute("COMMIT")?;
        worker.end().await?;
        // The last tenth of the time, or the last three rounds where those are more.
        let last = &rates[rates.len() - (rates.len() / 10).max(3).min(rates.len())..];
        let rate = last.iter().sum::<f64>() / f64::from(u32::try_from(last.len())?);
        let about = json!({ "held_s": held_s, "jobs_meanwhile": rates.len() * arguments.jobs, "clean_jobs_a_second": clean.round() });
        self.say("enqueue in bulk and work off, under a transaction held open", rate, "jobs/s", &about);
        self.say("the same, of the clean rate", 100.0 * rate / clean, "%", &about);
        Ok(())
    }
}

/// A running worker.
struct Worker {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Worker {
    async fn end(self) -> anyhow::Result<()> {
        self.stop.send(true)?;
        Ok(self.task.await?)
    }
}

fn put_all(tx: &mut Tx<'_>, now: UtcTime, count: usize) -> QueryResult<()> {
    let (line, job) = (LineId::mint(now), Noop { number: UNWATCHED });
    let new = NewJob { job: &job, line: &line, subject: "bench", unique_key: None, order_key: None, run_at: now };
    enqueue_all(tx, now, &vec![new; count]).map(drop)
}

fn put(tx: &mut Tx<'_>, now: UtcTime, number: usize) -> QueryResult<()> {
    let line = LineId::mint(now);
    let new = NewJob { job: &Noop { number }, line: &line, subject: "bench", unique_key: None, order_key: None, run_at: now };
    enqueue(tx, now, &new).map(drop)
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn per_second(count: usize, watch: Stopwatch) -> f64 {
    count as f64 / watch.elapsed().as_secs_f64()
}

/// A percentile in milliseconds.
fn at(times: &[Duration], percent: usize) -> f64 {
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

/// What the figures depend on.
fn settings(conn: &mut Conn) -> anyhow::Result<Value> {
    let cores = std::thread::available_parallelism()?.get();
    let names: &[&str] = match conn {
        Conn::Postgres(_) => &["fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "server_version"],
        Conn::Sqlite(_) => return Ok(json!({ "cores": cores, "journal_mode": "WAL", "synchronous": "FULL" })),
    };
    let mut settings = json!({ "cores": cores });
    for name in names {
        let setting: Setting = diesel::sql_query(format!("SELECT current_setting('{name}') AS value")).get_result(conn)?;
        settings[*name] = Value::String(setting.value);
    }
    Ok(settings)
}
