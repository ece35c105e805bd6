//! `throughline sandbox`: the stand-in for Zoho in a process of its own.

use clap::Args;
use throughline::sandbox::{self, Edition, Mount};

/// How the stand-in is set up.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// The port on the loopback address; 0 takes a free one. The address is printed when it answers.
    #[arg(long, default_value_t = 8091)]
    port: u16,
    /// Whose limits hold.
    #[arg(long, value_enum, default_value_t = Edition::Enterprise)]
    edition: Edition,
    /// End when the process with this id ends; by default, when the one that started it does.
    #[arg(long)]
    parent_pid: Option<u32>,
}

/// Runs until a signal, or until the parent ends.
pub async fn run(arguments: &SandboxArguments) -> anyhow::Result<()> {
    let mount = Mount { port: arguments.port, edition: arguments.edition, parent_pid: arguments.parent_pid };
    sandbox::serve(mount, announce).await
}

#[expect(clippy::print_stdout, reason = "whoever started it reads the address here")]
fn announce(url: &str) {
    println!("{url}");
}
