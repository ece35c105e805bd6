//! What Throughline asks Zoho to be allowed, and why.

/// A right, by Zoho's name, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub name: &'static str,
    /// After "lets Throughline".
    pub purpose: &'static str,
}

/// Everything that is asked for; nothing works without it.
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

/// As Zoho's consent page and its API console take them.
pub fn joined() -> String {
    NEEDED.map(|scope| scope.name).join(",")
}

/// What a token answer lists: by spaces or commas.
pub(super) fn parse(text: &str) -> Vec<String> {
    text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// The needed ones that were not granted.
pub fn missing(granted: &[String]) -> Vec<Scope> {
    NEEDED.into_iter().filter(|needed| !granted.iter().any(|scope| covers(scope, needed.name))).collect()
}

/// `ZohoCRM.modules.ALL` covers every module, `….ALL` every operation.
fn covers(granted: &str, needed: &str) -> bool {
    let (granted, needed) = (granted.to_ascii_lowercase(), needed.to_ascii_lowercase());
    let within = |whole: &str| needed.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'));
    granted == needed || granted.strip_suffix(".all").is_some_and(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_scope_covers_a_narrower_one_and_nothing_else() {
        let granted = parse("ZohoCRM.modules.ALL,ZohoCRM.settings.ALL ZohoCRM.coql.READ");
        assert_eq!(missing(&granted).iter().map(|scope| scope.name).collect::<Vec<_>>(), ["ZohoCRM.org.READ"]);
        assert_eq!(missing(&parse(&joined())), []);
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
