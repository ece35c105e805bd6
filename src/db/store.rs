//! The door to the database: `read` for questions, `write` for everything that changes something.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};

use super::conn::{Conn, Engine};
use super::desk::Desks;
use super::fault::WriteRefusal;
use super::inbox::{self, Door, NotTaken};
use super::link::Link;
use super::seat::{Equipment, Seat};
use super::strike::{Strike, Strikes};
use super::target::Target;
use super::task::{Task, WriteError, WriteTask};
use super::tx::{Topic, Tx, WriteMark};
use crate::clock::Clock;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database is away, or everybody reads at once.
    #[error("no database connection is free")]
    Unavailable,
    /// A mistake of ours, in words.
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Writer threads on PostgreSQL (measured: 2 is best on two cores); SQLite always has one.
    pub writers: usize,
    /// How many reads run at once.
    pub readers: u32,
    /// How many writes may wait for one writer; one more is answered `Busy`.
    pub queue_max: usize,
    /// How long a writer insists on SQLite's lock, or on the fate of a lost COMMIT.
    pub patience: Duration,
    /// How long PostgreSQL may keep a connection waiting before another takes its place; longer than any statement may take.
    pub hang_max: Duration,
    pub clock: Clock,
    /// Run on each new connection of a writer: tests limit the size of the database with it.
    pub setup_sql: Option<String>,
    /// What befalls writes on their way, in tests.
    pub strikes: Strikes,
}

impl StoreOptions {
    /// What `serve` uses.
    pub fn new(url: &str, clock: Clock) -> Self {
        Self {
            url: url.to_owned(),
            writers: 2,
            readers: 8,
            queue_max: 1024,
            patience: Duration::from_secs(10),
            hang_max: Duration::from_secs(35),
            clock,
            setup_sql: None,
            strikes: Strikes::default(),
        }
    }
}

/// A writer is asked for its last sign of life a little after the caller's patience: the caller came first.
const HANG_MARGIN: Duration = Duration::from_secs(1);

/// The database. Clones share pool and writers.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    target: Target,
    clock: Clock,
    readers: Desks,
    /// None after `close`.
    writers: RwLock<Option<Doors>>,
    /// Where the doors lead to.
    seats: Vec<Seat>,
    hang_max: Duration,
    topics: broadcast::Sender<Topic>,
    changes_told: Arc<AtomicU64>,
    strikes: Strikes,
}

/// The ways to the writers.
#[derive(Clone)]
struct Doors {
    ordinary: Vec<Door>,
    /// Of the last seat. PostgreSQL lets bulk work run beside everything else, in a writer of its own; SQLite has one writer, which
    /// shares its time.
    bulk: Door,
}

/// Where a write goes.
#[derive(Clone, Copy)]
enum Way {
    /// To the writer of this key, by its hash.
    Ordinary(u64),
    Bulk,
}

