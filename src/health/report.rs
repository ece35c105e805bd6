//! The report: how everything stands, worst first, and what would help. As data it has the form of
//! draft-inadarei-api-health-check-06 (expired in 2022, and yet what monitors read).

use serde_json::{Map, Value, json};

use super::advice::{Advice, advice};
use super::check::{Check, State};
use super::facts::Facts;
use super::{crm_rules, inbox_rules, lead_rules, order_rules, people_rules, running_rules};
use crate::clock::UtcTime;

/// How everything stands.
#[derive(Clone, Debug)]
pub struct Report {
    pub at: UtcTime,
    pub state: State,
    /// The worst first; within one state in the order of the ids.
    pub checks: Vec<Check>,
    /// The most useful first.
    pub advice: Vec<Advice>,
    /// None: the database did not answer.
    pub facts: Option<Facts>,
}

impl Report {
    /// Judges what was seen.
    pub fn new(facts: Facts) -> Self {
        let checks = [
            running_rules::checks(&facts),
            crm_rules::checks(&facts),
            inbox_rules::checks(&facts),
            order_rules::checks(&facts),
            people_rules::checks(&facts),
            lead_rules::checks(&facts),
        ]
        .concat();
        Self::of(facts.at, checks, Some(facts))
    }

    /// The database did not answer.
    pub fn unanswered(at: UtcTime, why: &str) -> Self {
        Self::of(at, vec![running_rules::unanswered(why)], None)
    }

    fn of(at: UtcTime, mut checks: Vec<Check>, facts: Option<Facts>) -> Self {
        let advice = advice(&checks, facts.as_ref());
        checks.sort_by_key(|check| std::cmp::Reverse(check.state));
        Self { at, state: State::worst(checks.iter().map(|check| check.state)), checks, advice, facts }
    }

    /// Everything in one sentence.
    pub fn headline(&self) -> String {
        match (self.state, self.advice.first()) {
            (State::Pass, _) => "Everything works: leads arrive and go out by themselves.".into(),
            (_, Some(first)) => first.reason.clone(),
            (_, None) => self.checks.first().map(|check| check.output.clone()).unwrap_or_default(),
        }
    }

    /// What anyone may know.
    pub fn state_alone(&self) -> Value {
        json!({ "status": self.state })
    }

    /// All of it, for monitors. `public_url` is where the page is.
    pub fn to_json(&self, public_url: &str) -> Value {
        json!({
            "status": self.state,
            "version": "1",
            "releaseId": env!("CARGO_PKG_VERSION"),
            "serviceId": "throughline",
            "description": "Leads on their way to Zoho CRM",
            "output": self.headline(),
            "checks": self.checks_json(),
            "recommendations": self.advice,
            "leads": self.facts.as_ref().map(leads),
            "links": { "about": format!("{public_url}/health") },
        })
    }

    /// As the draft has it: a list for each id, with what it is about where there are several.
    fn checks_json(&self) -> Value {
        let mut by_id: Map<String, Value> = Map::new();
        for check in &self.checks {
            let mut told = json!({
                "componentType": component_type(check.id), "status": check.state, "output": check.output, "time": self.at.and_utc(),
            });
            if let Some(of) = &check.of {
                told["componentId"] = of.as_str().into();
            }
            if !check.value.is_null() {
                told["observedValue"] = check.value.clone();
            }
            if !check.unit.is_empty() {
                told["observedUnit"] = check.unit.into();
            }
            match by_id.get_mut(check.id) {
                Some(Value::Array(list)) => list.push(told),
                _ => drop(by_id.insert(check.id.into(), json!([told]))),
            }
        }
        by_id.into()
    }
}

/// The statistics, and the windows beside the 24 hours they have.
fn leads(facts: &Facts) -> Value {
    let window = |(sent, failed): (i64, i64)| json!({ "sent": sent, "failed": failed });
    let mut told = serde_json::to_value(&facts.leads.statistics).unwrap_or_default();
    told["last_hour"] = window(facts.leads.hour);
    told["last_7_days"] = window(facts.leads.week);
    told["oldest_waiting_s"] = facts.leads.oldest_waiting.map(|(_, since)| (facts.at - since).num_seconds()).into();
    told["delivery_p50_ms"] = facts.leads.delivery.map(|delivery| delivery.p50.num_milliseconds()).into();
    told["delivery_p95_ms"] = facts.leads.delivery.map(|delivery| delivery.p95.num_milliseconds()).into();
    told
}

fn component_type(id: &str) -> &'static str {
    match id.split(':').next() {
        Some("database") => "datastore",
        Some("processes" | "configuration") => "system",
        _ => "component",
    }
}
