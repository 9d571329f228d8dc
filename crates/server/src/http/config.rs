//! What the program reads from its environment.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use holm_protocol::{Limits, Policy};

use crate::Rules;

const PORT: u16 = 8080;

/// How the server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `HOLM_HOST` and `HOLM_PORT` (0 takes a free one): where it listens. `127.0.0.1:8080` if not said.
    pub address: SocketAddr,
    /// `HOLM_DATA`: the SQLite file. `holm.sqlite` if not said.
    pub data: PathBuf,
    /// `HOLM_WWW`: a folder of static files to serve beside the API.
    pub www: Option<PathBuf>,
    /// `HOLM_TOKEN`: the bearer token that every sync request must carry.
    pub token: Option<String>,
    /// `HOLM_LIMIT_MUTATIONS`, `HOLM_LIMIT_BYTES`: what one push may hold.
    pub limits: Limits,
    /// `HOLM_CONFLICTS`: how collections settle conflicts that do not merge, as `notes=manual,votes=last-write`.
    pub policies: BTreeMap<String, Policy>,
    /// `HOLM_SCOPES`: what clients may subscribe to, and which field of which collection says what belongs to it, as
    /// `project=tasks.project,project=notes.of,label=tasks.labels`.
    pub scopes: BTreeMap<String, BTreeMap<String, String>>,
    /// `HOLM_DEBUG=1`: what tests may look at and disturb.
    pub debug: Option<Debugging>,
}

/// What `HOLM_DEBUG=1` opens: `GET /sync/receipts`, and what follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debugging {
    /// `HOLM_DEBUG_DELAY_MS`: the time between the commit of a push and its answer, to kill the server in.
    pub delay: Duration,
}

impl Config {
    /// Reads the configuration from variables, given as a function from name to value.
    ///
    /// # Errors
    ///
    /// One sentence that says which variable is wrong.
    ///
    /// ```
    /// use holm_server::Config;
    /// let config = Config::read(|name| (name == "HOLM_PORT").then(|| "0".to_owned())).expect("right");
    /// assert_eq!(config.address.to_string(), "127.0.0.1:0");
    /// ```
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let token = variable("HOLM_TOKEN");
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err("HOLM_TOKEN holds visible ASCII characters only.".to_owned());
        }
        let host = number(&variable, "HOLM_HOST", "an IP address", IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        if token.is_none() && host != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return Err(format!(
                "HOLM_HOST={host} needs HOLM_TOKEN: without a token the server listens on 127.0.0.1 only."
            ));
        }
        let port = number(&variable, "HOLM_PORT", "a port from 0 to 65535", PORT)?;
        let limits = Rules::default().limits;
        let limits = Limits {
            mutations: number(&variable, "HOLM_LIMIT_MUTATIONS", "a number", limits.mutations)?,
            bytes: number(&variable, "HOLM_LIMIT_BYTES", "a number", limits.bytes)?,
        };
        let delay_ms = number(&variable, "HOLM_DEBUG_DELAY_MS", "a number of milliseconds", 0)?;
        let www = variable("HOLM_WWW").map(PathBuf::from);
        if let Some(missing) = www.as_ref().filter(|www| !www.is_dir()) {
            return Err(format!("HOLM_WWW={} is not a folder.", missing.display()));
        }
        let data = PathBuf::from(variable("HOLM_DATA").unwrap_or_else(|| "holm.sqlite".to_owned()));
        if data.is_dir() {
            return Err(format!("HOLM_DATA={} is a folder; it is to be the SQLite file.", data.display()));
        }
        Ok(Self {
            address: SocketAddr::new(host, port),
            data,
            www,
            token,
            limits,
            policies: policies(&variable("HOLM_CONFLICTS").unwrap_or_default())?,
            scopes: scopes(&variable("HOLM_SCOPES").unwrap_or_default())?,
            debug: match variable("HOLM_DEBUG").as_deref() {
                None | Some("0") => None,
                Some("1") => Some(Debugging { delay: Duration::from_millis(delay_ms) }),
                Some(other) => return Err(format!("HOLM_DEBUG is 1 or 0, not {other:?}.")),
            },
        })
    }
}

