//! Runs seeds, two at a time, and tells of those that fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use throughline::clock::Stopwatch;
use throughline::db::Engine;
use throughline::outbox::JobState;

use crate::laws::Broken;
use crate::settings::{self, Planted};
use crate::world::{Play, World};

/// Steps while the storm lasts.
const STEPS: std::ops::RangeInclusive<usize> = 30..=150;
/// Within so many seeds a planted mistake must be found.
const PLANTED_SEEDS_MAX: u64 = 500;

/// How one seed went.
pub struct Run {
    pub seed: u64,
    pub trace: Vec<String>,
    pub broken: Option<String>,
    pub tally: Tally,
}

/// What there was to get wrong.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    jobs: usize,
    processes: usize,
    rescued: i64,
    uncertain: usize,
    dead: usize,
}

impl Tally {
    async fn of(world: &World) -> Self {
        let count = |state| world.seen().iter().filter(|row| row.state == state).count();
        Self {
            jobs: world.seen().len(),
            processes: world.born,
            rescued: world.count_rescued().await,
            uncertain: count(JobState::Uncertain),
            dead: count(JobState::Dead),
        }
    }

    fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.processes += other.processes;
        self.rescued += other.rescued;
        self.uncertain += other.uncertain;
        self.dead += other.dead;
    }
}

/// Runs one seed.
pub fn simulate(engine: Engine, seed: u64, play: (Play, Planted)) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a run-time starts");
    runtime.block_on(async {
        let mut world = World::new(engine, seed, play).await;
        let trace = world.trace.clone();
        let told = live(&mut world).await;
        let run = Run { seed, trace: trace.lines(), broken: told.err().map(|Broken(why)| why), tally: Tally::of(&world).await };
        world.store.close().await;
        run
    })
}

async fn live(world: &mut World) -> Result<(), Broken> {
    let steps = world.dice.between(*STEPS.start(), *STEPS.end());
    for _ in 0..steps {
        world.step().await?;
    }
    world.settle().await?;
    world.judge().await
}

/// Runs as many seeds as are asked for; the first that fails is told with all that happened in it.
pub fn run_seeds(engine: Engine, play: Play) {
    let (first, count) = (settings::first_seed(), settings::seeds(engine));
    let watch = Stopwatch::start();
    let (failed, all) = run_range(engine, first..first + count, (play, Planted::Nothing));
    if let Some(run) = failed {
        panic!("{}", told(engine, &run));
    }
    say(&format!(
        "simulate: {play:?}, {count} seeds from {first} on {engine:?} in {:.1} s: {} jobs, none lost and none doubled; {} processes, \
         {} attempts rescued, {} jobs refused for good, {} left to a person",
        watch.elapsed().as_secs_f64(),
        all.jobs,
        all.processes,
        all.rescued,
        all.dead,
        all.uncertain
    ));
}

/// Looks for the planted mistake.
pub fn find_planted(planted: Planted) {
    let first = settings::first_seed();
    let (failed, _) = run_range(Engine::Sqlite, first..first + PLANTED_SEEDS_MAX, (Play::Leads, planted));
    let run = failed.unwrap_or_else(|| panic!("{planted:?} was planted and not found within {PLANTED_SEEDS_MAX} seeds"));
    say(&format!("simulate: {planted:?} was planted, and found with seed {}: {}", run.seed, run.broken.as_deref().unwrap_or_default()));
}

/// The first seed that fails, if any, and what there was.
fn run_range(engine: Engine, seeds: std::ops::Range<u64>, play: (Play, Planted)) -> (Option<Run>, Tally) {
    let (next, failed, all) = (AtomicU64::new(seeds.start), Mutex::new(None::<Run>), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end || failed.lock().expect("nobody panics with it").is_some() {
                        return;
                    }
                    let run = catch_unwind(AssertUnwindSafe(|| simulate(engine, seed, play)));
                    let run = run.unwrap_or_else(|_| panicked(seed));
                    all.lock().expect("nobody panics with it").add(run.tally);
                    if settings::is_loud() {
                        say(&format!("seed {seed}\n{}", run.trace.join("\n")));
                    }
                    if run.broken.is_some() {
                        let mut first = failed.lock().expect("nobody panics with it");
                        if first.as_ref().is_none_or(|other| other.seed > seed) {
                            *first = Some(run);
                        }
                    }
                }
            });
        }
    });
    (failed.into_inner().expect("nobody panics with it"), all.into_inner().expect("nobody panics with it"))
}

fn panicked(seed: u64) -> Run {
    Run { seed, trace: Vec::new(), broken: Some("the simulation itself panicked; see above".into()), tally: Tally::default() }
}

fn told(engine: Engine, run: &Run) -> String {
    let engine = if engine == Engine::Sqlite { "sqlite" } else { "postgres" };
    let why = run.broken.as_deref().unwrap_or("it holds");
    format!("{}\n\nseed {}: {why}\nscripts/simulate --engine {engine} --seed {} --seeds 1", run.trace.join("\n"), run.seed, run.seed)
}

#[expect(clippy::print_stdout, reason = "scripts/simulate shows it")]
fn say(text: &str) {
    println!("{text}");
}
