//! What is known of the seller.

use std::ops::Deref;

use chrono_tz::Tz;

use crate::config::Config;
use crate::db::text_enum;
use crate::money::Currency;

text_enum! {
    /// A language that public pages and mails can speak.
    pub enum Language {
        English => "en",
        German => "de",
        French => "fr",
        Spanish => "es",
        Arabic => "ar",
        Japanese => "ja",
    }
}

/// Where the lines of a page begin, as HTML's `dir` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    LeftToRight,
    RightToLeft,
}

impl Direction {
    /// The value of `dir`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }
}

impl Language {
    /// Its name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
            Self::Spanish => "Español",
            Self::Arabic => "العربية",
            Self::Japanese => "日本語",
        }
    }

    /// Its name on staff pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "German",
            Self::French => "French",
            Self::Spanish => "Spanish",
            Self::Arabic => "Arabic",
            Self::Japanese => "Japanese",
        }
    }

    /// Both, where they differ: `German · Deutsch`.
    pub fn both_names(self) -> String {
        if self == Self::English { self.name().to_owned() } else { format!("{} · {}", self.name(), self.own_name()) }
    }

    /// Where its lines begin.
    pub fn direction(self) -> Direction {
        if self == Self::Arabic { Direction::RightToLeft } else { Direction::LeftToRight }
    }
}

/// What admins type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// Of pages, mails and the daily sweep.
    pub zone: Tz,
    pub currency: Currency,
    /// The main one first; never empty.
    pub languages: Vec<Language>,
    pub privacy_url: Option<String>,
    /// Who is told of a new lead.
    pub staff_emails: Vec<String>,
    /// How anyone reaches the seller.
    pub email: Option<String>,
    pub phone: Option<String>,
    /// May have several lines.
    pub postal_address: Option<String>,
}

impl Profile {
    /// Before anyone has saved one: neutral enough for a public page.
    pub fn default_of(config: &Config) -> Self {
        let host = url::Url::parse(&config.public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Self {
            name: host.unwrap_or_else(|| config.public_url.clone()),
            zone: config.zone,
            currency: Currency::USD,
            languages: vec![Language::English],
            privacy_url: None,
            staff_emails: Vec::new(),
            email: None,
            phone: None,
            postal_address: None,
        }
    }

    /// The one spoken where none was asked for.
    pub fn main_language(&self) -> Language {
        self.languages.first().copied().unwrap_or(Language::English)
    }
}

/// The seller as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    pub profile: Profile,
    pub logo: Option<Logo>,
    /// How often the profile was saved; 0 means that it is the default.
    pub version: i64,
}

impl Deref for Seller {
    type Target = Profile;

    fn deref(&self) -> &Profile {
        &self.profile
    }
}

impl Seller {
    /// What stands in place of a logo.
    pub fn initial(&self) -> String {
        self.name.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "•".into(), |c| c.to_uppercase().collect())
    }
}

text_enum! {
    /// The pictures that are taken. SVG is not: it may hold scripts.
    pub enum LogoKind {
        Png => "png",
        Jpeg => "jpeg",
        Webp => "webp",
    }
}

/// What a page needs to show the logo; its bytes are served at [`Logo::path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    pub digest: String,
    pub kind: LogoKind,
    pub width_px: i64,
    pub height_px: i64,
}

impl Logo {
    /// Below the public address; another picture has another one.
    pub fn path(&self) -> String {
        format!("/seller/logo/{}", self.digest)
    }
}

/// A checked picture: what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub logo: Logo,
    pub content: Vec<u8>,
}
