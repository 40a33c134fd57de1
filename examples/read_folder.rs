//! Lists the documents that a folder or file would give, without indexing them: id, speaker, date, length and
//! first words, then what was skipped, the remarks, and the speed.
//!
//! `cargo run --release --example read_folder -- FOLDER [PROGRAM]`; PROGRAM is `antiphon`, for PDF files.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::time::Instant;

use antiphon::corpus::{Corpus, CorpusEvent, CorpusLimits, ReadOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name a folder or file")?;
    let options = ReadOptions {
        pdf_program: arguments.next().map(Into::into),
        ..ReadOptions::default()
    };
    let corpus = Corpus::open(&[folder.into()], &CorpusLimits::default())?.with_options(options);
    let start = Instant::now();
    let (mut documents, mut characters) = (0, 0);
    for event in corpus.events() {
        match event {
            CorpusEvent::Document {
                document,
                origin,
                notes,
            } => {
                documents += 1;
                let length = document.text.chars().count();
                characters += length;
                let words: Vec<&str> = document.text.split_whitespace().take(12).collect();
                let speaker = document.metadata.speaker.unwrap_or_default();
                let date = document.metadata.date.map(|date| date.to_string());
                println!(
                    "{} [{speaker}; {}] {length}: {}",
                    document.id,
                    date.unwrap_or_default(),
                    words.join(" ")
                );
                for note in notes {
                    println!("  note on {origin}: {note}");
                }
            }
            CorpusEvent::Skipped(skipped) => println!("SKIPPED {skipped}"),
            CorpusEvent::Warning(warning) => println!("WARNING {warning}"),
        }
    }
    #[allow(clippy::cast_precision_loss)] // a rate for the eye
    let rate = corpus.total_bytes() as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("{documents} documents, {characters} characters; {rate:.1} MB/s");
    Ok(())
}
