//! Schedules: each due time once, whoever looks; what is missed, held or still running leaves a row that says so.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use throughline::app::App;
use throughline::clock::UtcTime;
use throughline::db::Tx;
use throughline::db::schema::{audit, jobs, schedule_runs};
use throughline::outbox::admin::Request;
use throughline::outbox::schedules::{self, Missed, Overlap, RunOutcome, Schedule};
use throughline::outbox::{Claimed, Engine, Job, JobId, JobState, Lane, NewJob, Outcome, Registry, Repeatable, Report, enqueue};
use throughline::{Error, Result};

use crate::harness::{Whole, both_engines};

#[derive(Clone, Serialize, Deserialize)]
struct Tick {}

impl Job for Tick {
    const KIND: &'static str = "test.tick";
    const LANE: Lane = Lane::Sync;
    const REPEATABLE: Repeatable = Repeatable::Always;

    async fn run_batch(_: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        members.iter().map(|_| Outcome::Done(json!("ticked")).into()).collect()
    }
}

fn every(cron: &str) -> Schedule {
    Schedule::new("test.every", cron, chrono_tz::UTC, |tx, now, line| {
        enqueue(tx, now, &NewJob { job: &Tick {}, line, subject: "test", unique_key: None, order_key: None, run_at: now })
    })
    .expect("a pattern")
}

async fn tick(app: &App, schedule: &Schedule) -> usize {
    schedules::tick(app, std::slice::from_ref(schedule)).await.expect("a tick")
}

/// Runs the jobs of the schedule to their end.
async fn run(whole: &Whole) {
    let registry = Registry::build(|kinds| {
        kinds.add::<Tick>();
    });
    Engine::new(whole.app.clone(), registry.expect("one kind")).run_until_idle().await.expect("the engine turns");
}

/// Due time and outcome of each run, oldest first.
async fn history(whole: &Whole) -> Vec<(String, RunOutcome)> {
    let rows: Vec<(UtcTime, RunOutcome)> = whole
        .ask(|conn| schedule_runs::table.order(schedule_runs::due_at).select((schedule_runs::due_at, schedule_runs::outcome)).load(conn))
        .await;
    rows.into_iter().map(|(due_at, outcome)| (due_at.format("%H:%M").to_string(), outcome)).collect()
}

fn told(expected: &[(&str, RunOutcome)]) -> Vec<(String, RunOutcome)> {
    expected.iter().map(|(due_at, outcome)| ((*due_at).to_owned(), *outcome)).collect()
}

async fn count_jobs(whole: &Whole) -> i64 {
    whole.ask(|conn| jobs::table.filter(jobs::kind.eq(Tick::KIND)).count().get_result(conn)).await
}

fn by(whole: &Whole) -> Request {
    Request { actor: "user:1".into(), reason: Some("maintenance".into()), address: None, now: whole.app.clock.now() }
}

async fn act<T: Send + 'static>(app: &App, act: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
    app.store.write("test.act", "test", act).await.map_err(Error::from)
}

async fn run_now(app: &App, schedule: &Schedule, by: Request) -> Result<JobId> {
    let (schedule, process_id) = (schedule.clone(), app.process_id.clone());
    act(app, move |tx| schedules::run_now(tx, &schedule, &process_id, &by)).await
}

async fn pause(whole: &Whole, schedule: &Schedule, until: Option<&str>) -> Result<()> {
    let (schedule, by) = (schedule.clone(), by(whole));
    let until = until.map(|until| NaiveDateTime::parse_from_str(until, "%Y-%m-%d %H:%M").expect("a time"));
    act(&whole.app, move |tx| schedules::pause(tx, &schedule, until, &by)).await
}

async fn resume(whole: &Whole, schedule: &Schedule) -> Result<()> {
    let (schedule, by) = (schedule.clone(), by(whole));
    act(&whole.app, move |tx| schedules::resume(tx, &schedule, &by)).await
}

use RunOutcome::{ByHand, Fired, Overlapped, Paused};

