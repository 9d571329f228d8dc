//! A push: everything is checked before the first effect, then unit after unit is applied, each whole or not at all.
//!
//! A unit is one mutation, or the members of one `tx`. The caller holds one write transaction around all of it, so
//! effects, `last_seq` and receipts become durable together.

use std::collections::BTreeSet;

use holm_protocol::{ErrorCode, Mutation, MutationResult, Outcome, PROTOCOL_VERSION, PushRequest, Seq};

use super::apply::Applier;
use super::receipts::{self, Client};
use crate::{Receipts, Refusal, Rules};

/// A client id, a mid or a transaction's name holds at most this many bytes.
const NAME_BYTES_MAX: usize = 128;

/// A mutation, and what it was answered before.
struct Pending<'a> {
    mutation: &'a Mutation,
    known: Option<Outcome>,
}

/// Handles a push inside a write transaction. Gives the client's last seq and the results.
pub(super) fn handle(
    applier: &Applier<'_>,
    request: &PushRequest,
    now_ms: u64,
) -> Result<(Seq, Vec<MutationResult>), Refusal> {
    let rules = applier.rules;
    check_envelope(rules, request)?;
    let mut client = receipts::client(applier.connection, applier.user, &request.client)?;
    client.seen = client.seen.max(request.seen.min(client.last_seq));
    check_order(client, &request.mutations)?;
    let units = units(&request.mutations)?;
    check_records(&units)?;

    let mut results = Vec::with_capacity(request.mutations.len());
    let pending: Vec<Vec<Pending<'_>>> =
        units.into_iter().map(|unit| recall(applier, request, client, unit)).collect::<Result<_, _>>()?;
    for unit in &pending {
        for (pending, outcome) in unit.iter().zip(settle(applier, unit)?) {
            let seq = pending.mutation.seq;
            if seq > client.last_seq {
                if rules.receipts == Receipts::On {
                    receipts::remember(
                        applier.connection,
                        applier.user,
                        &request.client,
                        pending.mutation,
                        &outcome,
                        now_ms,
                    )?;
                }
                client.last_seq = seq;
            }
            results.push(MutationResult { seq, outcome });
        }
    }
    receipts::store_client(applier.connection, applier.user, &request.client, client)?;
    Ok((client.last_seq, results))
}

fn check_envelope(rules: &Rules, request: &PushRequest) -> Result<(), Refusal> {
    check_version(request.v)?;
    check_name("client", request.client.as_str())?;
    if request.mutations.len() > usize::try_from(rules.limits.mutations).unwrap_or(usize::MAX) {
        return Err(Refusal::too_large(format!("at most {} mutations", rules.limits.mutations), rules.limits));
    }
    if !rules.schema.contains(&request.schema) {
        let (min, max) = (*rules.schema.start(), *rules.schema.end());
        let mut refusal =
            Refusal::new(ErrorCode::SchemaUnsupported, format!("schema {min} to {max}, not {}", request.schema));
        (refusal.body.min, refusal.body.max) = (Some(min), Some(max));
        return Err(refusal);
    }
    let mut mids = BTreeSet::new();
    for mutation in &request.mutations {
        check_name("mid", mutation.mid.as_str())?;
        mutation.tx.as_ref().map_or(Ok(()), |tx| check_name("tx", tx))?;
        if !mids.insert(&mutation.mid) {
            return Err(Refusal::invalid(format!("mid {} comes twice", mutation.mid)));
        }
    }
    Ok(())
}

pub(super) fn check_version(v: u32) -> Result<(), Refusal> {
    if v == PROTOCOL_VERSION {
        return Ok(());
    }
    Err(Refusal::invalid(format!("protocol version {v}, not {PROTOCOL_VERSION}")))
}

pub(super) fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    if (1..=NAME_BYTES_MAX).contains(&name.len()) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("{what} holds 1 to {NAME_BYTES_MAX} bytes")))
}

