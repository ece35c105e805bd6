//! Whoever changes the audit afterwards is found out, and told where; erasing is not changing.

use diesel::prelude::*;
use throughline::audit::{self, PersonalValue};
use throughline::db::schema::{audit as rows, audit_chain};

use super::{act, broken, id_at, sealed, verify, write};
use crate::harness::{Whole, both_engines};

type Text = Option<String>;

const CHANGED: &str = "was changed or moved after it was sealed, or the row before it was";

fn at(seq: i64, why: &str) -> (i64, String) {
    (seq, why.to_owned())
}

async fn erase(whole: &Whole, seq: i64, values: &'static [PersonalValue]) {
    let id = id_at(whole, seq).await;
    assert!(write(whole, move |tx| audit::erase(tx, id, values)).await);
}

both_engines! {
    async fn an_erased_person_leaves_a_chain_that_still_holds(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 4).await;
        erase(&whole, 1, &PersonalValue::ALL).await;
        erase(&whole, 3, &[PersonalValue::Before, PersonalValue::After]).await;
        erase(&whole, 3, &[PersonalValue::Before]).await;
        let found = verify(&whole).await;
        assert_eq!((found.sealed, found.erased, found.broken.len()), (4, 5 + 2, 0), "{found:?}");
        let left: Vec<(String, Text, Text, Text)> = whole
            .ask(|conn| rows::table.filter(rows::seal_seq.eq_any([1, 3])).order(rows::seal_seq)
                .select((rows::actor, rows::reason, rows::before, rows::salts)).load(conn)).await;
        assert_eq!(left[0], ("erased".into(), None, None, Some("{}".into())), "no salt is left to guess with");
        let salts = left[1].3.as_deref().expect("its salts");
        assert!(left[1].0 == "user:1" && left[1].2.is_none() && salts.contains("actor") && !salts.contains("before"), "{left:?}");
    }

    async fn a_row_erased_before_it_is_sealed_holds_too(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 1).await;
        act(&whole, 1).await;
        let id = whole.ask(|conn| rows::table.filter(rows::seal_seq.is_null()).select(rows::id).first::<i64>(conn)).await;
        assert!(write(&whole, move |tx| audit::erase(tx, id, &PersonalValue::ALL)).await);
        audit::seal_new(&whole.app).await.expect("it is sealed");
        let found = verify(&whole).await;
        assert_eq!((found.sealed, found.erased, found.broken.len()), (2, 0, 0), "{found:?}");
    }

    async fn a_changed_value_is_found_and_named(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 5).await;
        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(2))).set(rows::reason.eq("nobody called")).execute(tx.conn())).await;
        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(3))).set(rows::actor.eq("user:2")).execute(tx.conn())).await;
        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(4))).set(rows::address.eq("192.0.2.9")).execute(tx.conn())).await;
        let expected = [
            at(2, "its `reason` is not the one that was sealed"),
            at(3, "its `actor` is not the one that was sealed"),
            at(4, "its `address` was put in after it was sealed"),
        ];
        assert_eq!(broken(&whole).await, expected);
    }

    async fn what_says_nothing_of_people_cannot_be_changed_either(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 4).await;
        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(2))).set(rows::action.eq("leads.view")).execute(tx.conn())).await;
        write(&whole, |tx| {
            let earlier = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a time");
            diesel::update(rows::table.filter(rows::seal_seq.eq(4))).set(rows::at.eq(earlier)).execute(tx.conn())
        })
        .await;
        assert_eq!(broken(&whole).await, [at(2, CHANGED), at(4, CHANGED)]);
    }

    async fn a_value_taken_out_with_its_salt_left_is_not_erased(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 3).await;
        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(2))).set(rows::reason.eq(None::<String>)).execute(tx.conn())).await;
        assert_eq!(broken(&whole).await, [at(2, "its `reason` was taken out, and not by erasing it")]);
    }

    async fn another_value_in_place_of_an_erased_one_is_found(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 3).await;
        erase(&whole, 2, &[PersonalValue::Reason]).await;
        write(&whole, |tx| diesel::update(rows::table.filter(rows::seal_seq.eq(2))).set(rows::reason.eq("I was told to")).execute(tx.conn())).await;
        assert_eq!(broken(&whole).await, [at(2, "its `reason` was erased, and another was put in its place")]);
    }

    async fn a_deleted_row_is_missed_at_its_place(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 6).await;
        write(&whole, |tx| diesel::delete(rows::table.filter(rows::seal_seq.eq(3))).execute(tx.conn())).await;
        assert_eq!(broken(&whole).await, [at(3, "is missing: the row was deleted")]);
        write(&whole, |tx| diesel::delete(rows::table.filter(rows::seal_seq.le(2))).execute(tx.conn())).await;
        assert_eq!(broken(&whole).await, [at(1, "to 3 are missing: the rows were deleted")]);
    }

    async fn a_chain_cut_off_at_its_end_is_found(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 6).await;
        write(&whole, |tx| diesel::delete(rows::table.filter(rows::seal_seq.ge(5))).execute(tx.conn())).await;
        assert_eq!(broken(&whole).await, [at(5, "to 6 are missing: the rows were deleted")]);
        // Sealed again at the end of the same chain, the gap stays.
        act(&whole, 1).await;
        audit::seal_new(&whole.app).await.expect("it is sealed");
        assert_eq!(broken(&whole).await, [at(5, "to 6 are missing: the rows were deleted")]);
        write(&whole, |tx| diesel::delete(audit_chain::table).execute(tx.conn())).await;
        assert_eq!(broken(&whole).await, [at(0, "the end of the chain is gone: the row of audit_chain was deleted")]);
        act(&whole, 1).await;
        assert!(audit::seal_new(&whole.app).await.is_err(), "the sealer does not go on in silence");
    }

    async fn two_rows_that_changed_places_are_found(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 6).await;
        let (two, four) = (id_at(&whole, 2).await, id_at(&whole, 4).await);
        write(&whole, move |tx| {
            let place = |tx: &mut throughline::db::Tx<'_>, id: i64, seq: i64| {
                diesel::update(rows::table.filter(rows::id.eq(id))).set(rows::seal_seq.eq(seq)).execute(tx.conn())
            };
            place(tx, two, -1)?;
            place(tx, four, 2)?;
            place(tx, two, 4)
        })
        .await;
        let found = broken(&whole).await;
        assert_eq!(found[0], at(2, CHANGED));
        assert!(found.contains(&at(4, CHANGED)) && !found.iter().any(|(seq, _)| *seq == 1 || *seq == 6), "{found:?}");
    }

    async fn a_row_put_in_is_found(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 4).await;
        let copy = move |seq: i64| move |tx: &mut throughline::db::Tx<'_>| {
            let (seal, commitments, salts): (Option<String>, Option<String>, Option<String>) =
                rows::table.filter(rows::seal_seq.eq(4)).select((rows::seal, rows::commitments, rows::salts)).first(tx.conn())?;
            let at: chrono::NaiveDateTime = rows::table.filter(rows::seal_seq.eq(4)).select(rows::at).first(tx.conn())?;
            diesel::insert_into(rows::table)
                .values((rows::at.eq(at), rows::actor.eq("user:1"), rows::action.eq("leads.edit"), rows::subject.eq("lead:3"),
                    rows::seal_seq.eq(seq), rows::seal.eq(seal), rows::commitments.eq(commitments), rows::salts.eq(salts)))
                .execute(tx.conn())
        };
        // At the end, behind the back of the sealer.
        write(&whole, copy(5)).await;
        assert_eq!(broken(&whole).await, [at(5, "stands beyond the end of the chain, which is at 4: it was put in")]);
        write(&whole, |tx| diesel::delete(rows::table.filter(rows::seal_seq.eq(5))).execute(tx.conn())).await;
        // In the middle, the others moved up and the end with them.
        write(&whole, |tx| {
            for (from, to) in [(4, 5), (3, 4)] {
                diesel::update(rows::table.filter(rows::seal_seq.eq(from))).set(rows::seal_seq.eq(to)).execute(tx.conn())?;
            }
            diesel::update(audit_chain::table).set(audit_chain::last_seq.eq(5)).execute(tx.conn())
        })
        .await;
        let copy_of_last = move |tx: &mut throughline::db::Tx<'_>| {
            let seal: Option<String> = rows::table.filter(rows::seal_seq.eq(5)).select(rows::seal).first(tx.conn())?;
            let at: chrono::NaiveDateTime = rows::table.filter(rows::seal_seq.eq(5)).select(rows::at).first(tx.conn())?;
            diesel::insert_into(rows::table)
                .values((rows::at.eq(at), rows::actor.eq("user:1"), rows::action.eq("leads.edit"), rows::subject.eq("lead:3"),
                    rows::seal_seq.eq(3), rows::seal.eq(seal)))
                .execute(tx.conn())
        };
        write(&whole, copy_of_last).await;
        assert_eq!(broken(&whole).await[0], at(3, CHANGED));
    }

    async fn a_row_before_the_first_is_found(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 2).await;
        let id = id_at(&whole, 2).await;
        write(&whole, move |tx| diesel::update(rows::table.filter(rows::id.eq(id))).set(rows::seal_seq.eq(0)).execute(tx.conn())).await;
        let found = broken(&whole).await;
        assert!(found.contains(&at(2, "is missing: the row was deleted")), "{found:?}");
    }
}
