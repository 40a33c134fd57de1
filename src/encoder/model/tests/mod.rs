//! Tests with tiny models, a local hub, a pip that is a shell script, and no network.

mod fetching;
mod folders;
mod hub;
mod manifest;
mod support;
mod wheel;
