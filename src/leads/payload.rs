//! A submission's body as one tree, whether it came as JSON or as a form.

use serde_json::{Map, Value};

/// Fields a form may have; more is no form.
const FIELDS_MAX: usize = 500;
/// Places an index in a field's name may point to: `items[0][sku]`.
const INDEX_MAX: usize = 500;
const DEPTH_MAX: usize = 8;

/// Why a body cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not UTF-8 text")]
    NotUtf8,
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the body must be a JSON object with one member per field")]
    NotAnObject,
    #[error("the form has more than {FIELDS_MAX} fields")]
    TooManyFields,
}

/// Reads a JSON object. Nesting is limited to 128 levels by the parser.
pub fn from_json(bytes: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Unreadable::NotAnObject),
        Err(cause) => Err(Unreadable::NotJson(cause.to_string())),
    }
}

/// Reads `application/x-www-form-urlencoded`. Nested fields are named `consent[given]`, `items[0][sku]` or `items.0.sku`.
pub fn from_form(bytes: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    let mut fields = Map::new();
    for (count, pair) in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).enumerate() {
        if count >= FIELDS_MAX {
            return Err(Unreadable::TooManyFields);
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decoded(halves.next().unwrap_or_default())?;
        let value = decoded(halves.next().unwrap_or_default())?;
        place(&mut fields, &name, value);
    }
    Ok(fields)
}

fn decoded(bytes: &[u8]) -> Result<String, Unreadable> {
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_encoding::percent_decode(&spaced).decode_utf8().map(Into::into).map_err(|_| Unreadable::NotUtf8)
}

/// Puts the value where its name points; a name that does not fit what is there is kept under its whole name.
fn place(fields: &mut Map<String, Value>, name: &str, value: String) {
    let path: Vec<&str> = name.split(['[', ']', '.']).filter(|part| !part.is_empty()).collect();
    let Some((first, rest)) = path.split_first() else { return };
    let fits = path.len() <= DEPTH_MAX && set(fields.entry((*first).to_owned()).or_insert(Value::Null), rest, &value);
    if !fits {
        fields.insert(name.to_owned(), Value::String(value));
    }
}

fn set(at: &mut Value, path: &[&str], value: &str) -> bool {
    let Some((part, rest)) = path.split_first() else {
        // The last of two equal names wins: a hidden `0` before a checkbox is overridden by the box.
        *at = Value::String(value.to_owned());
        return true;
    };
    if let Ok(index) = part.parse::<usize>() {
        if at.is_null() {
            *at = Value::Array(Vec::new());
        }
        let Value::Array(places) = at else { return false };
        if index > INDEX_MAX {
            return false;
        }
        if places.len() <= index {
            places.resize(index + 1, Value::Null);
        }
        return set(&mut places[index], rest, value);
    }
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    let Value::Object(members) = at else { return false };
    set(members.entry((*part).to_owned()).or_insert(Value::Null), rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_becomes_the_same_tree_as_json() {
        let form = b"name=Ada+L%C3%B8vlace&items[0][sku]=G65&items[0][quantity]=2&items.1.sku=F-10&consent[given]=on&x=1";
        let expected = json!({"name": "Ada Løvlace", "items": [{"sku": "G65", "quantity": "2"}, {"sku": "F-10"}], "consent": {"given": "on"}, "x": "1"});
        assert_eq!(Value::Object(from_form(form).expect("a form")), expected);
    }

    #[test]
    fn hostile_forms_are_kept_flat_or_refused() {
        assert_eq!(from_form(b"name=%FF"), Err(Unreadable::NotUtf8));
        assert_eq!(from_form("a=1&".repeat(501).as_bytes()), Err(Unreadable::TooManyFields));
        let fields = from_form(b"items[99999999]=x&a=1&a[b]=2&%zz=3").expect("odd, but a form");
        assert_eq!(fields["items[99999999]"], json!("x"));
        assert_eq!(fields["a[b]"], json!("2"));
    }

    #[test]
    fn json_that_is_cut_deep_or_no_object_is_refused_with_a_reason() {
        assert!(matches!(from_json(b"{\"name\": \"A"), Err(Unreadable::NotJson(_))));
        assert!(matches!(from_json("[".repeat(5000).as_bytes()), Err(Unreadable::NotJson(_))));
        assert_eq!(from_json(b"[1]"), Err(Unreadable::NotAnObject));
        assert_eq!(from_json(b"{\"name\": \"\xff\"}"), Err(Unreadable::NotUtf8));
    }
}
