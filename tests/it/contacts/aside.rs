//! What cannot be linked: set aside, told, tried again, and never in the way of what comes after it.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;
use throughline::accounts::Role;
use throughline::app::{App, Parts};
use throughline::contacts::aside_queries::{self, Aside};
use throughline::db::schema::{event_links, events, people_linker_aside};
use throughline::db::{Engine, StoreOptions, Strike, Strikes};

use super::scenario::{lead, link, links};
use crate::harness::{TestApp, Whole, both_engines, on_engine};
use crate::health::{change, check, healthy, monitored, pass, recommended};
use crate::web::browser::Browser;

/// The database refuses a contact of this name, each engine in its own way.
async fn poison(app: &TestApp, whole: &Whole) {
    let sql = match app.engine {
        Engine::Sqlite => {
            "CREATE TRIGGER poison BEFORE INSERT ON contacts WHEN NEW.name = 'Poison' BEGIN SELECT RAISE(ABORT, 'no such person'); END"
        }
        Engine::Postgres => "ALTER TABLE contacts ADD CONSTRAINT poison CHECK (name <> 'Poison')",
    };
    change(whole, sql).await;
}

async fn antidote(app: &TestApp, whole: &Whole) {
    let sql = match app.engine {
        Engine::Sqlite => "DROP TRIGGER poison",
        Engine::Postgres => "ALTER TABLE contacts DROP CONSTRAINT poison",
    };
    change(whole, sql).await;
}

/// What is linked. A contact that could not be made has used up a number, so these are not told.
async fn linked(whole: &Whole) -> Vec<String> {
    links(whole).await.into_iter().filter_map(|link| link.split(' ').next().map(str::to_owned)).collect()
}

async fn aside(whole: &Whole) -> Aside {
    whole.ask(|conn| aside_queries::all(conn, 20)).await
}

both_engines! {
    async fn one_that_cannot_be_linked_never_stops_those_behind_it(app: TestApp) {
        let whole = healthy(&app).await;
        poison(&app, &whole).await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        lead(&whole, json!({ "name": "Poison", "email": "poison@engines.example" })).await;
        lead(&whole, json!({ "name": "Grace", "email": "grace@navy.example" })).await;
        link(&whole).await;
        assert_eq!(linked(&whole).await, ["lead:1", "lead:3"]);
        let first = aside(&whole).await.first;
        assert_eq!(first.iter().map(|row| (row.subject.as_str(), row.tries)).collect::<Vec<_>>(), [("lead:2", 1)]);
        assert!(first[0].reason.contains("poison") || first[0].reason.contains("no such person"), "{first:?}");
        // What comes later goes on as before.
        lead(&whole, json!({ "name": "Alan", "email": "alan@park.example" })).await;
        link(&whole).await;
        assert_eq!(links(&whole).await.len(), 3);

        let told = monitored(&whole).await.json();
        let (state, output) = check(&told, "people:linking");
        assert_eq!(state, "warn");
        assert!(output.starts_with("1 event could not be linked to a contact and is set aside: lead 2."), "{output}");
        assert!(recommended(&told).contains(&"people:linking"));
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        let page = operator.get("/contacts").await.text;
        assert!(page.contains("1 event could not be linked") && page.contains("/leads/2") && page.contains("/schedules/people.link_again"), "{page}");

        // It is tried again, in vain and then not.
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(operator.post("/schedules/people.link_again/run", &[]).await.status.code, 303);
        whole.run_until_idle().await;
        assert_eq!(aside(&whole).await.first[0].tries, 2);
        antidote(&app, &whole).await;
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(operator.post("/schedules/people.link_again/run", &[]).await.status.code, 303);
        whole.run_until_idle().await;
        link(&whole).await;
        assert_eq!(aside(&whole).await.count, 0);
        assert_eq!(linked(&whole).await, ["lead:1", "lead:3", "lead:4", "lead:2"]);
        let kinds: Vec<String> = whole
            .ask(|conn| {
                let own: Vec<i64> = events::table.filter(events::subject.eq("lead:2")).select(events::id).load(conn)?;
                let linked: Vec<(i64, String)> = event_links::table.order(event_links::event_id).select((event_links::event_id, event_links::kind)).load(conn)?;
                Ok(linked.into_iter().filter(|(id, _)| own.contains(id)).map(|(_, kind)| kind).collect())
            })
            .await;
        assert_eq!(kinds, ["lead.received", "lead.sent"], "its events stand in its timeline");
        pass(&whole, 6).await;
        assert_eq!(check(&monitored(&whole).await.json(), "people:linking").0, "pass");
        assert!(!operator.get("/contacts").await.text.contains("could not be linked"));
    }

    async fn a_database_that_is_away_sets_nothing_aside(app: TestApp) {
        let whole = app.whole().await;
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        let away = app.open_store(|options: &mut StoreOptions| {
            options.strikes = Strikes::decided_by(|_| Some(Strike::Refused));
        });
        let elsewhere = App::new(Parts {
            store: away,
            clock: whole.app.clock.clone(),
            transport: Arc::clone(&whole.app.transport),
            vault: whole.app.vault.clone(),
            config: whole.app.config.clone(),
            process_id: "test-2".into(),
        });
        throughline::contacts::link_new(&elsewhere).await.expect_err("nothing can be written");
        link(&whole).await;
        assert_eq!((links(&whole).await.len(), aside(&whole).await.count), (1, 0));
    }

    async fn where_everything_fails_nothing_is_lost_and_the_order_is_kept(app: TestApp) {
        let whole = app.whole().await;
        for number in 0..25 {
            lead(&whole, json!({ "name": "Poison", "email": format!("p{number}@engines.example") })).await;
        }
        poison(&app, &whole).await;
        link(&whole).await;
        assert_eq!((aside(&whole).await.count, links(&whole).await.len()), (25, 0));
        antidote(&app, &whole).await;
        app.clock.advance(Duration::from_secs(3_600));
        throughline::scheduler::tick(&whole.app, &throughline::schedules(&whole.app).expect("they are read")).await.expect("it ticks");
        app.clock.advance(Duration::from_secs(3_600));
        throughline::scheduler::tick(&whole.app, &throughline::schedules(&whole.app).expect("they are read")).await.expect("it ticks");
        whole.run_until_idle().await;
        assert_eq!((aside(&whole).await.count, links(&whole).await.len()), (0, 25));
    }
}

/// What appears in a gap and cannot be linked does not keep the gap from being filled.
#[test]
fn one_in_a_gap_is_set_aside_and_the_rest_of_the_gap_is_linked() {
    on_engine(Engine::Postgres, |app| async move {
        let whole = app.whole().await;
        for name in ["Poison", "Ada", "Grace"] {
            lead(&whole, json!({ "name": name, "email": format!("{name}@engines.example") })).await;
        }
        // As if the linker had passed the ids of the first two without seeing them.
        change(&whole, "INSERT INTO people_linker_gaps SELECT min(id), max(id) - 1, now() FROM events").await;
        change(&whole, "UPDATE people_linker SET event_id = (SELECT max(id) - 1 FROM events)").await;
        poison(&app, &whole).await;
        link(&whole).await;
        assert_eq!(linked(&whole).await, ["lead:2", "lead:3"]);
        let (aside, linked) = whole
            .ask(|conn| {
                let aside = people_linker_aside::table.select(people_linker_aside::subject).load::<String>(conn)?;
                Ok((aside, event_links::table.count().get_result::<i64>(conn)?))
            })
            .await;
        assert_eq!((aside, linked), (vec!["lead:1".to_owned()], 2));
    });
}
