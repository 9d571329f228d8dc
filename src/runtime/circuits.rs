//! Databases of one page that sync with one address share what is known of the way there.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use holm_core::engine::Circuit;

thread_local! {
    static CIRCUITS: RefCell<Vec<(String, Weak<Circuit>)>> = const { RefCell::new(Vec::new()) };
}

/// The circuit of an address, as long as one of its databases is open.
pub fn of(url: &str) -> Rc<Circuit> {
    CIRCUITS.with_borrow_mut(|circuits| {
        circuits.retain(|(_, circuit)| circuit.strong_count() > 0);
        let known = circuits.iter().find(|(known, _)| known == url).and_then(|(_, circuit)| circuit.upgrade());
        known.unwrap_or_else(|| {
            let circuit = Rc::default();
            circuits.push((url.to_owned(), Rc::downgrade(&circuit)));
            circuit
        })
    })
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_circuit_while_it_is_in_use() {
        let (one, other) = (of("https://one.test/sync"), of("https://other.test/sync"));
        assert!(Rc::ptr_eq(&one, &of("https://one.test/sync")) && !Rc::ptr_eq(&one, &other));
        drop((one, other));
        of("https://one.test/sync");
        assert_eq!(CIRCUITS.with_borrow(Vec::len), 1, "what nobody uses is forgotten");
    }
}
