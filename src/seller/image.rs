//! Checks a picture that is to be the logo: its kind by its first bytes, whatever its name says, and its size.

use imagesize::ImageType;
use sha2::{Digest, Sha256};

use super::model::{Logo, LogoKind, Picture};

/// Public pages are to stay below 60 kB, all in.
const BYTES_MAX: usize = 32 * 1024;
/// It is shown 34 px high: anything larger is a photo.
const SIDE_MAX_PX: usize = 2_000;

/// The picture, or what is wrong with it in a sentence.
pub fn check(content: Vec<u8>) -> Result<Picture, String> {
    if content.is_empty() {
        return Err("Choose a picture first.".into());
    }
    let kind = match imagesize::image_type(&content) {
        Ok(ImageType::Png) => LogoKind::Png,
        Ok(ImageType::Jpeg) => LogoKind::Jpeg,
        Ok(ImageType::Webp) => LogoKind::Webp,
        _ => return Err(not_a_picture(&content).into()),
    };
    if content.len() > BYTES_MAX {
        let (size_kib, most_kib) = (content.len().div_ceil(1024), BYTES_MAX / 1024);
        return Err(format!(
            "The picture has {size_kib} KiB, {most_kib} KiB are the limit. Export it about 140 px high; it is shown 34 px high."
        ));
    }
    let size =
        imagesize::blob_size(&content).map_err(|_| "The picture is damaged: its size cannot be read. Export it again.".to_owned())?;
    if size.width == 0 || size.height == 0 || size.width > SIDE_MAX_PX || size.height > SIDE_MAX_PX {
        return Err(format!("The picture is {} × {} px; each side may have 1 to {SIDE_MAX_PX}.", size.width, size.height));
    }
    let digest = Sha256::digest(&content).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let side = |px: usize| i64::try_from(px).unwrap_or_default();
    Ok(Picture { logo: Logo { digest, kind, width_px: side(size.width), height_px: side(size.height) }, content })
}

fn not_a_picture(content: &[u8]) -> &'static str {
    let start = String::from_utf8_lossy(&content[..content.len().min(512)]).to_lowercase();
    if start.contains("<svg") || start.trim_start().starts_with("<?xml") {
        return "SVG is not taken, because such a file may hold scripts. Export the logo as PNG or WebP.";
    }
    "This is no PNG, JPEG or WebP, whatever its name says. Export the logo as one of them."
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a PNG of that size, which is all that is looked at.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        [b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".as_slice(), &size, b"\x08\x06\x00\x00\x00"].concat()
    }

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        let picture = check(png(300, 120)).expect("a small PNG");
        assert_eq!((picture.logo.kind, picture.logo.width_px, picture.logo.height_px), (LogoKind::Png, 300, 120));
        assert_ne!(picture.logo.path(), check(png(300, 121)).expect("another").logo.path());
    }

    #[test]
    fn what_is_no_picture_too_large_or_may_hold_scripts_is_refused_in_words() {
        let refused = |content: &[u8]| check(content.to_vec()).expect_err("refused");
        assert!(refused(b"").contains("Choose"));
        assert!(refused(b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>").contains("SVG is not taken"));
        assert!(refused(b"GIF89a\x01\x00\x01\x00").contains("no PNG, JPEG or WebP"));
        assert!(refused(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").contains("damaged"));
        assert!(refused(&png(2_001, 10)).contains("2001 × 10 px"));
        assert!(refused(&[png(10, 10), vec![0; BYTES_MAX]].concat()).contains("33 KiB, 32 KiB are the limit"));
    }
}
