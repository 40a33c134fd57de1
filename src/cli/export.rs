//! `antiphon export`.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use npyz::WriterBuilder;
use serde_json::json;

use crate::archive::Archive;
use crate::config::Settings;

use super::{open, output};

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// The passages' embeddings as a `NumPy` array, and their ids in a second file, one per line
    Vectors {
        /// The array's file; the ids are written to the same name with .ids.txt
        #[arg(long, value_name = "FILE.npy")]
        out: PathBuf,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Writes both files, each completely or not at all.
pub(super) fn run(settings: &Settings, command: &ExportCommand) -> anyhow::Result<()> {
    let ExportCommand::Vectors { out, json } = command;
    let archive = open::archive(settings)?;
    let (ids, dimension, provenance) = archive.passage_ids()?;
    let ids_file = out.with_extension("ids.txt");
    output::write_atomically(out, |file| {
        write_vectors(&archive, [ids.len(), dimension], file)
    })?;
    output::write_atomically(&ids_file, |file| {
        ids.iter().try_for_each(|id| writeln!(file, "{id}"))?;
        Ok(())
    })?;
    if *json {
        return output::print_json(&json!({
            "vectors": out, "ids": ids_file, "rows": ids.len(), "dimension": dimension,
            "model": provenance.model, "revision": provenance.revision,
            "precision": provenance.precision,
        }));
    }
    output::print_line(format_args!(
        "wrote {} embeddings of dimension {dimension} to {}, ids to {}",
        output::with_thousands(ids.len()),
        out.display(),
        ids_file.display()
    ))
}

/// Writes `[passages, dimension]` as little-endian f32, in the order of document id and ordinal.
fn write_vectors(
    archive: &Archive,
    shape: [usize; 2],
    file: &mut impl Write,
) -> anyhow::Result<()> {
    let shape = [u64::try_from(shape[0])?, u64::try_from(shape[1])?];
    let mut array = npyz::WriteOptions::<f32>::new()
        .default_dtype()
        .shape(&shape)
        .writer(file)
        .begin_nd()?;
    archive.for_each_embedding(|embedding| {
        array.extend(embedding.iter().copied())?;
        Ok::<_, anyhow::Error>(())
    })?;
    array.finish()?;
    Ok(())
}
