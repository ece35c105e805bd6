//! The samples of `demo`: leads posted to the public intake as a form on a web site would, with an allowance of their own, and
//! webhooks as Stripe would send them.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use throughline::app::App;
use throughline::http::{Answer, Method, Outgoing, SendFailure};
use throughline::inbox::STRIPE_WEBHOOK;
use throughline::random;
use throughline::sandbox::samples;
use throughline::sandbox::stripe::samples::{self as stripe_samples, Arrival, Happening};

/// The first samples come close together, so that the pages have something to show; then one every few seconds.
const FIRST: usize = 24;

/// How often the webhooks of what people do at the stand-in are fetched and brought.
const FETCHED_EVERY: Duration = Duration::from_secs(1);

/// Sends samples until the process ends.
pub async fn run(app: App, secret: SecretString) {
    tokio::join!(leads(&app, &secret), webhooks(&app));
}

/// An event of Stripe after every second lead.
async fn leads(app: &App, secret: &SecretString) {
    let mut happenings = stripe_samples::endless();
    for (count, sample) in samples::endless().enumerate() {
        let headers = vec![("content-type", "application/json".into()), ("x-throughline-sample", secret.expose_secret().to_owned())];
        let url = format!("{}{}", app.config.public_url, sample.path);
        if let Err(cause) = post(app, url, headers, sample.body.to_string().into_bytes()).await {
            tracing::warn!(error = %cause, "A sample lead could not be sent");
        }
        let happening = if count % 2 == 0 { happenings.next() } else { None };
        if let Some(happening) = happening
            && let Err(cause) = push(app, happening).await
        {
            tracing::warn!(error = %cause, "A sample webhook could not be sent");
        }
        let pause_ms = if count < FIRST { 150.0 } else { 2500.0 + 4000.0 * random::fraction() };
        tokio::time::sleep(Duration::from_secs_f64(pause_ms / 1000.0)).await;
    }
}

/// Brings what follows from checkouts that people pay at the stand-in, as Stripe may: the latest first, and some twice.
async fn webhooks(app: &App) {
    loop {
        if let Err(cause) = bring_waiting(app).await {
            tracing::warn!(error = %cause, "A webhook of the stand-in could not be brought");
        }
        tokio::time::sleep(FETCHED_EVERY).await;
    }
}

async fn bring_waiting(app: &App) -> Result<(), SendFailure> {
    let answer = post(app, format!("{}/__stripe/webhooks", app.config.stripe.api_url), Vec::new(), Vec::new()).await?;
    let waiting: Vec<Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
    for (place, webhook) in waiting.iter().rev().enumerate() {
        let times = if place % 2 == 0 { 2 } else { 1 };
        for _ in 0..times {
            bring(app, webhook["body"].as_str().unwrap_or_default(), webhook).await?;
        }
    }
    Ok(())
}

/// Posts one, signed as the stand-in signed it.
async fn bring(app: &App, body: &str, webhook: &Value) -> Result<(), SendFailure> {
    let signature = webhook["signature"].as_str().unwrap_or_default().to_owned();
    let headers = vec![("content-type", "application/json".to_owned()), ("stripe-signature", signature)];
    post(app, format!("{}{STRIPE_WEBHOOK}", app.config.public_url), headers, body.as_bytes().to_vec()).await.map(drop)
}

/// Has it happen at the stand-in, and brings the webhook that tells of it: the stand-in calls nobody.
async fn push(app: &App, happening: Happening) -> Result<(), SendFailure> {
    let url = format!("{}/__stripe/events", app.config.stripe.api_url);
    let asked = json!({ "type": happening.event_type, "object": happening.object }).to_string();
    let answer = post(app, url, vec![("content-type", "application/json".into())], asked.into_bytes()).await?;
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let times = match happening.arrival {
        Arrival::Lost => 0,
        Arrival::Twice => 2,
        Arrival::Once | Arrival::Tampered => 1,
    };
    let mut body = told["body"].as_str().unwrap_or_default().to_owned();
    if happening.arrival == Arrival::Tampered {
        body.push(' ');
    }
    for _ in 0..times {
        bring(app, &body, &told).await?;
    }
    Ok(())
}

async fn post(app: &App, url: String, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Result<Answer, SendFailure> {
    app.transport.send(&Outgoing { method: Method::Post, url, headers, body }).await
}
