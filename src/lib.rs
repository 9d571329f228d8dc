//! Holm in the browser.

pub mod background;
pub mod bindings;
pub mod broadcast;
pub mod connectivity;
pub mod http;
pub mod indexeddb;
pub mod leader;
pub mod limit;
pub mod locks;
pub mod panic;
pub mod runtime;
pub mod scope;
pub mod service_worker;
pub mod timer;
