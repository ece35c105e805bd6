//! The frame of every page: navigation with counts, who is signed in, theme, the message of the last action.

use std::sync::OnceLock;

use rocket::Request;

use super::assets;
use super::flash::Flash;
use super::format::Times;
use super::theme::Theme;

/// Which entry of the navigation is the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Timeline,
    Leads,
    Contacts,
    Companies,
    Quarantine,
    Orders,
    Inbox,
    Products,
    Outbox,
    Connections,
    Schedules,
    Processes,
    Seller,
    Health,
    Forms,
    Mail,
    Account,
    Elsewhere,
}

/// The signed-in person, as the frame shows them.
#[derive(Clone, Debug)]
pub struct ShellUser {
    pub name: String,
    pub role: &'static str,
}

impl ShellUser {
    /// Whether pages should offer what an admin may do. The guards decide, not this.
    pub fn is_admin(&self) -> bool {
        self.role == "Admin"
    }

    /// One or two letters for the avatar.
    pub fn initials(&self) -> String {
        let mut words = self.name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
        let letters: String = words.by_ref().take(2).collect();
        if letters.is_empty() { "?".into() } else { letters.to_uppercase() }
    }
}

/// Numbers beside the navigation, only where someone should act; empty text shows nothing.
#[derive(Clone, Debug, Default)]
pub struct NavCounts {
    /// Jobs that failed or need a look.
    pub jobs: String,
    /// Leads that failed or need a look.
    pub leads: String,
    /// Submissions that are held until somebody decides.
    pub quarantine: String,
}

/// What a request brings to every page it may answer with.
#[derive(Clone, Debug)]
pub struct Frame {
    pub user: ShellUser,
    pub theme: Theme,
    /// Path and query of the page, to come back to it.
    pub here: String,
    pub flash: Option<Flash>,
    pub counts: NavCounts,
    pub times: Times,
    /// `Store::changes_told` before anything of the page was read.
    pub as_of: u64,
}

/// The frame around one page.
#[derive(Clone, Debug)]
pub struct Shell {
    pub frame: Frame,
    pub title: String,
    pub section: Section,
    /// The name under which the page listens for live updates.
    pub live: Option<&'static str>,
}

impl Shell {
    /// A page without live updates.
    pub fn new(frame: Frame, section: Section, title: impl Into<String>) -> Self {
        Self { frame, title: title.into(), section, live: None }
    }

    /// Listens to the stream of that name (see `live`).
    #[must_use]
    pub fn live(mut self, page: &'static str) -> Self {
        self.live = Some(page);
        self
    }

    /// The address of a static file.
    pub fn asset(&self, name: &str) -> String {
        assets::url(name).into_owned()
    }

    /// Whether the page belongs to this entry of the navigation.
    pub fn is_at(&self, section: &str) -> bool {
        let name = match self.section {
            Section::Overview => "overview",
            Section::Timeline => "timeline",
            Section::Leads => "leads",
            Section::Contacts => "contacts",
            Section::Companies => "companies",
            Section::Quarantine => "quarantine",
            Section::Orders => "orders",
            Section::Inbox => "inbox",
            Section::Products => "products",
            Section::Outbox => "outbox",
            Section::Connections => "connections",
            Section::Schedules => "schedules",
            Section::Processes => "processes",
            Section::Seller => "seller",
            Section::Health => "health",
            Section::Forms => "forms",
            Section::Mail => "mail",
            Section::Account => "account",
            Section::Elsewhere => return false,
        };
        name == section
    }

    /// The version in the corner.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

#[derive(Default)]
struct Kept(OnceLock<Frame>);

/// Lets the error pages of this request wear the same frame.
pub fn keep(request: &Request<'_>, frame: Frame) {
    let _first_stays = request.local_cache(Kept::default).0.set(frame);
}

/// The frame kept by the guard of this request, if a person is signed in.
pub fn kept(request: &Request<'_>) -> Option<Frame> {
    request.local_cache(Kept::default).0.get().cloned()
}
