//! Timelines by pages: joined they are the sorted list, to the row, with ties in time, with a filter and without, both ways.

use diesel::prelude::*;
use throughline::clock::UtcTime;
use throughline::db::Engine;
use throughline::db::keyset::Place;
use throughline::db::schema::{event_links, events};
use throughline::people::{CompanyId, ContactId};
use throughline::timeline::{self, FeedFilter, Whose};

use crate::harness::{TestApp, Whole, both_engines};

const EVENTS: i64 = 11_000;

/// Many events at one moment, of three people and of nobody: the first is in most, one of ten thousand is a note.
pub async fn fill(app: &TestApp, whole: &Whole) {
    let at = match app.engine {
        // Whole seconds as the program writes them.
        Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%S', '2026-11-21 00:00:00', '+' || (i / 7) || ' seconds')",
        Engine::Postgres => "TIMESTAMP '2026-11-21 00:00:00' + (i / 7) * INTERVAL '1 second'",
    };
    let series = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVENTS})");
    let statements = [
        "INSERT INTO companies (name, name_key, domain, created_at) VALUES ('Engines', 'engines', 'engines.example', '2026-11-21 00:00:00')".to_owned(),
        "INSERT INTO contacts (name, name_key, is_name_vouched, company_id, created_at, updated_at)
         SELECT 'Ada ' || i, 'ada ' || i, FALSE, 1, '2026-11-21 00:00:00', '2026-11-21 00:00:00' FROM (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3) AS n".to_owned(),
        format!(
            "INSERT INTO events (line_id, source, source_event_id, kind, subject, occurred_at, recorded_at, data) {series}
             SELECT 'line-' || i, CASE WHEN i % 3 = 0 THEN 'stripe' ELSE 'intake' END, 'e' || i,
                 CASE WHEN i % 9973 = 5 THEN 'note.added' WHEN i % 3 = 0 THEN 'payment.succeeded' ELSE 'lead.sent' END, 'lead:' || i, {at}, {at}, '{{}}' FROM n"
        ),
        "INSERT INTO event_links (owner, occurred_at, event_id, source, kind)
         SELECT 'contact:' || CASE WHEN id % 100 = 1 THEN 2 WHEN id % 100 = 2 THEN 3 ELSE 1 END, occurred_at, id, source, kind FROM events WHERE id % 100 <> 3".to_owned(),
        "INSERT INTO event_links (owner, occurred_at, event_id, source, kind)
         SELECT 'company:1', occurred_at, id, source, kind FROM events WHERE id % 1000 = 3".to_owned(),
        "ANALYZE".to_owned(),
    ];
    for sql in statements {
        let write = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            diesel::sql_query(sql.clone()).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("fill", "fill", write).await.expect("filled");
    }
}

type Row = (UtcTime, i64, String, String);

/// Every event of an owner, or of all, newest first: what the pages must come to.
async fn sorted(whole: &Whole, owners: Option<Vec<&'static str>>, filter: &FeedFilter) -> Vec<i64> {
    let rows: Vec<Row> = whole
        .ask(move |conn| {
            let all: Vec<Row> = match owners {
                None => events::table.select((events::occurred_at, events::id, events::source, events::kind)).load(conn)?,
                Some(owners) => {
                    let mut rows = Vec::new();
                    for owner in owners {
                        let columns = (event_links::occurred_at, event_links::event_id, event_links::source, event_links::kind);
                        rows.extend(event_links::table.filter(event_links::owner.eq(owner)).select(columns).load::<Row>(conn)?);
                    }
                    rows
                }
            };
            Ok(all)
        })
        .await;
    let mut kept: Vec<(UtcTime, i64)> = rows
        .into_iter()
        .filter(|(at, _, source, kind)| {
            filter.takes(source, kind) && filter.since.is_none_or(|since| *at >= since) && filter.until.is_none_or(|until| *at < until)
        })
        .map(|(at, id, ..)| (at, id))
        .collect();
    kept.sort_unstable_by(|a, b| b.cmp(a));
    kept.into_iter().map(|(_, id)| id).collect()
}

async fn page(whole: &Whole, whose: &Whose, filter: &FeedFilter, place: Place) -> (Vec<i64>, Option<Place>, Option<Place>) {
    let (whose, filter) = (whose.clone(), filter.clone());
    let page = whole.ask(move |conn| timeline::page(conn, &whose, &filter, place)).await.page;
    (page.rows.iter().map(|told| told.event.id).collect(), page.newer, page.older)
}

