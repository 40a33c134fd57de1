//! Embeds texts and compares them: `cargo run --release --example embed_texts`.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::error::Error;

use antiphon::encoder::model::{FetchOptions, FetchProgress, Manifest, fetch, open_pinned};
use antiphon::encoder::{self, Precision};

/// Reports nothing.
struct Silent;

impl FetchProgress for Silent {
    fn source_started(&self, _: &str) {}
    fn bytes_received(&self, _: u64, _: Option<u64>) {}
    fn source_failed(&self, _: &str, _: &str) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    // Downloads and verifies the model once; later runs find it in the folder.
    let manifest = Manifest::built_in()?;
    let folder = fetch(&manifest, &FetchOptions::new("models"), &Silent)?;
    let files = open_pinned(&manifest, &folder)?;
    let encoder = encoder::load(&files, Precision::Int8, None)?;

    let query = "sovereignty in cyberspace";
    let texts = [
        "Respect for cyber sovereignty.",
        "States have jurisdiction over the internet within their borders.",
        "The fishing season begins in April.",
    ];
    let query_embedding = &encoder.encode(&[query])?[0];
    println!("similarity to {query:?}:");
    for (text, embedding) in texts.iter().zip(encoder.encode(&texts)?) {
        let similarity = query_embedding.similarity_to(embedding.as_slice());
        println!("{similarity:.3}  {text}");
    }
    Ok(())
}
