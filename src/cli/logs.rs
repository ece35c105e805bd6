//! Logs: one readable line each, to standard error, so that standard output stays for answers.

use std::io::IsTerminal;

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// `RUST_LOG` chooses what is logged; by default our own messages and the warnings of others. Rocket's own messages stay
/// out whatever is chosen: they print paths and parameters, which may hold tokens (web/request_log.rs prints templates).
pub fn to_standard_error() {
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,throughline=info"));
    // Rocket's generated code speaks under our own modules' names, with `::_` at the end.
    let ours = filter_fn(|about| !about.target().starts_with("rocket::") && !about.target().ends_with("::_"));
    // A log that nobody reads any more must not end the program: complaining about it would go to the same closed pipe.
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false);
    tracing_subscriber::registry().with(chosen).with(ours).with(lines).init();
}
