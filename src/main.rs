//! Process edge: parse the command line, start logging, dispatch. The work is done elsewhere.

fn main() {}
