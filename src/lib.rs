//! Holm in the browser.
