//! The binary of `acs-recording-exporter`.

fn main() {}
