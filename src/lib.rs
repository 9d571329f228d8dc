//! Holm in the browser.

pub mod broadcast;
pub mod connectivity;
pub mod http;
pub mod indexeddb;
pub mod limit;
pub mod locks;
pub mod panic;
pub mod scope;
pub mod timer;
