//! The way to the server: it delays, loses, doubles, cuts off, and lets strangers answer.
//!
//! A request travels in a task of the world, so that it arrives although its tab has died meanwhile.

use std::rc::Rc;

use async_trait::async_trait;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use holm_core::engine::{Answer, Failure, Reply, Request, Transport};
use holm_protocol::{ErrorCode, PullRequest, PushRequest, from_json_text, to_json_text};
use holm_server::Refusal;

use crate::accounts;
use crate::check;
use crate::device::Device;
use crate::effects;
use crate::executor::WORLD;
use crate::troubles;
use crate::workload::FILTERED;
use crate::world::World;

/// One tab's connection.
pub struct Link {
    /// Where it is.
    pub world: Rc<World>,
    /// Whose.
    pub device: Rc<Device>,
}

type Outcome = Result<Answer, Failure>;

/// What happens to one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trip {
    Fine,
    LoseRequest,
    LoseAnswer,
    HangBefore,
    HangAfter,
    Twice,
    Late,
    Truncate,
    Foreign,
}

#[async_trait(?Send)]
impl Transport for Link {
    async fn send(&self, request: &Request) -> Reply {
        // No exchange takes no time at all.
        self.world.executor.sleep(1).await;
        let outcome = if self.device.is_offline(&self.world) {
            Err(Failure::Network("offline".into()))
        } else {
            self.exchange(request).await
        };
        if !matches!(&outcome, Ok(answer) if answer.status == 200) {
            check::failed(&self.world, &self.device);
        }
        let at_ms = self.device.now_ms(&self.world);
        self.world.note(format_args!("device {} hears of its {}: {outcome:?}", self.device.number, request.path));
        Reply { outcome, at_ms }
    }

    async fn refresh_token(&self) -> bool {
        let is_given = self.world.dice.permille(900);
        if is_given {
            self.device.renew_token(&self.world);
        }
        is_given
    }
}

/// A request on its way.
#[derive(Clone)]
struct Letter {
    /// Whose token it carries.
    user: &'static str,
    has_good_token: bool,
    /// How often the server had been restored from a backup when it was sent.
    restores: u64,
    request: Request,
}

impl Link {
    async fn exchange(&self, request: &Request) -> Outcome {
        let (answer, heard) = oneshot::channel();
        let trip = draw(&self.world);
        let letter = Letter {
            user: self.device.user,
            has_good_token: self.device.has_good_token(&self.world),
            restores: self.world.backend.restores(),
            request: request.clone(),
        };
        let carried = carry(Rc::clone(&self.world), letter, trip, answer);
        self.world.executor.spawn(WORLD, carried);
        let timeout = self.world.executor.sleep(u64::from(request.timeout_ms));
        match select(heard, timeout).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => Err(Failure::Network("the connection broke".into())),
            Either::Right(_) => Err(Failure::Timeout),
        }
    }
}

fn draw(world: &World) -> Trip {
    if world.is_calm() {
        return Trip::Fine;
    }
    let odds = &world.odds;
    let table = [
        (odds.lose_request, Trip::LoseRequest, "request lost"),
        (odds.lose_answer, Trip::LoseAnswer, "answer lost"),
        (odds.hang / 2, Trip::HangBefore, "hang before the effect"),
        (odds.hang / 2, Trip::HangAfter, "hang after the effect"),
        (odds.duplicate, Trip::Twice, "request doubled"),
        (odds.late, Trip::Late, "request late"),
        (odds.truncate, Trip::Truncate, "answer cut off"),
        (odds.foreign, Trip::Foreign, "foreign answer"),
    ];
    for (rate, trip, name) in table {
        if world.dice.permille(rate) {
            world.history.fault(name);
            return trip;
        }
    }
    Trip::Fine
}

