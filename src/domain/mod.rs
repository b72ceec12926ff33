//! What things are, what they cost and which change is allowed. Pure: data in, data out.
//!
//! The domain knows no clock, no randomness, no file, no network, no database and no feature flag; time and random draws come in
//! as arguments. It compiles for the browser too, which proves it.

pub mod unit;
