//! A wire between the store and PostgreSQL that can be cut around COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next COMMIT, and to whoever connects after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    Never,
    /// PostgreSQL never hears the COMMIT.
    BeforeCommit,
    /// PostgreSQL commits; its answer is lost.
    AfterCommit,
    /// As `AfterCommit`, and nobody gets through any more.
    AfterCommitForGood,
    Dead,
}

/// The wire. Cutting happens once; then it is whole again, but for `AfterCommitForGood`.
#[derive(Clone)]
pub struct Wire {
    pub port: u16,
    next: Arc<AtomicU8>,
    /// How often everything under way was swallowed.
    swallowed: Arc<AtomicU8>,
}

impl Wire {
    /// Lays a wire to PostgreSQL's port.
    pub async fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let wire = Self {
            port: listener.local_addr().expect("bound").port(),
            next: Arc::new(AtomicU8::new(Cut::Never as u8)),
            swallowed: Arc::default(),
        };
        let laid = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if laid.next.load(Ordering::SeqCst) != Cut::Dead as u8 {
                    tokio::spawn(laid.clone().carry(client, server_port));
                }
            }
        });
        wire
    }

    /// Cuts at the next COMMIT.
    pub fn cut(&self, how: Cut) {
        self.next.store(how as u8, Ordering::SeqCst);
    }

    /// Every connection there is goes silent for ever, and none is closed. Whoever connects from now on gets through.
    pub fn swallow(&self) {
        self.swallowed.fetch_add(1, Ordering::SeqCst);
    }

    async fn carry(self, mut client: TcpStream, server_port: u16) {
        let mut server = TcpStream::connect(("127.0.0.1", server_port)).await.expect("PostgreSQL listens");
        let (mut up, mut down) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let born = self.swallowed.load(Ordering::SeqCst);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    if self.swallowed.load(Ordering::SeqCst) != born {
                        return std::future::pending().await;
                    }
                    let Ok(size @ 1..) = read else { return };
                    let is_commit = up[..size].windows(7).any(|bytes| bytes == b"COMMIT\0");
                    if is_commit && self.is_cut_here(&up[..size], &mut server).await {
                        return;
                    }
                    if server.write_all(&up[..size]).await.is_err() { return }
                }
                read = server.read(&mut down) => {
                    let Ok(size @ 1..) = read else { return };
                    if client.write_all(&down[..size]).await.is_err() { return }
                }
            }
        }
    }

    /// Returning true drops both ends.
    async fn is_cut_here(&self, commit: &[u8], server: &mut TcpStream) -> bool {
        let how = self.next.load(Ordering::SeqCst);
        if how == Cut::Never as u8 {
            return false;
        }
        let then = if how == Cut::AfterCommitForGood as u8 { Cut::Dead } else { Cut::Never };
        if how != Cut::BeforeCommit as u8 {
            server.write_all(commit).await.expect("PostgreSQL takes it");
            // Its answer means that it has committed.
            let _answer = server.read(&mut [0; 1024]).await.expect("PostgreSQL answers");
        }
        self.next.store(then as u8, Ordering::SeqCst);
        true
    }
}
