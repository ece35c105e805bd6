//! The mail sink over SMTP, on the loopback address, so that the real client is exercised in `demo`. As much of RFC 5321 as a
//! client needs: no TLS, no sign-in.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Sandbox;
use crate::clock::Clock;
use crate::mail::Trouble;

const LINE_MAX_BYTES: u64 = 1_000;
const MAIL_MAX_BYTES: usize = 10 * 1024 * 1024;
/// Clients at once.
const CLIENTS_MAX: usize = 32;
/// A client that says nothing for so long is gone.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Listens on a free port of the loopback address; answers which.
pub(super) async fn listen(sandbox: Sandbox) -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    tokio::spawn(async move {
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let sandbox = sandbox.clone();
            tokio::spawn(async move {
                // A client that breaks off has nothing more to be told.
                drop(converse(&sandbox, stream).await);
                drop(place);
            });
        }
    });
    Ok(port)
}

/// What a client has said so far.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

async fn converse(sandbox: &Sandbox, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 sandbox.test ESMTP").await?;
    let mut envelope = Envelope::default();
    loop {
        let Some(line) = heard(&mut stream).await? else { return Ok(()) };
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-sandbox.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES".to_owned(),
            "HELO" | "NOOP" => "250 2.0.0 Ok".into(),
            "RSET" => {
                envelope = Envelope::default();
                "250 2.0.0 Ok".into()
            }
            "MAIL" => {
                envelope = Envelope { from: Some(address(&line)), to: Vec::new() };
                "250 2.1.0 Ok".into()
            }
            "RCPT" if envelope.from.is_some() => {
                envelope.to.push(address(&line));
                "250 2.1.5 Ok".into()
            }
            "DATA" if !envelope.to.is_empty() => {
                say(&mut stream, "354 End data with <CR><LF>.<CR><LF>").await?;
                let Some(bytes) = content(&mut stream).await? else { return Ok(()) };
                let from = envelope.from.take().unwrap_or_default();
                match sandbox.take_mail(&from, &std::mem::take(&mut envelope.to), &bytes, Clock::machine().now()) {
                    Ok(answer) => answer,
                    Err(Trouble { answer: Some((code, words)), .. }) => format!("{code} {words}"),
                    // As a server that dies: no answer.
                    Err(_) => return Ok(()),
                }
            }
            "QUIT" => {
                return say(&mut stream, "221 2.0.0 Bye").await;
            }
            "RCPT" | "DATA" => "503 5.5.1 Say MAIL FROM and RCPT TO first".into(),
            _ => "502 5.5.2 Not known here".into(),
        };
        say(&mut stream, &answer).await?;
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await
}

/// The next line; None: the client has gone, or says too much.
async fn heard(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut bounded = stream.take(LINE_MAX_BYTES);
    let Ok(read) = tokio::time::timeout(IDLE_MAX, bounded.read_until(b'\n', &mut line)).await else { return Ok(None) };
    if read? == 0 || !line.ends_with(b"\n") {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
}

/// The content up to the lone dot, with doubled dots made single.
async fn content(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = Vec::new();
        let mut bounded = stream.take(MAIL_MAX_BYTES as u64);
        let Ok(read) = tokio::time::timeout(IDLE_MAX, bounded.read_until(b'\n', &mut line)).await else { return Ok(None) };
        if read? == 0 || bytes.len() + line.len() > MAIL_MAX_BYTES {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// `MAIL FROM:<a@example.com> BODY=8BITMIME` names `a@example.com`.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
