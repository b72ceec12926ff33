//! `dim`.
fn main() {}
