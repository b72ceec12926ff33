//! Line icons on a 24-unit grid. They decorate: the word always stands beside them.

use leptos::prelude::*;

/// Which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// The first page.
    Overview,
    /// A stack of disks.
    Dataset,
    /// A pair of scales.
    Advice,
    /// Two arrows.
    Job,
    /// A pin on a map.
    Location,
    /// A price tag.
    Price,
    /// A sheet with a chart.
    Report,
    /// On paper.
    Print,
    /// Done.
    Check,
    /// Ended badly, or close.
    Cross,
    /// Waits.
    Clock,
    /// Works.
    Spin,
    /// Verified.
    Shield,
    /// Switched.
    Switch,
    /// Held.
    Pause,
    /// Stopped by a person.
    Ban,
    /// Look here.
    Alert,
    /// Back.
    Undo,
    /// A person decides.
    Person,
    /// To.
    Arrow,
    /// More about it.
    Info,
    /// Light and dark.
    Theme,
    /// Smallest first.
    Up,
    /// Largest first.
    Down,
    /// New.
    Plus,
    /// Again.
    Refresh,
    /// Nothing here.
    Empty,
    /// Look for a name.
    Search,
    /// Never moved.
    Pin,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "M4 4h7v7H4zM14 4h6v4h-6zM14 11h6v9h-6zM4 14h7v6H4z",
            Self::Dataset => {
                "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"
            }
            Self::Advice => "M12 3v18M8 21h8M5 7h14M5 7l-3 7a3.5 3.5 0 0 0 6 0zM19 7l-3 7a3.5 3.5 0 0 0 6 0z",
            Self::Job => "M3 7h13M12 3l4 4-4 4M21 17H8M12 13l-4 4 4 4",
            Self::Location => {
                "M12 21s7-6.2 7-11.5a7 7 0 0 0-14 0C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
            }
            Self::Price => "M3 12V4h8l10 10-8 8zM7.5 8.5h.01",
            Self::Report => "M6 3h9l4 4v14H6zM15 3v4h4M9 17v-4M12.5 17v-7M16 17v-2.5",
            Self::Print => "M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7z",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Cross => "M6 6l12 12M18 6L6 18",
            Self::Clock => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
            Self::Spin => "M12 3a9 9 0 1 0 9 9",
            Self::Shield => "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5",
            Self::Switch => "M4 8h16M16 4l4 4-4 4M20 16H4M8 12l-4 4 4 4",
            Self::Pause => "M8 5v14M16 5v14",
            Self::Ban => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM5.6 5.6l12.8 12.8",
            Self::Alert => "M12 4l9 16H3zM12 10v4M12 17.5h.01",
            Self::Undo => "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
            Self::Person => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.6-6.5 8-6.5s8 2.5 8 6.5",
            Self::Arrow => "M4 12h16M14 6l6 6-6 6",
            Self::Info => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
            Self::Theme => "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18M12 8h5M12 12h8M12 16h5",
            Self::Up => "M12 19V5M6 11l6-6 6 6",
            Self::Down => "M12 5v14M6 13l6 6 6-6",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Refresh => "M20 11a8 8 0 1 0-2.3 6M20 4v7h-7",
            Self::Search => "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
            Self::Pin => "M9 3h6l-1 7 4 3v2H6v-2l4-3zM12 15v6",
            Self::Empty => "M4 13l3-8h10l3 8v6H4zM4 13h5l1 3h4l1-3h5",
        }
    }
}

/// The picture. `spin` turns it where motion is welcome.
#[must_use]
pub fn icon(which: Icon) -> AnyView {
    let class = if which == Icon::Spin { "icon spin" } else { "icon" };
    view! {
        <svg class=class viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=which.path()></path>
        </svg>
    }
    .into_any()
}
