//! The local Event Hub.
