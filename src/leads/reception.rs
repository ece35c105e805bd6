//! How a submission is taken in, whatever it came through: checked, judged, stored, once. Its answer says the same of a lead
//! that is taken as good and of one that is held: whoever sends spam learns nothing.

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

use super::actions;
use super::defence::{Defence, Form, Hidden, Judged, Room, Verdict, reused};
use super::intake_limit::{self, IntakeLimiter};
use super::model::{Arrived, LeadKind, NewLead};
use super::queries;
use super::submission::{self, Mistake};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::random;
use crate::web::{ClientAddress, IdempotencyKey, Problem, Site, problem};

/// A submission on its way in.
pub struct Arrival<'a> {
    pub kind: LeadKind,
    /// Idempotency keys belong to a route.
    pub route: &'static str,
    pub form: Form<'a>,
    pub fields: Map<String, Value>,
    /// The body as it came: the same body again is the same submission.
    pub body: &'a [u8],
}

/// A submission that is on the disk.
#[derive(Clone, Debug)]
pub struct Received {
    /// The answer for programs, as JSON: the same text however often the same submission comes.
    pub answer: String,
}

/// Why a submission was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// Fields need another look.
    Mistakes(Vec<Mistake>),
    Problem(Problem),
    Error(Error),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Takes a submission in. `Ok` means that it is on the disk; anything else, that nothing of it was kept.
pub async fn take_in(app: &App, defence: &Defence, caller: Caller, mut arrival: Arrival<'_>) -> Result<Received, Refusal> {
    let key = caller.idempotency_key?;
    let mut fields = std::mem::take(&mut arrival.fields);
    let hidden = Hidden::take(&mut fields);
    let new = submission::check(arrival.kind, fields, app.config.phone_region.as_deref()).map_err(Refusal::Mistakes)?;
    let now = app.clock.now();
    let mut judged = defence.judge(arrival.form, &hidden, &new, (&caller.address, now));
    if caller.is_trusted {
        judged.verdict = Verdict::default();
    } else if let Room::Full { seconds } = defence.room_for(&judged, &caller.address, now) {
        return Err(intake_limit::too_many(seconds).into());
    }
    let token = random::token();
    let claims = claims(&arrival, key.as_deref(), &judged);
    let writer_key = claims.first().map(|claim| claim.key_hash.clone());
    let write = Write { line: LineId::mint(now), token_hash: sha256_hex(&token), token, public_url: caller.public_url, new, judged };
    let writer_key = writer_key.unwrap_or_else(|| write.line.to_string());
    let store = move |tx: &mut Tx<'_>| write.once(tx, now, &claims);
    Ok(app.store.write("leads.receive", &writer_key, store).await.map_err(Error::from)?)
}

/// Something that tells a repeated submission: an `Idempotency-Key`, or the stamp of an opened form.
struct Claim {
    scope: String,
    key_hash: String,
    body_hash: String,
    is_stamp: bool,
}

/// Hashed here: the writer's thread has better things to do. The caller's key comes first: it decides.
fn claims(arrival: &Arrival<'_>, key: Option<&str>, judged: &Judged) -> Vec<Claim> {
    let body_hash = || sha256_hex(arrival.body);
    let by_key = key.map(|key| Claim { scope: arrival.route.into(), key_hash: sha256_hex(key), body_hash: body_hash(), is_stamp: false });
    let by_stamp = judged.stamp_nonce.as_deref().map(|nonce| Claim {
        scope: format!("stamp:{}", arrival.form.id),
        key_hash: sha256_hex(nonce),
        body_hash: body_hash(),
        is_stamp: true,
    });
    by_key.into_iter().chain(by_stamp).collect()
}

/// Everything a write closure needs, so that it can run again.
struct Write {
    line: LineId,
    token: String,
    token_hash: String,
    public_url: String,
    new: NewLead,
    judged: Judged,
}

