//! Mistakes planted in the way the engine is driven and in what it is told: nothing in the program knows of them.

use diesel::prelude::*;
use serde_json::{Value, json};
use throughline::db::Tx;
use throughline::db::schema::jobs;
use throughline::http::{Answer, Outgoing};
use throughline::outbox::{JobId, JobState};

use crate::world::World;

/// As if the finish asked for the job's id alone: whoever holds the jobs now, this run may write.
pub async fn ignore_the_lease(world: &World, ids: &[i64], lease: i64) {
    let ids: Vec<JobId> = ids.iter().copied().map(JobId).collect();
    let take = move |tx: &mut Tx<'_>| -> QueryResult<usize> {
        let mut taken = 0;
        for id in &ids {
            taken += diesel::update(jobs::table.filter(jobs::id.eq(id)))
                .set((jobs::state.eq(JobState::Running), jobs::lease_token.eq(lease)))
                .execute(tx.conn())?;
        }
        Ok(taken)
    };
    world.store.write("planted.lease", "planted", take).await.expect("it is planted");
}

/// As if the outcome were written down before the work is done: the answer that is hoped for, to a call not yet made. None:
/// a call that writes no leads.
pub fn hoped(request: &Outgoing) -> Option<Answer> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let records = body["data"].as_array().filter(|_| request.url.contains("/Leads"))?;
    let results: Vec<Value> = records
        .iter()
        .map(|_| json!({ "code": "SUCCESS", "status": "success", "message": "hoped", "action": "insert", "details": { "id": "hoped" } }))
        .collect();
    Some(Answer { status: 200, headers: Vec::new(), body: json!({ "data": results }).to_string().into_bytes() })
}
