//! `GET /`.

use rocket::{State, get};

use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::web::Section;

use super::queries;
use super::views::Overview;

#[get("/")]
pub async fn overview(app: &State<App>, viewer: Viewer) -> Result<Overview> {
    let (now, day_start) = (viewer.times().now, viewer.times().day_start());
    let figures = app.store.read(move |conn| -> Result<_> { Ok(queries::figures(conn, now, day_start)?) }).await?;
    Ok(Overview::new(viewer.shell(Section::Overview, "Overview").live("overview"), &figures))
}
