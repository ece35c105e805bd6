//! Where a job stands with Books: what it calls with, and the last call it made.

use futures_util::future::BoxFuture;

use crate::app::App;
use crate::connections::books::{self, BooksAccess};
use crate::http::Exchange;
use crate::integrations::Failure;
use crate::integrations::zoho::Called;

/// See above.
pub(super) struct Desk<'a> {
    pub app: &'a App,
    books: BooksAccess,
    /// What the attempt shows.
    pub last: Option<Exchange>,
}

impl<'a> Desk<'a> {
    pub(super) async fn open(app: &'a App) -> Result<Self, Failure> {
        Ok(Self { app, books: books::access(app).await?, last: None })
    }

    pub(super) fn organisation_id(&self) -> &str {
        &self.books.organisation_id
    }

    /// Makes a call, and keeps it as the last.
    pub(super) async fn ask<'b, T>(&mut self, call: impl Fn(BooksAccess) -> BoxFuture<'b, Called<T>>) -> Result<T, Failure> {
        let called = books::ask(self.app, &mut self.books, call).await;
        self.last = Some(called.exchange);
        called.result
    }
}

/// `ask!(desk, |books| books.organisations())`: one call with the client of the moment.
macro_rules! ask {
    ($desk:expr, |$books:ident| $call:expr) => {{
        let app = $desk.app;
        $desk
            .ask(|access| {
                futures_util::FutureExt::boxed(async move {
                    let $books = access.client(app);
                    $call.await
                })
            })
            .await
    }};
}
pub(super) use ask;
