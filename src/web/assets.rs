//! Static files, in the binary: a content hash in each name, compressed once, kept by browsers for ever.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response, Route, get, routes};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// One file, ready to be sent in three forms.
struct Asset {
    kind: ContentType,
    plain: Cow<'static, [u8]>,
    /// None where compression gains nothing (fonts).
    packed: Option<Packed>,
}

struct Packed {
    brotli: Vec<u8>,
    gzip: Vec<u8>,
}

#[derive(Default)]
struct Shelf {
    /// `app.css` -> `/static/app.0f3a….css`
    urls: BTreeMap<String, String>,
    /// `app.0f3a….css` -> the file
    assets: BTreeMap<String, Asset>,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(Shelf::build);

/// The address of a static file; an unknown name answers `/static/` and the name, which leads to a 404.
pub fn url(name: &str) -> Cow<'static, str> {
    match SHELF.urls.get(name) {
        Some(url) => Cow::Borrowed(url.as_str()),
        None => Cow::Owned(format!("/static/{name}")),
    }
}

/// Serves the files.
pub fn routes() -> Vec<Route> {
    routes![file]
}

impl Shelf {
    /// Style sheets come last: they name other files, whose hashed names must be known by then.
    fn build() -> Self {
        let mut shelf = Self::default();
        let (sheets, others): (Vec<_>, Vec<_>) = Files::iter().partition(|name| name.ends_with(".css"));
        for name in others.into_iter().chain(sheets) {
            if let Some(file) = Files::get(&name) {
                let bytes = if name.ends_with(".css") { shelf.with_hashed_urls(&file.data) } else { file.data };
                shelf.add(&name, bytes);
            }
        }
        shelf
    }

    fn with_hashed_urls(&self, sheet: &[u8]) -> Cow<'static, [u8]> {
        let mut text = String::from_utf8_lossy(sheet).into_owned();
        for (name, url) in &self.urls {
            text = text.replace(&format!("url(\"{name}\")"), &format!("url(\"{url}\")"));
        }
        Cow::Owned(text.into_bytes())
    }

    fn add(&mut self, name: &str, plain: Cow<'static, [u8]>) {
        let hash: String = Sha256::digest(&plain).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let hashed = format!("{stem}.{hash}.{extension}");
        let kind = ContentType::from_extension(extension).unwrap_or(ContentType::Binary);
        let packed = (extension != "woff2").then(|| Packed { brotli: brotli(&plain), gzip: gzip(&plain) });
        self.urls.insert(name.to_owned(), format!("/static/{hashed}"));
        self.assets.insert(hashed, Asset { kind, plain, packed });
    }
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    {
        let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, 9, 22);
        let _in_memory = writer.write_all(plain);
    }
    packed
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let _in_memory = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

#[get("/static/<path..>")]
fn file(path: PathBuf) -> Option<Sent> {
    SHELF.assets.get(&*path.to_string_lossy()).map(Sent)
}

struct Sent(&'static Asset);

impl<'r> Responder<'r, 'static> for Sent {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let accepted = request.headers().get("Accept-Encoding").collect::<Vec<_>>().join(",");
        let (encoding, bytes) = match &self.0.packed {
            Some(packed) if accepted.contains("br") => (Some("br"), packed.brotli.as_slice()),
            Some(packed) if accepted.contains("gzip") => (Some("gzip"), packed.gzip.as_slice()),
            _ => (None, &*self.0.plain),
        };
        let mut answer = Response::build();
        answer
            .status(Status::Ok)
            .header(self.0.kind.clone())
            .header(Header::new("Cache-Control", "public, max-age=31536000, immutable"))
            .header(Header::new("Vary", "Accept-Encoding"))
            .sized_body(bytes.len(), std::io::Cursor::new(bytes));
        if let Some(encoding) = encoding {
            answer.header(Header::new("Content-Encoding", encoding));
        }
        Ok(answer.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheets_name_the_hashed_fonts() {
        let sheet = url("app.css");
        let name = sheet.trim_start_matches("/static/");
        let text = String::from_utf8_lossy(&SHELF.assets[name].plain).into_owned();
        assert!(text.contains(&*url("vendor/inter-latin.woff2")));
        assert!(!text.contains("url(\"vendor/"), "each address is hashed");
    }

    #[test]
    fn compressed_forms_are_smaller() {
        let asset = &SHELF.assets[url("app.css").trim_start_matches("/static/")];
        let packed = asset.packed.as_ref().expect("style sheets are compressed");
        assert!(packed.brotli.len() < packed.gzip.len() && packed.gzip.len() < asset.plain.len());
    }
}
