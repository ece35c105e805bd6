//! What `scripts/simulate` asks for.

use throughline::db::Engine;

/// A mistake that is planted in the way the engine is driven, so that the simulation can show that it would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    Nothing,
    /// An outcome is written whoever holds the lease.
    Lease,
    /// The outcome is committed before the work is done.
    EarlyFinish,
}

/// Seeds on SQLite and PostgreSQL in an ordinary test run; `scripts/simulate` asks for more.
const SEEDS: (u64, u64) = (40, 4);

/// How many seeds run on this engine.
pub fn seeds(engine: Engine) -> u64 {
    let asked = variable("THROUGHLINE_SIMULATE_SEEDS").map(|text| text.parse().expect("--seeds takes a number"));
    let only = variable("THROUGHLINE_SIMULATE_ENGINE");
    let name = if engine == Engine::Sqlite { "sqlite" } else { "postgres" };
    if only.is_some_and(|only| only != name) || variable("THROUGHLINE_TEST_ENGINES").is_some_and(|wanted| !wanted.contains(name)) {
        return 0;
    }
    asked.unwrap_or(if engine == Engine::Sqlite { SEEDS.0 } else { SEEDS.1 })
}

/// The first seed.
pub fn first_seed() -> u64 {
    variable("THROUGHLINE_SIMULATE_SEED").map_or(1, |text| text.parse().expect("--seed takes a number"))
}

/// Whether the trace of a seed is printed although it holds.
pub fn is_loud() -> bool {
    variable("THROUGHLINE_SIMULATE_LOUD").is_some()
}

#[expect(clippy::disallowed_methods, reason = "the simulation, not the program, reads this")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
