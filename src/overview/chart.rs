//! The throughput chart: bars as SVG geometry, computed here so that the page needs no script and can say it as a table.

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::outbox::JobState;
use crate::web::{Times, format};

use super::queries::{CHARTED_MAX, Ended};

/// Bars: one a minute, for an hour.
const BARS: usize = 60;
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 136.0;

/// A bar's place in the drawing.
pub struct Bar {
    /// `bar-1` or `bar-bad`.
    pub class: &'static str,
    pub x: String,
    pub y: String,
    pub height: String,
}

/// A row of the table that says the same.
pub struct Row {
    pub from: String,
    pub done: String,
    pub failed: String,
}

/// The chart as the template prints it.
pub struct Chart {
    pub bars: Vec<Bar>,
    /// From the top down.
    pub scale: [String; 3],
    /// From left to right.
    pub times: [String; 4],
    /// What the drawing shows, in a sentence.
    pub label: String,
    pub now: String,
    pub rows: Vec<Row>,
}

impl Chart {
    /// Draws the last hour.
    pub fn new(ended: &[Ended], times: Times) -> Self {
        let start = times.now - TimeDelta::minutes(60);
        let (mut done, mut failed) = ([0_u32; BARS], [0_u32; BARS]);
        for job in ended {
            let Some(place) = job.at.and_then(|at| minute(at, start)) else { continue };
            match job.state {
                JobState::Succeeded => done[place] += 1,
                JobState::Dead => failed[place] += 1,
                _ => {}
            }
        }
        let peak = (0..BARS).map(|place| done[place] + failed[place]).max().unwrap_or(0);
        let top = nice(peak);
        let last = done[BARS - 1] + failed[BARS - 1];
        Self {
            bars: (0..BARS).flat_map(|place| bars(place, done[place], failed[place], top)).collect(),
            scale: [top, top / 2, 0].map(|value| format::number(i64::from(value))),
            times: [0, 20, 40, 60].map(|minutes| times.clock(start + TimeDelta::minutes(minutes))),
            label: label(&done, &failed, peak),
            now: if ended.len() >= CHARTED_MAX as usize { "the latest 10,000 jobs".into() } else { format!("{last} in the last minute") },
            rows: rows(&done, &failed, times, start),
        }
    }
}

fn minute(at: UtcTime, start: UtcTime) -> Option<usize> {
    let minutes = usize::try_from((at - start).num_minutes()).ok()?;
    (minutes <= BARS).then(|| minutes.min(BARS - 1))
}

/// An even top of the scale, so that its middle is a whole number.
fn nice(peak: u32) -> u32 {
    let steps = [2, 4, 6, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000];
    steps.into_iter().find(|step| *step >= peak).unwrap_or(10_000)
}

fn bars(place: usize, done: u32, failed: u32, top: u32) -> impl Iterator<Item = Bar> {
    let step = WIDTH / BARS as f64;
    let tall = |count: u32| f64::from(count) / f64::from(top) * HEIGHT;
    let x = format!("{:.1}", place as f64 * step + 1.0);
    let bar = move |class, base: f64, count: u32| Bar {
        class,
        x: x.clone(),
        y: format!("{:.1}", HEIGHT - base - tall(count)),
        height: format!("{:.1}", tall(count)),
    };
    let both = [(done > 0).then(|| bar("bar-1", 0.0, done)), (failed > 0).then(|| bar("bar-bad", tall(done), failed))];
    both.into_iter().flatten()
}

fn label(done: &[u32], failed: &[u32], peak: u32) -> String {
    let (done, failed) = (i64::from(done.iter().sum::<u32>()), i64::from(failed.iter().sum::<u32>()));
    if done + failed == 0 {
        return "No job ended in the last hour".into();
    }
    format!(
        "Jobs ended per minute over the last hour: {} done, {} failed, at most {} in a minute",
        format::number(done),
        format::number(failed),
        format::number(i64::from(peak))
    )
}

fn rows(done: &[u32], failed: &[u32], times: Times, start: UtcTime) -> Vec<Row> {
    let sum = |counts: &[u32]| format::number(i64::from(counts.iter().sum::<u32>()));
    let of = |(part, (done, failed)): (usize, (&[u32], &[u32]))| Row {
        from: times.clock(start + TimeDelta::minutes(i64::try_from(part * 10).unwrap_or(0))),
        done: sum(done),
        failed: sum(failed),
    };
    done.chunks(10).zip(failed.chunks(10)).enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stand_on_top_of_what_was_done() {
        let now = UtcTime::default();
        let ended = |state, minutes| Ended { state, at: Some(now - TimeDelta::minutes(minutes)) };
        let jobs = [ended(JobState::Succeeded, 1), ended(JobState::Succeeded, 1), ended(JobState::Dead, 1), ended(JobState::Succeeded, 59)];
        let chart = Chart::new(&jobs, Times { zone: chrono_tz::UTC, now });
        let drawn: Vec<_> = chart.bars.iter().map(|bar| (bar.class, bar.x.as_str(), bar.y.as_str(), bar.height.as_str())).collect();
        assert_eq!(drawn, [("bar-1", "11.0", "102.0", "34.0"), ("bar-1", "591.0", "68.0", "68.0"), ("bar-bad", "591.0", "34.0", "34.0")]);
        assert_eq!(chart.label, "Jobs ended per minute over the last hour: 3 done, 1 failed, at most 3 in a minute");
        assert_eq!(chart.rows.len(), 6);
    }

    #[test]
    fn an_empty_hour_draws_nothing_and_says_so() {
        let chart = Chart::new(&[], Times { zone: chrono_tz::UTC, now: UtcTime::default() });
        assert!(chart.bars.is_empty());
        assert_eq!(chart.label, "No job ended in the last hour");
    }
}