fn check_order(client: Client, mutations: &[Mutation]) -> Result<(), Refusal> {
    let mut next = client.last_seq.next();
    for mutation in mutations {
        if mutation.seq > next {
            return Err(Refusal::gap(mutation.seq, next));
        }
        if mutation.seq == next {
            next = next.next();
        }
    }
    match mutations.is_sorted_by(|a, b| a.seq < b.seq) {
        true => Ok(()),
        false => Err(Refusal::invalid("mutations come in seq order")),
    }
}

/// Cuts a push into units. The members of a `tx` stand together, and all `n` are here.
fn units(mutations: &[Mutation]) -> Result<Vec<&[Mutation]>, Refusal> {
    let mut seen = BTreeSet::new();
    let together = |a: &Mutation, b: &Mutation| a.tx.is_some() && a.tx == b.tx;
    mutations
        .chunk_by(together)
        .map(|unit| {
            let Some(tx) = &unit[0].tx else {
                return Ok(unit);
            };
            let size = u32::try_from(unit.len()).ok();
            let whole = unit.iter().all(|member| member.n == size);
            let consecutive = unit.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
            match whole && consecutive && seen.insert(tx) {
                true => Ok(unit),
                false => Err(Refusal::new(ErrorCode::TxIncomplete, format!("transaction {tx} came in parts"))),
            }
        })
        .collect()
}

/// One mutation per record outside one `tx`: the next one waits for the result of the one before.
fn check_records(units: &[&[Mutation]]) -> Result<(), Refusal> {
    let mut taken = BTreeSet::new();
    for unit in units {
        let records: BTreeSet<(&str, &str)> = unit
            .iter()
            .filter(|mutation| !mutation.collection.is_empty())
            .map(|mutation| (mutation.collection.as_str(), mutation.id.as_str()))
            .collect();
        if let Some((collection, id)) = records.into_iter().find(|record| !taken.insert(*record)) {
            return Err(Refusal::invalid(format!("{collection}/{id} comes twice in one push, outside of one tx")));
        }
    }
    Ok(())
}

fn recall<'a>(
    applier: &Applier<'_>,
    request: &PushRequest,
    client: Client,
    unit: &'a [Mutation],
) -> Result<Vec<Pending<'a>>, Refusal> {
    unit.iter()
        .map(|mutation| {
            let known = match applier.rules.receipts {
                Receipts::On => receipts::recall(applier.connection, applier.user, &request.client, client, mutation)?,
                Receipts::Off => None,
            };
            Ok(Pending { mutation, known })
        })
        .collect()
}

/// Applies a unit whole, or not at all; what was answered before is answered again.
fn settle(applier: &Applier<'_>, unit: &[Pending<'_>]) -> Result<Vec<Outcome>, Refusal> {
    applier.connection.execute_batch("SAVEPOINT unit")?;
    let mut outcomes = Vec::with_capacity(unit.len());
    for pending in unit {
        let outcome = match &pending.known {
            Some(known) => known.clone(),
            None => applier.apply(pending.mutation)?,
        };
        let failed = !matches!(outcome, Outcome::Ok { .. });
        outcomes.push(outcome);
        if failed && unit.len() > 1 {
            applier.connection.execute_batch("ROLLBACK TO unit; RELEASE unit")?;
            return Ok(aborted(unit, &outcomes));
        }
    }
    applier.connection.execute_batch("RELEASE unit")?;
    Ok(outcomes)
}

/// The outcomes of a transaction of which the last of `outcomes` failed.
fn aborted(unit: &[Pending<'_>], outcomes: &[Outcome]) -> Vec<Outcome> {
    let culprit = outcomes.len() - 1;
    let others = match &outcomes[culprit] {
        Outcome::Retry { after } => Outcome::Retry { after: *after },
        _ => Outcome::Rejected {
            code: ErrorCode::TxAborted,
            field: None,
            message: String::new(),
            culprit: Some(unit[culprit].mutation.seq),
        },
    };
    let outcome = |(index, pending): (usize, &Pending<'_>)| match &pending.known {
        Some(known) => known.clone(),
        None if index == culprit => outcomes[culprit].clone(),
        None => others.clone(),
    };
    unit.iter().enumerate().map(outcome).collect()
}
