//! Everything that makes things go wrong in a run, but for the network ([`crate::network`]) and single operations of a
//! disk (`holm_store::FaultyDisk`).

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use holm_protocol::PullResponse;
use holm_store::FaultyDisk;

use crate::check::{self, is_in, place_of_checkpoint};
use crate::device::Device;
use crate::executor::WORLD;
use crate::history::{Call, Fate};
use crate::odds::NEVER;
use crate::polls;
use crate::world::{LISTS, World, list_key, list_of};

/// Between two looks at a device.
const LOOK_MS_MAX: u64 = 400;

/// Starts everything that makes things go wrong, and the one who looks.
pub fn make(world: &Rc<World>) {
    type Trouble = fn(&Rc<World>, &Rc<Device>);
    let odds = &world.odds;
    let troubles: [(u64, Trouble); 13] = [
        (odds.crash_ms, crash),
        (odds.freeze_ms, freeze),
        (odds.offline_ms, cut_off),
        (odds.rollback_ms, roll_back),
        (odds.quota_ms, fill_up),
        (odds.clock_ms, set_clock),
        (odds.worker_ms, wake_worker),
        (odds.upgrade_ms, upgrade),
        (odds.restart_ms, |world, _| restart(world)),
        (odds.restore_ms, |world, _| restore(world)),
        (odds.forget_ms, |world, _| forget(world)),
        (odds.hide_ms, |world, device| hide(world, device)),
        (LOOK_MS_MAX, |world, device| check::look(world, device)),
    ];
    for (every_ms, trouble) in troubles {
        let (world_then, dice) = (Rc::clone(world), world.dice.split());
        world.executor.spawn(WORLD, async move {
            loop {
                world_then.executor.sleep(dice.between(1, 2 * every_ms)).await;
                if world_then.is_calm() {
                    return;
                }
                let device = Rc::clone(dice.one_of(&world_then.devices.borrow()));
                trouble(&world_then, &device);
            }
        });
    }
}

fn crash(world: &Rc<World>, device: &Rc<Device>) {
    let slot = world.dice.below(world.odds.tabs);
    if device.kill(world, slot) {
        world.history.fault("tab crashed");
        start_later(world, device, slot);
    }
}

/// A tab whose disk died is dead.
pub fn bury(world: &Rc<World>) {
    for device in world.devices.borrow().iter() {
        let dead = |(slot, tab): (&u64, &Rc<crate::device::Tab>)| tab.disk.is_crashed().then_some(*slot);
        let dead: Vec<u64> = device.tabs.borrow().iter().filter_map(dead).collect();
        for slot in dead {
            device.kill(world, slot);
            world.history.fault("tab crashed in a disk operation");
            start_later(world, device, slot);
        }
    }
}

fn start_later(world: &Rc<World>, device: &Rc<Device>, slot: u64) {
    world.note(format_args!("device {} tab {slot} crashed", device.number));
    check::look(world, device);
    if slot >= world.odds.tabs {
        return;
    }
    // Now and then nobody opens the app for a while.
    let pause_ms = if world.dice.permille(900) { 3_000 } else { 20_000 };
    let (world_then, device, pause_ms) = (Rc::clone(world), Rc::clone(device), world.dice.between(1, pause_ms));
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        if !device.tabs.borrow().contains_key(&slot) {
            device.start(&world_then, slot);
        }
    });
}

fn freeze(world: &Rc<World>, device: &Rc<Device>) {
    let groups: Vec<_> = device.tabs.borrow().values().map(|tab| tab.group).collect();
    if groups.is_empty() {
        return;
    }
    let group = *world.dice.one_of(&groups);
    world.history.fault("tab frozen");
    world.executor.freeze(group);
    let (world_then, pause_ms) = (Rc::clone(world), world.dice.between(10, 15_000));
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        world_then.executor.thaw(group);
    });
}

fn cut_off(world: &Rc<World>, device: &Rc<Device>) {
    world.history.fault("device offline");
    device.go_offline(world.executor.now_ms() + world.dice.between(10, 20_000));
}

/// The browser brings back an older state of the storage, as it was found to do.
fn roll_back(world: &Rc<World>, device: &Rc<Device>) {
    let older = device.disk.borrow().duplicate();
    let calls = world.history.calls.borrow();
    let is_kept = |call: &Call| call.device == device.number && call.fate == Fate::Acknowledged;
    let before: BTreeSet<String> =
        calls.iter().filter(|(_, call)| is_kept(call)).map(|(receipt, _)| receipt.clone()).collect();
    let (world_then, device, pause_ms) = (Rc::clone(world), Rc::clone(device), world.dice.between(10, 8_000));
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        if world_then.is_calm() {
            return;
        }
        world_then.history.fault("storage rolled back");
        world_then.note(format_args!("device {} storage rolled back", device.number));
        bring_back(&world_then, &device, older, &before);
    });
}

