//! The sample leads of `demo`: posted to the public intake as a form on a web site would, with an allowance of their own.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use throughline::app::App;
use throughline::http::{Method, Outgoing};
use throughline::random;
use throughline::sandbox::samples;

/// The first samples come close together, so that the pages have something to show; then one every few seconds.
const FIRST: usize = 24;

/// Sends samples until the process ends.
pub async fn run(app: App, secret: SecretString) {
    let url = |path: &str| format!("{}{path}", app.config.public_url);
    for (count, sample) in samples::endless().enumerate() {
        let request = Outgoing {
            method: Method::Post,
            url: url(sample.path),
            headers: vec![("content-type", "application/json".into()), ("x-throughline-sample", secret.expose_secret().to_owned())],
            body: sample.body.to_string().into_bytes(),
        };
        if let Err(cause) = app.transport.send(&request).await {
            tracing::warn!(error = %cause, "A sample lead could not be sent");
        }
        let pause_ms = if count < FIRST { 150.0 } else { 2500.0 + 4000.0 * random::fraction() };
        tokio::time::sleep(Duration::from_secs_f64(pause_ms / 1000.0)).await;
    }
}
