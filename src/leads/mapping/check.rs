//! What is wrong with a mapping, measured by the CRM's own fields. Each mistake is named where it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{LeadField, Mapping};
use crate::integrations::zoho::crm::Field;

/// An API name is no longer than this.
const API_NAME_MAX: usize = 100;

/// A row of the form, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub crm_field: String,
    /// Empty: the row is to go.
    pub part: String,
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub mapping: Mapping,
    /// By the row they stand in.
    pub mistakes: BTreeMap<usize, String>,
    /// Of the mapping as a whole.
    pub lacking: Vec<String>,
    /// What will not always work, and may be so on purpose.
    pub doubts: Vec<String>,
}

impl Checked {
    /// Whether it can be saved.
    pub fn is_fine(&self) -> bool {
        self.mistakes.is_empty() && self.lacking.is_empty()
    }
}

/// Checks the rows. `external_field` holds our id and is filled by itself.
pub fn check(rows: &[Row], fields: &[Field], external_field: &str) -> Checked {
    let mut checked = Checked::default();
    for (place, row) in rows.iter().enumerate().filter(|(_, row)| !row.part.is_empty()) {
        let found = read(row).and_then(|part| match checked.mapping.0.contains_key(&row.crm_field) {
            true => Err(format!("{} stands here twice. Take one of the rows out.", row.crm_field)),
            false => by_the_crm(&row.crm_field, part, fields, external_field).map(|()| part),
        });
        match found {
            Ok(part) => drop(checked.mapping.0.insert(row.crm_field.clone(), part)),
            Err(mistake) => drop(checked.mistakes.insert(place, mistake)),
        }
    }
    whole(&mut checked, rows, fields, external_field);
    checked
}

fn read(row: &Row) -> Result<LeadField, String> {
    let is_name = |text: &str| text.len() <= API_NAME_MAX && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if row.crm_field.is_empty() {
        return Err("Name the field of the CRM, or choose “nothing” beside it.".into());
    }
    if !is_name(&row.crm_field) {
        return Err("This is not an API name: those have letters, digits and underscores, such as Last_Name.".into());
    }
    LeadField::parse(&row.part).ok_or_else(|| "Choose one of the parts in the list.".into())
}

fn by_the_crm(name: &str, part: LeadField, fields: &[Field], external_field: &str) -> Result<(), String> {
    if name == external_field {
        return Err(format!("{name} holds our id and is filled by itself. Take the row out."));
    }
    let Some(field) = fields.iter().find(|field| field.api_name == name) else {
        return Err(format!("The CRM's leads have no field {name}. Choose one of the list, or add it in Zoho and check again."));
    };
    if field.is_read_only {
        return Err(format!("{name} is read-only: the CRM alone writes it. Take the row out."));
    }
    if !part.fits().contains(&field.data_type.as_str()) {
        let types = part.fits().join(", ");
        return Err(format!("{name} is of the type {}, which does not take {}: that needs one of {types}.", field.data_type, part.label()));
    }
    let (most, long) = (field.length.unwrap_or(i64::MAX), i64::try_from(part.length_max()).unwrap_or(i64::MAX));
    if most < long {
        return Err(format!(
            "{name} is too short: it holds {most} characters, and {} may have {long}. Make it longer in Zoho, or choose another field.",
            part.label()
        ));
    }
    Ok(())
}

/// What the rows lack together. A row with a mistake has said enough about its field.
fn whole(checked: &mut Checked, rows: &[Row], fields: &[Field], external_field: &str) {
    let named: BTreeSet<&str> = rows.iter().filter(|row| !row.part.is_empty()).map(|row| row.crm_field.as_str()).collect();
    for field in fields.iter().filter(|field| field.is_mandatory && !field.is_read_only && field.api_name != external_field) {
        let (name, part) = (&field.api_name, checked.mapping.0.get(&field.api_name));
        match part {
            None if named.contains(name.as_str()) => {}
            None => checked.lacking.push(format!("The CRM requires {name}, and no row fills it. Add one.")),
            Some(part) if part.may_be_missing() => {
                let doubt = format!("The CRM requires {name}: a lead that comes without {} will be refused.", part.label());
                checked.doubts.push(doubt);
            }
            Some(_) => {}
        }
    }
    if checked.mapping.crm_field(LeadField::Description).is_none() {
        let doubt = "No field gets everything else, so messages and items do not reach the CRM, and a lead whose answer was lost cannot be looked up there.";
        checked.doubts.push(doubt.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, data_type: &str, length: i64) -> Field {
        Field {
            api_name: name.into(),
            label: name.replace('_', " "),
            data_type: data_type.into(),
            is_unique: name == "External_Lead_Id",
            is_mandatory: matches!(name, "Last_Name" | "Company"),
            is_read_only: name == "Created_Time",
            length: Some(length),
        }
    }

    fn checked(rows: &[(&str, &str)]) -> Checked {
        let fields = [
            field("Last_Name", "text", 80),
            field("Company", "text", 200),
            field("Email", "email", 100),
            field("Note", "text", 50),
            field("Owner", "ownerlookup", 120),
            field("Created_Time", "datetime", 120),
            field("External_Lead_Id", "text", 255),
            field("Description", "textarea", 32_000),
        ];
        let rows: Vec<Row> = rows.iter().map(|(crm, part)| Row { crm_field: (*crm).into(), part: (*part).into() }).collect();
        check(&rows, &fields, "External_Lead_Id")
    }

    const FINE: [(&str, &str); 3] = [("Last_Name", "last_name"), ("Company", "company"), ("Description", "description")];

    #[test]
    fn each_mistake_is_named_in_its_row() {
        for (row, words) in [
            (("Shoe_Size", "name"), "have no field Shoe_Size"),
            (("Created_Time", "name"), "read-only"),
            (("Owner", "email"), "of the type ownerlookup, which does not take the mail address"),
            (("Note", "source"), "too short: it holds 50 characters, and where the lead came from may have 120"),
            (("Email", "last_name"), "of the type email"),
            (("External_Lead_Id", "name"), "holds our id"),
            (("Last_Name", "name"), "stands here twice"),
            (("", "name"), "Name the field of the CRM"),
            (("Ünicode", "name"), "not an API name"),
            (("Note", "shoe_size"), "Choose one of the parts"),
        ] {
            let told = checked(&[FINE[0], FINE[1], FINE[2], row]);
            assert!(told.mistakes[&3].contains(words) && !told.is_fine(), "{words}: {told:?}");
            assert_eq!((told.mistakes.len(), told.lacking.len()), (1, 0), "{told:?}");
        }
    }

    #[test]
    fn what_the_crm_requires_must_have_a_source_that_is_there() {
        assert_eq!(checked(&FINE[1..]).lacking, ["The CRM requires Last_Name, and no row fills it. Add one."]);
        let told = checked(&FINE);
        assert!(told.is_fine() && told.doubts == ["The CRM requires Company: a lead that comes without the company will be refused."]);
        assert!(checked(&[FINE[0], ("Company", "name"), ("Email", "")]).mistakes[&1].contains("too short"));
        assert!(checked(&FINE[..2]).doubts[1].contains("No field gets everything else"));
    }
}
