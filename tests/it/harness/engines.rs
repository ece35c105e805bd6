//! Runs one test text on both engines.

use std::future::Future;

use throughline::db::Engine;

use super::app::TestApp;

/// Makes two tests of each function, `name::sqlite` and `name::postgres`, each with an app on a fresh database.
macro_rules! both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {
        $(mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "not every test needs what its file imports")]
            use super::*;

            async fn story($app: $crate::harness::TestApp) $body

            $(#[$meta])*
            #[test]
            fn sqlite() {
                $crate::harness::on_engine(throughline::db::Engine::Sqlite, story);
            }

            $(#[$meta])*
            #[test]
            fn postgres() {
                $crate::harness::on_engine(throughline::db::Engine::Postgres, story);
            }
        })+
    };
}
pub(crate) use both_engines;

/// Runs a test on one engine, on a run-time of its own.
///
/// `THROUGHLINE_TEST_ENGINES=sqlite` leaves PostgreSQL out; otherwise a machine without it fails the test and says so.
pub fn on_engine<F: Future<Output = ()>>(engine: Engine, story: impl FnOnce(TestApp) -> F) {
    if !is_wanted(engine) {
        eprintln!("left out: THROUGHLINE_TEST_ENGINES does not name {engine:?}");
        return;
    }
    let _logs = tracing_subscriber::fmt().with_env_filter("throughline=debug,warn").with_test_writer().try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a run-time starts");
    runtime.block_on(async {
        let app = TestApp::start(engine);
        story(app).await;
    });
}

#[expect(clippy::disallowed_methods, reason = "the harness, not the program, reads this")]
fn is_wanted(engine: Engine) -> bool {
    let wanted = std::env::var("THROUGHLINE_TEST_ENGINES").unwrap_or_default();
    let name = match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    };
    wanted.is_empty() || wanted.split(',').any(|one| one.trim() == name)
}
