//! What a client may send: SKUs and quantities, never an amount.

use serde_json::Value;
use url::Url;

use crate::mail;
use crate::money::Currency;

/// The longest address a customer may come back to.
const URL_MAX: usize = 2_000;

/// A purchase as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub items: Vec<(String, i64)>,
    /// None: the seller's own.
    pub currency: Option<Currency>,
    pub email: Option<String>,
    /// None: our own page.
    pub success_url: Option<String>,
    pub cancel_url: Option<String>,
}

/// A field and what is wrong with it.
pub type Mistake = (String, String);

const FIELDS: &[&str] = &["items", "currency", "email", "success_url", "cancel_url"];

/// Reads a body; every mistake at once. `sites` are the origins that customers may be sent back to besides `own`.
pub fn parse(body: &Value, own: &str, sites: &[String]) -> Result<Purchase, Vec<Mistake>> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let mut mistake = |field: &str, why: String| mistakes.push((field.to_owned(), why));
    let Some(fields) = body.as_object() else { return Err(vec![("body".into(), "must be a JSON object".into())]) };
    for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        mistake(name, "is not known here; prices and names come from the catalogue".into());
    }
    let text =
        |name: &str| fields.get(name).filter(|value| !value.is_null()).map(|value| value.as_str().unwrap_or_default().trim().to_owned());
    let items = match fields.get("items").and_then(Value::as_array) {
        Some(items) => items
            .iter()
            .enumerate()
            .filter_map(|(place, one)| {
                let wrong = |(field, why): Mistake| mistake(format!("items.{place}.{field}").trim_end_matches('.'), why);
                item(one).map_err(|all| all.into_iter().for_each(wrong)).ok()
            })
            .collect(),
        None => {
            mistake("items", "must be a list such as [{\"sku\": \"G65\", \"quantity\": 2}]".into());
            Vec::new()
        }
    };
    let currency = text("currency").and_then(|code| Currency::parse(&code).map_err(|cause| mistake("currency", cause.to_string())).ok());
    let email = text("email").filter(|email| {
        let is_address = mail::is_address(email);
        if !is_address {
            mistake("email", "is no mail address, such as name@example.com".into());
        }
        is_address
    });
    let mut address = |name: &str| {
        text(name).filter(|url| {
            let may = may_return_to(url, own, sites);
            if !may {
                mistake(name, "must be an https address on one of the seller's sites (THROUGHLINE_SITES)".into());
            }
            may
        })
    };
    let (success_url, cancel_url) = (address("success_url"), address("cancel_url"));
    if mistakes.is_empty() { Ok(Purchase { items, currency, email, success_url, cancel_url }) } else { Err(mistakes) }
}

fn item(item: &Value) -> Result<(String, i64), Vec<Mistake>> {
    let Some(fields) = item.as_object() else { return Err(vec![(String::new(), "must be an object with sku and quantity".into())]) };
    let unknown = fields.keys().filter(|name| !["sku", "quantity"].contains(&name.as_str()));
    let mut mistakes: Vec<Mistake> =
        unknown.map(|name| (name.chars().take(40).collect(), "is not known here; prices come from the catalogue".into())).collect();
    let sku = match fields.get("sku").and_then(Value::as_str).map(str::trim) {
        None | Some("") => Err("is required"),
        Some(sku) if sku.contains('\0') => Err("contains a NUL character, which no SKU has"),
        Some(sku) => Ok(sku.to_owned()),
    };
    let quantity = fields.get("quantity").map_or(Some(1), Value::as_i64).ok_or("must be a whole number, such as 2");
    mistakes.extend(sku.as_ref().err().map(|why| ("sku".to_owned(), (*why).to_owned())));
    mistakes.extend(quantity.as_ref().err().map(|why| ("quantity".to_owned(), (*why).to_owned())));
    match (sku, quantity) {
        (Ok(sku), Ok(quantity)) if mistakes.is_empty() => Ok((sku, quantity)),
        _ => Err(mistakes),
    }
}

/// Customers are sent back to the seller's own pages only: our answer must not lead anywhere else.
fn may_return_to(text: &str, own: &str, sites: &[String]) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let origin = url.origin().ascii_serialization();
    text.len() <= URL_MAX
        && text.chars().all(|c| c.is_ascii_graphic())
        && url.username().is_empty()
        && url.password().is_none()
        && (sites.contains(&origin) || Url::parse(own).is_ok_and(|own| own.origin().ascii_serialization() == origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(body: &Value) -> Result<Purchase, Vec<Mistake>> {
        parse(body, "https://desk.example.com", &["https://www.example.com".to_owned()])
    }

    #[test]
    fn skus_and_quantities_are_read() {
        let body = json!({ "items": [{ "sku": " G65 ", "quantity": 2 }, { "sku": "F-10" }], "currency": "eur", "email": "ada@example.com",
            "success_url": "https://www.example.com/thanks?o={CHECKOUT_SESSION_ID}" });
        let purchase = told(&body).expect("a purchase");
        assert_eq!(purchase.items, [("G65".to_owned(), 2), ("F-10".to_owned(), 1)]);
        assert_eq!((purchase.currency, purchase.cancel_url), (Some(Currency::EUR), None));
    }

    #[test]
    fn every_mistake_is_named_and_an_amount_is_one() {
        let body = json!({ "items": [{ "sku": "G65", "quantity": 1.5 }, { "sku": "G\0", "amount": 1, "price": 2 }, {}, 7], "currency": "euro", "email": "ada",
            "success_url": "https://evil.example", "amount_total": 1 });
        let fields: Vec<String> = told(&body).expect_err("mistakes").into_iter().map(|(field, _)| field).collect();
        let items = ["items.0.quantity", "items.1.amount", "items.1.price", "items.1.sku", "items.2.sku", "items.3"];
        assert_eq!(fields[0], "amount_total");
        assert_eq!(
            (&fields[1..7], &fields[7..]),
            (items.map(String::from).as_slice(), ["currency", "email", "success_url"].map(String::from).as_slice())
        );
        assert!(told(&json!([])).is_err() && told(&json!({})).is_err());
    }

    #[test]
    fn customers_come_back_to_the_sellers_pages_only() {
        let may = |url: &str| may_return_to(url, "https://desk.example.com", &["https://www.example.com".to_owned()]);
        assert!(may("https://www.example.com/x") && may("https://desk.example.com/checkout/thanks"));
        for other in [
            "https://www.example.com.evil.example/",
            "http://www.example.com/",
            "//www.example.com",
            "javascript:alert(1)",
            "https://a@www.example.com/",
            "https://www.example.com/\n",
            "",
        ] {
            assert!(!may(other), "{other}");
        }
    }
}
