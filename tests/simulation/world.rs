//! One simulated world: a store, a provider, a clock, and processes that come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use diesel::prelude::*;
use secrecy::SecretString;
use throughline::app::{App, Parts};
use throughline::clock::{Clock, UtcTime};
use throughline::config::{Config, Sources};
use throughline::connections::{self, ConnectForm, Occasion};
use throughline::db::schema::{job_attempts, jobs};
use throughline::db::{Conn, Engine as DatabaseEngine, Store, Strike, Strikes};
use throughline::outbox::{Engine, JobId, JobRow, Registry};
use throughline::sandbox::{Options, Sandbox};
use throughline::vault::Vault;

use crate::dice::Dice;
use crate::ground::Ground;
use crate::laws::{Broken, Law};
use crate::model::{Model, kinds};
use crate::process::Process;
use crate::settings::Planted;
use crate::steps::told;
use crate::trace::Trace;
use crate::wire::Wire;

/// Mishaps in a hundred calls to the provider, and strikes in a hundred writes, while the storm lasts.
const STORM: (u64, u64) = (35, 12);

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// Leads, with the real clients.
    Leads,
    /// Jobs of the model.
    Model,
}

pub struct World {
    pub play: Play,
    pub model: Model,
    pub dice: Dice,
    pub trace: Trace,
    pub clock: Clock,
    pub sandbox: Sandbox,
    pub store: Store,
    pub registry: Registry,
    pub planted: Planted,
    /// Whether the CRM keeps our id in a unique field: then exactly once, else never twice by our doing.
    pub has_external_field: bool,
    /// One process at a time, as on SQLite in production; the next one takes over at once what the last one held.
    pub is_alone: bool,
    pub processes: Vec<Process>,
    /// Process id -> when it last wrote down that it lives.
    pub beats: BTreeMap<String, UtcTime>,
    /// Lines of the leads whose intake was committed.
    pub accepted: Vec<String>,
    pub born: usize,
    /// How often each job was taken back.
    taken_back: BTreeMap<JobId, usize>,
    /// The jobs as they stood when the laws were last looked at.
    seen: Vec<JobRow>,
    config: Config,
    vault: Vault,
    mishaps: Arc<AtomicU64>,
    strikes: Arc<AtomicU64>,
    /// How many writes were refused so far.
    refused: Arc<AtomicU64>,
    /// Last: the store is closed before its database goes.
    _ground: Ground,
}

