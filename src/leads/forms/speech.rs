//! Which language a visitor is spoken to in: what the address asks for, else what the browser prefers, among the seller's.

use crate::seller::Language;

/// More preferences than a browser sends.
const PREFERENCES_MAX: usize = 20;

/// The language of a page. `spoken` begins with the main one.
pub fn choose(asked: Option<&str>, accept_language: &str, spoken: &[Language]) -> Language {
    let known = |tag: &str| spoken.iter().copied().find(|language| is_of(tag, *language));
    let by_browser = || preferences(accept_language).into_iter().find_map(known);
    asked.and_then(known).or_else(by_browser).or_else(|| spoken.first().copied()).unwrap_or(Language::English)
}

/// Whether a tag such as `de-AT` names the language, or a kind of it.
fn is_of(tag: &str, language: Language) -> bool {
    tag.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(language.as_str()))
}

/// The tags of an `Accept-Language` (RFC 9110, 12.5.4), the most wanted first; of equals the earlier.
fn preferences(header: &str) -> Vec<&str> {
    let mut weighed: Vec<(u16, &str)> = header.split(',').take(PREFERENCES_MAX).filter_map(weighed).collect();
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    weighed.into_iter().map(|(_, tag)| tag).collect()
}

/// A tag with its weight in thousandths; None where it is not wanted at all.
fn weighed(part: &str) -> Option<(u16, &str)> {
    let (tag, parameter) = part.split_once(';').unwrap_or((part, "q=1"));
    let weight: f32 = parameter.trim().strip_prefix("q=")?.parse().ok()?;
    let in_thousandths = (1..=1000_u16).contains(&((weight.clamp(0.0, 1.0) * 1000.0) as u16));
    in_thousandths.then(|| ((weight.clamp(0.0, 1.0) * 1000.0) as u16, tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_wins_then_the_browser_then_the_main_language() {
        let spoken = [Language::English, Language::Arabic, Language::German];
        assert_eq!(choose(Some("ar"), "de", &spoken), Language::Arabic);
        assert_eq!(choose(Some("fr"), "de-AT,de;q=0.9", &spoken), Language::German);
        assert_eq!(choose(None, "fr, en;q=0.4, AR-ae;q=0.8, de;q=0", &spoken), Language::Arabic);
        assert_eq!(choose(None, "*, nonsense;q=;q=2,;", &spoken), Language::English);
        assert_eq!(choose(Some("<script>"), "", &[Language::Japanese]), Language::Japanese);
    }
}
