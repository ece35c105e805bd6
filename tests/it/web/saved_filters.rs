//! Filters under a name: one's own, those shown to everyone, and what others may not do with them.

use rocket::http::Status;
use throughline::accounts::Role;

use super::browser::Browser;
use crate::harness::both_engines;

both_engines! {
    async fn a_filter_is_ones_own_until_an_admin_shows_it(app: TestApp) {
        let whole = app.whole().await;
        let (viewer, admin) = (Browser::signed_in(&whole, Role::Viewer).await, Browser::signed_in(&whole, Role::Admin).await);
        let saved = viewer.post("/filters", &[("list", "leads"), ("query", "text=ada&status=failed&place=older-1-2"), ("name", "  Ada's   misses ")]).await;
        assert_eq!(saved.header("Location"), Some("/leads?status=failed&text=ada"));
        let list = viewer.get("/leads?status=failed&text=ada").await.text;
        assert!(list.contains("The filter is saved") && list.contains("aria-current=\"true\"><svg"), "{list}");
        assert!(viewer.get("/leads").await.text.contains("/leads?status=failed&#38;text=ada"), "a link on the list");
        assert!(!viewer.get("/outbox").await.text.contains("misses"), "of its own list alone");
        assert!(!admin.get("/leads").await.text.contains("misses"), "nobody else sees it");

        admin.post("/filters", &[("list", "leads"), ("query", "source=website"), ("name", "Website"), ("shared", "yes")]).await;
        let list = viewer.get("/leads").await.text;
        assert!(list.contains("<bdi>Website</bdi>"), "{list}");
        let filters = viewer.get("/filters").await.text;
        assert!(filters.contains("shown to everyone by Test admin") && filters.matches("Delete<span").count() == 1, "{filters}");
    }

    async fn every_list_that_narrows_keeps_the_filter_it_has(app: TestApp) {
        let whole = app.whole().await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        for (list, query) in [
            ("leads", "status=failed&source=website"),
            ("outbox", "state=failed&lane=lead"),
            ("orders", "state=paid&text=ada"),
            ("inbox", "state=failed&provider=stripe&about=pi_1"),
            ("products", "show=unpriced&category=Grinders"),
        ] {
            let address = format!("/{list}?{query}");
            let offered = format!("name=\"query\" value=\"{}\"", query.replace('&', "&#38;"));
            let page = viewer.get(&address).await.text;
            assert!(page.contains(&offered), "{list} offers {offered}: {page}");
            let saved = viewer.post("/filters", &[("list", list), ("query", query), ("name", list)]).await;
            assert_eq!(saved.header("Location"), Some(address.as_str()));
            let page = viewer.get(&address).await.text;
            assert!(page.contains(&format!("<bdi>{list}</bdi>")) && !page.contains(&offered), "{list} shows it as chosen: {page}");
        }
    }

    async fn what_is_somebody_elses_is_not_touched(app: TestApp) {
        let whole = app.whole().await;
        let owner = Browser::signed_in(&whole, Role::Operator).await;
        let (viewer, admin) = (Browser::signed_in(&whole, Role::Viewer).await, Browser::signed_in(&whole, Role::Admin).await);
        owner.post("/filters", &[("list", "outbox"), ("query", "state=failed"), ("name", "Mine")]).await;
        for stranger in [&viewer, &admin] {
            for (path, fields) in [("/filters/1/name", vec![("name", "Theirs")]), ("/filters/1/sharing", vec![("shared", "yes")]), ("/filters/1/removal", vec![])] {
                assert_eq!(stranger.post(path, &fields).await.status, Status::NotFound, "{path}");
            }
        }
        owner.post("/filters/1/sharing", &[("shared", "yes")]).await;
        assert!(owner.get("/filters").await.text.contains("only admins show filters to everyone"));
        owner.post("/filters", &[("list", "outbox"), ("query", "state=done"), ("name", "All"), ("shared", "yes")]).await;
        assert!(owner.get("/outbox").await.text.contains("only admins show filters to everyone"));
        admin.post("/filters", &[("list", "outbox"), ("query", "state=failed"), ("name", "Everyone's"), ("shared", "yes")]).await;
        assert_eq!(viewer.post("/filters/2/removal", &[]).await.status, Status::NotFound, "seen, but not theirs");
        assert!(owner.get("/filters").await.text.contains("<bdi>Mine</bdi>"));
    }

    async fn names_are_told_apart_and_nothing_is_saved_of_nothing(app: TestApp) {
        let whole = app.whole().await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let long = "x".repeat(61);
        for (name, query, told) in [
            ("", "status=failed", "the filter needs a name"),
            (long.as_str(), "status=failed", "longer than 60 characters"),
            ("Fine", "place=older-1-2", "The list was not narrowed"),
        ] {
            viewer.post("/filters", &[("list", "leads"), ("query", query), ("name", name)]).await;
            assert!(viewer.get("/leads").await.text.contains(told), "{told}");
        }
        assert_eq!(viewer.post("/filters", &[("list", "users"), ("query", "a=b"), ("name", "x")]).await.status, Status::NotFound);
        viewer.post("/filters", &[("list", "leads"), ("query", "status=failed"), ("name", "One")]).await;
        viewer.post("/filters", &[("list", "leads"), ("query", "status=sent"), ("name", "One")]).await;
        viewer.post("/filters", &[("list", "leads"), ("query", "status=retry"), ("name", "Two")]).await;
        let list = viewer.get("/leads").await.text;
        assert!(list.contains("/leads?status=sent\"") && list.matches("<bdi>One</bdi>").count() == 1, "the same name is replaced: {list}");
        viewer.post("/filters/1/name", &[("name", "Two")]).await;
        assert!(viewer.get("/filters").await.text.contains("there is another filter called “Two”"));
        viewer.post("/filters/1/removal", &[]).await;
        assert!(!viewer.get("/filters").await.text.contains("<bdi>One</bdi>"));
    }
}