impl Store {
    /// Opens the database named by the URL (`sqlite:PATH` or `postgres://…`), as `serve` does.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        Self::open_with(StoreOptions::new(url, Clock::machine()))
    }

    /// Opens the database. Fails, naming the remedy, when it cannot be reached or written; changes nothing in it.
    pub fn open_with(options: StoreOptions) -> anyhow::Result<Self> {
        let target = Target::parse(&options.url)?;
        target.make_folder()?;
        let mut first = Some(Link::open(&target, options.setup_sql.as_deref())?);
        if let Some(link) = &mut first {
            link.prove_writable(&target)?;
        }
        let topics = broadcast::channel(1024).0;
        let changes_told = Arc::new(AtomicU64::new(0));
        let (mut doors, mut seats) = (Vec::new(), Vec::new());
        let (ordinary, bulk) = if target.engine() == Engine::Sqlite { (1, 0) } else { (options.writers.max(1), 1) };
        for number in 0..ordinary + bulk {
            let (door, inbox) = inbox::inbox(options.queue_max);
            let equipment = Equipment {
                number,
                target: target.clone(),
                clock: options.clock.clone(),
                topics: topics.clone(),
                changes_told: changes_told.clone(),
                setup_sql: options.setup_sql.clone(),
                patience: options.patience,
            };
            seats.push(Seat::fill(equipment, inbox, first.take())?);
            doors.push(door);
        }
        let bulk = doors[ordinary + bulk - 1].clone();
        doors.truncate(ordinary);
        Ok(Self(Arc::new(Inner {
            readers: Desks::new(target.clone(), options.readers),
            target,
            clock: options.clock,
            writers: RwLock::new(Some(Doors { ordinary: doors, bulk })),
            seats,
            hang_max: options.hang_max,
            topics,
            changes_told,
            strikes: options.strikes,
        })))
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        self.0.target.engine()
    }

    /// The clock that stamps what the store itself writes.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Asks a question. Never changes anything: readers are read-only on both engines. An error inside a write closure.
    pub fn read<T, E>(&self, ask: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<ReadError> + Send + 'static,
    {
        // Looked at now, not when first polled: by then the future may be on another thread.
        let misplaced = WriteMark::is_set();
        let store = Arc::clone(&self.0);
        async move {
            if misplaced || WriteMark::is_set() {
                return Err(ReadError::Failed("read was called inside a write closure; use the closure's own connection".into()).into());
            }
            let desk = store.readers.open();
            match store.unless_it_hangs(desk.ask(ask)).await.unwrap_or(Err(ReadError::Unavailable)) {
                Ok(answered) => answered,
                Err(cause) => {
                    store.readers.leave(&desk, store.hang_max);
                    Err(cause.into())
                }
            }
        }
    }

    /// Changes something: the closure runs inside a savepoint of a group commit, and the answer comes after the commit.
    /// `key` chooses the writer, so that closures touching the same rows never meet. The closure may run again; it has
    /// no effect outside `tx`, and after a database error it ends (ON CONFLICT is how it goes on).
    pub fn write<T, E>(
        &self,
        name: &'static str,
        key: &str,
        change: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, WriteError<E>>> + Send
    where
        T: Send + 'static,
        E: WriteRefusal,
    {
        self.hand_in(Way::Ordinary(hash(key)), name, change)
    }

    /// As `write`, for work that nobody waits for and that would otherwise hold up those who are waited for: retention,
    /// backfills, acts on thousands of rows. Each call is one chunk of at most 500 rows and a transaction of its own. PostgreSQL
    /// runs it beside ordinary writes; on SQLite a stream of these leaves it a quarter of the time, and else it runs at once.
    /// `Busy` when too many chunks wait. Chunks never run beside each other.
    pub fn write_bulk<T, E>(
        &self,
        name: &'static str,
        change: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, WriteError<E>>> + Send
    where
        T: Send + 'static,
        E: WriteRefusal,
    {
        self.hand_in(Way::Bulk, name, change)
    }

    fn hand_in<T, E>(
        &self,
        way: Way,
        name: &'static str,
        change: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, WriteError<E>>> + Send
    where
        T: Send + 'static,
        E: WriteRefusal,
    {
        let misplaced = WriteMark::is_set();
        let store = Arc::clone(&self.0);
        async move {
            if misplaced || WriteMark::is_set() {
                return Err(WriteError::NotWritten(format!("`{name}` was called inside a write closure")));
            }
            let strike = store.strikes.on(name);
            if strike == Some(Strike::Refused) {
                return Err(WriteError::NotWritten("refused by a test".into()));
            }
            let (caller, answer) = oneshot::channel();
            let task = Box::new(WriteTask::new(name, change, caller));
            let seat = store.hand_over(way, task)?;
            // The sender vanishes only with a writer that died: what it did then is not known.
            let answered = match store.unless_it_hangs(answer).await {
                Some(answered) => answered.unwrap_or(Err(WriteError::Unknown)),
                None => {
                    seat.relieve_if_stuck(store.hang_max);
                    Err(WriteError::Unknown)
                }
            };
            if strike == Some(Strike::AnswerLost) { Err(WriteError::Unknown) } else { answered }
        }
    }

    /// How many writers there are: work that is spread over so many keys keeps all of them busy.
    pub fn writers(&self) -> usize {
        self.0.writers.read().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |doors| doors.ordinary.len())
    }

    /// How many writes wait for each writer: for metrics. None after `close`.
    pub fn queue_lengths(&self) -> Vec<usize> {
        let writers = self.0.writers.read().unwrap_or_else(PoisonError::into_inner);
        writers.iter().flat_map(|doors| &doors.ordinary).map(Door::waiting).collect()
    }

    /// Keys of one name that go to different writers: as many as asked for, spread over the writers there are.
    pub fn spread_keys(&self, name: &str, count: usize) -> Vec<String> {
        let writers = self.writers().max(1) as u64;
        let mut keys = Vec::with_capacity(count);
        for place in 0..count as u64 {
            let fits = |key: &String| hash(key) % writers == place % writers && !keys.contains(key);
            keys.extend((0..u32::MAX).map(|number| format!("{name}.{number}")).find(fits));
        }
        keys
    }

    /// Hears which topics committed writes touched.
    pub fn subscribe(&self) -> broadcast::Receiver<Topic> {
        self.0.topics.subscribe()
    }

    /// How many changes this process has told listeners so far: whoever subscribes late learns that they missed one.
    pub fn changes_told(&self) -> u64 {
        self.0.changes_told.load(Ordering::SeqCst)
    }

    /// Waits until every write that was accepted so far has been answered.
    pub async fn flush(&self) {
        let Some(Doors { ordinary, bulk }) = self.0.writers.read().unwrap_or_else(PoisonError::into_inner).clone() else { return };
        for door in ordinary.into_iter().chain([bulk]) {
            let (ordinary, ordinary_end) = barrier();
            let (bulk, bulk_end) = barrier();
            let _put = tokio::task::spawn_blocking(move || door.put_behind_all(ordinary, bulk)).await;
            let _ended = (ordinary_end.await, bulk_end.await);
        }
    }

    /// Takes no more writes, finishes those it has, and ends the writers.
    pub async fn close(&self) {
        self.0.writers.write().unwrap_or_else(PoisonError::into_inner).take();
        let store = Arc::clone(&self.0);
        let _ended = tokio::task::spawn_blocking(move || store.seats.iter().for_each(|seat| seat.wait_for_end(store.hang_max))).await;
    }
}

impl Inner {
    /// None: PostgreSQL has neither answered nor closed the connection for longer than any statement may take. (SQLite's
    /// file does not hang; it says BUSY.)
    async fn unless_it_hangs<T>(&self, waiting: impl Future<Output = T>) -> Option<T> {
        match self.target.engine() {
            Engine::Sqlite => Some(waiting.await),
            Engine::Postgres => tokio::time::timeout(self.hang_max + HANG_MARGIN, waiting).await.ok(),
        }
    }

    /// Tells whose inbox it went to.
    fn hand_over<E>(&self, way: Way, task: Box<dyn Task>) -> Result<&Seat, WriteError<E>> {
        let writers = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Doors { ordinary, bulk }) = writers.as_ref() else {
            return Err(WriteError::NotWritten("the program is stopping".into()));
        };
        let (place, offered) = match way {
            Way::Bulk => (self.seats.len() - 1, bulk.offer_bulk(task)),
            Way::Ordinary(hash) => {
                let place = usize::try_from(hash % ordinary.len() as u64).unwrap_or_default();
                (place, ordinary[place].offer(task))
            }
        };
        match offered {
            Ok(()) => Ok(&self.seats[place]),
            Err(NotTaken::Full) => Err(WriteError::Busy),
            Err(NotTaken::Ended) => Err(WriteError::NotWritten("the writer has ended".into())),
        }
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

type Barrier = oneshot::Receiver<Result<(), WriteError<diesel::result::Error>>>;

/// A write that does nothing; it is answered when everything before it has been.
fn barrier() -> (Box<dyn Task>, Barrier) {
    let (caller, answer) = oneshot::channel();
    let nothing = |tx: &mut Tx<'_>| {
        tx.wrote_nothing();
        Ok::<(), diesel::result::Error>(())
    };
    (Box::new(WriteTask::new("store.flush", nothing, caller)), answer)
}