/// Takes a request to the server and its answer back, or does what the trip says instead.
async fn carry(world: Rc<World>, letter: Letter, trip: Trip, answer: oneshot::Sender<Outcome>) {
    let (executor, dice) = (world.executor.clone(), world.dice.split());
    let way = || executor.sleep(dice.below(world.odds.delay_ms_max + 1));
    match trip {
        Trip::LoseRequest => return way().await,
        Trip::HangBefore => return executor.sleep(u64::from(u32::MAX)).await,
        Trip::Late => {
            drop(answer);
            executor.sleep(dice.between(1, 30_000)).await;
            let late = serve(&world, &letter, Heard::No);
            return world.note(format_args!("a late {} had {late:?}", letter.request.path));
        }
        Trip::Foreign => {
            way().await;
            // Nobody may be waiting any more.
            let _unheard = answer.send(foreign(&world));
            return;
        }
        _ => way().await,
    }
    let heard = if answer.is_canceled() { Heard::No } else { Heard::Yes };
    let mut outcome = serve(&world, &letter, heard);
    if trip == Trip::Twice {
        let (world, delay_ms) = (Rc::clone(&world), dice.below(20_000));
        executor.spawn(WORLD, async move {
            world.executor.sleep(delay_ms).await;
            let again = serve(&world, &letter, Heard::No);
            world.note(format_args!("a doubled {} had {again:?}", letter.request.path));
        });
    }
    way().await;
    match (trip, &mut outcome) {
        (Trip::LoseAnswer, _) => return,
        (Trip::HangAfter, _) => return executor.sleep(u64::from(u32::MAX)).await,
        (Trip::Truncate, Ok(answer)) => answer.body.truncate(dice.below(answer.body.len().max(1) as u64) as usize),
        _ => {}
    }
    let _unheard = answer.send(outcome);
}

/// Whether somebody still waits for an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Yes,
    No,
}

/// What the server, or who stands before it, makes of a request.
fn serve(world: &World, letter: &Letter, heard: Heard) -> Outcome {
    let (now_ms, Letter { user, has_good_token, restores, request }) = (world.executor.now_ms(), letter);
    let is_down = world.backend.is_down(now_ms) && !world.is_calm();
    if is_down || *restores != world.backend.restores() {
        return Err(Failure::Network("nobody listens".into()));
    }
    if !has_good_token {
        world.history.fault("token expired");
        return Ok(answer(401, None, Vec::new()));
    }
    if request.path == "push" && request.body.contains(FILTERED) {
        world.history.fault("push filtered");
        return Ok(answer(403, None, b"<html>Blocked by policy</html>".to_vec()));
    }
    let answered = if request.path == "push" {
        let push: PushRequest = from_json_text(request.body.as_bytes()).expect("the client's own JSON");
        world.note(format_args!("the server gets {}", request.body));
        effects::push_is_the_user_s_own(world, user, &push);
        troubles::back_up(world);
        let answered = world.backend.server_mut().push(user, &push, now_ms);
        answered.map(|response| to_json_text(&response).into_bytes())
    } else {
        let mut pull: PullRequest = from_json_text(request.body.as_bytes()).expect("the client's own JSON");
        pull.limit = u32::try_from(world.odds.page).expect("pages are small");
        let answered = world.backend.server().pull(user, &pull, now_ms);
        // Nobody's walk goes on after an answer that nobody hears.
        if let (Ok(response), Heard::Yes) = (&answered, heard) {
            troubles::between_pages(world, user, response);
        }
        answered.map(|response| to_json_text(&response).into_bytes())
    };
    effects::pair_is_equal(world, user);
    accounts::are_right(world, user);
    match answered {
        Ok(body) => Ok(answer(200, None, body)),
        Err(refusal) => {
            explain(world, &refusal);
            Ok(answer(refusal.status(), None, to_json_text(&refusal.body).into_bytes()))
        }
    }
}

/// Complains of a refusal that only a wrong client gets.
fn explain(world: &World, refusal: &Refusal) {
    world.history.fault(refusal.code().as_str());
    if matches!(refusal.code(), ErrorCode::InvalidRequest | ErrorCode::TxIncomplete | ErrorCode::ServerError) {
        world.history.complain(format!("14: the server refused a request: {refusal}"));
    }
    let forgot = world.was_rolled_back() || world.backend.was_restored();
    if matches!(refusal.code(), ErrorCode::Gap | ErrorCode::ClientUnknown) && !forgot {
        world.history.complain(format!("3: nobody forgot anything, and the server said {refusal}"));
    }
}

fn answer(status: u16, retry_after_ms: Option<u64>, body: Vec<u8>) -> Answer {
    Answer { status, retry_after_ms, body }
}

/// Somebody else answers; the request never got to the server.
fn foreign(world: &World) -> Outcome {
    let html = b"<html>Welcome to the airport</html>".to_vec();
    let wait_ms = world.dice.between(1, 6) * 1_000;
    match world.dice.below(10) {
        0 => Ok(answer(200, None, html)),
        1 => Ok(answer(200, None, Vec::new())),
        2 => Ok(answer(200, None, b"null".to_vec())),
        3 => Ok(answer(500, None, html)),
        4 => Ok(answer(503, Some(wait_ms), Vec::new())),
        5 => Ok(answer(429, Some(wait_ms), Vec::new())),
        6 => Ok(answer(401, None, Vec::new())),
        7 => Ok(answer(403, None, html)),
        8 => Err(Failure::Redirect),
        _ => Err(Failure::TooLarge),
    }
}