/// All pages from the newest to the oldest, then all the way back from the last row's place.
async fn joined(whole: &Whole, whose: &Whose, filter: &FeedFilter) -> (Vec<i64>, Vec<i64>) {
    let (mut ids, mut next) = (Vec::new(), Some(Place::Newest));
    let mut back = None;
    while let Some(place) = next {
        let (rows, newer, older) = page(whole, whose, filter, place).await;
        assert!(rows.len() <= 50);
        back = if rows.is_empty() { back } else { newer };
        ids.extend(&rows);
        next = older;
    }
    let mut backwards: Vec<i64> = Vec::new();
    let mut next = back;
    while let Some(place @ Place::Newer(_)) = next {
        let (rows, newer, _) = page(whole, whose, filter, place).await;
        backwards.splice(0..0, rows);
        next = newer;
    }
    (ids, backwards)
}

both_engines! {
    async fn joined_pages_are_the_sorted_list(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole).await;
        let company = whole.ask(|conn| Whose::company(conn, CompanyId(1))).await;
        let notes = FeedFilter { kind: "note".into(), ..FeedFilter::default() };
        let stripe = FeedFilter { source: "stripe".into(), ..FeedFilter::default() };
        let at = |second: i64| Some(UtcTime::parse_from_str("2026-11-21 00:00:00", "%F %T").expect("a time") + chrono::TimeDelta::seconds(second));
        let period = FeedFilter { since: at(100), until: at(400), ..FeedFilter::default() };
        let humans = FeedFilter { humans_only: true, until: at(900), ..FeedFilter::default() };
        let members = vec!["contact:1", "contact:2", "contact:3", "company:1"];
        let small = Whose::contact(ContactId(2));
        for (name, whose, owners, filters) in [
            ("everyone", Whose::Everyones, None, vec![&notes, &period, &humans]),
            ("a contact with much", Whose::contact(ContactId(1)), Some(vec!["contact:1"]), vec![&notes, &period]),
            ("a contact with little", small, Some(vec!["contact:2"]), vec![&notes, &stripe]),
            ("a company", company, Some(members), vec![&notes, &period, &humans]),
        ] {
            let everything = FeedFilter::default();
            for filter in std::iter::once(&everything).chain(filters) {
                let expected = sorted(&whole, owners.clone(), filter).await;
                let (ids, backwards) = joined(&whole, &whose, filter).await;
                assert!(ids == expected, "{name} {filter:?}: {} of {} rows, the first other at {:?}", ids.len(), expected.len(), ids.iter().zip(&expected).position(|(a, b)| a != b));
                assert!(backwards == expected[..backwards.len()], "{name} {filter:?}, back");
            }
        }
    }
    async fn a_page_takes_as_many_statements_however_much_there_is(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill(&app, &whole).await;
        let company = whole.ask(|conn| Whose::company(conn, CompanyId(1))).await;
        let one_of_it = Whose::Of(vec!["contact:2".into(), "company:1".into()]);
        let notes = FeedFilter { kind: "note".into(), ..FeedFilter::default() };
        let count = async |whose: &Whose, filter: &FeedFilter, place: Place| {
            let (whose, filter) = (whose.clone(), filter.clone());
            whole.statements(move |conn| timeline::page(conn, &whose, &filter, place)).await
        };
        let everything = FeedFilter::default();
        let first = count(&company, &everything, Place::Newest).await;
        let (_, _, older) = page(&whole, &company, &everything, Place::Newest).await;
        assert_eq!(count(&company, &everything, older.expect("a next page")).await, first);
        assert_eq!(count(&one_of_it, &everything, Place::Newest).await, first, "two owners take as many as four");
        let alone = count(&Whose::contact(ContactId(1)), &everything, Place::Newest).await;
        for (whose, filter) in [(Whose::contact(ContactId(3)), &everything), (Whose::Everyones, &everything), (company, &notes)] {
            assert_eq!(count(&whose, filter, Place::Newest).await, alone, "{whose:?} {filter:?}");
        }
        assert!(alone <= first && first <= alone + 1 && alone <= 6, "{alone} {first}");
    }
}
