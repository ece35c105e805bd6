//! The samples of Stripe's events, where they are beside the project: each is taken, and nothing about it fails.

use std::path::Path;

use rocket::http::Status;
use throughline::integrations::stripe::signature::sign;
use throughline::sandbox::Options;
use throughline::sandbox::stripe::WEBHOOK_SECRET;

use super::{receipts, told};
use crate::harness::both_engines;

/// What people who have them put there; they are not ours to hand on.
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/contracts/stripe");

fn samples() -> Vec<(String, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(SAMPLES).to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                found.push((path.display().to_string(), std::fs::read(&path).expect("it can be read")));
            }
        }
    }
    found
}

both_engines! {
    async fn every_sample_is_taken_and_interpreted(app: TestApp) {
        let samples = samples();
        if samples.is_empty() {
            eprintln!("left out: there are no samples in {SAMPLES}");
            return;
        }
        // Without a key: some are of live mode.
        let whole = app.whole_with(Options::default(), &[("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)]).await;
        for (name, body) in &samples {
            let answered = whole.push_signed(body, Some(&sign(&WEBHOOK_SECRET.into(), body, app.clock.now()))).await;
            assert_eq!(answered.status, Status::Ok, "{name}: {}", answered.text);
            assert_eq!(answered.json()["state"], "received", "{name}: {}", answered.text);
        }
        whole.run_until_idle().await;
        assert!(told(&whole).await.iter().all(|told| !told.ends_with("failed") && !told.ends_with("received")), "{:?}", told(&whole).await);
        assert!(receipts(&whole).await.iter().all(|receipt| receipt.object_id.is_some() && receipt.happened_at.is_some()));
    }
}
