//! `docs/protocol.md` is executed: its messages go through the types and back, its tables are the code's.

use std::collections::BTreeSet;
use std::fmt::Debug;

use holm_protocol::{
    Decision, ErrorCode, ErrorResponse, FromJson, Kind, Poke, Policy, PullRequest, PullResponse, PushRequest,
    PushResponse, Revision, Standing, ToJson, Unreadable, decide, decode, from_json, parse, to_json_text,
};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// The fields whose content belongs to the app: nothing is added there.
const OPAQUE: [&str; 4] = ["ways", "data", "stamps", "args"];

/// Every golden block: the name of its type and its JSON.
fn golden() -> Vec<(&'static str, &'static str)> {
    PAGE.split("<!-- golden: ")
        .skip(1)
        .map(|rest| {
            let (name, rest) = rest.split_once(" -->\n```json\n").expect("a json block follows the mark");
            (name, rest.split_once("\n```").expect("the block ends").0)
        })
        .collect()
}

fn check<T: ToJson + FromJson + Default + PartialEq + Debug>(text: &str) {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let typed: T = decode(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let text_again = to_json_text(&typed);
    assert_eq!(parse(text_again.as_bytes()), parse(text.as_bytes()));
    assert_eq!(decode::<T>(text_again.as_bytes()).as_ref(), Ok(&typed));

    let newer = with_unknown_fields(&value).to_string();
    assert_eq!(decode::<T>(newer.as_bytes()), Ok(typed), "unknown fields are ignored");

    let mut foreign = value;
    foreign["v"] = json!(2);
    assert_eq!(decode::<T>(foreign.to_string().as_bytes()), Err(Unreadable::Version(2)));
}

fn with_unknown_fields(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(with_unknown_fields).collect(),
        Value::Object(fields) => {
            let known = fields.iter().map(|(name, value)| match OPAQUE.contains(&name.as_str()) {
                true => (name.clone(), value.clone()),
                false => (name.clone(), with_unknown_fields(value)),
            });
            known.chain([("x-later".to_owned(), json!({ "seq": [null, 1.5, "x"] }))]).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn every_golden_message_round_trips() {
    let mut names = BTreeSet::new();
    for (name, text) in golden() {
        names.insert(name);
        match name {
            "PushRequest" => check::<PushRequest>(text),
            "PushResponse" => check::<PushResponse>(text),
            "PullRequest" => check::<PullRequest>(text),
            "PullResponse" => check::<PullResponse>(text),
            "ErrorResponse" => check::<ErrorResponse>(text),
            "Poke" => check::<Poke>(text),
            _ => panic!("no such message: {name}"),
        }
    }
    let all = ["ErrorResponse", "Poke", "PullRequest", "PullResponse", "PushRequest", "PushResponse"];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn the_goldens_show_every_variant_and_field() {
    let all: String = golden().into_iter().map(|(_, text)| text).collect();
    for kind in ["create", "patch", "put", "delete", "call", "skip"] {
        assert!(all.contains(&format!("\"kind\": \"{kind}\"")), "{kind}");
    }
    for status in ["ok", "conflict", "rejected", "retry"] {
        assert!(all.contains(&format!("\"status\": \"{status}\"")), "{status}");
    }
    let fields = "v client schema seen sent mutations seq mid tx n collection id kind base data stamps name args epoch now acked stamp fresh \
        results limits rev server deleted code field message culprit after bytes limit wait scopes checkpoint key more reset \
        total changes gone error expected min max status ways way before";
    for field in fields.split_whitespace() {
        assert!(all.contains(&format!("\"{field}\":")), "{field}");
    }
}

#[test]
fn what_is_no_message_is_told_apart() {
    for foreign in
        ["", "null", "[]", "{}", "<html>", "{\"v\":\"1\"}", "{\"v\":1", "\"v\"", "{\"v\":null}", "{\"v\":1.5}"]
    {
        assert_eq!(decode::<ErrorResponse>(foreign.as_bytes()), Err(Unreadable::NoMarker), "{foreign}");
    }
    for broken in ["{\"v\":1}", "{\"v\":1,\"error\":5}"] {
        assert!(matches!(decode::<ErrorResponse>(broken.as_bytes()), Err(Unreadable::Shape(_))), "{broken}");
    }
    let nested = |depth| {
        let scope = format!(
            "{{\"name\":\"a\",\"checkpoint\":null,\"args\":{{\"x\":{}{}}}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        );
        format!("{{\"v\":1,\"client\":\"c\",\"schema\":1,\"seen\":0,\"limit\":1,\"scopes\":[{scope}]}}")
    };
    assert!(decode::<PullRequest>(nested(100).as_bytes()).is_ok());
    assert_eq!(decode::<PullRequest>(nested(10_000).as_bytes()), Err(Unreadable::NoMarker));
}

/// The cells of the table whose header starts with `header`.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let start = PAGE.find(header).unwrap_or_else(|| panic!("no table {header}"));
    let rows = PAGE[start..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn the_table_of_error_codes_is_the_code() {
    let rows = table("| code | who acts |");
    let expected: Vec<Vec<String>> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let retryable = if code.is_retryable() { "yes" } else { "no" };
            vec![
                format!("`{code}`"),
                format!("{:?}", code.fault()).to_lowercase(),
                retryable.to_owned(),
                code.advice().to_owned(),
            ]
        })
        .collect();
    let lines: Vec<String> = expected.iter().map(|cells| format!("| {} |", cells.join(" | "))).collect();
    assert_eq!(rows, expected, "the table should be:\n{}", lines.join("\n"));
}

#[test]
fn every_code_goes_over_the_wire_and_an_unknown_one_is_a_rejection() {
    for code in ErrorCode::ALL {
        assert_eq!(to_json_text(code), format!("\"{code}\""));
        assert_eq!(code.as_str().parse(), Ok(*code));
        assert_eq!(from_json::<ErrorCode>(&json!(code.as_str())).expect("parses"), *code);
        assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
    }
    let unknown: ErrorCode = from_json(&json!("a-code-of-2031")).expect("parses");
    assert_eq!(unknown, ErrorCode::ServerRejected);
}

#[test]
fn the_codes_of_refusals_exist() {
    for row in table("| HTTP | `error` |") {
        for code in row[1].split(", ") {
            assert!(code.trim_matches('`').parse::<ErrorCode>().is_ok(), "{code}");
        }
    }
}

#[test]
fn the_table_of_conflicts_is_the_code() {
    let rev = Revision::from("now");
    let old = Revision::from("before");
    for row in table("| kind | row | `base` |") {
        let kind: Kind = from_json(&json!(row[0].trim_matches('`'))).expect("a kind");
        for standing in row[1].split(", ") {
            let standing = match standing {
                "absent" => Standing::Absent,
                "deleted" => Standing::Deleted(&rev),
                _ => Standing::Live(&rev),
            };
            for base in row[2].replace("any", "none, same, other").split(", ") {
                let base = match base {
                    "none" => None,
                    "same" => Some(&rev),
                    _ => Some(&old),
                };
                for (policy, cell) in [Policy::Merge, Policy::LastWrite, Policy::Manual].into_iter().zip(&row[3..]) {
                    let decision = decide(policy, kind, base, standing);
                    assert_eq!(spelling(decision), *cell, "{policy:?} {kind:?} {standing:?} {base:?}");
                }
            }
        }
    }
}

fn spelling(decision: Decision) -> &'static str {
    match decision {
        Decision::Write => "write",
        Decision::Apply => "apply",
        Decision::Merge => "merge",
        Decision::LastWrite => "last-write",
        Decision::Delete => "delete",
        Decision::Nothing => "nothing",
        Decision::Conflict => "conflict",
    }
}
