//! Messages between the tabs and workers of one database, by `BroadcastChannel`.
//!
//! Where the browser has none, nothing is sent and nothing arrives: a message only says *look now*, and everybody looks
//! from time to time anyway.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, Event};

const MESSAGE: &str = "message";

/// A place in the channel of one database. Dropping it leaves the channel.
pub struct Broadcast {
    joined: Option<Joined>,
}

struct Joined {
    channel: BroadcastChannel,
    closure: Closure<dyn FnMut(Event)>,
}

impl Broadcast {
    /// Joins the channel of the database `name`; `on_message` hears every text that another one posts.
    pub fn join(name: &str, on_message: impl Fn(String) + 'static) -> Self {
        let joined = BroadcastChannel::new(&format!("holm:{name}")).ok().map(|channel| {
            let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                let data = Reflect::get(&event, &"data".into());
                if let Some(text) = data.ok().and_then(|data| data.as_string()) {
                    on_message(text);
                }
            });
            let _ = channel.add_event_listener_with_callback(MESSAGE, closure.as_ref().unchecked_ref());
            Joined { channel, closure }
        });
        Self { joined }
    }

    /// Posts a text to all the others.
    pub fn post(&self, text: &str) {
        if let Some(Joined { channel, .. }) = &self.joined {
            let _ = channel.post_message(&JsValue::from_str(text)); // it throws once the channel is closed
        }
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        if let Some(Joined { channel, closure }) = &self.joined {
            let _ = channel.remove_event_listener_with_callback(MESSAGE, closure.as_ref().unchecked_ref());
            channel.close();
        }
    }
}
