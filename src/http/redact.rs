//! Takes the secrets out of what is kept about a call, and cuts it to size. Works on text, not on parsed JSON: an
//! answer that broke off in the middle may hold a token too.

/// What is kept of a request and of a response, each.
const KEPT_MAX_BYTES: usize = 16 * 1024;
/// What stands in the place of a secret.
const HIDDEN: &str = "[hidden]";
/// Whose values are hidden, in JSON, forms, query strings and headers alike. Longer names first.
const SECRET_NAMES: &[&str] =
    &["access_token", "refresh_token", "client_secret", "authorization", "password", "secret", "token", "code_verifier"];

/// Replaces every secret value by `[hidden]` and cuts the text to 16 KiB.
pub fn redact(text: &str) -> String {
    cut(&hide_secrets(text))
}

/// The same in its whole length.
pub fn hide_secrets(text: &str) -> String {
    // ASCII lower-casing keeps every byte where it is.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    while let Some((value_start, value_end)) = next_secret(&lower, done) {
        out.push_str(&text[done..value_start]);
        out.push_str(HIDDEN);
        done = value_end;
    }
    out.push_str(&text[done..]);
    out
}

/// The first secret value that begins at or after `from`, as a byte range.
fn next_secret(lower: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let (start, name) = SECRET_NAMES
            .iter()
            .filter_map(|name| lower[at..].find(name).map(|found| (at + found, *name)))
            .min_by_key(|(start, name)| (*start, std::cmp::Reverse(name.len())))?;
        let after_name = start + name.len();
        if let Some(range) = value_after(lower, after_name) {
            return Some(range);
        }
        at = after_name;
    }
}

/// The value that belongs to a name ending at `at`: `": "value"`, `=value`, `: value`.
fn value_after(lower: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &lower[at..];
    let unquoted = rest.strip_prefix('"').unwrap_or(rest).trim_start();
    let value = unquoted.strip_prefix([':', '='])?.trim_start_matches(' ');
    let start = lower.len() - value.len();
    let (start, length) = match value.strip_prefix('"') {
        Some(quoted) => (start + 1, end_of_quoted(quoted)),
        None if rest.starts_with('"') => (start, value.find([',', '}', ']', '\n']).unwrap_or(value.len())),
        None if unquoted.starts_with(':') => (start, value.find(['\r', '\n']).unwrap_or(value.len())),
        None => (start, value.find(['&', ' ', '\r', '\n', '"', '#']).unwrap_or(value.len())),
    };
    (length > 0).then_some((start, start + length))
}

fn end_of_quoted(quoted: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    quoted.len()
}

fn cut(text: &str) -> String {
    if text.len() <= KEPT_MAX_BYTES {
        return text.to_owned();
    }
    let mut end = KEPT_MAX_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (text, kept) in [
            (r#"{"access_token": "1000.ab\"c", "expires_in":3600}"#, r#"{"access_token": "[hidden]", "expires_in":3600}"#),
            (r#"{"data":[{"Refresh_Token":"x"}],"token":null}"#, r#"{"data":[{"Refresh_Token":"[hidden]"}],"token":[hidden]}"#),
            (r#"{"access_token":"1000.abc"#, r#"{"access_token":"[hidden]"#),
            ("grant_type=refresh_token&client_secret=a%20b&client_id=me", "grant_type=refresh_token&client_secret=[hidden]&client_id=me"),
            ("Authorization: Zoho-oauthtoken 1000.a\naccept: */*", "Authorization: [hidden]\naccept: */*"),
            ("POST https://a.example/oauth/v2/token/revoke?token=abc", "POST https://a.example/oauth/v2/token/revoke?token=[hidden]"),
            ("plain words about a token and a secret", "plain words about a token and a secret"),
            ("İ {\"token\":\"é\"}", "İ {\"token\":\"[hidden]\"}"),
        ] {
            assert_eq!(redact(text), kept);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_how_long_it_was() {
        let long = "é".repeat(KEPT_MAX_BYTES);
        let kept = redact(&long);
        assert!(kept.len() < KEPT_MAX_BYTES + 40 && kept.ends_with("… (32768 bytes in all)"), "{}", &kept[kept.len() - 60..]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_quoted_token_survives(before in ".*", value in "[a-zA-Z0-9]{12,40}", after in ".*") {
            let _any = redact(&before);
            let text = format!(r#"{before} "access_token":"{value}"{after}"#);
            let told = [r#""access_token":""#, value.as_str()].concat();
            proptest::prop_assert!(!redact(&text).contains(&told));
        }
    }
}
