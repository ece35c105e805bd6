//! The page on which a person agrees to what a program asks for, as Zoho's accounts server shows it. Works without script.

use askama::Template;
use url::Url;

use super::answer::SandboxAnswer;
use super::tokens::{Code, Grant, ORGANISATIONS, Organisation};
use super::world::World;
use crate::clock::UtcTime;

/// What a program asks for, checked.
struct Asked<'a> {
    client_id: &'a str,
    redirect_uri: Url,
    scopes: Vec<&'a str>,
    access_type: &'a str,
    state: &'a str,
}

#[derive(Template)]
#[template(path = "sandbox/consent.html")]
struct ConsentPage<'a> {
    client_id: &'a str,
    scopes: &'a [&'a str],
    organisations: &'a [Organisation],
    /// What the form sends on, as it came.
    kept: &'a [(String, String)],
}

#[derive(Template)]
#[template(path = "sandbox/refused.html")]
struct RefusedPage<'a> {
    why: &'a str,
}

type Pairs = [(String, String)];

/// Shows the page, or says what is wrong with the request: a person sees that, not the program.
pub(super) fn ask(query: &Pairs) -> SandboxAnswer {
    match read(query) {
        Ok(asked) => {
            let page = ConsentPage { client_id: asked.client_id, scopes: &asked.scopes, organisations: &ORGANISATIONS, kept: query };
            SandboxAnswer::html(200, &page.render().unwrap_or_default())
        }
        Err(why) => refused(why),
    }
}

/// Sends the person back with a code, or with `access_denied`.
pub(super) fn decide(world: &mut World, form: &Pairs, now: UtcTime) -> SandboxAnswer {
    let asked = match read(form) {
        Ok(asked) => asked,
        Err(why) => return refused(why),
    };
    let mut back = asked.redirect_uri.clone();
    if value(form, "decision") == "accept" {
        let organisation = ORGANISATIONS.into_iter().find(|known| known.id == value(form, "organisation")).unwrap_or(ORGANISATIONS[0]);
        let left_out = world.faults.left_out();
        let scopes: Vec<&str> = asked.scopes.iter().copied().filter(|scope| left_out.as_deref() != Some(*scope)).collect();
        let code = Code {
            grant: Grant { organisation, scopes: scopes.join(" ") },
            client_id: asked.client_id.to_owned(),
            redirect_uri: asked.redirect_uri.to_string(),
            is_lasting: asked.access_type == "offline",
            given_at: now,
        };
        let code = world.tokens.give_code(code);
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("location", "us")
            .append_pair("accounts-server", &world.options.base_url);
    } else {
        back.query_pairs_mut().append_pair("error", "access_denied");
    }
    back.query_pairs_mut().append_pair("state", asked.state);
    SandboxAnswer { headers: vec![("location", back.into())], ..SandboxAnswer::empty(302) }
}

fn read(pairs: &Pairs) -> Result<Asked<'_>, &'static str> {
    let redirect_uri = Url::parse(value(pairs, "redirect_uri")).map_err(|_| "Invalid Redirect Uri")?;
    let scopes: Vec<&str> = value(pairs, "scope").split([',', ' ']).filter(|scope| !scope.is_empty()).collect();
    if !matches!(redirect_uri.scheme(), "http" | "https") {
        return Err("Invalid Redirect Uri");
    }
    if value(pairs, "client_id").is_empty() {
        return Err("Invalid Client");
    }
    if value(pairs, "response_type") != "code" {
        return Err("Invalid Response Type");
    }
    if scopes.is_empty() || scopes.iter().any(|scope| !scope.starts_with("Zoho")) {
        return Err("Invalid OAuth Scope");
    }
    Ok(Asked {
        client_id: value(pairs, "client_id"),
        redirect_uri,
        scopes,
        access_type: value(pairs, "access_type"),
        state: value(pairs, "state"),
    })
}

fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

fn refused(why: &str) -> SandboxAnswer {
    SandboxAnswer::html(400, &RefusedPage { why }.render().unwrap_or_default())
}
