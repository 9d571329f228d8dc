//! Why sync does nothing just now.

/// Why nothing is happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Everything is done; the next look for news is due later.
    Poll,
    /// The last try failed.
    Backoff,
    /// The server asked for time.
    ServerAsked,
    /// The browser says there is no network.
    Offline,
    /// The app paused sync.
    Paused,
    /// The server wants another token.
    Token,
    /// The server does not allow it.
    Forbidden,
    /// The server does not serve this schema version.
    Schema,
    /// The sync address redirects.
    Redirected,
    /// Everything is done; the next look for news is due later than usual, since the user saves data.
    #[cfg(feature = "full")]
    SaveData,
    /// Storage is short, and the server has more pages.
    Storage,
}

impl Why {
    /// As JavaScript spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Backoff => "backoff",
            Self::ServerAsked => "server-asked",
            Self::Offline => "offline",
            Self::Paused => "paused",
            Self::Token => "token",
            Self::Forbidden => "forbidden",
            Self::Schema => "schema",
            Self::Redirected => "redirected",
            #[cfg(feature = "full")]
            Self::SaveData => "save-data",
            Self::Storage => "storage",
        }
    }
}
