//! holm-core
