//! retrohunt
fn main() {}
