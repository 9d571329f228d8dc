//! holm-server
