//! What unasked-for offers say of themselves, in the languages they come in. One phrase alone holds nobody back: an honest
//! person may run a casino, or ask about a loan.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// A subject, as the reason names it, and what gives it away, in lower case. A phrase in an alphabet with spaces between words
/// stands at the beginning of one; with a `|` at its end, it also ends with one.
type Subject = (&'static str, &'static [&'static str]);

#[rustfmt::skip]
const SUBJECTS: &[Subject] = &[
    ("search rankings, links or traffic for sale", &[
        "backlink", "guest post", "link building", "link insertion", "linkbuilding", "domain authority", "da 50", "seo service", "seo agency", "seo expert", "seo package", "seo audit", "seo report", "seo|",
        "rank your", "rank higher", "ranking on google", "rank on google", "google ranking", "first page of google", "page 1 of google", "page one of google", "top of google", "search engine ranking", "search engines",
        "website traffic", "increase traffic", "targeted traffic", "organic traffic", "more traffic", "website visitors", "errors on your website", "issues on your website", "redesign your website", "your website's ranking",
        "visited your website", "reviewing your website", "sponsored post", "sponsored article", "paid post", "instagram followers", "buy followers", "google reviews", "positive reviews", "trustpilot reviews",
        "suchmaschinenoptimierung", "auf seite 1", "google-ranking", "ersten seite von google", "bewertungen kaufen", "mehr besucher", "référencement", "première page de google", "trafic web", "avis google",
        "posicionamiento web", "posicionamiento seo", "primera página de google", "tráfico web", "primeira página do google", "otimização de sites", "prima pagina di google", "posizionamento su google",
        "продвижение сайт", "продвижение вашего сайт", "раскрутк", "топ яндекс", "топ-10", "прогон", "ссылочн", "вечные ссылки", "накрутк", "seo-продвижение", "seo hizmeti", "ilk sayfa", "pozycjonowani", "网站优化", "外链", "搜索排名", "تحسين محركات البحث", "زيادة الزيارات", "متابعين", "अनुयायी",
    ]),
    ("games for money", &[
        "casino", "jackpot", "free spins", "slot machine", "online slots", "sports betting", "betting site", "bookmaker", "poker online", "1xbet", "mostbet", "pin-up", "казино", "ставки на спорт", "букмекер", "фриспин", "игровые автоматы", "зеркало сайта",
        "glücksspiel", "freispiele", "spielautomaten", "apuestas deportivas", "tragamonedas", "cassino", "apostas", "bahis", "娱乐城", "赌场", "博彩", "كازينو", "مراهنات", "slot gacor", "judi online", "situs slot",
    ]),
    ("quick money", &[
        "bitcoin", "btc|", "crypto", "usdt", "ethereum", "forex", "binary option", "trading bot", "trading platform", "trading signals", "passive income", "financial freedom", "investment opportunity", "investment program", "guaranteed profit", "guaranteed return", "roi|", "earn money", "earn $", "make money", "make $", "extra income", "work from home", "per day from home", "mining pool", "airdrop", "wallet has", "withdrawal is", "your payout",
        "passives einkommen", "geld verdienen", "verdienen sie", "krypto", "revenus passifs", "gagner de l'argent", "gagnez", "opportunité d'investissement", "ganar dinero", "ingresos pasivos", "criptomoneda", "ganhar dinheiro", "renda extra", "guadagnare", "criptovalute", "заработ", "пассивный доход", "криптовалют", "инвестици", "биткоин", "вывод средств", "加密货币", "赚钱", "投资机会", "日入", "استثمار مضمون", "أرباح", "العملات الرقمية", "para kazan", "zarabiaj",
    ]),
    ("loans", &[
        "loan offer", "business loan", "personal loan", "offer loan", "offering loan", "loans at", "loan at", "apply for a loan", "low interest rate", "interest rate of", "credit repair", "funding for your business", "working capital", "unsecured", "merchant cash", "finance your project", "we finance", "bad credit",
        "kredit ohne schufa", "sofortkredit", "darlehen", "offre de prêt", "prêt entre", "prêts d'argent", "crédit rapide", "préstamo", "crédito rápido", "empréstimo", "prestito", "prestiti", "займ", "кредит без", "микрокредит", "贷款", "قرض", "pożyczk", "kredi imkan",
    ]),
    ("medicines or sex", &[
        "viagra", "cialis", "levitra", "kamagra", "online pharmacy", "no prescription", "weight loss", "lose weight", "keto|", "male enhancement", "cbd oil", "porn", "sex|", "sexy", "escort", "adult dating", "dating site", "hot girls", "hot women", "lonely women", "nudes", "nude photos", "webcam girl", "onlyfans",
        "potenzmittel", "abnehmen", "sexkontakte", "sites de rencontre", "rencontres coquines", "perte de poids", "pastillas", "adelgazar", "citas calientes", "виагра", "похуде", "знакомств", "секс", "интим", "проститу", "порно", "伟哥", "约炮", "成人", "فياجرا", "تخسيس",
    ]),
    ("an inheritance, a prize or a threat", &[
        "next of kin", "inheritance", "inherited", "million dollars", "million usd", "million euro", "beneficiary", "compensation fund", "atm card", "western union", "late husband", "late client", "dying of", "consignment box", "you have won", "you have been selected", "lottery", "claim your", "gift card", "i hacked", "have hacked", "i recorded you", "recorded a video of you", "your device was infected", "your password is", "send the money", "copyright infringement", "legal action against", "data will be leaked",
        "erbschaft", "millionen euro", "sie haben gewonnen", "héritage", "millions d'euros", "vous avez gagné", "herencia", "millones de dólares", "ha ganado", "herança", "eredità", "наследств", "миллион долларов", "вы выиграли", "взломал", "遗产", "中奖", "ميراث", "مليون دولار",
    ]),
    ("mass mailing", &[
        "contact forms", "feedback forms", "contact form submission", "form submission", "mass mailing", "bulk email", "email blast", "email list", "email database", "b2b database", "b2b leads", "database of", "messages like this", "reach millions", "millions of websites", "unsubscribe", "opt out", "opt-out", "do not reply", "if you are not interested", "not the right person", "quick question for the owner",
        "kontaktformulare", "adressdaten", "firmenadressen", "formulaires de contact", "base de données d'emails", "formularios de contacto", "base de datos de emails", "formulários de contato", "formulari di contatto", "рассылк", "форм обратной связи", "формы обратной связи", "базы данных компаний", "базы email", "群发", "企业名录", "قائمة بريدية", "toplu mail",
    ]),
    ("goods nobody asked for", &[
        "professional manufacturer", "leading manufacturer", "leading supplier", "professional supplier", "factory price", "factory direct", "our factory", "lowest price", "buy now", "replica", "best quality", "厂家直销", "代开发票", "代开",
    ]),
    ("services nobody asked for", &[
        "explainer video", "promo video", "promotional video", "animated video", "video production services", "mobile app development", "app development company", "web development company", "web design company", "web design services", "website design", "virtual assistant", "lead generation", "appointment setting", "book a call", "schedule a call", "15-minute call", "15 minute call", "quick call", "free consultation", "free demo", "outsourc", "our team of developers", "offshore", "white label", "social media marketing", "digital marketing", "content writing", "ai chatbot", "ai agent", "ai-powered", "grow your business", "boost your sales", "more customers", "more leads", "double your", "limited time", "special offer", "act now", "click here", "click the link", "order now", "wholesale price", "from china", "i hope this email finds you", "hope this message finds you",
        "erklärvideo", "webdesign", "neukunden", "kundengewinnung", "unverbindliches erstgespräch", "jetzt klicken", "création de site", "développement web", "augmenter vos ventes", "cliquez ici", "diseño web", "aumentar sus ventas", "haga clic", "más clientes", "criação de sites", "clique aqui", "realizzazione siti", "clicca qui", "создание сайтов", "разработка сайтов", "увеличить продажи", "поток клиентов", "переходи по ссылке", "жми", "加微信", "اضغط هنا", "تصميم مواقع", "زيادة المبيعات", "web tasarım",
    ]),
];

struct Finder {
    automaton: AhoCorasick,
    /// The subject of each pattern, and whether a word must end with it.
    patterns: Vec<(usize, bool)>,
}

static FINDER: LazyLock<Finder> = LazyLock::new(|| {
    let all = || SUBJECTS.iter().enumerate().flat_map(|(subject, (_, phrases))| phrases.iter().map(move |phrase| (subject, *phrase)));
    Finder {
        automaton: AhoCorasick::new(all().map(|(_, phrase)| phrase.trim_end_matches('|'))).expect("a few hundred short phrases"),
        patterns: all().map(|(subject, phrase)| (subject, phrase.ends_with('|'))).collect(),
    }
});

/// The subjects of a text in lower case, each with how many different phrases of it occur.
pub fn subjects(text: &str) -> Vec<(&'static str, u32)> {
    let mut found: BTreeMap<usize, BTreeMap<usize, ()>> = BTreeMap::new();
    for hit in FINDER.automaton.find_overlapping_iter(text) {
        let (subject, is_whole) = FINDER.patterns[hit.pattern().as_usize()];
        if begins_a_word(text, hit.start()) && (!is_whole || ends_a_word(text, hit.end())) {
            found.entry(subject).or_default().insert(hit.pattern().as_usize(), ());
        }
    }
    found.into_iter().map(|(subject, phrases)| (SUBJECTS[subject].0, u32::try_from(phrases.len()).unwrap_or(u32::MAX))).collect()
}

/// Words of alphabets with case stand apart; in others a phrase may follow a letter.
fn begins_a_word(text: &str, start: usize) -> bool {
    let first = text[start..].chars().next();
    let before = text[..start].chars().next_back();
    !(first.is_some_and(char::is_lowercase) && before.is_some_and(char::is_alphanumeric))
}

fn ends_a_word(text: &str, end: usize) -> bool {
    !text[end..].chars().next().is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_named_by_what_begins_a_word() {
        assert_eq!(subjects("we sell backlinks and guest posts, also casino"), [(SUBJECTS[0].0, 2), (SUBJECTS[1].0, 1)]);
        assert_eq!(subjects("essex, sussex and a sextet of museocasinos"), []);
        assert_eq!(subjects("我们是娱乐城"), [(SUBJECTS[1].0, 1)]);
        assert_eq!(subjects("зарабатывай на казино"), [(SUBJECTS[1].0, 1)]);
    }

    #[test]
    fn phrases_are_in_lower_case_and_none_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for phrase in SUBJECTS.iter().flat_map(|(_, phrases)| phrases.iter()) {
            assert_eq!(phrase.to_lowercase(), **phrase);
            assert!(seen.insert(phrase), "{phrase} stands twice");
        }
    }
}
