//! Paid orders that nobody asked to be booked, and what health and the first page say of booking.

use std::time::Duration;

use throughline::accounts::Role;
use throughline::outbox::JobState;

use super::booking::{counts, job, pay};
use crate::harness::both_engines;
use crate::health::{change, check, healthy, monitored, pass, recommended};
use crate::web::browser::Browser;

both_engines! {
    async fn paid_orders_of_before_are_booked_each_once(app: TestApp) {
        let whole = healthy(&app).await;
        for number in 1..=45 {
            pay(&whole, number, 5_120, "eur").await;
        }
        // As an older version left them: paid, and nobody asked.
        for sql in ["DELETE FROM order_keys", "DELETE FROM booking_steps", "DELETE FROM jobs WHERE kind = 'orders.book'"] {
            change(&whole, sql).await;
        }
        pay(&whole, 46, 5_120, "eur").await;
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        assert_eq!(operator.post("/schedules/orders.book_missing/run", &[]).await.status.code, 303);
        whole.run_until_idle().await;
        assert_eq!(counts(&whole.sandbox.books()), [0; 5], "nobody has chosen where");
        whole.choose_books().await;
        pass(&whole, 60).await;
        let (state, output) = check(&monitored(&whole).await.json(), "orders:booking");
        assert!(state == "warn" && output.contains("45 orders of before were never asked to be booked"), "{output}");
        for _ in 0..2 {
            assert_eq!(operator.post("/schedules/orders.book_missing/run", &[]).await.status.code, 303);
            for _ in 0..8 {
                whole.run_until_idle().await;
                pass(&whole, 61).await;
            }
        }
        assert_eq!(counts(&whole.sandbox.books()), [1, 46, 46, 0, 0]);
        assert_eq!(check(&monitored(&whole).await.json(), "orders:booking").0, "pass");
    }

    async fn health_and_the_first_page_tell_how_booking_stands(app: TestApp) {
        let whole = healthy(&app).await;
        let viewer = Browser::signed_in(&whole, Role::Operator).await;
        let told = monitored(&whole).await.json();
        assert_eq!(check(&told, "zoho-books:connection"), ("pass".into(), "Zoho Books is not used here.".into()));
        pay(&whole, 1, 5_120, "eur").await;
        pass(&whole, 6).await;
        let (state, output) = check(&monitored(&whole).await.json(), "zoho-books:connection");
        assert_eq!((state.as_str(), output.as_str()), ("warn", "No organisation is chosen: paid orders are kept. 1 order waits to be booked."));

        whole.choose_books().await;
        whole.sandbox.surcharge_books(true);
        whole.run_until_idle().await;
        assert_eq!(job(&whole, 1).await.state, JobState::Dead);
        pass(&whole, 6).await;
        let told = monitored(&whole).await.json();
        let (state, output) = check(&told, "orders:booking");
        assert!(state == "warn" && output.starts_with("1 order could not be booked in Zoho Books."), "{output}");
        assert!(recommended(&told).contains(&"orders:booking") && !recommended(&told).contains(&"outbox:failed"), "{told}");
        let again = "/operations/preview?subject=jobs&#38;act=retry&#38;state=failed&#38;kind=orders.book";
        let page = viewer.get("/health").await.text;
        assert!(page.contains(again) && page.contains("Booked to Sample Seller"), "{page}");
        let first = viewer.get("/").await.text;
        assert!(first.contains("1 order could not be booked") && first.contains("Zoho Books") && first.contains("0 waiting, 1 failed"), "{first}");
        assert!(!first.contains("1 job failed"), "it is told once: {first}");
        let books = viewer.get("/connections/books").await.text;
        assert!(books.contains("Try again all that failed") && books.contains("state=failed&amp;connection=zoho_books"), "{books}");
        let preview = viewer.get("/operations/preview?subject=jobs&act=retry&state=failed&kind=orders.book").await;
        assert!(preview.status.code == 200 && preview.text.contains("orders.book"), "{}", preview.text);

        change(&whole, "UPDATE connections SET state = 'needs_reconnect', state_reason = 'The grant lacks a permission [57]' WHERE provider = 'zoho_books'").await;
        app.clock.advance(Duration::from_secs(6));
        pass(&whole, 6).await;
        let told = monitored(&whole).await.json();
        let (state, output) = check(&told, "zoho-books:connection");
        assert!(state == "fail" && output.contains("[57]"), "{output}");
        assert!(viewer.get("/").await.text.contains("Orders are not booked in Zoho Books"));
    }
}
