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

/// Sends samples until the process ends: an event of Stripe after every second lead.
pub async fn run(app: App, secret: SecretString) {
    let mut happenings = stripe_samples::endless();
    for (count, sample) in samples::endless().enumerate() {
        let headers = vec![("content-type", "application/json".into()), ("x-throughline-sample", secret.expose_secret().to_owned())];
        let url = format!("{}{}", app.config.public_url, sample.path);
        if let Err(cause) = post(&app, url, headers, sample.body.to_string().into_bytes()).await {
            tracing::warn!(error = %cause, "A sample lead could not be sent");
        }
        let happening = if count % 2 == 0 { happenings.next() } else { None };
        if let Some(happening) = happening
            && let Err(cause) = push(&app, happening).await
        {
            tracing::warn!(error = %cause, "A sample webhook could not be sent");
        }
        let pause_ms = if count < FIRST { 150.0 } else { 2500.0 + 4000.0 * random::fraction() };
        tokio::time::sleep(Duration::from_secs_f64(pause_ms / 1000.0)).await;
    }
}

/// Has it happen at the stand-in, and brings the webhook that tells of it: the stand-in calls nobody.
async fn push(app: &App, happening: Happening) -> Result<(), SendFailure> {
    let json = || vec![("content-type", "application/json".to_owned())];
    let url = format!("{}/__stripe/events", app.config.stripe.api_url);
    let asked = json!({ "type": happening.event_type, "object": happening.object }).to_string();
    let answer = post(app, url, json(), asked.into_bytes()).await?;
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    let times = match happening.arrival {
        Arrival::Lost => 0,
        Arrival::Twice => 2,
        Arrival::Once | Arrival::Tampered => 1,
    };
    let mut body = text("body");
    if happening.arrival == Arrival::Tampered {
        body.push(' ');
    }
    for _ in 0..times {
        let mut headers = json();
        headers.push(("stripe-signature", text("signature")));
        post(app, format!("{}{STRIPE_WEBHOOK}", app.config.public_url), headers, body.clone().into_bytes()).await?;
    }
    Ok(())
}

async fn post(app: &App, url: String, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Result<Answer, SendFailure> {
    app.transport.send(&Outgoing { method: Method::Post, url, headers, body }).await
}
