//! The seeded simulation: the engine, the store and the real clients against the sandbox, several processes on one store,
//! with faults of the provider, of the wire, of the store and of the processes themselves, and a clock that jumps. One seed
//! is one run, step for step. `scripts/simulate` runs many; a seed that fails prints what happened.

#[path = "../it/harness/cluster.rs"]
mod cluster;
mod dice;
mod ending;
mod ground;
mod laws;
mod model;
mod planted;
mod process;
mod runs;
mod settings;
mod steps;
#[path = "../it/harness/template.rs"]
mod template;
mod trace;
mod wire;
mod world;

use throughline::db::Engine;

use crate::runs::{find_planted, run_seeds, simulate};
use crate::settings::Planted;
use crate::world::Play;

#[test]
fn nothing_is_lost_or_doubled_on_sqlite() {
    run_seeds(Engine::Sqlite, Play::Leads);
}

#[test]
fn nothing_is_lost_or_doubled_on_postgres() {
    run_seeds(Engine::Postgres, Play::Leads);
}

#[test]
fn the_engine_keeps_to_its_model_on_sqlite() {
    run_seeds(Engine::Sqlite, Play::Model);
}

#[test]
fn the_engine_keeps_to_its_model_on_postgres() {
    run_seeds(Engine::Postgres, Play::Model);
}

#[test]
fn one_seed_is_one_run() {
    for seed in 1..=6 {
        for play in [Play::Leads, Play::Model] {
            let [one, other] = [1, 2].map(|_| simulate(Engine::Sqlite, seed, (play, Planted::Nothing)));
            assert!(one.trace.len() > 20, "{} lines", one.trace.len());
            assert_eq!(one.trace, other.trace, "{play:?}, seed {seed}");
        }
    }
}

#[test]
fn an_outcome_written_without_its_lease_is_found() {
    find_planted(Planted::Lease);
}

#[test]
fn an_outcome_written_before_the_work_is_found() {
    find_planted(Planted::EarlyFinish);
}
