//! `throughline sandbox`: the stand-in for Zoho in a process of its own.

use clap::Args;
use throughline::sandbox::{self, Edition};

/// How the stand-in is set up.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// The port on the loopback address; 0 takes a free one. The address is printed when it answers.
    #[arg(long, default_value_t = 8091)]
    port: u16,
    /// Whose limits hold: free, standard, professional, enterprise, ultimate.
    #[arg(long, default_value = "enterprise", value_parser = edition)]
    edition: Edition,
    /// End when the process with this id ends.
    #[arg(long)]
    parent_pid: Option<u32>,
}

fn edition(text: &str) -> Result<Edition, String> {
    Edition::parse(text).ok_or_else(|| "use free, standard, professional, enterprise or ultimate".into())
}

/// Runs until a signal, or until the parent ends.
pub async fn run(arguments: &SandboxArguments) -> anyhow::Result<()> {
    sandbox::serve(sandbox::Mount { port: arguments.port, edition: arguments.edition, parent_pid: arguments.parent_pid }).await
}
