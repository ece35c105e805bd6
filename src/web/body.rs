//! Reading request bodies: never more than a limit, never longer than ten seconds.

use std::time::Duration;

use rocket::data::{Data, FromData, Outcome, ToByteUnit};
use rocket::http::{ContentType, Status};
use rocket::{Request, tokio};

use super::problem::{self, Problem};

/// A slow sender gets this long for the whole body.
const DEADLINE: Duration = Duration::from_secs(10);

/// The largest body of a public form or an API call, in bytes.
pub const LIMIT_BYTES: usize = 64 * 1024;

/// A whole body of at most 64 KiB. Longer: 413; slower than ten seconds: 408.
#[derive(Debug)]
pub struct Body {
    pub bytes: Vec<u8>,
    /// As the caller named it.
    pub kind: Option<ContentType>,
}

/// Reads a body whole, or says why not.
pub async fn read(data: Data<'_>, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let reading = data.open((limit_bytes as u64).bytes()).into_bytes();
    match tokio::time::timeout(DEADLINE, reading).await {
        Err(_elapsed) => Err(Problem::new(Status::RequestTimeout, "The body did not arrive within 10 seconds")),
        Ok(Err(_)) => Err(Problem::new(Status::BadRequest, "The body ended early")),
        Ok(Ok(bytes)) if !bytes.is_complete() => {
            let limit_kib = limit_bytes / 1024;
            Err(Problem::new(Status::PayloadTooLarge, format!("The body is larger than {limit_kib} KiB")))
        }
        Ok(Ok(bytes)) => Ok(bytes.into_inner()),
    }
}

#[rocket::async_trait]
impl<'r> FromData<'r> for Body {
    type Error = Problem;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        match read(data, LIMIT_BYTES).await {
            Ok(bytes) => Outcome::Success(Self { bytes, kind: request.content_type().cloned() }),
            Err(problem) => Outcome::Error((problem::keep(request, problem.clone()), problem)),
        }
    }
}
