//! Several exporters that share a hub through Azurite, under load, as a real Prometheus sees them.

mod bill;
mod cut_off;
mod ends;
mod fence;
mod interop;
mod label_sets;
mod load;
mod moves;
mod outage;
mod python;
mod scene;
mod storm;
mod watch;
