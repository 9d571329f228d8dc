//! Where randomness comes from.

use std::rc::Rc;

/// Fills bytes with random ones: a browser's in the product, those of a seed where a run must be repeatable.
pub type Random = Rc<dyn Fn(&mut [u8])>;
