//! What this room promises, tried on tiny models, a hub of our own, a pip made
//! of shell, and no network.

mod fetching;
mod folders;
mod hub;
mod manifest;
mod support;
mod wheel;
