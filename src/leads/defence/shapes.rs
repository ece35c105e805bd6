//! Shapes of text: links, random letters, look-alike and invisible characters.

/// Ends of domains by which a bare `example.com` is told from a typing mistake such as "please.Call".
#[rustfmt::skip]
const DOMAIN_ENDS: &[&str] = &[
    "com", "net", "org", "info", "biz", "io", "co", "ru", "de", "fr", "es", "it", "nl", "pl", "uk", "eu", "ch", "at", "be", "br", "pt", "tr", "ua", "by", "kz", "in", "cn", "jp", "ae", "sa", "us", "ca", "au", "me", "tv", "app", "dev", "ai", "agency",
    "site", "online", "store", "shop", "website", "space", "club", "pro", "live", "link", "ly", "gl", "xyz", "top", "icu", "click", "loan", "win", "bid", "cyou", "buzz", "monster", "rest", "sbs", "cfd", "quest", "vip", "bond", "рф",
];

/// A link in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// In lower case, without `www.`.
    pub host: String,
}

/// The links of a text, with and without `https://`; mail addresses are none.
pub fn links(text: &str) -> Vec<Link> {
    let is_between = |c: char| c.is_whitespace() || "<>()[]{}\"'“”„«»,;|，。（）".contains(c);
    text.split(is_between).filter_map(link).collect()
}

fn link(word: &str) -> Option<Link> {
    let lower = word.to_lowercase();
    let (has_scheme, rest) = match lower.split_once("://") {
        Some((before, rest)) => (before.ends_with("http") || before.ends_with("https"), rest),
        None => (false, lower.as_str()),
    };
    let host = rest.split(['/', '?', '#', ':', '!']).next().unwrap_or_default().trim_matches('.');
    let is_www = host.starts_with("www.");
    let host = host.trim_start_matches("www.");
    let is_link = !host.contains('@') && host.contains('.') && (has_scheme || is_www || ends_like_a_domain(host));
    is_link.then(|| Link { host: host.to_owned() })
}

/// Whether a word is a bare domain: labels, dots and a known end.
pub fn ends_like_a_domain(word: &str) -> bool {
    let lower = word.trim().to_lowercase();
    let mut labels = lower.rsplit('.');
    let end = labels.next().unwrap_or_default();
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let rest: Vec<&str> = labels.collect();
    // "G.m.b.H" and "J.de" are no domains.
    let is_long = rest.first().is_some_and(|label| label.chars().count() >= 2);
    DOMAIN_ENDS.contains(&end) && is_long && rest.iter().all(|label| is_label(label))
}

/// Whether most of a text's longer words are letters drawn at random, as forms are filled by programs that look for one that
/// answers. Of Latin letters without marks: programs draw no others.
pub fn gibberish(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let long = || words.iter().filter(|word| word.chars().count() >= 8);
    let random = long().filter(|word| is_random(word)).count();
    random > 0 && random * 2 > long().count() && random * 3 >= words.len()
}

fn is_random(word: &str) -> bool {
    if !word.chars().all(|c| c.is_ascii_alphabetic()) {
        return false;
    }
    let letters: Vec<char> = word.chars().collect();
    let rises = letters.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    let vowels = letters.iter().filter(|c| "aeiouyAEIOUY".contains(**c)).count();
    // "McDonaldMacLeod" rises three times; no language writes words of which not one letter in eight is a vowel.
    rises >= 4 || vowels * 8 < letters.len()
}

/// Cyrillic and Greek letters that a reader takes for Latin ones.
const LOOK_ALIKES: &str = "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅοΟΑΒΕΖΗΙΚΜΝΡΤΥΧν";

/// Whether a word mixes Latin letters with some that look like them, as who hides from filters does.
pub fn mixed_alphabets(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() >= 4).any(|word| {
        let latin = word.chars().filter(char::is_ascii_alphabetic).count();
        let alike = word.chars().filter(|c| LOOK_ALIKES.contains(*c)).count();
        latin > 0 && alike > 0
    })
}

/// Whether invisible characters stand between Latin letters, more than once: a copied text may bring one along. Between other
/// letters they belong: Persian is written with them.
pub fn hidden_letters(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let is_hidden = |c: char| matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
    let breaks = |three: &&[char]| three[0].is_ascii_alphabetic() && is_hidden(three[1]) && three[2].is_ascii_alphabetic();
    letters.windows(3).filter(breaks).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        links(text).into_iter().map(|link| link.host).collect()
    }

    #[test]
    fn links_are_found_with_and_without_a_scheme_and_mail_addresses_are_none() {
        assert_eq!(
            hosts("See https://Shop.Example.com/x?y and www.foo.co.uk, or <a href=\"http://bar.ru\">"),
            ["shop.example.com", "foo.co.uk", "bar.ru"]
        );
        assert_eq!(hosts("(kaffee-mueller.de/kontakt) t.ly/x"), ["kaffee-mueller.de"]);
        assert_eq!(hosts("Write to ada@example.com. Thanks.Bye e.g. 3.5 kg, Fa. G.m.b.H, at 10.30"), Vec::<String>::new());
    }

    #[test]
    fn random_letters_are_told_from_names() {
        for random in ["rWxKtPmQzLvB", "bnfghdkjtrs", "QpLmWzXtRk vBnHgTfDcS"] {
            assert!(gibberish(random), "{random}");
        }
        let names = "Ada McDonaldMacLeod Hirschsprung Wolfeschlegelsteinhausen Brzęczyszczykiewicz Nguyễn Llanfairpwllgwyngyll Schwartz HELLOWORLD Strzyżewska";
        for name in names.split(' ').chain(["Angstschweiss im Rhythmus", "GmbH & Co. KG", "سارة المنصوري", "JürgenGroßMüller"])
        {
            assert!(!gibberish(name), "{name}");
        }
    }

    #[test]
    fn look_alike_and_invisible_letters_are_seen_where_they_do_not_belong() {
        assert!(mixed_alphabets("Buy Viаgrа now") && !mixed_alphabets("Wi-Fi модуль для HP принтера, Ωmega α"));
        assert!(hidden_letters("ca\u{200b}sino bo\u{200b}nus") && !hidden_letters("می\u{200c}خواهم 👩\u{200d}🚀 Zoë"));
    }
}
