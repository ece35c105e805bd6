//! `throughline health-check`: asks the program that serves on this machine how it stands. For people, cron and containers, none of
//! which need another tool for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::Value;
use throughline::config::{Config, Sources};
use throughline::http::{Answer, Method, Outgoing, ReqwestTransport, SendFailure, Transport};

/// What may be asked.
#[derive(Debug, Args)]
pub struct HealthCheckArguments {
    /// Ask only whether it can take leads (/readyz), not whether they go out: for containers and load balancers.
    #[arg(long)]
    ready: bool,
    /// Print the answer as it came.
    #[arg(long)]
    json: bool,
    /// Where it serves, if not where the settings say: `http://127.0.0.1:8000`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Healthy 0, warning 1, failing or not answering 2.
pub async fn run(arguments: &HealthCheckArguments) -> anyhow::Result<ExitCode> {
    let config = Config::load(&Sources::of_process()?)?;
    let base = arguments.url.as_ref().map_or_else(|| own_address(&config), |url| url.trim_end_matches('/').to_owned());
    let path = if arguments.ready { "/readyz" } else { "/api/health/zoho-integration" };
    let mut headers = vec![("accept", "application/json".to_owned())];
    if let Some(token) = config.health_token.as_ref().filter(|_| !arguments.ready) {
        headers.push(("authorization", format!("Bearer {}", token.expose_secret())));
    }
    let request = Outgoing { method: Method::Get, url: format!("{base}{path}"), headers, body: Vec::new() };
    let answer = ReqwestTransport::new()?.send(&request).await;
    Ok(tell(&base, arguments, answer))
}

/// Everywhere is also here.
fn own_address(config: &Config) -> String {
    let address = match config.address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    format!("http://{}", SocketAddr::new(address, config.port))
}

#[expect(clippy::print_stdout, reason = "the answer to the question that was asked")]
fn tell(base: &str, arguments: &HealthCheckArguments, answer: Result<Answer, SendFailure>) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(cause) => {
            println!("fail: nothing answers at {base} ({cause}). Start “throughline serve”, or say where it serves with --url");
            return ExitCode::from(2);
        }
    };
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if arguments.json {
        println!("{}", String::from_utf8_lossy(&answer.body));
    } else if arguments.ready {
        println!("{}", told["detail"].as_str().unwrap_or(if answer.status == 200 { "ready" } else { "not ready" }));
    } else {
        lines(&told).iter().for_each(|line| println!("{line}"));
    }
    match (arguments.ready, answer.status, told["status"].as_str()) {
        (true, 200, _) | (false, 200, Some("pass")) => ExitCode::SUCCESS,
        (false, 200, Some("warn")) => ExitCode::from(1),
        _ => ExitCode::from(2),
    }
}

/// The state, then each check, the worst first, then what would help.
fn lines(told: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let Some(checks) = told["checks"].as_object() else {
        return match told["title"].as_str() {
            Some(title) => vec![format!("fail: {title}. {}", text(&told["detail"]))],
            None => vec![format!("{}: set THROUGHLINE_HEALTH_TOKEN, here and where it serves, to see why", text(&told["status"]))],
        };
    };
    let mut all: Vec<(String, String)> = Vec::new();
    for (id, check) in checks.iter().flat_map(|(id, list)| list.as_array().into_iter().flatten().map(move |check| (id, check))) {
        let of = check["componentId"].as_str().map(|of| format!(" {of}")).unwrap_or_default();
        all.push((text(&check["status"]), format!("{id}{of}: {}", text(&check["output"]))));
    }
    all.sort_by_key(|(state, _)| ["fail", "warn", "pass"].iter().position(|known| known == state));
    let mut lines = vec![format!("{}: {}", text(&told["status"]), text(&told["output"]))];
    lines.extend(all.into_iter().map(|(state, line)| format!("  {state}  {line}")));
    let helps = told["recommendations"].as_array().into_iter().flatten();
    lines.extend(helps.enumerate().map(|(place, help)| format!("{}. {}", place + 1, text(&help["title"]))));
    lines
}
