//! Uploaded files as pieces in the database: bounded, reachable from every process, removed when their import has ended.

use std::io::{self, Read};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::model::ImportId;
use super::queries;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};

/// The largest file that may be uploaded; the command line takes larger ones.
pub const FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// One row of `import_pieces`.
const PIECE_BYTES: usize = 64 * 1024;

/// A file of which every piece is there.
#[derive(Clone, Debug)]
pub struct Whole {
    pub import: ImportId,
    pub bytes: i64,
    /// SHA-256.
    pub hash: String,
}

/// Takes a file in, piece by piece.
pub struct Staging {
    app: App,
    id: ImportId,
    seq: i64,
    bytes: i64,
    piece: Vec<u8>,
    hasher: Sha256,
}

impl Staging {
    /// Begins the file of an import that is written down already.
    pub fn of(app: &App, id: ImportId) -> Self {
        Self { app: app.clone(), id, seq: 0, bytes: 0, piece: Vec::with_capacity(PIECE_BYTES), hasher: Sha256::new() }
    }

    /// Takes the next bytes.
    pub async fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_BYTES {
                self.keep().await?;
            }
        }
        Ok(())
    }

    /// The file has come to its end.
    pub async fn end(mut self) -> Result<Whole> {
        if !self.piece.is_empty() {
            self.keep().await?;
        }
        let hash = self.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Whole { import: self.id, bytes: self.bytes, hash })
    }

    async fn keep(&mut self) -> Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.hasher.update(&piece);
        self.bytes += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        let (now, id, seq) = (self.app.clock.now(), self.id, self.seq);
        let keep = move |tx: &mut Tx<'_>| -> Result<usize> { Ok(queries::keep_piece(tx, now, id, (seq, &piece))?) };
        self.app.store.write_bulk("imports.stage", keep).await.map_err(Error::from)?;
        self.seq += 1;
        Ok(())
    }
}

/// How many pieces a whole file of this size has.
pub fn pieces_of(file_bytes: i64) -> i64 {
    let piece = PIECE_BYTES as i64;
    file_bytes.saturating_add(piece - 1) / piece
}

/// An uploaded file, for reading on a thread that may wait. Where some of it is missing reading fails: what is there may look like
/// a whole file.
pub fn file(app: &App, (id, bytes): (ImportId, i64)) -> impl Read + Send + use<> {
    let (sender, pieces) = mpsc::channel(4);
    let app = app.clone();
    tokio::spawn(async move {
        let mut seq = 0;
        loop {
            let read = app.store.read(move |conn| queries::pieces(conn, id, seq).map_err(Error::from)).await;
            let is_end = match &read {
                Ok(found) => found.is_empty(),
                Err(_) => true,
            };
            let found = match read {
                Ok(found) => found.into_iter().map(|(place, piece)| (place, Ok(piece))).collect(),
                Err(cause) => vec![(seq, Err(io::Error::other(cause.to_string())))],
            };
            for (place, piece) in found {
                // What stands behind a gap is not what follows; whoever reads finds that bytes are missing.
                if place != seq || sender.send(piece).await.is_err() {
                    return;
                }
                seq += 1;
            }
            if is_end {
                return;
            }
        }
    });
    Pieces { pieces, piece: io::Cursor::new(Vec::new()), missing: bytes }
}

struct Pieces {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
    /// Bytes that have still to come.
    missing: i64,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.pieces.blocking_recv() {
                Some(piece) => {
                    let piece = piece?;
                    self.missing -= i64::try_from(piece.len()).unwrap_or(i64::MAX);
                    self.piece = io::Cursor::new(piece);
                }
                None if self.missing > 0 => {
                    return Err(io::Error::other(format!("its last {} bytes are missing; upload it again", self.missing)));
                }
                None => return Ok(0),
            }
        }
    }
}