fn policies(text: &str) -> Result<BTreeMap<String, Policy>, String> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let policies = pairs.map(|pair| {
        let (collection, policy) = pair.split_once('=')?;
        let policy = match policy {
            "merge" => Policy::Merge,
            "last-write" => Policy::LastWrite,
            "manual" => Policy::Manual,
            _ => return None,
        };
        Some((collection.to_owned(), policy))
    });
    let policies: Option<_> = policies.collect();
    policies.ok_or_else(|| format!("HOLM_CONFLICTS is like notes=manual,votes=last-write (or merge), not {text:?}."))
}

fn scopes(text: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    let mut scopes: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let parts = pair.split_once('=').and_then(|(name, of)| Some((name, of.split_once('.')?)));
        let Some((name, (collection, field))) = parts.filter(|(name, _)| !name.is_empty() && !name.contains(':'))
        else {
            return Err(format!("HOLM_SCOPES is like project=tasks.project,project=notes.of, not {text:?}."));
        };
        scopes.entry(name.to_owned()).or_default().insert(collection.to_owned(), field.to_owned());
    }
    Ok(scopes)
}

fn number<T: std::str::FromStr>(
    variable: &impl Fn(&str) -> Option<String>,
    name: &str,
    wanted: &str,
    otherwise: T,
) -> Result<T, String> {
    match variable(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| format!("{name} is {wanted}, not {text:?}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        Config::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_anything_it_is_local() {
        let config = read(&[("HOLM_TOKEN", ""), ("HOLM_HOST", "")]).expect("right");
        assert_eq!(config.address.to_string(), "127.0.0.1:8080");
        assert_eq!((config.token, config.www, config.debug), (None, None, None));
    }

    #[test]
    fn each_collection_may_settle_conflicts_its_own_way() {
        let config = read(&[("HOLM_CONFLICTS", "notes=manual,votes=last-write")]).expect("right");
        let policies = [("notes".to_owned(), Policy::Manual), ("votes".to_owned(), Policy::LastWrite)];
        assert_eq!(config.policies, BTreeMap::from(policies));
    }

    #[test]
    fn the_world_needs_a_token() {
        for host in ["0.0.0.0", "192.168.1.2", "::"] {
            let sentence = read(&[("HOLM_HOST", host)]).expect_err("refused");
            assert!(sentence.starts_with(&format!("HOLM_HOST={host} needs HOLM_TOKEN")), "{sentence}");
            assert!(read(&[("HOLM_HOST", host), ("HOLM_TOKEN", "secret")]).is_ok());
        }
    }

    #[test]
    fn wrong_values_are_one_sentence() {
        let wrong = [
            ("HOLM_PORT", "70000"),
            ("HOLM_PORT", "http"),
            ("HOLM_HOST", "localhost"),
            ("HOLM_WWW", "/nowhere/at/all"),
            ("HOLM_DATA", "."),
            ("HOLM_TOKEN", "a b"),
            ("HOLM_DEBUG", "yes"),
            ("HOLM_DEBUG_DELAY_MS", "-1"),
            ("HOLM_LIMIT_BYTES", "1 MB"),
            ("HOLM_LIMIT_MUTATIONS", "many"),
            ("HOLM_CONFLICTS", "notes"),
            ("HOLM_CONFLICTS", "notes=custom"),
            ("HOLM_SCOPES", "project"),
            ("HOLM_SCOPES", "project=tasks"),
            ("HOLM_SCOPES", "a:b=tasks.project"),
        ];
        for (name, value) in wrong {
            let sentence = read(&[(name, value)]).expect_err(name);
            assert!(sentence.starts_with(name) && sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
        }
    }
}