both_engines! {
    async fn each_due_time_fires_once_however_often_it_is_looked_at(app: TestApp) {
        let whole = app.whole().await;
        let due = throughline::schedules(&whole.app).expect("the schedules");
        assert_eq!(schedules::tick(&whole.app, &due).await.expect("a tick"), 3, "09:00: two quarters and the day");
        assert_eq!(schedules::tick(&whole.app, &due).await.expect("a tick"), 0);
        app.clock.advance(Duration::from_millis(1_250));
        assert_eq!(schedules::tick(&whole.app, &due).await.expect("a tick"), 0, "between two seconds nothing new is due");
    }

    async fn two_processes_that_tick_together_fire_each_due_time_once(app: TestApp) {
        let whole = app.whole().await;
        let other = whole.elsewhere(&app);
        let schedule = every("* * * * *").when_overlapping(Overlap::Allow);
        for _ in 0..40 {
            let (one, two) = futures_util::future::join(tick(&whole.app, &schedule), tick(&other, &schedule)).await;
            assert_eq!(one + two, 1);
            app.clock.advance(Duration::from_secs(60));
        }
        assert_eq!((count_jobs(&whole).await, history(&whole).await.len()), (40, 40));
        other.store.close().await;
    }

    async fn what_was_missed_is_made_up_once_and_each_miss_leaves_a_row(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        run(&whole).await;
        app.clock.advance(Duration::from_secs(3 * 3600 + 600));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("10:00", RunOutcome::Missed), ("11:00", RunOutcome::Missed), ("12:00", Fired)]));
        let lateness = whole.ask(|conn| schedule_runs::table.order(schedule_runs::due_at.desc())
            .select((schedule_runs::due_at, schedule_runs::decided_at)).first::<(UtcTime, UtcTime)>(conn)).await;
        assert_eq!(lateness.1 - lateness.0, TimeDelta::minutes(10));
    }

    async fn a_schedule_that_skips_what_was_missed_waits_for_its_next_time(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *").when_missed(Missed::Skip);
        tick(&whole.app, &schedule).await;
        run(&whole).await;
        app.clock.advance(Duration::from_secs(2 * 3600 + 61));
        assert_eq!(tick(&whole.app, &schedule).await, 0, "a minute and a second too late");
        app.clock.advance(Duration::from_secs(3600 - 2));
        assert_eq!(tick(&whole.app, &schedule).await, 1, "59 s late is a busy process, not a missed time");
        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("10:00", RunOutcome::Missed), ("11:00", RunOutcome::Missed), ("12:00", Fired)]));
    }

    async fn of_very_many_missed_times_the_last_hundred_leave_rows(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("* * * * *");
        tick(&whole.app, &schedule).await;
        run(&whole).await;
        app.clock.advance(Duration::from_secs(10 * 24 * 3600));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        assert_eq!(history(&whole).await.len(), 1 + 100);
        assert_eq!(tick(&whole.app, &schedule).await, 0);
    }

    async fn a_run_is_skipped_while_the_one_before_is_unfinished(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        tick(&whole.app, &schedule).await;
        app.clock.advance(Duration::from_secs(3600));
        assert_eq!(tick(&whole.app, &schedule).await, 0, "its job has not run");
        run(&whole).await;
        app.clock.advance(Duration::from_secs(3600));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        app.clock.advance(Duration::from_secs(3600));
        assert_eq!(tick(&whole.app, &schedule.clone().when_overlapping(Overlap::Allow)).await, 1, "allowed to overlap");
        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("10:00", Overlapped), ("11:00", Fired), ("12:00", Fired)]));
    }

    async fn a_held_schedule_lets_its_times_pass_until_the_pause_ends(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        tick(&whole.app, &schedule).await;
        run(&whole).await;
        assert!(matches!(pause(&whole, &schedule, Some("2026-11-22 08:00")).await, Err(Error::Conflict(_))), "an end in the past");
        pause(&whole, &schedule, Some("2026-11-22 12:00")).await.expect("it is held");
        app.clock.advance(Duration::from_secs(3600));
        assert_eq!(tick(&whole.app, &schedule).await, 0);
        // Nobody ticks at 11:00; at 12:00, when the pause has ended, 11:00 was one of the pause all the same.
        app.clock.advance(Duration::from_secs(2 * 3600));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("10:00", Paused), ("11:00", Paused), ("12:00", Fired)]));
        let row = whole.ask(|conn| schedule_runs::table.filter(schedule_runs::outcome.eq(Paused))
            .select((schedule_runs::actor, schedule_runs::reason)).first::<(Option<String>, Option<String>)>(conn)).await;
        assert_eq!(row, (Some("user:1".into()), Some("maintenance".into())));
    }

    async fn a_resumed_schedule_fires_at_its_next_time_and_not_for_those_that_passed(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        tick(&whole.app, &schedule).await;
        run(&whole).await;
        pause(&whole, &schedule, None).await.expect("it is held");
        app.clock.advance(Duration::from_secs(90 * 60));
        resume(&whole, &schedule).await.expect("it goes on");
        assert!(matches!(resume(&whole, &schedule).await, Err(Error::Conflict(_))), "a second time");
        assert_eq!(tick(&whole.app, &schedule).await, 0);
        app.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("10:00", Paused), ("11:00", Fired)]));
        let acts: Vec<(String, String, Option<String>)> = whole.ask(|conn| audit::table.filter(audit::subject.eq("schedule:test.every"))
            .order(audit::id).select((audit::actor, audit::action, audit::reason)).load(conn)).await;
        let act = |action: &str| ("user:1".to_owned(), action.to_owned(), Some("maintenance".to_owned()));
        assert_eq!(acts, [act("schedules.pause"), act("schedules.resume")]);
    }

    async fn a_run_by_hand_leaves_the_due_times_alone_and_never_runs_over_another(app: TestApp) {
        let whole = app.whole().await;
        let other = whole.elsewhere(&app);
        let schedule = every("0 * * * *");
        tick(&whole.app, &schedule).await;
        run(&whole).await;
        app.clock.advance(Duration::from_secs(30 * 60));
        pause(&whole, &schedule, None).await.expect("it is held: a person may run it all the same");

        let (one, two) = futures_util::future::join(run_now(&whole.app, &schedule, by(&whole)), run_now(&other, &schedule, by(&whole))).await;
        let refused = one.as_ref().err().or(two.as_ref().err()).expect("one of the two is refused").to_string();
        assert!(one.is_ok() != two.is_ok() && refused.contains("has not ended: its job"), "{refused}");
        resume(&whole, &schedule).await.expect("it goes on");
        run(&whole).await;
        app.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(tick(&whole.app, &schedule).await, 1);

        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("09:30", ByHand), ("10:00", Fired)]));
        let acts: i64 = whole.ask(|conn| audit::table.filter(audit::action.eq("schedules.run")).count().get_result(conn)).await;
        assert_eq!(acts, 1);
        other.store.close().await;
    }

    async fn a_run_by_hand_at_a_due_time_does_not_take_its_place(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        run_now(&whole.app, &schedule, by(&whole)).await.expect("at 09:00 sharp");
        run(&whole).await;
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        assert_eq!(history(&whole).await, told(&[("09:00", Fired), ("09:00", ByHand)]));
    }

    async fn a_clock_that_jumps_ahead_and_back_fires_nothing_twice_and_goes_on(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("*/15 * * * *").when_overlapping(Overlap::Allow);
        tick(&whole.app, &schedule).await;
        app.clock.shift(TimeDelta::hours(1));
        assert_eq!(tick(&whole.app, &schedule).await, 1, "10:00, as far as anyone can tell");
        app.clock.shift(TimeDelta::minutes(-59));
        for _ in 0..4 {
            tick(&whole.app, &schedule).await;
            app.clock.shift(TimeDelta::minutes(15));
        }
        let before = told(&[("09:00", Fired), ("09:15", RunOutcome::Missed), ("09:30", RunOutcome::Missed), ("09:45", RunOutcome::Missed), ("10:00", Fired)]);
        assert_eq!(history(&whole).await, before, "each was decided once");
        // A year ahead by mistake, and back: the next quarter fires, and not only after a year.
        app.clock.shift(TimeDelta::days(365));
        tick(&whole.app, &schedule).await;
        app.clock.shift(TimeDelta::days(-365));
        app.clock.shift(TimeDelta::minutes(15));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
        let unique = history(&whole).await.len();
        assert_eq!(tick(&whole.app, &schedule).await, 0);
        assert_eq!(history(&whole).await.len(), unique);
    }

    async fn a_schedule_first_seen_by_a_clock_that_was_ahead_is_not_forgotten(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        app.clock.shift(TimeDelta::days(30) + TimeDelta::minutes(30));
        assert_eq!(tick(&whole.app, &schedule).await, 0);
        app.clock.shift(TimeDelta::days(-30));
        assert_eq!(tick(&whole.app, &schedule).await, 0, "known from now on");
        app.clock.shift(TimeDelta::minutes(30));
        assert_eq!(tick(&whole.app, &schedule).await, 1);
    }

    async fn the_history_is_kept_for_three_months(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 0 * * *");
        for _ in 0..100 {
            app.clock.advance(Duration::from_secs(24 * 3600));
            tick(&whole.app, &schedule).await;
            run(&whole).await;
        }
        assert_eq!(history(&whole).await.len(), 91);
        let state = whole.ask(|conn| jobs::table.select(jobs::state).first::<JobState>(conn)).await;
        assert_eq!(state, JobState::Succeeded);
    }

    async fn a_second_in_which_nothing_is_due_writes_nothing(app: TestApp) {
        let whole = app.whole().await;
        let schedule = every("0 * * * *");
        tick(&whole.app, &schedule).await;
        // A store that takes no more writes is not asked for one.
        app.clock.advance(Duration::from_secs(1));
        whole.app.store.close().await;
        assert_eq!(tick(&whole.app, &schedule).await, 0);
        app.clock.advance(Duration::from_secs(3600));
        assert!(schedules::tick(&whole.app, &[schedule]).await.is_err(), "and this second would have written");
    }
}
