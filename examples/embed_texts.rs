//! Embeds texts and compares them: `cargo run --release --example embed_texts`.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::error::Error;

use antiphon::encoder::model::{FetchOptions, Manifest, NoFetchProgress, fetch, open_pinned};
use antiphon::encoder::{self, Precision};

fn main() -> Result<(), Box<dyn Error>> {
    // Downloads and verifies the model once; later runs find it in the folder.
    let manifest = Manifest::built_in()?;
    let folder = fetch(&manifest, &FetchOptions::new("models"), &NoFetchProgress)?;
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
