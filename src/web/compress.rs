//! Compression of pages and JSON. Bodies of unknown length are streams and stay as they are: compressing would hold their
//! events back.

use std::io::{Cursor, Write};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::{Request, Response};

/// Below this many bytes compression gains nothing.
const SIZE_MIN: usize = 1_024;

/// Compresses what is text and whole.
pub struct Compress;

#[rocket::async_trait]
impl Fairing for Compress {
    fn info(&self) -> Info {
        Info { name: "compression", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let is_text = response.content_type().is_some_and(|kind| kind.is_html() || kind.is_json());
        if !is_text || response.headers().contains("Content-Encoding") {
            return;
        }
        response.adjoin_header(Header::new("Vary", "Accept-Encoding"));
        let accepted = request.headers().get("Accept-Encoding").collect::<Vec<_>>().join(",");
        let Some(encoding) = ["br", "gzip"].into_iter().find(|name| accepted.contains(name)) else { return };
        if response.body().preset_size().is_none_or(|size| size < SIZE_MIN) {
            return;
        }
        let Ok(plain) = response.body_mut().take().to_bytes().await else { return };
        let packed = if encoding == "br" { brotli(&plain) } else { gzip(&plain) };
        let (bytes, encoding) = packed.map_or((plain, None), |packed| (packed, Some(encoding)));
        response.set_sized_body(bytes.len(), Cursor::new(bytes));
        if let Some(encoding) = encoding {
            response.set_header(Header::new("Content-Encoding", encoding));
        }
    }
}

/// Quality 4: close to the best size for a fraction of its time.
fn brotli(plain: &[u8]) -> Option<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 20);
    writer.write_all(plain).ok()?;
    Some(writer.into_inner())
}

fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}
