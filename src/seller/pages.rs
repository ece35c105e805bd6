//! `/settings/seller`, and the logo for public pages.

use rocket::http::{ContentType, Header, Status};
use rocket::response::Responder;
use rocket::{State, get, post};

use super::form::SellerForm;
use super::model::{LogoKind, Seller};
use super::views::SellerPage;
use super::{actions, image, queries};
use crate::accounts::{Admin, Viewer};
use crate::app::App;
use crate::db::Tx;
use crate::web::{Back, Fields, Flash, Section, Upload};
use crate::{Error, Result};

const PATH: &str = "/settings/seller";

/// The page again with what is wrong, or back to it.
type Saved = Result<std::result::Result<Back, (Status, Box<SellerPage>)>>;

#[get("/settings/seller")]
pub async fn show(app: &State<App>, viewer: Viewer) -> Result<SellerPage> {
    Ok(page(&viewer, &read(app).await?))
}

#[post("/settings/seller", data = "<fields>")]
pub async fn save(app: &State<App>, admin: Admin, fields: Fields) -> Saved {
    let (profile, version) = match SellerForm::parse(&fields) {
        Ok(parsed) => parsed,
        Err(form) => return again(app, &admin, Status::UnprocessableEntity, |page| page.with_form(*form)).await,
    };
    let (by, config, new) = (admin.asks(app.clock.now()), app.config.clone(), profile.clone());
    let write = move |tx: &mut Tx<'_>| actions::save(tx, &config, &new, version, &by);
    match app.store.write("seller.edit", "seller", write).await.map_err(Error::from) {
        Ok(()) => Ok(Ok(Back::to(PATH).saying(Flash::ok("The settings are saved. Public pages and new mails use them from now on.")))),
        Err(Error::Conflict(why)) => {
            let now = read(app).await?.version;
            let trouble =
                format!("{why}. What you typed is still here: save again to replace theirs, or open the page anew to see theirs.");
            again(app, &admin, Status::Conflict, |page| page.with_form(SellerForm::of(&profile, now)).with_trouble(trouble)).await
        }
        Err(other) => Err(other),
    }
}

#[post("/settings/seller/logo", data = "<upload>")]
pub async fn save_logo(app: &State<App>, admin: Admin, upload: Upload) -> Saved {
    let picture = match image::check(upload.bytes) {
        Ok(picture) => picture,
        Err(mistake) => return again(app, &admin, Status::UnprocessableEntity, |page| page.with_logo_mistake(mistake)).await,
    };
    let (by, config) = (admin.asks(app.clock.now()), app.config.clone());
    let write = move |tx: &mut Tx<'_>| actions::set_logo(tx, &config, &picture, &by);
    app.store.write("seller.set_logo", "seller", write).await.map_err(Error::from)?;
    Ok(Ok(Back::to(PATH).saying(Flash::ok("The logo is saved."))))
}

#[post("/settings/seller/logo/removal")]
pub async fn remove_logo(app: &State<App>, admin: Admin) -> Result<Back> {
    let (by, config) = (admin.asks(app.clock.now()), app.config.clone());
    let write = move |tx: &mut Tx<'_>| actions::remove_logo(tx, &config, &by);
    let told = match app.store.write("seller.remove_logo", "seller", write).await.map_err(Error::from) {
        Ok(()) => Flash::ok("The logo is removed. Public pages show the first letter of the name."),
        Err(Error::Conflict(why)) => Flash::warn(format!("{why}.")),
        Err(other) => return Err(other),
    };
    Ok(Back::to(PATH).saying(told))
}

/// The logo's bytes. Its address changes with it, so browsers may keep it.
#[derive(Responder)]
pub struct Picture {
    content: (ContentType, Vec<u8>),
    cache: Header<'static>,
}

#[get("/seller/logo/<digest>")]
pub async fn logo(app: &State<App>, digest: &str) -> Result<Picture> {
    let digest = digest.to_owned();
    let found = app.store.read(move |conn| queries::picture(conn, &digest).map_err(Error::from)).await?;
    let (kind, content) = found.ok_or(Error::NotFound("picture"))?;
    let kind = match kind {
        LogoKind::Png => ContentType::PNG,
        LogoKind::Jpeg => ContentType::JPEG,
        LogoKind::Webp => ContentType::WEBP,
    };
    Ok(Picture { content: (kind, content), cache: Header::new("Cache-Control", "public, max-age=31536000, immutable") })
}

async fn read(app: &App) -> Result<Seller> {
    let config = app.config.clone();
    app.store.read(move |conn| queries::current(conn, &config).map_err(Error::from)).await
}

fn page(viewer: &Viewer, seller: &Seller) -> SellerPage {
    SellerPage::new(viewer.shell(Section::Seller, "Seller"), seller, viewer.may_administer())
}

async fn again(app: &App, admin: &Admin, status: Status, change: impl FnOnce(SellerPage) -> SellerPage) -> Saved {
    Ok(Err((status, Box::new(change(page(admin, &read(app).await?))))))
}
