//! The sealer: every row once, in one chain, whoever seals; and no write where nothing is new.

use diesel::prelude::*;
use throughline::audit::{self, Noted};
use throughline::db::schema::{audit as rows, audit_chain};

use super::{act, sealed, verify};
use crate::harness::both_engines;

both_engines! {
    async fn what_is_written_is_sealed_in_one_chain(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 3).await;
        act(&whole, 2).await;
        assert_eq!((verify(&whole).await.sealed, verify(&whole).await.unsealed), (3, 2));
        audit::seal_new(&whole.app).await.expect("it is sealed");
        let found = verify(&whole).await;
        assert_eq!((found.sealed, found.unsealed, found.erased, found.broken.len()), (5, 0, 0, 0), "{found:?}");
        assert!(found.end.is_some_and(|end| end.seq == 5 && end.seal.len() == 64));
    }

    async fn what_the_program_itself_does_is_sealed(app: TestApp) {
        let whole = app.whole().await;
        let written: i64 = whole.ask(|conn| rows::table.count().get_result(conn)).await;
        assert!(written > 0, "connecting Zoho is an act");
        audit::seal_new(&whole.app).await.expect("it is sealed");
        let found = verify(&whole).await;
        assert_eq!((found.sealed, found.broken.len()), (written, 0), "{found:?}");
    }

    async fn more_than_a_batch_is_sealed_in_one_call(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 250).await;
        assert_eq!((verify(&whole).await.sealed, verify(&whole).await.broken.len()), (250, 0));
    }

    async fn several_sealers_at_once_make_one_chain(app: TestApp) {
        let whole = app.whole().await;
        let other = whole.elsewhere(&app);
        audit::seal_new(&whole.app).await.expect("the set-up is sealed");
        let before = verify(&whole).await.sealed;
        for _ in 0..10 {
            act(&whole, 12).await;
            let (one, two, _) = futures_util::future::join3(audit::seal_new(&whole.app), audit::seal_new(&other), act(&whole, 3)).await;
            assert!(one.is_ok() && two.is_ok());
        }
        audit::seal_new(&other).await.expect("the rest");
        let found = verify(&whole).await;
        assert_eq!((found.sealed, found.unsealed, found.broken.len()), (before + 150, 0, 0), "{found:?}");
        other.store.close().await;
    }

    async fn where_nothing_is_new_nothing_is_written(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 1).await;
        let moved = |conn: &mut throughline::db::Conn| audit_chain::table.select(audit_chain::sealed_at).first::<Option<chrono::NaiveDateTime>>(conn);
        let before = whole.ask(moved).await;
        app.clock.advance(std::time::Duration::from_secs(1));
        // A store that takes no more writes is not asked for one.
        whole.app.store.close().await;
        assert_eq!(audit::seal_new(&whole.app).await.expect("nothing to do"), 0);
        assert_eq!(whole.ask(moved).await, before);
    }

    async fn a_noted_end_is_still_part_of_a_chain_that_has_grown(app: TestApp) {
        let whole = app.whole().await;
        sealed(&whole, 3).await;
        let noted = verify(&whole).await.end.expect("an end");
        act(&whole, 2).await;
        audit::seal_new(&whole.app).await.expect("it is sealed");
        let found = audit::verify(&whole.app.store, Some(noted.clone())).await.expect("the audit can be read");
        assert_eq!((found.sealed, found.broken.len()), (5, 0));
        let other = Noted { seal: "0".repeat(64), ..noted };
        let found = audit::verify(&whole.app.store, Some(other)).await.expect("the audit can be read");
        assert!(found.broken.len() == 1 && found.broken[0].seq == 3 && found.broken[0].why.contains("made anew"), "{found:?}");
        let later = Noted { seq: 6, seal: "0".repeat(64) };
        let found = audit::verify(&whole.app.store, Some(later)).await.expect("the audit can be read");
        assert!(found.broken.len() == 1 && found.broken[0].why.contains("its end was cut off"), "{found:?}");
    }
}
