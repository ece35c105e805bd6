//! What Throughline asks Zoho to be allowed, and why.

/// A right, by Zoho's name, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub name: &'static str,
    /// After "lets Throughline".
    pub purpose: &'static str,
}

/// What leads need; nothing works without it.
pub const NEEDED: [Scope; 5] = [
    Scope { name: "ZohoCRM.modules.leads.ALL", purpose: "create leads in the CRM, and update the ones it created" },
    Scope {
        name: "ZohoCRM.modules.notes.ALL",
        purpose: "write a second enquiry of a person you know already onto their record, as a note",
    },
    Scope { name: "ZohoCRM.settings.fields.READ", purpose: "see which fields your leads have, to check the mapping and the unique field" },
    Scope { name: "ZohoCRM.coql.READ", purpose: "look a lead up whose answer was lost, before it is sent again" },
    Scope { name: "ZohoCRM.org.READ", purpose: "see the name of your organisation, so that leads never go to another one by mistake" },
];

/// What booking needs; without it leads go on, and orders wait.
pub const BOOKS: [Scope; 5] = [
    Scope { name: "ZohoBooks.settings.READ", purpose: "list your organisations in Books and their currencies" },
    Scope { name: "ZohoBooks.contacts.ALL", purpose: "find or create the customer of a paid order in Books" },
    Scope { name: "ZohoBooks.invoices.ALL", purpose: "make the invoice of a paid order, and see whether it is there" },
    Scope { name: "ZohoBooks.customerpayments.ALL", purpose: "record the payment of that invoice" },
    Scope { name: "ZohoBooks.creditnotes.ALL", purpose: "record refunds as credit notes" },
];

/// Everything that is asked for.
pub fn asked() -> Vec<Scope> {
    [NEEDED.as_slice(), BOOKS.as_slice()].concat()
}

/// As Zoho's consent page and its API console take them.
pub fn joined() -> String {
    asked().iter().map(|scope| scope.name).collect::<Vec<_>>().join(",")
}

/// What a token answer lists: by spaces or commas.
pub(super) fn parse(text: &str) -> Vec<String> {
    text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// The needed ones that were not granted.
pub fn missing(granted: &[String]) -> Vec<Scope> {
    missing_of(&NEEDED, granted)
}

/// Those of these that were not granted.
pub fn missing_of(needed: &[Scope], granted: &[String]) -> Vec<Scope> {
    needed.iter().filter(|needed| !granted.iter().any(|scope| covers(scope, needed.name))).copied().collect()
}

/// `ZohoCRM.modules.ALL` covers every module, `….ALL` every operation.
fn covers(granted: &str, needed: &str) -> bool {
    let (granted, needed) = (granted.to_ascii_lowercase(), needed.to_ascii_lowercase());
    let within = |whole: &str| needed.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'));
    // Of Books alone one scope is over all others.
    let is_full = granted == "zohobooks.fullaccess.all" && needed.starts_with("zohobooks.");
    is_full || granted == needed || granted.strip_suffix(".all").is_some_and(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_scope_covers_a_narrower_one_and_nothing_else() {
        let granted = parse("ZohoCRM.modules.ALL,ZohoCRM.settings.ALL ZohoCRM.coql.READ");
        assert_eq!(missing(&granted).iter().map(|scope| scope.name).collect::<Vec<_>>(), ["ZohoCRM.org.READ"]);
        assert_eq!(missing(&parse(&joined())), []);
        assert_eq!(missing_of(&BOOKS, &parse(&joined())), []);
        assert_eq!(missing_of(&BOOKS, &granted).len(), BOOKS.len());
        assert_eq!(missing_of(&BOOKS, &parse("ZohoBooks.fullaccess.all")), []);
        for (granted, needed) in [
            ("ZohoCRM.modules.leads.READ", "ZohoCRM.modules.leads.ALL"),
            ("ZohoCRM.org.ALLOWED", "ZohoCRM.org.READ"),
            ("ZohoCRM.or.ALL", "ZohoCRM.org.READ"),
            (".ALL", "ZohoCRM.org.READ"),
            ("", "ZohoCRM.org.READ"),
        ] {
            assert!(!covers(granted, needed), "{granted}");
        }
    }
}
