//! Export as JSON lines: those of the service, plus a first and a last line with what a file must state
//! by itself.

mod families;
mod pairs;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::ExportProvenance;
use crate::wire::{FamilyDto, Provenance};

/// Writes a line with the provenance, one for each pair or family, and one with the counts.
pub struct Jsonl<W> {
    out: W,
    /// The last line, composed at the beginning.
    end_line: Vec<u8>,
}

/// A line whose content differs from that of the service's streams: an object with exactly one of these
/// keys. `E` is the content of the last line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum FileLine<'a, E> {
    Begin(&'a FileBegin<'a>),
    Family(&'a FamilyDto),
    End(E),
}

/// The content of the first line.
#[derive(Debug, Serialize)]
struct FileBegin<'a> {
    title: String,
    /// The parameters, named as on the command line.
    asked: Map<String, Value>,
    /// Commit the program was built from.
    commit: &'a str,
    /// When the corpus was last modified, if the store records it.
    corpus_changed: Option<&'a str>,
    provenance: Provenance,
}

impl<W: Write> Jsonl<W> {
    /// Creates an export that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            end_line: Vec::new(),
        }
    }

    /// Writes the first line and keeps the last one.
    fn write_begin<E: Serialize>(
        &mut self,
        title: String,
        provenance: &ExportProvenance,
        end: E,
    ) -> io::Result<()> {
        write_line(&mut self.end_line, &FileLine::End(end))?;
        let parameters = provenance.parameters.iter();
        let parameters = parameters.map(|(name, value)| (name.clone(), value.clone().into()));
        let begin = FileBegin {
            title,
            asked: parameters.collect(),
            commit: provenance.commit,
            corpus_changed: provenance.changed.as_deref(),
            provenance: provenance.source.clone().into(),
        };
        write_line(&mut self.out, &FileLine::<E>::Begin(&begin))
    }
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