fn bring_back(world: &Rc<World>, device: &Rc<Device>, older: FaultyDisk, before: &BTreeSet<String>) {
    world.set_rolled_back();
    let slots: Vec<u64> = device.tabs.borrow().keys().copied().collect();
    for slot in slots {
        device.kill(world, slot);
        start_later(world, device, slot);
    }
    *device.disk.borrow_mut() = older;
    device.timeline.borrow_mut().roll_back();
    device.checkpoints.borrow_mut().clear();
    // What was told since is the one loss that nobody can prevent.
    for (receipt, call) in world.history.calls.borrow_mut().iter_mut() {
        if call.device == device.number && call.fate != Fate::Refused && !before.contains(receipt) {
            call.fate = Fate::Unknown;
        }
    }
}

/// Hardly any space is left on a device, for a while.
fn fill_up(world: &Rc<World>, device: &Rc<Device>) {
    world.history.fault("storage full");
    let bytes = device.disk.borrow().bytes() + usize::try_from(world.dice.below(3_000)).expect("small");
    device.disk.borrow().limit_bytes(Some(bytes));
    let (world_then, device, pause_ms) = (Rc::clone(world), Rc::clone(device), world.dice.between(100, 10_000));
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        device.disk.borrow().limit_bytes(None);
    });
}

/// Somebody sets the clock of a device, forwards or back.
fn set_clock(world: &Rc<World>, device: &Rc<Device>) {
    world.history.fault("clock set");
    device.set_skew_ms(world.draw_skew_ms());
    world.note(format_args!("device {} has its clock set", device.number));
}

fn wake_worker(world: &Rc<World>, device: &Rc<Device>) {
    let slot = world.odds.tabs;
    if device.tabs.borrow().contains_key(&slot) {
        return;
    }
    world.history.fault("service worker awake");
    device.start_worker(world, slot);
}

/// The new version of the app comes to a device: a tab has it at once, the others after a while.
fn upgrade(world: &Rc<World>, device: &Rc<Device>) {
    if device.is_new() {
        return;
    }
    world.history.fault("app upgraded");
    world.note(format_args!("device {} is upgraded", device.number));
    device.become_new();
    let pages: Vec<u64> = device.tabs.borrow().keys().copied().filter(|slot| *slot < world.odds.tabs).collect();
    for (position, slot) in pages.into_iter().enumerate() {
        let (world_then, device) = (Rc::clone(world), Rc::clone(device));
        let pause_ms = if position == 0 { 0 } else { world.dice.between(1, 10_000) };
        world.executor.spawn(WORLD, async move {
            world_then.executor.sleep(pause_ms).await;
            device.kill(&world_then, slot);
            device.start(&world_then, slot);
        });
    }
}

fn restart(world: &World) {
    world.history.fault("server restarted");
    world.note(format_args!("the server starts again"));
    world.backend.restart(world.executor.now_ms() + world.dice.below(8_000));
}

/// Keeps a copy of what the server has, before it gets a push.
pub fn back_up(world: &World) {
    if world.odds.restore_ms < NEVER && world.dice.permille(600) {
        world.note(format_args!("the server is backed up"));
        world.backend.back_up();
    }
}

/// Takes a backup in place of what the server has, mostly the last.
pub fn restore(world: &World) {
    let backups = world.backend.backups();
    if backups > 0 {
        let back = if world.dice.permille(800) { 1 } else { world.dice.between(1, backups) };
        restore_from(world, backups - back);
    }
}

fn restore_from(world: &World, backup: u64) {
    let known = polls::known(world);
    world.backend.restore(backup, world.executor.now_ms() + world.dice.below(8_000));
    world.history.forgotten.borrow_mut().extend(known.difference(&polls::known(world)));
    world.history.fault("server restored");
    world.note(format_args!("the server is restored from its backup {backup}"));
}

/// A walk goes on at a server that was restored meanwhile to where a row that had left the pages given is on them again. Chance
/// alone hardly ever has it so. It happens in the calm as well, where nothing else hides what the walk has missed, but a few times
/// only: what is sent again after it moves rows again.
pub fn between_pages(world: &World, user: &str, answered: &PullResponse) {
    let walks = answered.scopes.iter().filter(|scope| scope.more);
    let backups = walks.filter_map(|scope| {
        let (life, given, _) = place_of_checkpoint(&scope.checkpoint);
        world.backend.backup_before_a_move(&life, given, |row| row.user == user && is_in(row, &scope.key))
    });
    if let Some(backup) = backups.min().filter(|_| world.may_be_restored() && world.dice.permille(600)) {
        restore_from(world, backup);
    }
}

/// A list that a user could see is not for him any more, or is again.
fn hide(world: &World, device: &Device) {
    world.history.fault("list hidden or shown");
    let key = list_key(world.dice.below(LISTS));
    world.hidden.fetch_xor(list_of(device.user, &key), Ordering::Relaxed);
    world.note(format_args!("{key} is hidden from {} or shown again", device.user));
}

fn forget(world: &World) {
    world.history.fault("tombstones forgotten");
    world.backend.server_mut().collect(world.executor.now_ms()).expect("SQLite in memory");
}
