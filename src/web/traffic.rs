//! How many requests were answered, by route and status: for metrics. Routes are counted by their template, so that there are
//! never more numbers than routes and statuses, whatever is asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use rocket::http::Method;

/// The answers of this process; managed by Rocket.
#[derive(Default)]
pub struct Traffic(Mutex<HashMap<String, Answers>>);

/// Of one route: how often it was answered so.
type Answers = HashMap<(Method, u16), u64>;

/// How often a route was answered so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    pub route: String,
    pub method: &'static str,
    pub status: u16,
}

impl Traffic {
    /// Counts one answer.
    pub fn count(&self, template: &str, method: Method, status: u16) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Only the first answer of a route makes a text of its template.
        let route = match all.get_mut(template) {
            Some(route) => route,
            None => all.entry(template.to_owned()).or_default(),
        };
        *route.entry((method, status)).or_default() += 1;
    }

    /// Everything counted so far, in order.
    pub fn counted(&self) -> BTreeMap<Answered, u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |route: &String, (method, status): (Method, u16), count: u64| {
            // What stands after the question mark is how Rocket names what a query may hold.
            let route = route.split('?').next().unwrap_or_default().to_owned();
            (Answered { route, method: method.as_str(), status }, count)
        };
        let mut counted = BTreeMap::new();
        for (route, answers) in all.iter() {
            for (key, count) in answers {
                let (answered, count) = one(route, *key, *count);
                *counted.entry(answered).or_default() += count;
            }
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_method_and_status() {
        let traffic = Traffic::default();
        for status in [201, 201, 422] {
            traffic.count("/api/store-lead", Method::Post, status);
        }
        traffic.count("/leads?<filter..>", Method::Get, 200);
        let told: Vec<_> = traffic.counted().into_iter().map(|(one, count)| (one.route, one.method, one.status, count)).collect();
        let expected = [("/api/store-lead", "POST", 201, 2), ("/api/store-lead", "POST", 422, 1), ("/leads", "GET", 200, 1)];
        assert_eq!(told, expected.map(|(route, method, status, count)| (route.to_owned(), method, status, count)));
    }
}
