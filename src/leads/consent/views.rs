//! The page of forms, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::Wording;
use crate::seller::{Language, Seller};
use crate::web::{Shell, Stamp};

/// Where the forms are, how to put them on a site, and what people agree to.
#[derive(Template, WebTemplate)]
#[template(path = "settings/forms.html")]
pub struct FormsPage {
    pub shell: Shell,
    pub may_edit: bool,
    pub form_url: String,
    pub sites: Vec<String>,
    pub frame: String,
    pub plain: String,
    pub panels: Vec<Panel>,
    pub trouble: String,
}

/// One language.
pub struct Panel {
    pub code: &'static str,
    pub direction: &'static str,
    pub title: String,
    pub is_spoken: bool,
    pub name: String,
    pub version: i64,
    /// What stands in the field.
    pub text: String,
    pub mistake: String,
    pub versions: Vec<Version>,
}

/// One version of a language.
pub struct Version {
    pub name: String,
    pub text: String,
    pub at: Stamp,
    pub by: &'static str,
}

impl FormsPage {
    /// `found` has the versions of each language, the newest first.
    pub fn new(shell: Shell, seller: &Seller, found: &[Vec<Wording>], public_url: &str) -> Self {
        let times = shell.frame.times;
        let panels = found.iter().filter_map(|versions| {
            let newest = versions.first()?;
            let version = |wording: &Wording| Version {
                name: wording.name(),
                text: wording.text.clone(),
                at: times.stamp(wording.created_at),
                by: if wording.created_by == "system" { "came with the program" } else { "changed by an admin" },
            };
            Some(Panel {
                code: newest.language.as_str(),
                direction: newest.language.direction().as_str(),
                title: newest.language.both_names(),
                is_spoken: seller.languages.contains(&newest.language),
                name: newest.name(),
                version: newest.version,
                text: newest.text.clone(),
                mistake: String::new(),
                versions: versions.iter().map(version).collect(),
            })
        });
        let form_url = format!("{public_url}/forms/quote");
        Self {
            panels: panels.collect(),
            may_edit: false,
            sites: Vec::new(),
            frame: format!("<iframe src=\"{form_url}?embed=1\" title=\"Ask for a quote\" width=\"100%\" height=\"760\"></iframe>"),
            plain: plain(public_url),
            form_url,
            trouble: String::new(),
            shell,
        }
    }

    /// With what was typed for a language, and what is wrong with it.
    pub fn blame(&mut self, language: Language, text: &str, mistake: &str) {
        if let Some(panel) = self.panels.iter_mut().find(|panel| panel.code == language.as_str()) {
            text.clone_into(&mut panel.text);
            mistake.clone_into(&mut panel.mistake);
            self.trouble = format!("{}: {mistake}", language.name());
        }
    }
}

fn plain(public_url: &str) -> String {
    format!(
        "<form data-defence=\"store-lead\" action=\"{public_url}/api/store-lead\" method=\"post\">\n  \
         <label>Name <input name=\"name\" required></label>\n  \
         <label>Mail address <input name=\"email\" type=\"email\" required></label>\n  \
         <div hidden><label>Leave this empty <input name=\"_website\" tabindex=\"-1\" autocomplete=\"off\"></label></div>\n  \
         <button>Ask for a quote</button>\n\
         </form>\n\
         <script defer src=\"{public_url}/form.js\"></script>"
    )
}
