//! A form with one file (`multipart/form-data`), read whole: for small files that people choose on our own pages.

use std::convert::Infallible;

use rocket::Request;
use rocket::data::{Data, FromData, Outcome};
use rocket::futures::stream;
use rocket::http::Status;

use super::body;
use super::problem::{self, Problem};

/// More than any handler takes, so that whoever chooses too large a file is told so on the page.
const LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// The form's first file; empty when none was chosen.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// As the sender calls it, without folders.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Upload {
    async fn parse(bytes: Vec<u8>, boundary: String) -> Result<Self, Problem> {
        let mut parts = multer::Multipart::new(stream::once(async { Ok::<_, Infallible>(bytes) }), boundary);
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            if let Some(name) = part.file_name().map(plain_name) {
                return Ok(Self { name, bytes: part.bytes().await.map_err(unreadable)?.to_vec() });
            }
        }
        Ok(Self::default())
    }
}

/// The name of a file without folders and control characters.
pub fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control() && *c != '"').take(200).collect()
}

fn unreadable(_: multer::Error) -> Problem {
    Problem::new(Status::BadRequest, "The form cannot be read").detail("Nothing was saved. Open the page again and choose the file again.")
}

#[rocket::async_trait]
impl<'r> FromData<'r> for Upload {
    type Error = Problem;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let boundary = request.content_type().and_then(|kind| multer::parse_boundary(kind.to_string()).ok());
        let read = match boundary {
            None => Err(Problem::new(Status::UnsupportedMediaType, "This takes multipart/form-data")),
            Some(boundary) => match body::read(data, LIMIT_BYTES).await {
                Ok(bytes) => Self::parse(bytes, boundary).await,
                Err(problem) => Err(problem),
            },
        };
        match read {
            Ok(upload) => Outcome::Success(upload),
            Err(problem) => Outcome::Error((problem::keep(request, problem.clone()), problem)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parsed(body: &str) -> Result<Vec<u8>, Status> {
        Upload::parse(body.replace('\n', "\r\n").into_bytes(), "X".into())
            .await
            .map(|upload| upload.bytes)
            .map_err(|problem| problem.status)
    }

    #[rocket::async_test]
    async fn the_first_file_is_found_and_broken_forms_are_refused() {
        let text = "--X\nContent-Disposition: form-data; name=\"a\"\n\nno file\n";
        let file = "--X\nContent-Disposition: form-data; name=\"logo\"; filename=\"l.png\"\nContent-Type: image/png\n\nbytes\n--X--\n";
        assert_eq!(parsed(&format!("{text}{file}")).await, Ok(b"bytes".to_vec()));
        assert_eq!(parsed(&format!("{text}--X--\n")).await, Ok(Vec::new()));
        assert_eq!(parsed(&file[..file.len() - 9]).await, Err(Status::BadRequest));
    }
}
