//! The one closed list of error codes, shared by the wire, Rust and TypeScript.

use std::fmt;

use crate::{FromJson, Parser, ToJson, Unfit};

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The app's code, or what it was given.
    Caller,
    /// This device: its storage, its browser.
    Device,
    /// The way to the server.
    Network,
    /// The server, or its configuration.
    Server,
    /// Nobody: two people changed the same thing.
    Concurrency,
}

macro_rules! codes {
    ($($(#[$default:meta])? $variant:ident $text:literal $fault:ident $retryable:literal $advice:literal;)*) => {
        /// Why something failed. Lower case with hyphens on the wire and in JavaScript.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $(
                $(#[$default])?
                #[doc = $advice]
                $variant,
            )*
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as the wire and JavaScript spell it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whose fault it is.
            #[must_use]
            pub fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)* }
            }

            /// Whether the same call may succeed later, unchanged.
            #[must_use]
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// What to do about it.
            #[must_use]
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

codes! {
    InvalidArgument "invalid-argument" Caller false "An argument has the wrong shape: the message names it.";
    InvalidSchema "invalid-schema" Caller false "The schema contradicts itself, or changed without a new version.";
    UnknownCollection "unknown-collection" Caller false "The schema declares no such collection.";
    InvalidId "invalid-id" Caller false "A record id is a string of 1 to 512 bytes.";
    InvalidRecord "invalid-record" Caller false "A field is missing, unknown or of the wrong type: `field` names it.";
    InvalidValue "invalid-value" Caller false "The value cannot be stored without changing it (NaN, a cycle, a function).";
    RecordTooLarge "record-too-large" Caller false "A record holds at most 1 MB.";
    TransactionTooLarge "transaction-too-large" Caller false "A transaction must fit into one push.";
    InvalidQuery "invalid-query" Caller false "The query names an unknown field or operator.";
    AlreadyExists "already-exists" Caller false "`insert` met a record with this id; `put` replaces.";
    NotFound "not-found" Caller false "There is no record with this id.";
    Closed "closed" Caller false "The database was closed; open it again.";
    StorageUnavailable "storage-unavailable" Device false "No IndexedDB here, or the database was deleted; open it again, with `storage: 'memory'` to go on without durability.";
    StorageFull "storage-quota" Device true "The browser's quota is reached; nothing of this write was kept.";
    StorageBlocked "storage-blocked" Device true "The browser did not answer in time; another tab may hold the storage.";
    StorageCorrupt "storage-corrupt" Device false "Stored bytes are damaged; export what is readable.";
    StorageFailed "storage-failed" Device true "The browser's storage failed; nothing of this write was kept.";
    OutcomeUnknown "outcome-unknown" Device true "Storage was lost while it wrote; read before you write again.";
    NewerVersion "newer-version-in-use" Device false "A newer version of this app uses the database; reload.";
    Contention "contention" Concurrency true "Other writers changed the same records again and again.";
    Conflict "conflict" Concurrency false "The record changed on the server; the edit is kept, parked.";
    Offline "offline" Network true "The server could not be reached.";
    Timeout "timeout" Network true "The server did not answer in time.";
    NotHolm "not-a-holm-server" Network true "The answer is not this protocol: a captive portal, a proxy, a wrong address.";
    Redirected "redirected" Server false "The sync address redirects; give the final one.";
    Unauthorized "unauthorized" Server false "The server wants another token.";
    Forbidden "forbidden" Server false "The server does not allow it.";
    RateLimited "rate-limited" Server true "The server asks for patience.";
    PayloadTooLarge "payload-too-large" Server true "The request was too large; it is split.";
    ServerError "server-error" Server true "The server failed.";
    ServerRejected "server-rejected" Server false "The server refuses the request.";
    SchemaUnsupported "schema-unsupported" Server false "The server does not serve this schema version; update the app.";
    InvalidRequest "invalid-request" Server false "The server could not read the request.";
    Gap "gap" Server true "The server misses mutations before these.";
    SeqReused "seq-reused" Server true "A seq was used for another mutation.";
    ClientUnknown "client-unknown" Server true "The server does not know this client, or knows it as another's.";
    TxIncomplete "tx-incomplete" Server false "A transaction came in parts.";
    TxAborted "tx-aborted" Server false "Another member of the transaction failed.";
    Validation "validation" Server false "The server finds the record invalid: `field` names where.";
    Undeliverable "undeliverable" Server false "The server failed on this one again and again; it is parked.";
    EngineUnavailable "engine-unavailable" Caller false "The WebAssembly cannot be loaded: the message says what is wrong with its file, the page or the browser.";
    #[default] Internal "internal" Caller false "A bug in Holm; please report it.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ErrorCode {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        Ok(*Self::ALL.iter().find(|code| code.as_str() == text).ok_or("not an error code")?)
    }
}

impl ToJson for ErrorCode {
    fn write(&self, text: &mut String) {
        self.as_str().write(text);
    }
}

/// A code that this version does not know reads as `server-rejected`: a newer server must not make an answer unreadable.
impl FromJson for ErrorCode {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = parser.string()?.parse().unwrap_or(Self::ServerRejected);
        Ok(())
    }
}