impl Write {
    /// The first request writes; the same request again gets the same answer. Another body with a used key is refused; with a
    /// used stamp it is a lead of its own, and held: work done once does not pay twice.
    fn once(&self, tx: &mut Tx<'_>, now: UtcTime, claims: &[Claim]) -> Result<Received> {
        let mut verdict = self.judged.verdict.clone();
        let mut ours: Vec<&Claim> = Vec::new();
        for claim in claims {
            match queries::reserve_key(tx, now, &claim.scope, &claim.key_hash, &claim.body_hash)? {
                None => ours.push(claim),
                Some(earlier) if earlier.body_hash == claim.body_hash => return keep(tx, &ours, earlier.answer),
                Some(_) if claim.is_stamp => verdict.reasons.push(reused()),
                Some(_) => {
                    let why = "this Idempotency-Key was used for another body within the last 24 hours; use a new key";
                    return Err(Error::Conflict(why.into()));
                }
            }
        }
        let answer = self.store(tx, now, &verdict)?;
        keep(tx, &ours, answer)
    }

    fn store(&self, tx: &mut Tx<'_>, now: UtcTime, verdict: &Verdict) -> Result<String> {
        let arrived = Arrived { line: &self.line, status_token_hash: &self.token_hash, new: &self.new };
        let id = if verdict.is_suspicious() { actions::hold(tx, now, &arrived, verdict)? } else { actions::receive(tx, now, &arrived)? };
        let status_url = format!("{}/api/leads/{}", self.public_url, self.token);
        Ok(json!({ "id": id, "status": "pending", "line_id": self.line, "status_url": status_url }).to_string())
    }
}

/// Keeps the answer for whoever comes again with one of these.
fn keep(tx: &mut Tx<'_>, ours: &[&Claim], answer: String) -> Result<Received> {
    for claim in ours {
        queries::keep_answer(tx, &claim.scope, &claim.key_hash, &answer)?;
    }
    Ok(Received { answer })
}

/// Who posts, once the limit has let them through.
pub struct Caller {
    pub address: ClientAddress,
    pub public_url: String,
    pub idempotency_key: Result<Option<String>, Problem>,
    /// A program of the seller's: it is not judged.
    pub is_trusted: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Caller {
    type Error = Problem;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Problem> {
        let state = request.rocket();
        let (Some(app), Some(site), Some(limiter)) = (state.state::<App>(), state.state::<Site>(), state.state::<IntakeLimiter>()) else {
            return fail(request, Problem::new(Status::InternalServerError, "Something went wrong here"));
        };
        let address = ClientAddress::of(request, site);
        let headers = request.headers();
        let is_sample = is_secret(app.config.sample_secret.as_ref(), headers.get_one("X-Throughline-Sample"));
        let intake_key = headers.get_one("X-Intake-Key");
        let has_key = is_secret(app.config.intake_key.as_ref(), intake_key);
        let is_trusted = is_sample || has_key;
        if !is_trusted && let Some(seconds) = limiter.ask(&address) {
            return fail(request, intake_limit::too_many(seconds));
        }
        if intake_key.is_some() && !has_key {
            let problem = Problem::new(Status::Unauthorized, "This is not the intake key");
            let detail = "Send the value of THROUGHLINE_INTAKE_KEY as X-Intake-Key, or leave the header out. Nothing was saved.";
            return fail(request, problem.detail(detail));
        }
        Outcome::Success(Self { address, public_url: site.public_url.clone(), idempotency_key: IdempotencyKey::of(request).0, is_trusted })
    }
}

fn is_secret(secret: Option<&secrecy::SecretString>, given: Option<&str>) -> bool {
    match (secret, given) {
        (Some(secret), Some(given)) => bool::from(secret.expose_secret().as_bytes().ct_eq(given.as_bytes())),
        _ => false,
    }
}

fn fail(request: &Request<'_>, problem: Problem) -> Outcome<Caller, Problem> {
    Outcome::Error((problem::keep(request, problem.clone()), problem))
}
