//! Ends with the parent: a sandbox whose `demo` or test was killed must not stay behind.

use std::os::unix::process::parent_id;
use std::time::Duration;

/// How often it is looked at; reading it costs one system call.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Returns when the process with this id (None: today's parent) is no longer our parent. A process whose parent has ended
/// gets another one.
pub(super) async fn ended(pid: Option<u32>) {
    let expected = pid.unwrap_or_else(parent_id);
    while parent_id() == expected {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_is_not_our_parent_counts_as_ended() {
        let waited = tokio::time::timeout(Duration::from_secs(5), ended(Some(0))).await;
        assert!(waited.is_ok());
        assert!(tokio::time::timeout(Duration::from_millis(20), ended(None)).await.is_err());
    }
}