impl World {
    pub async fn new(engine: DatabaseEngine, seed: u64, (play, planted): (Play, Planted)) -> Self {
        throughline::random::seed_this_thread(seed);
        let dice = Dice::of(seed);
        let ground = Ground::new(engine);
        let start = NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a real time");
        let clock = Clock::manual(start);
        let (trace, config) = (Trace::new(clock.clone()), config(ground.url()));
        let (strikes, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let has_external_field = dice.percent(60);
        let sandbox = Sandbox::new(Options { external_field: has_external_field.then(|| "External_Lead_Id".into()), ..Options::default() });
        let mut world = Self {
            store: ground.store(clock.clone(), strikes_by_chance((&dice, &trace), &strikes, &refused)),
            vault: vault(),
            registry: match play {
                Play::Leads => throughline::registry(&config).expect("every kind has a name of its own"),
                Play::Model => kinds::registry(),
            },
            play,
            model: Model::default(),
            is_alone: dice.percent(25),
            processes: Vec::new(),
            beats: BTreeMap::new(),
            accepted: Vec::new(),
            born: 0,
            taken_back: BTreeMap::new(),
            seen: Vec::new(),
            mishaps: Arc::default(),
            _ground: ground,
            config,
            dice,
            trace,
            clock,
            sandbox,
            planted,
            has_external_field,
            strikes,
            refused,
        };
        let count = if world.is_alone { 1 } else { world.dice.between(2, 3) };
        let field = if has_external_field { "with" } else { "without" };
        world.trace.say("world", format!("{count} at a time, a CRM {field} the unique field"));
        world.connect().await;
        for _ in 0..count {
            world.start_process().await.expect("nothing is wrong at the beginning");
        }
        world.let_storm_begin();
        kinds::let_decide(Some(world.dice.clone()));
        world
    }

    pub fn let_storm_begin(&self) {
        self.mishaps.store(STORM.0, Ordering::SeqCst);
        self.strikes.store(STORM.1, Ordering::SeqCst);
    }

    pub fn let_storm_end(&self) {
        self.mishaps.store(0, Ordering::SeqCst);
        self.strikes.store(0, Ordering::SeqCst);
        kinds::let_decide(None);
    }

    /// A person connects Zoho, for the first time or again.
    pub async fn connect(&self) {
        let form = ConnectForm { client_id: None, client_secret: None, refresh_token: SecretString::from("sandbox") };
        let (app, _wire) = self.app("a person");
        connections::connect(&app, form, Occasion::Any { actor: "cli".into(), address: None }).await.expect("the sandbox connects");
        self.trace.say("person", "connects Zoho");
    }

    /// Starts a process. On SQLite one that is alone knows that all others are dead, and takes back what they held.
    pub async fn start_process(&mut self) -> Result<(), Broken> {
        self.born += 1;
        let name = format!("worker-{}", self.born);
        let (app, wire) = self.app(&name);
        let engine = Engine::new(app.clone(), self.registry.clone());
        // Whoever cannot announce himself ends, and is started again by whatever supervises him.
        while engine.beat(Process::announcement(&app, self.clock.now())).await.is_err() {}
        let rescued = if self.is_alone && self.store.engine() == DatabaseEngine::Sqlite {
            engine.rescue_at_start().await
        } else {
            engine.rescue_silent().await
        };
        self.trace.say(&name, format!("starts and takes back what others held: {}", told(rescued)));
        self.beats.insert(name.clone(), self.clock.now());
        self.processes.push(Process { name, engine, wire, in_hand: Vec::new() });
        self.check(&Law::JobsAreTakenBack).await
    }

    /// Holds the jobs as they are against the law of what was just done.
    pub async fn check(&mut self, law: &Law) -> Result<(), Broken> {
        let after = self.rows().await;
        let before = std::mem::replace(&mut self.seen, after);
        law.holds(self, &before, &self.seen)?;
        for (was, is) in before.iter().zip(&self.seen).filter(|_| *law == Law::JobsAreTakenBack) {
            *self.taken_back.entry(was.id).or_default() += usize::from(was.lease_token != is.lease_token);
        }
        if self.play == Play::Model { self.hold_against_model(law, &before).await } else { Ok(()) }
    }

    /// How often a job was taken back from those who ran it.
    pub fn times_taken_back(&self, id: JobId) -> usize {
        self.taken_back.get(&id).copied().unwrap_or_default()
    }

    /// The jobs as they stood when the laws were last looked at.
    pub fn seen(&self) -> &[JobRow] {
        &self.seen
    }

    /// How many writes were refused so far: whoever was not refused has written, also where the answer was lost.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// Every job, oldest first.
    pub async fn rows(&self) -> Vec<JobRow> {
        self.ask(|conn| jobs::table.order(jobs::id).select(JobRow::as_select()).load(conn)).await
    }

    /// How many attempts ended with the process that made them.
    pub async fn count_rescued(&self) -> i64 {
        self.ask(|conn| job_attempts::table.filter(job_attempts::outcome.eq("rescued")).count().get_result(conn)).await
    }

    pub async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(&mut Conn) -> QueryResult<T> + Send + 'static) -> T {
        self.store.read(move |conn| ask(conn).map_err(throughline::Error::from)).await.expect("the database answers")
    }

    fn app(&self, name: &str) -> (App, Wire) {
        let wire = Wire::new(self, name, Arc::clone(&self.mishaps));
        let app = App::new(Parts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            transport: Arc::new(wire.clone()),
            vault: self.vault.clone(),
            config: self.config.clone(),
            process_id: name.to_owned(),
        });
        (app, wire)
    }
}

/// Only what the engine and the intake write is struck: refreshes of tokens wait for each other by the machine's own clock.
fn strikes_by_chance((dice, trace): (&Dice, &Trace), percent: &Arc<AtomicU64>, refused: &Arc<AtomicU64>) -> Strikes {
    let (dice, trace, percent, refused) = (dice.clone(), trace.clone(), Arc::clone(percent), Arc::clone(refused));
    Strikes::decided_by(move |write| {
        let may_strike = write.starts_with("outbox.") || write == "leads.receive";
        if !may_strike || !dice.percent(percent.load(Ordering::SeqCst)) {
            return None;
        }
        let strike = dice.pick(&[Strike::Refused, Strike::AnswerLost]);
        let words = match strike {
            Strike::Refused => "is refused",
            Strike::AnswerLost => "is committed, and its answer is lost",
        };
        refused.fetch_add(u64::from(strike == Strike::Refused), Ordering::SeqCst);
        trace.say("store", format!("    `{write}` {words}"));
        Some(strike)
    })
}

fn config(url: &str) -> Config {
    let sources = Sources::given([
        ("DATABASE_URL", url),
        ("ZOHO_CLIENT_ID", "client"),
        ("ZOHO_CLIENT_SECRET", "secret"),
        ("ZOHO_ACCOUNTS_URL", "http://sandbox.test"),
        ("ZOHO_API_URL", "http://sandbox.test"),
    ]);
    Config::load(&sources).expect("the simulation's configuration")
}

fn vault() -> Vault {
    static VAULT: OnceLock<Vault> = OnceLock::new();
    VAULT.get_or_init(Vault::generate).clone()
}
